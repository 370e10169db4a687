//! Documents: every link between them leads somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::assert_none;
use crate::workspace::{files, root};

#[test]
fn links_lead_somewhere() {
    let files = files();
    let documents = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "md"));
    let mut problems = Vec::new();
    let mut anchors = BTreeMap::new();
    for file in documents.filter(|file| !file.starts_with("tests")) {
        for link in links(&read(file)) {
            if let Some(problem) = problem(file, &link, &mut anchors) {
                problems.push(format!("{}: {link}: {problem}", file.display()));
            }
        }
    }
    assert_none("links that lead nowhere", &problems);
}

/// What is wrong with a link of a document.
fn problem(file: &Path, link: &str, anchors: &mut BTreeMap<PathBuf, BTreeSet<String>>) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    if path.starts_with('/') {
        return Some("an absolute path".to_owned());
    }
    let target = match path {
        "" => file.to_owned(),
        _ => normalized(&file.parent().unwrap_or(Path::new("")).join(path)),
    };
    if !root().join(&target).exists() {
        return Some("no such file".to_owned());
    }
    if file.starts_with("docs") && !target.starts_with("docs") {
        return Some("it leads out of docs/, of which the demo makes a site".to_owned());
    }
    if anchor.is_empty() || target.extension().is_none_or(|extension| extension != "md") {
        return None;
    }
    let known = anchors.entry(target.clone()).or_insert_with(|| anchors_of(&read(&target)));
    (!known.contains(anchor)).then(|| format!("{} has no heading for it", target.display()))
}

fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn links(markdown: &str) -> Vec<String> {
    let destination = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
        _ => None,
    };
    Parser::new_ext(markdown, Options::all()).filter_map(destination).collect()
}

/// The anchors that GitHub gives a document's headings, and those that it sets itself.
fn anchors_of(markdown: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(markdown, Options::all()) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let slug = slug(&heading.take().unwrap_or_default());
                let numbered = (1..).map(|number| format!("{slug}-{number}"));
                let mut names = std::iter::once(slug.clone()).chain(numbered);
                let free = names.find(|name| !anchors.contains(name));
                anchors.extend(free);
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                let ids = html.split("id=\"").skip(1).filter_map(|rest| rest.split('"').next());
                anchors.extend(ids.map(str::to_owned));
            }
            _ => {}
        }
    }
    anchors
}

fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The path without `.` and `..`.
fn normalized(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if parts.pop() => {}
            part => parts.push(part),
        }
    }
    parts
}

#[test]
fn anchors_are_those_of_the_page() {
    let page = "# The `with` key: what's *in* it\n## Again\n## Again\n<a id=\"own\"></a>\n";
    let anchors: Vec<String> = anchors_of(page).into_iter().collect();
    assert_eq!(anchors, ["again", "again-1", "own", "the-with-key-whats-in-it"]);
}

#[test]
fn links_in_code_are_no_links() {
    assert_eq!(links("[a](b.md) `[c](d)`\n\n    [e](f)\n\n![g](h.png)"), ["b.md", "h.png"]);
}
