//! Text in HTML.

/// The text as it stands in an element or in a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// What raw HTML calls its elements: the values of `id` and `name` attributes.
pub fn anchors(html: &str) -> impl Iterator<Item = &str> {
    html.match_indices('=').filter_map(|(at, _)| {
        let before = html[..at].trim_end();
        let name = before.rsplit(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<')).next()?;
        if !name.eq_ignore_ascii_case("id") && !name.eq_ignore_ascii_case("name") {
            return None;
        }
        let value = html[at + 1..].trim_start();
        match value.chars().next()? {
            quote @ ('"' | '\'') => value[1..].split(quote).next(),
            _ => value.split(|c: char| c.is_whitespace() || c == '>').next(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_anchors_of_raw_html() {
        let html = "<a name=\"one\"></a><p class='x' ID = 'two'><b data-id=no id=three>";
        assert_eq!(anchors(html).collect::<Vec<_>>(), ["one", "two", "three"]);
    }

    #[test]
    fn escapes_what_html_would_read() {
        assert_eq!(escape("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }
}
