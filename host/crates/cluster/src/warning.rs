//! The header `Warning`.

/// The text of `299 - "text"`; API servers send one warning a header.
pub fn text(header: &str) -> Option<String> {
    let quoted = header.split_once('"')?.1;
    let mut text = String::new();
    let mut rest = quoted.chars();
    loop {
        match rest.next()? {
            '"' => return (!text.is_empty()).then_some(text),
            '\\' => text.push(rest.next()?),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_between_the_quotes() {
        assert_eq!(text(r#"299 - "v1 Endpoints is deprecated""#).as_deref(), Some("v1 Endpoints is deprecated"));
        assert_eq!(text(r#"299 - "unknown field \"a\\b\"" "date""#).as_deref(), Some(r#"unknown field "a\b""#));
        for bad in ["", "299 - nothing", "299 - \"", "299 - \"\"", "299 - \"a\\"] {
            assert_eq!(text(bad), None, "{bad}");
        }
    }
}
