//! Where a link of a page leads in the site.

use std::collections::{BTreeMap, BTreeSet};

use crate::path::{directory, file_name, join, page_stem, percent_decode, relative_url};

/// What a link can lead to.
#[derive(Debug, Default)]
pub struct Index {
    /// By the path of a source page: its output, and what a fragment may name in it.
    pages: BTreeMap<String, (String, BTreeSet<String>)>,
    /// The paths of the other files.
    files: BTreeSet<String>,
    /// By the path of an output that is a page: its source.
    outputs: BTreeMap<String, String>,
}

impl Index {
    /// Adds a page.
    pub fn add_page(&mut self, source: &str, output: &str, anchors: BTreeSet<String>) {
        self.outputs.insert(output.to_owned(), source.to_owned());
        self.pages.insert(source.to_owned(), (output.to_owned(), anchors));
    }

    /// Adds a file that is copied.
    pub fn add_file(&mut self, path: &str) {
        self.files.insert(path.to_owned());
    }

    /// The URL to write instead of `destination` in the page `from`.
    ///
    /// # Errors
    /// Why it leads nowhere, in a sentence.
    pub fn resolve(&self, from: &str, destination: &str) -> Result<String, String> {
        let (rest, fragment) = match destination.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (destination, None),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let Some((output, anchors)) = self.pages.get(from) else { return Ok(destination.to_owned()) };
        if path.is_empty() {
            self.check_fragment(destination, from, anchors, fragment)?;
            return Ok(destination.to_owned());
        }
        let decoded = percent_decode(path);
        let target = join(from, &decoded).ok_or_else(|| format!("the link `{destination}` leads out of the site"))?;
        let mut url = match self.page_at(&target) {
            Some((source, page, anchors)) => {
                self.check_fragment(destination, source, anchors, fragment)?;
                relative_url(output, page)
            }
            None if self.files.contains(&target) => relative_url(output, &target),
            None => return Err(self.missing(from, destination, &target)),
        };
        for (mark, part) in [('?', query), ('#', fragment)] {
            if let Some(part) = part {
                url.push(mark);
                url.push_str(part);
            }
        }
        Ok(url)
    }

    /// The page at a path: the source's, the output's, or a directory's that has an index.
    fn page_at(&self, target: &str) -> Option<(&str, &str, &BTreeSet<String>)> {
        let index = if target.is_empty() { "index.html".to_owned() } else { format!("{target}/index.html") };
        let source = match self.pages.get_key_value(target) {
            Some((source, _)) => source,
            None => self.outputs.get(target).or_else(|| self.outputs.get(&index))?,
        };
        self.pages.get(source).map(|(output, anchors)| (source.as_str(), output.as_str(), anchors))
    }

    fn check_fragment(
        &self,
        destination: &str,
        page: &str,
        anchors: &BTreeSet<String>,
        fragment: Option<&str>,
    ) -> Result<(), String> {
        // `#`, `#top` and text fragments are the browser's own.
        let Some(fragment) = fragment.filter(|f| !f.is_empty() && *f != "top" && !f.contains(":~:")) else {
            return Ok(());
        };
        let fragment = percent_decode(fragment);
        if anchors.contains(&fragment) {
            return Ok(());
        }
        let hint =
            closest(&fragment, anchors.iter()).map(|name| format!("; did you mean `#{name}`?")).unwrap_or_default();
        Err(format!("the link `{destination}` leads to no heading of {page}{hint}"))
    }

    fn missing(&self, from: &str, destination: &str, target: &str) -> String {
        let known = || self.pages.keys().chain(&self.files);
        let with_extension = format!("{target}.md");
        let name = file_name(target);
        let found = known()
            .find(|path| **path == with_extension || path.eq_ignore_ascii_case(target))
            .or_else(|| known().find(|path| file_name(path) == name && page_stem(name) != Some("README")))
            .or_else(|| closest(target, known()));
        let hint = found.map(|path| format!("; did you mean `{}`?", relative_url(from, path))).unwrap_or_default();
        let prefix = format!("{target}/");
        if known().any(|path| directory(path).starts_with(&prefix)) {
            return format!("the link `{destination}` leads to a directory without an index.md or README.md");
        }
        format!("the link `{destination}` leads to no page or file{hint}")
    }
}

/// The most similar of these names, if any is similar at all.
pub fn closest<'n>(name: &str, names: impl Iterator<Item = &'n String>) -> Option<&'n String> {
    let mut best = None;
    for candidate in names {
        let score = strsim::normalized_damerau_levenshtein(name, candidate);
        if score >= 0.6 && best.is_none_or(|(highest, _)| score > highest) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        let mut index = Index::default();
        let anchors = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        index.add_page("README.md", "index.html", anchors(&["welcome"]));
        index.add_page("guide/start.md", "guide/start.html", anchors(&["first-step", "größe"]));
        index.add_page("ref/index.md", "ref/index.html", anchors(&[]));
        index.add_file("img/logo one.png");
        index.add_file("raw/data.csv");
        index
    }

    #[test]
    fn links_follow_pages_to_their_html() {
        let index = index();
        for (from, destination, url) in [
            ("README.md", "guide/start.md", "guide/start.html"),
            ("README.md", "./guide/start.md?x=1#first-step", "guide/start.html?x=1#first-step"),
            ("guide/start.md", "../README.md#welcome", "../index.html#welcome"),
            ("guide/start.md", "#gr%C3%B6%C3%9Fe", "#gr%C3%B6%C3%9Fe"),
            ("guide/start.md", "/ref/", "../ref/index.html"),
            ("guide/start.md", "../ref", "../ref/index.html"),
            ("guide/start.md", "..", "../index.html"),
            ("guide/start.md", "start.html", "start.html"),
            ("guide/start.md", "../img/logo%20one.png", "../img/logo%20one.png"),
            ("README.md", "#", "#"),
        ] {
            assert_eq!(index.resolve(from, destination).as_deref(), Ok(url), "{destination}");
        }
    }

    #[test]
    fn broken_links_say_what_would_be_right() {
        let index = index();
        for (from, destination, message) in [
            (
                "README.md",
                "guide/strat.md",
                "the link `guide/strat.md` leads to no page or file; did you mean `guide/start.md`?",
            ),
            ("README.md", "start.md", "the link `start.md` leads to no page or file; did you mean `guide/start.md`?"),
            (
                "README.md",
                "guide/start",
                "the link `guide/start` leads to no page or file; did you mean `guide/start.md`?",
            ),
            (
                "README.md",
                "guide/start.md#first-stop",
                "the link `guide/start.md#first-stop` leads to no heading of guide/start.md; did you mean `#first-step`?",
            ),
            ("README.md", "#nowhere", "the link `#nowhere` leads to no heading of README.md"),
            ("README.md", "../LICENSE", "the link `../LICENSE` leads out of the site"),
            ("README.md", "raw", "the link `raw` leads to a directory without an index.md or README.md"),
            ("README.md", "zzz.zip", "the link `zzz.zip` leads to no page or file"),
        ] {
            assert_eq!(index.resolve(from, destination).unwrap_err(), message);
        }
    }
}
