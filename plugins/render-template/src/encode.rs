//! The filters of our own: `toyaml`, `b64encode`, `sha256`.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use sha2::{Digest as _, Sha256};
use springline_yaml::{Map, Node, Value as Yaml, write};

/// How deep a value may be nested to be written.
const DEPTH: usize = 100;

/// The value as YAML, without the line break at its end.
pub fn toyaml(value: &Value) -> Result<String, Error> {
    let mut text = write(&to_node(value, 0)?);
    text.truncate(text.trim_end_matches('\n').len());
    Ok(text)
}

/// The text or the bytes in base64.
pub fn b64encode(value: &Value) -> Result<String, Error> {
    Ok(base64(bytes_of("b64encode", value)?))
}

/// The SHA-256 of the text or the bytes, as 64 hex digits.
pub fn sha256(value: &Value) -> Result<String, Error> {
    let digest = Sha256::digest(bytes_of("sha256", value)?);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn bytes_of<'v>(filter: &str, value: &'v Value) -> Result<&'v [u8], Error> {
    let found = value.as_str().map(str::as_bytes).or_else(|| value.as_bytes());
    found.ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, format!("{filter} takes text, and this is a {}", value.kind()))
    })
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        for digit in 0..4 {
            let is_padding = digit > group.len();
            let index = (bits >> (18 - 6 * digit)) & 0x3f;
            text.push(if is_padding { '=' } else { char::from(DIGITS[index as usize]) });
        }
    }
    text
}

fn to_node(value: &Value, depth: usize) -> Result<Node, Error> {
    let wrong = |message: String| Error::new(ErrorKind::BadSerialization, message);
    if depth > DEPTH {
        return Err(wrong(format!("the value is nested deeper than {DEPTH} levels")));
    }
    let yaml = match value.kind() {
        ValueKind::None => Yaml::Null,
        ValueKind::Bool => Yaml::Bool(value.is_true()),
        ValueKind::Number if value.is_integer() => Yaml::Int(i128::try_from(value.clone())?),
        ValueKind::Number => match f64::try_from(value.clone())? {
            number if number.is_finite() => Yaml::Float(number),
            number => return Err(wrong(format!("{number} can't be written"))),
        },
        ValueKind::String => Yaml::Text(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter()?.checked() {
                items.push(to_node(&item?, depth + 1)?);
            }
            Yaml::List(items)
        }
        ValueKind::Map => {
            let mut map = Map::new();
            for key in value.try_iter()?.checked() {
                let key = key?;
                map.insert(key.to_string(), to_node(&value.get_item(&key)?, depth + 1)?);
            }
            Yaml::Map(map)
        }
        ValueKind::Undefined => return Err(ErrorKind::UndefinedError.into()),
        other => return Err(wrong(format!("a {other} can't be written"))),
    };
    Ok(Node::new(yaml))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        for (text, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("ÿ?>", "w78/Pg==")]
        {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn sha256_is_hex() {
        let empty = sha256(&Value::from("")).unwrap();
        assert_eq!(empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert!(sha256(&Value::from(1)).is_err());
    }

    #[test]
    fn yaml_keeps_what_values_are() {
        let value = Value::from_pairs([
            ("a", Value::from(vec![Value::from(1), Value::from("no"), Value::from(1.5)])),
            ("b", Value::from(())),
        ]);
        assert_eq!(toyaml(&value).unwrap(), "a:\n- 1\n- \"no\"\n- 1.5\nb: null");
        assert!(toyaml(&Value::UNDEFINED).is_err());
    }
}
