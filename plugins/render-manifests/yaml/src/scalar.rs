//! What a plain scalar means.

use crate::node::Value;

/// Which reading of YAML decides what an unquoted word or number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// The core schema of YAML 1.2: `true` and `false` alone are booleans, `0644` is decimal.
    Core,
    /// YAML 1.1 as Kubernetes' own reader has it: `yes`, `no`, `on`, `off`, `y` and `n` are
    /// booleans as well, `0644` is octal, `1_000` is a number.
    Kubernetes,
}

/// Why a plain scalar has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoValue {
    /// `.inf` or `.nan`.
    NotFinite,
    /// A whole number that 64 bits don't hold.
    TooLarge,
}

/// What this plain scalar means.
pub(crate) fn resolve(text: &str, schema: Schema) -> Result<Value, NoValue> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" | ".nan" | ".NaN"
        | ".NAN" => return Err(NoValue::NotFinite),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if schema == Schema::Kubernetes => {
            return Ok(Value::Bool(true));
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if schema == Schema::Kubernetes => {
            return Ok(Value::Bool(false));
        }
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return Ok(Value::Text(text.to_owned()));
    }
    let plain = match schema {
        Schema::Kubernetes if !text.starts_with('.') => text.replace('_', ""),
        _ => text.to_owned(),
    };
    match whole(&plain, schema) {
        Some(Ok(number)) => return Ok(Value::Int(number)),
        Some(Err(too_large)) => return Err(too_large),
        None => {}
    }
    if is_float(&plain) {
        return match plain.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err(NoValue::TooLarge),
        };
    }
    Ok(Value::Text(text.to_owned()))
}

/// The whole number that this text writes; none if it writes none.
fn whole(text: &str, schema: Schema) -> Option<Result<i128, NoValue>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = digits.len() != text.len();
    let (radix, digits) = split_radix(digits, signed, schema);
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).ok().map(|number| if negative { -number } else { number });
    let fits = |number: &i128| *number >= i128::from(i64::MIN) && *number <= i128::from(u64::MAX);
    Some(number.filter(fits).ok_or(NoValue::TooLarge))
}

/// Which digits follow, and where they begin.
fn split_radix(digits: &str, signed: bool, schema: Schema) -> (u32, &str) {
    let prefixed = |prefixes: [&str; 2]| prefixes.iter().find_map(|prefix| digits.strip_prefix(prefix));
    match schema {
        Schema::Core if signed => (10, digits),
        Schema::Core => match (digits.strip_prefix("0x"), digits.strip_prefix("0o")) {
            (Some(rest), _) => (16, rest),
            (_, Some(rest)) => (8, rest),
            _ => (10, digits),
        },
        Schema::Kubernetes => {
            if let Some(rest) = prefixed(["0x", "0X"]) {
                (16, rest)
            } else if let Some(rest) = prefixed(["0o", "0O"]) {
                (8, rest)
            } else if let Some(rest) = prefixed(["0b", "0B"]) {
                (2, rest)
            } else if digits.len() > 1 && digits.starts_with('0') {
                (8, &digits[1..])
            } else {
                (10, digits)
            }
        }
    }
}

/// Whether this text is written like a decimal number with a fraction or an exponent.
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some((left, right)) => digits(left) && digits(right) && !(left.is_empty() && right.is_empty()),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    mantissa_ok && exponent_ok
}

/// Whether every reader of YAML takes this plain scalar for text: no boolean, number, time or
/// merge key in either schema, nor in what YAML 1.1 had besides.
pub(crate) fn is_text_everywhere(text: &str) -> bool {
    let is_text = |schema| matches!(resolve(text, schema), Ok(Value::Text(_)));
    is_text(Schema::Core) && is_text(Schema::Kubernetes) && !is_sexagesimal(text) && !is_date(text) && text != "<<"
}

/// `1:30` is ninety to YAML 1.1.
fn is_sexagesimal(text: &str) -> bool {
    text.contains(':')
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'_' | b'+' | b'-'))
}

/// `2001-12-14` is a date to YAML 1.1, with or without a time after it.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 8 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-' && bytes[5].is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubernetes(text: &str) -> Value {
        resolve(text, Schema::Kubernetes).unwrap()
    }

    fn core(text: &str) -> Value {
        resolve(text, Schema::Core).unwrap()
    }

    #[test]
    fn kubernetes_reads_yaml_1_1() {
        for (text, value) in [
            ("yes", Value::Bool(true)),
            ("off", Value::Bool(false)),
            ("y", Value::Bool(true)),
            ("0644", Value::Int(420)),
            ("0o644", Value::Int(420)),
            ("-0644", Value::Int(-420)),
            ("0x1F", Value::Int(31)),
            ("0b101", Value::Int(5)),
            ("1_000", Value::Int(1000)),
            ("0", Value::Int(0)),
            ("18446744073709551615", Value::Int(18_446_744_073_709_551_615)),
            ("08", Value::Float(8.0)),
            ("1e3", Value::Float(1000.0)),
            (".5", Value::Float(0.5)),
        ] {
            assert_eq!(kubernetes(text), value, "{text}");
        }
        for text in ["yEs", "1.2.3", "100m", "2Gi", "-", "+", ".", "0x", "1:30", "2001-12-14", "v1", "e3", "1e"] {
            assert_eq!(kubernetes(text), Value::Text(text.into()), "{text}");
        }
    }

    #[test]
    fn core_reads_yaml_1_2() {
        assert_eq!(core("yes"), Value::Text("yes".into()));
        assert_eq!(core("0644"), Value::Int(644));
        assert_eq!(core("0o644"), Value::Int(420));
        assert_eq!(core("1_000"), Value::Text("1_000".into()));
        assert_eq!(core("True"), Value::Bool(true));
        assert_eq!(core("-1.5E+2"), Value::Float(-150.0));
    }

    #[test]
    fn what_json_cannot_say_has_no_value() {
        assert_eq!(resolve(".inf", Schema::Core), Err(NoValue::NotFinite));
        assert_eq!(resolve("18446744073709551616", Schema::Kubernetes), Err(NoValue::TooLarge));
        assert_eq!(resolve("-9223372036854775809", Schema::Core), Err(NoValue::TooLarge));
        assert_eq!(resolve("1e999", Schema::Core), Err(NoValue::TooLarge));
    }

    #[test]
    fn only_what_is_text_to_all_may_stay_plain() {
        for text in ["yes", "1:30", "2001-12-14", "0644", "1_0", "<<", "null", "~", "", ".nan", "3.0"] {
            assert!(!is_text_everywhere(text), "{text}");
        }
        for text in ["ghcr.io/a/b:1.2.3", "100m", "1.2.3", "--port=9898", "yes please"] {
            assert!(is_text_everywhere(text), "{text}");
        }
    }
}
