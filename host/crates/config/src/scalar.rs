//! What a plain scalar means: the core schema of YAML 1.2, less what people get wrong with it.

use serde_json::Number;

/// A scalar's value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Number(Number),
    Text,
}

/// A scalar that is refused: why, and what to write.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused {
    pub message: String,
    pub suggestion: String,
}

/// What the plain scalar means.
pub(crate) fn resolve(text: &str) -> Result<Scalar, Refused> {
    let Some(&first) = text.as_bytes().first() else { return Ok(Scalar::Null) };
    Ok(match first {
        b'~' | b'n' | b'N' if matches!(text, "~" | "null" | "Null" | "NULL") => Scalar::Null,
        b't' | b'T' if matches!(text, "true" | "True" | "TRUE") => Scalar::Bool(true),
        b'f' | b'F' if matches!(text, "false" | "False" | "FALSE") => Scalar::Bool(false),
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(text)?.map_or(Scalar::Text, Scalar::Number),
        _ => Scalar::Text,
    })
}

fn number(text: &str) -> Result<Option<Number>, Refused> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(refuse(format!("`{text}` is not a number that a config can hold"), text));
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix).filter(|digits| all_digits(digits, radix)) {
            return u64::from_str_radix(digits, radix).map(|n| Some(n.into())).map_err(|_| too_large(text));
        }
    }
    if all_digits(unsigned, 10) {
        return integer(text, unsigned).map(Some);
    }
    if !is_float(unsigned) {
        return Ok(None);
    }
    let value: f64 = text.parse().map_err(|_| too_large(text))?;
    Number::from_f64(value).map(Some).ok_or_else(|| too_large(text))
}

fn integer(text: &str, digits: &str) -> Result<Number, Refused> {
    if digits.len() > 1 && digits.starts_with('0') {
        // Octal in YAML 1.1 and decimal in 1.2: whoever writes it means either, or text.
        let octal = digits.trim_start_matches('0');
        let suggestion = if all_digits(octal, 8) {
            format!("write `\"{text}\"` for text, `0o{octal}` for an octal number")
        } else {
            format!("write `\"{text}\"` for text, or drop the zero")
        };
        return Err(Refused { message: format!("`{text}` could be text or a number"), suggestion });
    }
    match (text.strip_prefix('+').unwrap_or(text).parse::<i64>(), digits.parse::<u64>()) {
        (Ok(small), _) => Ok(small.into()),
        (Err(_), Ok(large)) if !text.starts_with('-') => Ok(large.into()),
        _ => Err(too_large(text)),
    }
}

fn all_digits(text: &str, radix: u32) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_digit(radix))
}

/// `(.5 | 5 | 5. | 5.5) (e [+-] 5)?`, without a sign in front.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let exponent_ok = exponent.is_none_or(|e| all_digits(e.strip_prefix(['+', '-']).unwrap_or(e), 10));
    let mantissa_ok = match mantissa.split_once('.') {
        None => all_digits(mantissa, 10),
        Some(("", fraction)) => all_digits(fraction, 10),
        Some((whole, fraction)) => all_digits(whole, 10) && (fraction.is_empty() || all_digits(fraction, 10)),
    };
    exponent_ok && mantissa_ok
}

fn too_large(text: &str) -> Refused {
    refuse(format!("the number `{text}` is too large to be held exactly"), text)
}

fn refuse(message: String, text: &str) -> Refused {
    Refused { message, suggestion: format!("write `\"{text}\"` if it is text") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number_of(text: &str) -> Option<String> {
        match resolve(text).unwrap() {
            Scalar::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    #[test]
    fn the_core_schema_is_followed() {
        for (text, value) in
            [("", Scalar::Null), ("~", Scalar::Null), ("Null", Scalar::Null), ("TRUE", Scalar::Bool(true))]
        {
            assert_eq!(resolve(text).unwrap(), value, "{text:?}");
        }
        for text in [
            "yes", "on", "NO", "nul", "0b1", "1_000", "1.2.3", "-", ".", "+", "1e", "0x", "0xg", "-0x1", "e5", "12h",
            ".",
        ] {
            assert_eq!(resolve(text).unwrap(), Scalar::Text, "{text:?}");
        }
        for (text, value) in [
            ("0", "0"),
            ("-0", "0"),
            ("+12", "12"),
            ("-12", "-12"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("1.5", "1.5"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("1e3", "1000.0"),
            ("-1.5E-1", "-0.15"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(number_of(text).as_deref(), Some(value), "{text:?}");
        }
    }

    #[test]
    fn what_would_be_misread_is_refused() {
        for text in
            ["0755", "-007", "089", "18446744073709551616", "-9223372036854775809", "1e999", ".inf", "-.INF", ".NaN"]
        {
            assert!(resolve(text).is_err(), "{text:?}");
        }
        assert!(resolve("0755").unwrap_err().suggestion.contains("`0o755`"));
    }
}
