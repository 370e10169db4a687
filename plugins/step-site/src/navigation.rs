//! The links to every page of a site, and to the headings of a page.

use std::collections::BTreeMap;

use crate::html::escape;
use crate::page::Heading;
use crate::path::{file_name, page_stem, relative_url};

/// The pages of a site as a tree of directories.
#[derive(Debug, Default)]
pub struct Navigation {
    root: Section,
}

#[derive(Debug, Default)]
struct Section {
    /// The page that is its index: output and title.
    index: Option<Entry>,
    /// Pages and directories by their names, so that a numbered name says its place.
    children: BTreeMap<String, Child>,
}

#[derive(Debug)]
enum Child {
    Page(Entry),
    Section(Section),
}

#[derive(Debug)]
struct Entry {
    output: String,
    title: String,
}

impl Navigation {
    /// Adds a page.
    pub fn add(&mut self, source: &str, output: &str, title: &str) {
        let entry = Entry { output: output.to_owned(), title: title.to_owned() };
        let mut section = &mut self.root;
        let mut rest = source;
        while let Some((directory, below)) = rest.split_once('/') {
            // The slash keeps a directory apart from a page of the same name.
            let child =
                section.children.entry(format!("{directory}/")).or_insert_with(|| Child::Section(Section::default()));
            let Child::Section(next) = child else { return };
            (section, rest) = (next, below);
        }
        if file_name(output) == "index.html" {
            section.index = Some(entry);
        } else {
            section.children.insert(rest.to_owned(), Child::Page(entry));
        }
    }

    /// The tree as nested lists, seen from the page `from`.
    pub fn to_html(&self, from: &str) -> String {
        let mut text = String::from("<ul>\n");
        if let Some(home) = &self.root.index {
            push_link(&mut text, home, from);
            text.push_str("</li>\n");
        }
        push_children(&mut text, &self.root, from);
        text.push_str("</ul>\n");
        text
    }
}

fn push_children(text: &mut String, section: &Section, from: &str) {
    for (name, child) in &section.children {
        match child {
            Child::Page(entry) => {
                push_link(text, entry, from);
                text.push_str("</li>\n");
            }
            Child::Section(below) => {
                match &below.index {
                    Some(entry) => push_link(text, entry, from),
                    None => {
                        text.push_str(&format!("<li><span>{}</span>", escape(&title_of(name.trim_end_matches('/')))))
                    }
                }
                if !below.children.is_empty() {
                    text.push_str("\n<ul>\n");
                    push_children(text, below, from);
                    text.push_str("</ul>\n");
                }
                text.push_str("</li>\n");
            }
        }
    }
}

fn push_link(text: &mut String, entry: &Entry, from: &str) {
    let current = if entry.output == from { " aria-current=\"page\"" } else { "" };
    let url = escape(&relative_url(from, &entry.output));
    text.push_str(&format!("<li><a href=\"{url}\"{current}>{}</a>", escape(&entry.title)));
}

/// What to call a page or a directory that has no title: its name, made readable.
pub fn title_of(path: &str) -> String {
    let name = file_name(page_stem(path).unwrap_or(path));
    let unnumbered = name.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(['-', '_', '.']);
    let words = if unnumbered.is_empty() { name } else { unnumbered }.replace(['-', '_'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The headings of a page as nested lists; empty if there are fewer than two. Two levels are
/// shown: the uppermost there is, and the next.
pub fn contents(headings: &[Heading], title_heading: Option<usize>) -> String {
    let shown = || headings.iter().enumerate().filter(|(at, _)| Some(*at) != title_heading).map(|(_, heading)| heading);
    let Some(top) = shown().map(|heading| heading.level).min() else { return String::new() };
    let shown: Vec<_> = shown().filter(|heading| heading.level <= top + 1 && !heading.text.is_empty()).collect();
    if shown.len() < 2 {
        return String::new();
    }
    let mut text = String::from("<details class=\"contents\" open><summary>On this page</summary>\n<ul>\n");
    let mut is_nested = false;
    for (at, heading) in shown.iter().enumerate() {
        // A page that starts with a lower heading has no item to nest it in.
        let nests = heading.level > top && at > 0;
        match (is_nested, nests) {
            (false, true) => text.push_str("\n<ul>\n"),
            (true, false) => text.push_str("</li>\n</ul>\n</li>\n"),
            _ if at > 0 => text.push_str("</li>\n"),
            _ => {}
        }
        is_nested = nests;
        text.push_str(&format!("<li><a href=\"#{}\">{}</a>", escape(&heading.id), escape(&heading.text)));
    }
    text.push_str(if is_nested { "</li>\n</ul>\n</li>\n" } else { "</li>\n" });
    text.push_str("</ul>\n</details>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_sorted_and_relative() {
        let mut navigation = Navigation::default();
        navigation.add("guide/02-more.md", "guide/02-more.html", "More <b>");
        navigation.add("guide/01-start.md", "guide/01-start.html", "Start");
        navigation.add("README.md", "index.html", "Home");
        navigation.add("ref/index.md", "ref/index.html", "Reference");
        assert_eq!(
            navigation.to_html("guide/01-start.html"),
            "<ul>\n<li><a href=\"../index.html\">Home</a></li>\n<li><span>Guide</span>\n<ul>\n\
             <li><a href=\"01-start.html\" aria-current=\"page\">Start</a></li>\n\
             <li><a href=\"02-more.html\">More &lt;b&gt;</a></li>\n</ul>\n</li>\n\
             <li><a href=\"../ref/index.html\">Reference</a></li>\n</ul>\n"
        );
    }

    #[test]
    fn names_become_titles() {
        assert_eq!(title_of("a/01-getting_started.md"), "Getting started");
        assert_eq!(title_of("2024"), "2024");
        assert_eq!(title_of("über.md"), "Über");
    }

    fn heading(level: u8, id: &str) -> Heading {
        Heading { level, id: id.into(), text: id.to_uppercase() }
    }

    #[test]
    fn contents_nest_two_levels_and_balance() {
        let headings =
            [heading(1, "t"), heading(2, "a"), heading(3, "b"), heading(4, "deep"), heading(3, "c"), heading(2, "d")];
        let html = contents(&headings, Some(0));
        assert!(html.contains("<li><a href=\"#a\">A</a>\n<ul>\n<li><a href=\"#b\">B</a></li>\n<li><a href=\"#c\">C</a></li>\n</ul>\n</li>\n<li><a href=\"#d\">D</a></li>"), "{html}");
        assert!(!html.contains("deep"));
        for order in [[3, 2, 3, 3], [2, 3, 3, 2], [3, 3, 2, 3]] {
            let headings: Vec<_> = order.iter().map(|level| heading(*level, "x")).collect();
            let html = contents(&headings, None);
            assert_eq!(html.matches("<ul>").count(), html.matches("</ul>").count(), "{html}");
            assert_eq!(html.matches("<li>").count(), html.matches("</li>").count(), "{html}");
        }
        assert_eq!(contents(&headings[..2], Some(0)), "");
    }
}
