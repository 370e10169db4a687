//! fleet.yaml: the applications that one host keeps deployed, from wherever their sources are.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The applications that `springline watch` looks after. The content of `fleet.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Fleet {
    /// The version of this file's format. There is one, 1.
    #[schemars(range(min = 1, max = 1))]
    #[serde(default = "one")]
    pub version: u32,
    /// The repositories that applications and generators name.
    pub repositories: IndexMap<String, Repository>,
    /// Applications, one by one.
    pub applications: Vec<Member>,
    /// Rules that make an application of every directory or branch that matches.
    pub generators: Vec<Generator>,
}

const fn one() -> u32 {
    1
}

/// A repository with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Repository {
    /// Its address, or a path. A relative path starts at the directory of fleet.yaml.
    pub url: String,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Member {
    /// What it is called here instead of what its springline.yaml says; `{application}` stands for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The repository: a name of `repositories`, an address, or a path. A relative path starts at the
    /// directory of fleet.yaml.
    pub repo: String,
    /// The branch, the tag or whatever git understands that is followed.
    #[serde(default = "head")]
    pub revision: String,
    /// Its directory in the repository; without it, the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How often its repository is asked whether there is something new, in seconds; without it, as
    /// often as `--every` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_seconds: Option<u64>,
}

fn head() -> String {
    "HEAD".to_owned()
}

/// A rule that makes applications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Generator {
    /// One application of every directory of a revision that matches and holds a springline.yaml.
    Directories(Directories),
    /// One application of every branch that matches and holds a springline.yaml.
    Branches(Branches),
}

/// The directories of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Directories {
    /// The repository, as of an application.
    pub repo: String,
    /// The branch, the tag or whatever git understands that is followed.
    #[serde(default = "head")]
    pub revision: String,
    /// Which directories: `*` stands for a part of one name, `**` for any number of directories.
    #[serde(rename = "match")]
    pub matches: String,
    /// What the applications are called; `{application}` stands for what springline.yaml says,
    /// `{directory}` for the directory's last name, `{path}` for all of its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As of an application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_seconds: Option<u64>,
    /// Whether what is deployed of an application is removed when its directory goes. Without it, the
    /// application is told of as orphaned, and all of it stays.
    #[serde(default)]
    pub prune: bool,
}

/// The branches of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Branches {
    /// The repository, as of an application.
    pub repo: String,
    /// Which branches: `*` stands for a part of one name, `**` for any number of names.
    #[serde(rename = "match")]
    pub matches: String,
    /// The application's directory in each branch; without it, the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What the applications are called; `{application}` stands for what springline.yaml says,
    /// `{branch}` for the branch. Without it, `{application}-{branch}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As of an application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_seconds: Option<u64>,
    /// Whether what is deployed of an application is removed when its branch goes. Without it, the
    /// application is told of as orphaned, and all of it stays.
    #[serde(default)]
    pub prune: bool,
}

/// Where a generator found an application.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found<'a> {
    /// What its springline.yaml calls it.
    pub application: &'a str,
    /// Its directory in the repository.
    pub path: &'a str,
    /// Its branch.
    pub branch: &'a str,
}

/// The name that a template gives an application: what its springline.yaml says as it is, if that is all of
/// it. Else whatever a name can't hold becomes a hyphen; one that is too long is cut, and ends in digits
/// of a digest, so that no two become one.
pub fn name(template: &str, found: Found<'_>) -> String {
    if template == "{application}" {
        return found.application.to_owned();
    }
    let directory = found.path.rsplit('/').next().unwrap_or_default();
    let full = template
        .replace("{application}", found.application)
        .replace("{directory}", &told(directory))
        .replace("{path}", &told(found.path))
        .replace("{branch}", &told(found.branch));
    sanitised(&full)
}

/// The longest name.
const LONGEST: usize = 63;
/// So many digits of a digest end a name that is cut.
const DIGITS: usize = 8;

/// What stands for a text in a name, in which nothing of it could stand as it is.
fn told(text: &str) -> Cow<'_, str> {
    if text.is_empty() || text.contains(|c: char| c.is_ascii_alphanumeric()) {
        return text.into();
    }
    crate::Digest::of(text).hex()[..DIGITS].to_owned().into()
}

fn sanitised(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            '-' if !name.is_empty() => name.push(c),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    let name = name.trim_end_matches('-');
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let digest = crate::Digest::of(text).hex();
    let start = name[..LONGEST - DIGITS - 1].trim_end_matches('-');
    format!("{start}-{}", &digest[..DIGITS])
}

/// Whether a path fits a pattern: `*` stands for any part of one name, `**` for any number of names.
pub fn fits(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.trim_matches('/').split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    fits_parts(&pattern, &path)
}

fn fits_parts(pattern: &[&str], path: &[&str]) -> bool {
    // Row by row, as far as the pattern has been taken: no pattern takes longer than its length times the path's.
    let mut row: Vec<bool> = std::iter::once(true).chain(path.iter().map(|_| false)).collect();
    for part in pattern {
        let mut next = vec![false; path.len() + 1];
        if *part == "**" {
            let mut reached = false;
            for at in 0..=path.len() {
                reached |= row[at];
                next[at] = reached;
            }
        } else {
            for (at, name) in path.iter().enumerate() {
                next[at + 1] = row[at] && crate::application::matches(part, name);
            }
        }
        row = next;
    }
    row[path.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names_and_paths() {
        for (pattern, path, is) in [
            ("apps/*", "apps/shop", true),
            ("/apps/*/", "apps/shop", true),
            ("apps/*", "apps/shop/deep", false),
            ("apps/*", "apps", false),
            ("apps/**", "apps/a/b", true),
            ("**/deploy", "deploy", true),
            ("**/deploy", "a/b/deploy", true),
            ("apps/*-web", "apps/shop-web", true),
            ("apps/*-web", "apps/shop-webs", false),
            ("feature/*", "feature/a", true),
            ("*", "main", true),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "acb", false),
        ] {
            assert_eq!(fits(pattern, path), is, "{pattern} {path}");
        }
        // Nothing to wait for.
        assert!(!fits(&"*a".repeat(40), &"a".repeat(10_000).replace('a', "b")));
    }

    #[test]
    fn names_are_made_of_where_it_was_found() {
        let found = Found { application: "shop", path: "apps/My Shop", branch: "feature/Ünder_1" };
        assert_eq!(name("{application}-{branch}", found), "shop-feature-nder-1");
        assert_eq!(name("{directory}", found), "my-shop");
        assert_eq!(name("{path}", found), "apps-my-shop");
        assert_eq!(name("--x--", found), "x");
        // As `run` calls it.
        let doubled = Found { application: "my--app", branch: "fix--it", ..found };
        assert_eq!(name("{application}", doubled), "my--app");
        assert_eq!(name("{application}-{branch}", doubled), "my--app-fix--it");
        let foreign = |branch| name("{application}-{branch}", Found { branch, ..found });
        assert!(
            foreign("日本").len() == "shop-".len() + DIGITS && foreign("日本") != foreign("中国"),
            "{}",
            foreign("日本")
        );
        let long = |end: &str| name(&format!("{}{end}", "a".repeat(80)), found);
        assert!(long("b").len() <= LONGEST && long("b") != long("c"), "{}", long("b"));
    }
}
