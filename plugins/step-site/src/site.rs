//! From the files of a directory to the files of a site.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;

use fast_glob::glob_match;
use springline_sdk::files;
use springline_sdk::prelude::*;

use crate::Config;
use crate::html::escape;
use crate::links::Index;
use crate::navigation::{Navigation, contents, title_of};
use crate::page::Page;
use crate::path::{directory, file_name, page_stem, to_root};
use crate::template::{DEFAULT, Fields, Template};

/// The page that a site starts with.
const HOME: &str = "index.html";

/// What is wrong with the input so far. All of it is told at once.
#[derive(Debug, Default)]
struct Violations(Vec<Violation>);

impl Violations {
    /// The value; or none, and what is wrong is kept. Only what is not the input's fault fails.
    fn keep<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Invalid(violations)) => {
                self.0.extend(violations);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    fn end(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}

/// The paths of the input, sorted into what becomes of them.
#[derive(Debug, Default)]
struct Plan {
    /// The pages: source and output.
    pages: Vec<(String, String)>,
    /// The files that are copied.
    files: Vec<String>,
}

/// Builds the site; returns the summary.
pub fn build(config: &Config, step: &mut Step) -> Result<String> {
    let mut violations = Violations::default();
    let plan = plan(config, step, &mut violations)?;
    let template_text = match &config.template {
        Some(path) => violations.keep(step.read_text(path))?.unwrap_or_else(|| DEFAULT.to_owned()),
        None => DEFAULT.to_owned(),
    };
    let template_file = config.template.as_deref().unwrap_or("page.html");
    let template = violations.keep(Template::read(template_file, &template_text).map_err(Error::Invalid))?;

    let mut sources = Vec::with_capacity(plan.pages.len());
    for (source, _) in &plan.pages {
        sources.push(violations.keep(step.read_text(source))?.unwrap_or_default());
    }
    let pages: Vec<Page<'_>> = sources.iter().map(|text| Page::read(text)).collect();
    let destinations = resolve_links(config.strict_links, &plan, &pages, &mut violations);
    violations.end()?;
    let Some(template) = template else { return Err(Error::failed("the template is gone")) };

    let site = site_title(config, step);
    write_pages(step, &template, &site, &plan, &pages, &destinations)?;
    for path in &plan.files {
        copy(step, path)?;
    }
    Ok(format!("{}, {}", count(plan.pages.len(), "page"), count(plan.files.len(), "file")))
}

fn site_title(config: &Config, step: &Step) -> String {
    let title = config.title.clone().unwrap_or_else(|| step.context().application());
    if title.is_empty() { "Site".to_owned() } else { title }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Lists the input and says what becomes of each file.
fn plan(config: &Config, step: &Step, violations: &mut Violations) -> Result<Plan> {
    let mut paths = Vec::new();
    for entry in step.walk()? {
        let is_excluded = config.exclude.iter().any(|glob| glob_match(glob, &entry.path));
        if is_excluded || config.template.as_ref() == Some(&entry.path) {
            continue;
        }
        if entry.link.is_some() {
            match std::fs::metadata(files::below(step.input(), &entry.path)?) {
                Ok(target) if target.is_file() => {}
                Ok(_) => {
                    warn!("{}: a symbolic link to a directory is left out", entry.path);
                    continue;
                }
                Err(_) => {
                    violations.0.push(Violation::new("this symbolic link leads nowhere").file(entry.path));
                    continue;
                }
            }
        }
        paths.push(entry.path);
    }
    let mut plan = Plan::default();
    let mut outputs: BTreeMap<String, &String> = BTreeMap::new();
    for path in &paths {
        let output = output_of(path, &paths);
        let output_name = output.clone().unwrap_or_else(|| path.clone());
        if let Some(other) = outputs.insert(output_name.clone(), path) {
            let message = format!("this and {other} would both become {output_name}; rename or exclude one");
            violations.0.push(Violation::new(message).file(path));
        }
        match output {
            Some(output) => plan.pages.push((path.clone(), output)),
            None => plan.files.push(path.clone()),
        }
    }
    if plan.pages.is_empty() {
        violations.0.push(Violation::new("there is no page: no *.md in the input directory"));
    }
    Ok(plan)
}

/// The page that a source becomes; none for what is copied. README.md is the index of its
/// directory unless there is an index.md.
fn output_of(path: &str, paths: &[String]) -> Option<String> {
    let stem = page_stem(path)?;
    let directory = directory(path);
    let has_index = || {
        paths.iter().any(|other| {
            other
                .strip_prefix(directory)
                .is_some_and(|name| !name.contains('/') && name.eq_ignore_ascii_case("index.md"))
        })
    };
    let is_index = match file_name(stem) {
        name if name.eq_ignore_ascii_case("index") => true,
        name if name.eq_ignore_ascii_case("readme") => !has_index(),
        _ => false,
    };
    Some(if is_index { format!("{directory}{HOME}") } else { format!("{stem}.html") })
}

/// Where each page's links lead; what leads nowhere is a violation, or a warning.
fn resolve_links(
    is_strict: bool,
    plan: &Plan,
    pages: &[Page<'_>],
    violations: &mut Violations,
) -> Vec<Vec<Option<String>>> {
    let mut index = Index::default();
    for ((source, output), page) in plan.pages.iter().zip(pages) {
        index.add_page(source, output, page.anchors.clone());
    }
    for path in &plan.files {
        index.add_file(path);
    }
    let mut destinations = Vec::with_capacity(pages.len());
    for ((source, _), page) in plan.pages.iter().zip(pages) {
        let mut of_page = Vec::with_capacity(page.links.len());
        for link in &page.links {
            match index.resolve(source, &link.destination) {
                Ok(url) => of_page.push(Some(url)),
                Err(message) => {
                    of_page.push(None);
                    let violation = Violation::new(message).file(source).line(link.line);
                    if is_strict {
                        violations.0.push(violation);
                    } else {
                        warn!("{violation}");
                    }
                }
            }
        }
        destinations.push(of_page);
    }
    destinations
}

fn write_pages(
    step: &Step,
    template: &Template<'_>,
    site: &str,
    plan: &Plan,
    pages: &[Page<'_>],
    destinations: &[Vec<Option<String>>],
) -> Result<()> {
    let titles: Vec<String> = plan
        .pages
        .iter()
        .zip(pages)
        .map(|((source, _), page)| page.title.clone().unwrap_or_else(|| title_of(source)))
        .collect();
    let mut navigation = Navigation::default();
    for ((source, output), title) in plan.pages.iter().zip(&titles) {
        navigation.add(source, output, title);
    }
    for (at, ((_, output), page)) in plan.pages.iter().zip(pages).enumerate() {
        let html = template.fill(&Fields {
            title: &titles[at],
            site,
            root: &to_root(output),
            content: &page.to_html(&destinations[at]),
            navigation: &navigation.to_html(output),
            contents: &contents(&page.headings, page.title_heading),
        });
        step.write(output, html)?;
    }
    let has_home = plan.pages.iter().any(|(_, output)| output == HOME) || plan.files.iter().any(|path| path == HOME);
    if !has_home {
        let list = navigation.to_html(HOME);
        let content = format!("<h1>{}</h1>\n{list}", escape(site));
        let fields = Fields { title: site, site, root: "", content: &content, navigation: &list, contents: "" };
        step.write(HOME, template.fill(&fields))?;
    }
    Ok(())
}

/// Copies a file, piece by piece, and keeps whether it may be executed.
fn copy(step: &Step, path: &str) -> Result<()> {
    let to = files::below(step.output(), path)?;
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).at(parent)?;
    }
    let mut source = File::open(files::below(step.input(), path)?).at(path)?;
    let mut target = File::create(&to).at(path)?;
    io::copy(&mut source, &mut target).at(path)?;
    drop(target);
    if step.is_executable(path)? {
        step.set_executable(path, true)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use springline_sdk::fake::Host;
    use springline_sdk::log::Level;

    use super::*;
    use crate::Plugin;

    fn text(host: &Host, path: &str) -> String {
        String::from_utf8(host.output(path).unwrap()).unwrap()
    }

    fn told(result: Result<String>) -> Vec<String> {
        let Err(Error::Invalid(violations)) = result else { panic!("{result:?}") };
        violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn pages_link_to_each_other_and_files_keep_their_mode() {
        let host = Host::new();
        host.set_application("handbook")
            .add_input("README.md", "# Welcome\n\n[Start](guide/start.md#one), ![logo](img/logo.png)\n")
            .add_input("guide/start.md", "# Start\n\n## One\n\n## Two\n\n[home](../README.md)\n")
            .add_input("img/logo.png", b"\x89PNG\xff")
            .add_executable_input("run.sh", "#!/bin/sh\n")
            .add_input_link("latest.txt", "run.sh");
        assert_eq!(host.run::<Plugin>(json!({})).unwrap(), "2 pages, 3 files");
        assert_eq!(host.outputs(), ["guide/start.html", "img/logo.png", "index.html", "latest.txt", "run.sh"]);
        let home = text(&host, "index.html");
        assert!(home.contains("<title>Welcome · handbook</title>"), "{home}");
        assert!(home.contains("<a href=\"guide/start.html#one\">Start</a>"), "{home}");
        assert!(home.contains("<a href=\"index.html\" aria-current=\"page\">Welcome</a>"), "{home}");
        let start = text(&host, "guide/start.html");
        assert!(start.contains("<a href=\"../index.html\">home</a>"), "{start}");
        assert!(start.contains("<li><a href=\"#two\">Two</a></li>"), "{start}");
        assert_eq!(host.output("img/logo.png").unwrap(), b"\x89PNG\xff");
        assert!(host.is_output_executable("run.sh") && !host.is_output_executable("img/logo.png"));
    }

    #[test]
    fn every_broken_link_is_told() {
        let host = Host::new();
        host.add_input("a.md", "# A\n[x](gone.md)\n\n[y](b.md#nowhere)\n").add_input("b.md", "# B\n![z](../img.png)\n");
        assert_eq!(
            told(host.run::<Plugin>(json!({}))),
            [
                "a.md:2: the link `gone.md` leads to no page or file",
                "a.md:4: the link `b.md#nowhere` leads to no heading of b.md",
                "b.md:2: the link `../img.png` leads out of the site",
            ]
        );
        assert!(host.outputs().is_empty());
        assert_eq!(host.run::<Plugin>(json!({ "strict-links": false })).unwrap(), "2 pages, 0 files");
        let warnings = host.logged();
        assert_eq!(warnings.len(), 3);
        assert_eq!(warnings[0], (Level::Warn, "a.md:2: the link `gone.md` leads to no page or file".to_owned()));
        assert!(text(&host, "a.html").contains("<a href=\"gone.md\">x</a>"));
    }

    #[test]
    fn a_directory_without_an_index_still_has_a_home() {
        let host = Host::new();
        host.add_input("one.md", "text").add_input("index.txt", "");
        host.run::<Plugin>(json!({ "title": "A & B" })).unwrap();
        let home = text(&host, "index.html");
        assert!(home.contains("<title>A &amp; B</title>") && home.contains("<a href=\"one.html\">One</a>"), "{home}");
    }

    #[test]
    fn a_template_of_ones_own_replaces_the_page() {
        let host = Host::new();
        host.add_input("a.md", "# A\n").add_input("_page.html", "<h1>{{ title }}</h1>{{ content }}");
        host.run::<Plugin>(json!({ "template": "_page.html" })).unwrap();
        assert!(text(&host, "a.html").starts_with("<h1>A</h1><h1 id=\"a\">A<a "));
        assert_eq!(host.outputs(), ["a.html", "index.html"]);
        host.add_input("_page.html", "{{ contnet }}");
        let told = told(host.run::<Plugin>(json!({ "template": "_page.html" })));
        assert_eq!(told[0], "_page.html:1: there is no placeholder {{ contnet }}; did you mean {{ content }}?");
    }

    #[test]
    fn what_is_wrong_with_the_files_is_told_at_once() {
        let host = Host::new();
        host.add_input("a.md", b"ok\n\xff").add_input("b.md", "").add_input("b.html", "").add_input_link("c", "gone");
        assert_eq!(
            told(host.run::<Plugin>(json!({ "template": "none.html" }))),
            [
                "c: this symbolic link leads nowhere",
                "b.md: this and b.html would both become b.html; rename or exclude one",
                "none.html: there is no such file",
                "a.md:2: this is not UTF-8",
            ]
        );
        let told = told(Host::new().run::<Plugin>(json!({})));
        assert_eq!(told, ["there is no page: no *.md in the input directory"]);
    }

    #[test]
    fn excluded_files_are_as_if_they_were_not_there() {
        let host = Host::new();
        host.add_input("README.md", "# R\n").add_input("drafts/x/y.md", "[](gone)").add_input("a.tmp", "");
        assert_eq!(host.run::<Plugin>(json!({ "exclude": ["drafts/**", "*.tmp"] })).unwrap(), "1 page, 0 files");
    }

    #[test]
    fn the_readme_gives_way_to_an_index() {
        let paths = ["README.md", "index.md", "a/readme.md", "a/b.md"].map(str::to_owned);
        let outputs: Vec<_> = paths.iter().map(|path| output_of(path, &paths).unwrap()).collect();
        assert_eq!(outputs, ["README.html", "index.html", "a/index.html", "a/b.html"]);
    }
}
