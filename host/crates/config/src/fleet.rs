//! Reading fleet.yaml.

use springline_model::fleet::Fleet;

use crate::document::Document;
use crate::issue::{ConfigError, Issue};
use crate::load::{load, unique};
use crate::names::unknown_words;
use crate::pointer::join;
use crate::published::FLEET;

/// Reads the text of fleet.yaml. `name` is what messages call the file.
///
/// # Errors
/// All that is wrong with it, each issue with its line.
pub fn load_fleet(name: &str, text: &str) -> Result<(Fleet, Document), ConfigError> {
    let document = Document::parse(name, text)?;
    if document.is_empty() {
        let help = "a first one: `applications: [{ repo: ADDRESS }]`".to_owned();
        return Err(document.error(vec![document.issue("", "the file is empty", Some(help))]));
    }
    let fleet = load(&document, &FLEET, check)?;
    Ok((fleet, document))
}

/// What a name template may stand for, by where it is written.
const APPLICATION: &[&str] = &["application"];
const DIRECTORIES: &[&str] = &["application", "directory", "path"];
const BRANCHES: &[&str] = &["application", "branch"];

fn check(document: &Document, issues: &mut Vec<Issue>) {
    let root = document.root();
    if let Some(applications) = root.get("applications") {
        unique(document, applications, "/applications", "name", issues);
        for (at, application) in applications.items().enumerate() {
            check_name(document, (application, &format!("/applications/{at}"), APPLICATION), issues);
        }
    }
    for (at, generator) in root.get("generators").into_iter().flat_map(|all| all.items()).enumerate() {
        for (sort, known) in [("directories", DIRECTORIES), ("branches", BRANCHES)] {
            let Some(rule) = generator.get(sort) else { continue };
            check_name(document, (rule, &format!("/generators/{at}/{sort}"), known), issues);
        }
    }
}

/// Tells of a `{word}` that stands for nothing.
fn check_name(
    document: &Document,
    (of, pointer, known): (crate::node::NodeRef<'_>, &str, &[&str]),
    issues: &mut Vec<Issue>,
) {
    let Some(name) = of.get("name") else { return };
    let Some(text) = name.text() else { return };
    for unknown in unknown_words(text, known) {
        issues.push(document.issue(&join(pointer, "name"), unknown.message, unknown.suggestion));
    }
}

#[cfg(test)]
mod tests {
    use springline_model::fleet::Generator;

    use super::*;

    const FILE: &str = "\
repositories: { platform: { url: https://git.example.com/platform.git } }
applications:
  - { repo: platform, path: apps/shop, interval-seconds: 60 }
  - { name: blog-next, repo: ../blog, revision: next }
generators:
  - directories: { repo: platform, match: apps/*, prune: true }
  - branches: { repo: platform, match: feature/*, path: apps/shop, name: 'shop-{branch}' }
";

    #[test]
    fn a_whole_file_is_read() {
        let (fleet, _) = load_fleet("fleet.yaml", FILE).unwrap();
        assert_eq!(fleet.applications[0].revision, "HEAD");
        assert_eq!(fleet.applications[1].name.as_deref(), Some("blog-next"));
        assert!(matches!(&fleet.generators[0], Generator::Directories(rule) if rule.prune && rule.matches == "apps/*"));
        assert!(matches!(&fleet.generators[1], Generator::Branches(rule) if !rule.prune && rule.name.is_some()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (from, to, line, words) in [
            ("{branch}", "{brnch}", 7, "did you mean `{branch}`?"),
            ("{branch}", "{directory}", 7, "stands for nothing"),
            ("match: apps/*", "matches: apps/*", 6, "match"),
            ("match: feature/*, ", "", 7, "match"),
            ("interval-seconds: 60", "interval-seconds: 0", 3, "1"),
            ("path: apps/shop, interval", "path: ../shop, interval", 3, "clean relative path"),
            ("repo: ../blog", "repo: ''", 4, "repo"),
        ] {
            let error = load_fleet("fleet.yaml", &FILE.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(&format!("fleet.yaml:{line}:")) && error.contains(words), "{to}: {error}");
        }
        let error = load_fleet("fleet.yaml", "# nothing\n").unwrap_err().to_string();
        assert!(error.contains("the file is empty"), "{error}");
    }
}
