//! The page template: text with placeholders.

use springline_sdk::Violation;

use crate::html::escape;
use crate::links::closest;

/// The template that is used where the config names none.
pub const DEFAULT: &str = include_str!("page.html");
/// What `{{ style }}` stands for.
const STYLE: &str = include_str!("style.css");
/// Every placeholder.
const NAMES: [&str; 9] = ["content", "contents", "full-title", "home", "navigation", "root", "site", "style", "title"];

/// What a page puts in the place of the placeholders. Text is escaped, HTML is not.
#[derive(Debug)]
pub struct Fields<'a> {
    /// The page's title, as text.
    pub title: &'a str,
    /// The site's title, as text.
    pub site: &'a str,
    /// The way from the page's directory to the site's root: empty, `../`, `../../`…
    pub root: &'a str,
    /// The page itself, as HTML.
    pub content: &'a str,
    /// Links to every page, as HTML.
    pub navigation: &'a str,
    /// Links to the page's headings, as HTML; empty if it has fewer than two.
    pub contents: &'a str,
}

/// A template, read: text and placeholders in turn.
#[derive(Debug)]
pub struct Template<'t> {
    parts: Vec<(&'t str, &'static str)>,
    tail: &'t str,
}

impl<'t> Template<'t> {
    /// Reads a template.
    ///
    /// # Errors
    /// Every unknown placeholder, and the lack of `{{ content }}`; `file` is what to call it.
    pub fn read(file: &str, text: &'t str) -> Result<Self, Vec<Violation>> {
        let mut template = Self { parts: Vec::new(), tail: text };
        let mut violations = Vec::new();
        let mut from = 0;
        while let Some((open, close, name)) = next_placeholder(text, from) {
            match NAMES.iter().find(|known| **known == name) {
                Some(known) => {
                    let start = text.len() - template.tail.len();
                    template.parts.push((&text[start..open], known));
                    template.tail = &text[close..];
                }
                None => violations.push(unknown(name).file(file).line(line_of(text, open))),
            }
            from = close;
        }
        if !template.parts.iter().any(|(_, name)| *name == "content") {
            violations.push(Violation::new("the template shows no page: it has no {{ content }}").file(file));
        }
        if violations.is_empty() { Ok(template) } else { Err(violations) }
    }

    /// The page.
    pub fn fill(&self, fields: &Fields<'_>) -> String {
        let mut page = String::with_capacity(fields.content.len() + 8_192);
        for (text, name) in &self.parts {
            page.push_str(text);
            match *name {
                "content" => page.push_str(fields.content),
                "contents" => page.push_str(fields.contents),
                "full-title" if fields.title == fields.site => page.push_str(&escape(fields.site)),
                "full-title" => page.push_str(&format!("{} · {}", escape(fields.title), escape(fields.site))),
                "home" => page.push_str(&format!("{}index.html", fields.root)),
                "navigation" => page.push_str(fields.navigation),
                "root" => page.push_str(fields.root),
                "site" => page.push_str(&escape(fields.site)),
                "style" => page.push_str(STYLE),
                _ => page.push_str(&escape(fields.title)),
            }
        }
        page.push_str(self.tail);
        page
    }
}

/// The next `{{ name }}` from an offset on: where it starts, where it ends, and the name. Braces
/// around anything else are text.
fn next_placeholder(text: &str, mut from: usize) -> Option<(usize, usize, &str)> {
    loop {
        let open = from + text[from..].find("{{")?;
        let inner = &text[open + 2..];
        let end = inner.find("}}")?;
        let name = inner[..end].trim();
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if is_name {
            return Some((open, open + 2 + end + 2, name));
        }
        from = open + 2;
    }
}

fn unknown(name: &str) -> Violation {
    let names = NAMES.map(str::to_owned);
    let hint = match closest(name, names.iter()) {
        Some(close) => format!("did you mean {{{{ {close} }}}}?"),
        None => format!("there are: {}", NAMES.join(", ")),
    };
    Violation::new(format!("there is no placeholder {{{{ {name} }}}}; {hint}"))
}

fn line_of(text: &str, offset: usize) -> u32 {
    u32::try_from(1 + text[..offset].matches('\n').count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: Fields<'_> = Fields {
        title: "A & B",
        site: "Site",
        root: "../",
        content: "<p>{{ title }}</p>",
        navigation: "<ul></ul>",
        contents: "",
    };

    #[test]
    fn fills_every_place_once() {
        let template =
            Template::read("t.html", "<title>{{title}}</title> {{ full-title }} {{ home }}|{{ content }}|{{ x + y }}")
                .unwrap();
        assert_eq!(
            template.fill(&FIELDS),
            "<title>A &amp; B</title> A &amp; B · Site ../index.html|<p>{{ title }}</p>|{{ x + y }}"
        );
    }

    #[test]
    fn unknown_placeholders_are_refused_with_their_line() {
        let violations = Template::read("t.html", "{{ titel }}\n{{ content }}\n{{ whatever }}").unwrap_err();
        let told: Vec<_> = violations.iter().map(ToString::to_string).collect();
        assert_eq!(told[0], "t.html:1: there is no placeholder {{ titel }}; did you mean {{ title }}?");
        assert!(
            told[1].starts_with("t.html:3: there is no placeholder {{ whatever }}; there are: content, "),
            "{told:?}"
        );
        let violations = Template::read("t.html", "nothing").unwrap_err();
        assert_eq!(violations[0].to_string(), "t.html: the template shows no page: it has no {{ content }}");
    }

    #[test]
    fn the_default_asks_nobody_else() {
        let template = Template::read("page.html", DEFAULT).unwrap();
        let page = template.fill(&Fields { content: "", ..FIELDS });
        assert!(!page.contains("{{") && !page.contains("<script") && !page.contains("http"), "{page}");
        assert!(page.contains("prefers-color-scheme: dark") && page.contains("width=device-width"));
    }
}
