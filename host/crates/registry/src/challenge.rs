//! What `WWW-Authenticate` asks for.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// How a registry wants to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// With a name and a password.
    Basic,
    /// With a token that another service gives.
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

impl Challenge {
    /// The best of what the headers offer: a token before a password.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let offers = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).flat_map(parse);
        let offers: Vec<Self> = offers.collect();
        offers.iter().find(|offer| matches!(offer, Self::Bearer { .. })).or(offers.first()).cloned()
    }
}

/// The challenges of one header, those of unknown schemes left out.
fn parse(header: &str) -> Vec<Challenge> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for part in split(header) {
        let part = part.trim();
        let (first, rest) = part.split_once(' ').unwrap_or((part, ""));
        let parameter = if first.contains('=') {
            part
        } else {
            found.push((first.to_ascii_lowercase(), Vec::new()));
            rest.trim()
        };
        if let (Some((key, value)), Some((_, parameters))) = (parameter.split_once('='), found.last_mut()) {
            let value = value.trim().trim_matches('"').replace("\\\"", "\"");
            parameters.push((key.trim().to_ascii_lowercase(), value));
        }
    }
    let challenge = |(scheme, parameters): (String, Vec<(String, String)>)| {
        let get = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        match scheme.as_str() {
            "basic" => Some(Challenge::Basic),
            "bearer" => Some(Challenge::Bearer { realm: get("realm")?, service: get("service"), scope: get("scope") }),
            _ => None,
        }
    };
    found.into_iter().filter_map(challenge).collect()
}

/// Splits at the commas that are not quoted.
fn split(header: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in header.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                parts.push(&header[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&header[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_registries_send_is_understood() {
        let header =
            r#"Bearer realm="https://auth.example.com/token",service="registry",scope="repository:a/b:pull,push""#;
        assert_eq!(
            parse(header),
            [Challenge::Bearer {
                realm: "https://auth.example.com/token".into(),
                service: Some("registry".into()),
                scope: Some("repository:a/b:pull,push".into()),
            }]
        );
        assert_eq!(parse(r#"Basic realm="Registry Realm""#), [Challenge::Basic]);
        assert_eq!(parse("basic"), [Challenge::Basic]);
    }

    #[test]
    fn a_token_is_preferred_and_nonsense_passed_over() {
        let mut headers = HeaderMap::new();
        let header = r#"Negotiate, Basic realm="a, b", Bearer realm="https://t""#;
        headers.append(WWW_AUTHENTICATE, header.parse().unwrap());
        let bearer = Challenge::Bearer { realm: "https://t".into(), service: None, scope: None };
        assert_eq!(Challenge::of(&headers), Some(bearer));
        for nonsense in ["", ",", "=", "Bearer", "Bearer realm", "\"", "a=b,c", "Digest x=\"\\"] {
            assert!(parse(nonsense).is_empty(), "{nonsense:?}");
        }
    }
}
