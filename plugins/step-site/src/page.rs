//! One Markdown page, read: its title, headings, anchors and links.

use std::collections::BTreeSet;

use pulldown_cmark::{CowStr, Event, LinkType, MetadataBlockKind, Options, Parser, Tag, TagEnd};

use crate::html;

/// A heading of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// Its anchor, unique in the page.
    pub id: String,
    /// Its text, without markup.
    pub text: String,
}

/// A link or an image of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The line that it starts in, from 1.
    pub line: u32,
    /// Where it leads, as written.
    pub destination: String,
    /// Which event starts it.
    event: usize,
}

/// A page, read but not yet written.
#[derive(Debug)]
pub struct Page<'s> {
    /// Its title: from the front matter, or its first heading; none if it has neither.
    pub title: Option<String>,
    /// Its headings, in order.
    pub headings: Vec<Heading>,
    /// Which of them is its title.
    pub title_heading: Option<usize>,
    /// What a fragment may name.
    pub anchors: BTreeSet<String>,
    /// Its links and images, in order, but for those to other sites.
    pub links: Vec<Link>,
    events: Vec<Event<'s>>,
}

impl<'s> Page<'s> {
    /// Reads a page.
    pub fn read(source: &'s str) -> Self {
        let lines = Lines::new(source);
        let mut reading = Reading::default();
        for (event, range) in Parser::new_ext(source, options()).into_offset_iter() {
            reading.take(event, lines.of(range.start));
        }
        reading.finish()
    }

    /// The page's content as HTML. `destination` says where each of `links` leads instead, in
    /// their order; none leaves it as written.
    pub fn to_html(&self, destinations: &[Option<String>]) -> String {
        let mut events = self.events.clone();
        for (link, new) in self.links.iter().zip(destinations) {
            let Some(new) = new else { continue };
            if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = &mut events[link.event] {
                *dest_url = CowStr::from(new.clone());
            }
        }
        let mut text = String::new();
        pulldown_cmark::html::push_html(&mut text, events.into_iter());
        text
    }
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_GFM
}

/// Where the lines of a text start.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    fn of(&self, offset: usize) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }
}

/// A page while its events come in.
#[derive(Default)]
struct Reading<'s> {
    events: Vec<Event<'s>>,
    links: Vec<Link>,
    headings: Vec<Heading>,
    anchors: BTreeSet<String>,
    front_matter: String,
    in_front_matter: bool,
    /// The heading that has not ended: which event starts it, and its text so far.
    heading: Option<(usize, String)>,
}

impl<'s> Reading<'s> {
    fn take(&mut self, event: Event<'s>, line: u32) {
        match &event {
            Event::Start(Tag::MetadataBlock(MetadataBlockKind::YamlStyle)) => self.in_front_matter = true,
            Event::End(TagEnd::MetadataBlock(_)) => self.in_front_matter = false,
            Event::Text(text) if self.in_front_matter => self.front_matter.push_str(text),
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, heading)) = &mut self.heading {
                    heading.push_str(text);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some((_, heading)) = &mut self.heading {
                    heading.push(' ');
                }
            }
            Event::Start(Tag::Heading { .. }) => self.heading = Some((self.events.len(), String::new())),
            Event::End(TagEnd::Heading(level)) => self.end_heading(*level as u8),
            Event::Start(Tag::FootnoteDefinition(label)) => {
                self.anchors.insert(label.to_string());
            }
            Event::Html(raw) | Event::InlineHtml(raw) => {
                self.anchors.extend(html::anchors(raw).map(str::to_owned));
            }
            Event::Start(Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. })
                if *link_type != LinkType::Email && !is_external(dest_url) =>
            {
                self.links.push(Link { line, destination: dest_url.to_string(), event: self.events.len() });
            }
            _ => {}
        }
        self.events.push(event);
    }

    /// Gives the heading an anchor, and a link to it.
    fn end_heading(&mut self, level: u8) {
        let Some((start, text)) = self.heading.take() else { return };
        let Event::Start(Tag::Heading { id, .. }) = &mut self.events[start] else { return };
        let wanted = id.as_ref().map_or_else(|| slug(&text), ToString::to_string);
        let unique = unique(wanted, &self.anchors);
        *id = Some(CowStr::from(unique.clone()));
        let anchor = format!(
            "<a class=\"anchor\" href=\"#{}\" aria-label=\"Link to this section\">#</a>",
            html::escape(&unique)
        );
        self.events.push(Event::InlineHtml(anchor.into()));
        self.anchors.insert(unique.clone());
        self.headings.push(Heading { level, id: unique, text: text.trim().to_owned() });
    }

    fn finish(self) -> Page<'s> {
        let first = self.headings.iter().position(|heading| !heading.text.is_empty());
        let from_heading = || first.map(|at| self.headings[at].text.clone());
        Page {
            title: front_matter_title(&self.front_matter).or_else(from_heading),
            title_heading: first.filter(|at| self.headings[*at].level == 1),
            headings: self.headings,
            anchors: self.anchors,
            links: self.links,
            events: self.events,
        }
    }
}

/// The value of the line `title: …`, quotes removed.
fn front_matter_title(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix("title:"))?.trim();
    let unquoted =
        ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value);
    (!unquoted.is_empty()).then(|| unquoted.to_owned())
}

/// Whether a link leads to another site: it has a scheme or a host.
fn is_external(destination: &str) -> bool {
    let scheme = destination.split([':', '/', '?', '#']).next().unwrap_or_default();
    let has_scheme = destination[scheme.len()..].starts_with(':')
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    has_scheme || destination.starts_with("//")
}

/// A heading's text as an anchor, by the rules that GitHub's pages follow: lower case, spaces as
/// hyphens, punctuation left out.
fn slug(text: &str) -> String {
    text.trim()
        .chars()
        .flat_map(char::to_lowercase)
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c),
            _ => None,
        })
        .collect()
}

/// The anchor with the first of the endings ``, `-1`, `-2`… that is not taken.
fn unique(wanted: String, taken: &BTreeSet<String>) -> String {
    let wanted = if wanted.is_empty() { "section".to_owned() } else { wanted };
    if !taken.contains(&wanted) {
        return wanted;
    }
    (1_u32..).map(|at| format!("{wanted}-{at}")).find(|candidate| !taken.contains(candidate)).unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(source: &str) -> String {
        Page::read(source).to_html(&[])
    }

    #[test]
    fn takes_title_headings_and_anchors() {
        let page =
            Page::read("# The *big* `picture`!\n\n## Use\n\n## Use\n\n### Ünï, code {#own}\n\n<a name=\"raw\"></a>\n");
        assert_eq!(page.title.as_deref(), Some("The big picture!"));
        assert_eq!(page.title_heading, Some(0));
        let ids: Vec<_> = page.headings.iter().map(|heading| (heading.level, heading.id.as_str())).collect();
        assert_eq!(ids, [(1, "the-big-picture"), (2, "use"), (2, "use-1"), (3, "own")]);
        assert!(page.anchors.contains("raw"));
        assert_eq!(Page::read("text").title, None);
    }

    #[test]
    fn front_matter_is_not_shown_and_may_give_the_title() {
        let source = "---\ntitle: \"Start here\"\ndraft: no\n---\n\n# Heading\n\n---\n";
        let page = Page::read(source);
        assert_eq!(page.title.as_deref(), Some("Start here"));
        assert!(!page.to_html(&[]).contains("draft"));
    }

    #[test]
    fn links_have_lines_and_can_be_led_elsewhere() {
        let page = Page::read(
            "one [a](x.md)\n[b][ref] ![c](i.png)\n<https://example.org> [d](mailto:x@y.z)\n\n[ref]: y.md#z\n",
        );
        let links: Vec<_> = page.links.iter().map(|link| (link.line, link.destination.as_str())).collect();
        assert_eq!(links, [(1, "x.md"), (2, "y.md#z"), (2, "i.png")]);
        let html = page.to_html(&[Some("x.html".into()), None, Some("other.png".into())]);
        assert!(html.contains("<a href=\"x.html\">a</a>") && html.contains("href=\"y.md#z\""), "{html}");
        assert!(html.contains("<img src=\"other.png\" alt=\"c\" />"), "{html}");
    }

    #[test]
    fn markdown_as_people_write_it() {
        let html = html(
            "| a | b |\n|---|--:|\n| 1 | ~~2~~ |\n\n- [x] done\n- [ ] open\n\nNote[^1].\n\n[^1]: Foot.\n\n```rust\nlet a = b < c && \"d\";\n```\n\n> [!NOTE]\n> Mind.\n",
        );
        assert!(html.contains("<td style=\"text-align: right\"><del>2</del></td>"), "{html}");
        assert!(html.contains("<input disabled=\"\" type=\"checkbox\" checked=\"\"/>"), "{html}");
        assert!(html.contains("href=\"#1\"") && html.contains("id=\"1\""), "{html}");
        assert!(html.contains("<pre><code class=\"language-rust\">let a = b &lt; c &amp;&amp; \"d\";\n"), "{html}");
        assert!(html.contains("markdown-alert-note"), "{html}");
    }

    #[test]
    fn schemes_and_hosts_lead_elsewhere() {
        for url in ["https://x", "mailto:a@b", "//host/x", "data:,x", "git+ssh://x"] {
            assert!(is_external(url), "{url}");
        }
        for path in ["a.md", "a/b:c", "#x:y", "/x", "?q=a:b", "1:2", ""] {
            assert!(!is_external(path), "{path}");
        }
    }
}
