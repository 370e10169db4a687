//! Paths of a site: which output a source becomes, and how one leads to another.

/// The directory of a path, with its slash; empty for the root.
pub fn directory(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..=at])
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    &path[directory(path).len()..]
}

/// The path without its `.md`; none for what is no page.
pub fn page_stem(path: &str) -> Option<&str> {
    let (stem, extension) = path.rsplit_once('.')?;
    (extension.eq_ignore_ascii_case("md") && !file_name(stem).is_empty()).then_some(stem)
}

/// Where `reference` leads from the directory of `from`: a clean path, empty for the root. A
/// leading slash stands for the root. None if it would lead out.
pub fn join(from: &str, reference: &str) -> Option<String> {
    let (base, reference) = match reference.strip_prefix('/') {
        Some(rest) => ("", rest),
        None => (directory(from), reference),
    };
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in reference.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The way up from the directory of `from` to the root: `../` as often as needed.
pub fn to_root(from: &str) -> String {
    "../".repeat(directory(from).matches('/').count())
}

/// The relative URL that leads from the file `from` to the file `to`.
pub fn relative_url(from: &str, to: &str) -> String {
    let (mut from_rest, mut to_rest) = (directory(from), to);
    while let (Some((a, from_next)), Some((b, to_next))) = (from_rest.split_once('/'), to_rest.split_once('/')) {
        if a != b {
            break;
        }
        (from_rest, to_rest) = (from_next, to_next);
    }
    let up = "../".repeat(from_rest.matches('/').count());
    // A colon in the first part would make it look like a scheme.
    let here =
        if up.is_empty() && to_rest.split('/').next().is_some_and(|part| part.contains(':')) { "./" } else { "" };
    format!("{up}{here}{}", percent_encode(to_rest))
}

/// Encodes what would end a URL's path, or break an attribute.
fn percent_encode(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            ' ' | '#' | '?' | '%' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' => {
                text.push_str(&format!("%{:02X}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text
}

/// Decodes `%41`; what is no such escape, or no UTF-8 then, stays as it is.
pub fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()))
            .flatten()
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_by_their_extension() {
        assert_eq!(page_stem("a/b.md"), Some("a/b"));
        assert_eq!(page_stem("a/B.MD"), Some("a/B"));
        assert_eq!(page_stem("a/.md"), None);
        assert_eq!(page_stem("a/b.mdx"), None);
        assert_eq!(page_stem("md"), None);
    }

    #[test]
    fn references_stay_inside() {
        assert_eq!(join("a/b.md", "../c.md").as_deref(), Some("c.md"));
        assert_eq!(join("a/b.md", "/x/./y//z").as_deref(), Some("x/y/z"));
        assert_eq!(join("a/b.md", ".").as_deref(), Some("a"));
        assert_eq!(join("a/b.md", "../../c.md"), None);
    }

    #[test]
    fn urls_are_relative_and_escaped() {
        assert_eq!(relative_url("index.html", "a/b.html"), "a/b.html");
        assert_eq!(relative_url("a/x.html", "a/b.html"), "b.html");
        assert_eq!(relative_url("a/b/x.html", "a/c/y z.html"), "../c/y%20z.html");
        assert_eq!(relative_url("a/b/x.html", "y.html"), "../../y.html");
        assert_eq!(relative_url("x.html", "a:b.html"), "./a:b.html");
        assert_eq!(to_root("a/b/x.html"), "../../");
    }

    #[test]
    fn escapes_are_decoded_only_where_they_are_some() {
        assert_eq!(percent_decode("a%20b"), "a b");
        assert_eq!(percent_decode("%C3%A9"), "é");
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz%+1%ff"), "%zz%+1%ff");
    }
}
