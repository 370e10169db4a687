//! springline.yaml: what an application is, as its repository declares it.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An application: its artifacts and its environments. The content of `springline.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Application {
    /// The version of this file's format. There is one, 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The application's name: lower-case letters, digits and hyphens, at most 63.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub application: String,
    /// What is built: each exists for every revision, and is built only when it is missing.
    #[serde(default)]
    pub artifacts: IndexMap<String, Artifact>,
    /// Where it runs, in the order in which they are synced.
    #[serde(default)]
    pub environments: IndexMap<String, Environment>,
    /// What is handed over to other repositories, by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub deliver: IndexMap<String, Delivery>,
}

const fn one() -> u32 {
    1
}

/// A directory that a chain of build steps makes, or that was built elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Artifact {
    /// The steps, in order. The output of the last one is the artifact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
    /// Instead of steps: where the source says which artifact is meant, one that was built elsewhere
    /// and whose bytes are in this host's store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Taken")]
    pub taken: Option<Taken>,
}

/// A value in a file of the source: the digest of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Taken {
    /// The file, YAML or JSON.
    pub file: String,
    /// Where in it the digest stands, as a JSON pointer (RFC 6901).
    pub pointer: String,
}

/// One call of a build-step plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// Its name, unique within the artifact.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// The plugin: the name of a built-in one, `./PATH` of a component below the repository's
    /// root, its digest (`sha256:…`), or `oci://REGISTRY/REPOSITORY:TAG`.
    pub plugin: String,
    /// Its input: the name of an earlier step, or a directory of the source. Without it, the
    /// output of the step before, and the whole source for the first one.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The plugin's config, as its own schema wants it.
    #[serde(default)]
    pub with: Map<String, Value>,
}

/// A place where the application runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Environment {
    /// How its desired objects are made.
    pub render: Render,
    /// The name of a target in the operator's file.
    pub target: String,
    /// What the application has to say to the target, such as rules of health for its own kinds: the
    /// property `application` of the plugin's config, if its schema has one.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub target_with: Map<String, Value>,
    /// Values that belong to this environment, for the renderer.
    #[serde(default)]
    pub values: Map<String, Value>,
    /// How it is synced.
    #[serde(default)]
    pub sync: Sync,
    /// The environment whose releases are moved on to this one, in the stead of new revisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub promote_from: Option<String>,
    /// What a release has to pass before it is promoted to this environment.
    #[serde(default)]
    pub gates: Gates,
    /// Where git says what is deployed here.
    #[serde(default)]
    pub record: RecordIn,
}

/// What a release has to pass before it is promoted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Gates {
    /// Whether somebody has to approve of it.
    pub approval: bool,
    /// How long it has to have been healthy where it comes from, without a break, in seconds.
    pub soak_seconds: u64,
}

/// Where git says what is deployed. The branch of the source is never touched, so that the commit
/// that is recorded stays the one that was deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecordIn {
    /// Nowhere: the history of this host alone says it.
    #[default]
    None,
    /// In a note of the deployed commit, below `refs/notes/springline`: `git log --notes=springline`
    /// shows it.
    Notes,
    /// On this branch, whose commits hold the rendered objects. `{application}` and `{environment}` in its
    /// name stand for what they are called.
    Branch(String),
}

impl RecordIn {
    /// Whether git says nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The same with the names that its branch leaves open.
    #[must_use]
    pub fn named(&self, application: &str, environment: &str) -> Self {
        match self {
            Self::Branch(name) => {
                Self::Branch(name.replace("{application}", application).replace("{environment}", environment))
            }
            other => other.clone(),
        }
    }

    /// The full name of the reference that says it.
    #[must_use]
    pub fn reference(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Notes => Some("refs/notes/springline".to_owned()),
            Self::Branch(branch) => Some(format!("refs/heads/{branch}")),
        }
    }
}

/// What is handed over to another repository: the rendered objects, or single values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Delivery {
    /// The name of a repository in the operator's file.
    pub repository: String,
    /// The branch; without it, the one that the repository's `HEAD` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub branch: Option<String>,
    /// Whether it goes to a branch of its own, for review, and not to the branch itself.
    #[serde(default)]
    pub propose: bool,
    /// The directory there that the rendered objects replace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub directory: Option<String>,
    /// How the objects are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Render")]
    pub render: Option<Render>,
    /// Instead of a directory: values there that are set, each byte beside them left as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1))]
    pub values: Vec<ValueEdit>,
}

/// One value in a file of another repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ValueEdit {
    /// The file, YAML or JSON.
    pub file: String,
    /// Where in it the value stands, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What it becomes: `artifact NAME` (its digest) or `revision` (the commit's id).
    #[schemars(regex(pattern = r"^(revision|artifact [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$"))]
    pub value: String,
}

/// One call of a renderer plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Render {
    /// The plugin, named as in a step.
    pub plugin: String,
    /// Its input: a directory of the source; without it, the whole source.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The plugin's config.
    #[serde(default)]
    pub with: Map<String, Value>,
}

/// How an environment is synced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Sync {
    /// Whether `springline watch` deploys new revisions, or only tells of them.
    pub automated: bool,
    /// Whether live objects that are no longer desired are removed.
    pub prune: bool,
    /// Whether `springline watch` removes drift, or only tells of it.
    pub self_heal: bool,
    /// How long to wait for live objects to become healthy, in seconds; 0 for not at all: how they
    /// are is told, and what is not healthy fails nothing.
    pub health_seconds: u64,
    /// What becomes of a sync that fails.
    pub on_failure: OnFailure,
    /// Drift that is left alone. It stays visible.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Ignore>,
    /// Live objects that are never removed: patterns of their names, in which `*` stands for any
    /// number of characters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
    /// When removing needs a confirmation.
    pub confirm_prune: ConfirmPrune,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            automated: true,
            prune: true,
            self_heal: true,
            health_seconds: 300,
            on_failure: OnFailure::Hold,
            ignore: Vec::new(),
            protect: Vec::new(),
            confirm_prune: ConfirmPrune::default(),
        }
    }
}

/// What becomes of a sync that fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// All stays as far as it came.
    #[default]
    Hold,
    /// The last release that was healthy comes back.
    Rollback,
}

/// Drift that is left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Ignore {
    /// Of which objects: a pattern of live names or of desired ids, in which `*` stands for any number
    /// of characters.
    pub objects: String,
    /// In which fields, as JSON pointers (RFC 6901); with neither these nor managers, in all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pointers: Vec<String>,
    /// In the fields that these managers own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managers: Vec<String>,
}

/// A sync that would remove more than this waits for a confirmation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ConfirmPrune {
    /// So many of a hundred live objects that are owned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64", range(max = 100))]
    pub percent: Option<u64>,
    /// So many live objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub objects: Option<u64>,
    /// The removals that somebody has said yes to, as `3-1a2b3c4d`: how many, and the beginning of the digest
    /// of their names. No file says it: it is for one sync.
    #[serde(skip)]
    pub confirmed: Option<String>,
}

impl Sync {
    /// Whether it says nothing that is not so anyway.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Ignore {
    /// Whether it is about a live object that is made from the desired one of this id.
    #[must_use]
    pub fn covers(&self, live: &str, object: &str) -> bool {
        matches(&self.objects, live) || matches(&self.objects, object)
    }

    /// Whether it is about whole objects, and not about some of their fields.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.pointers.is_empty() && self.managers.is_empty()
    }
}

/// Whether a text is as a pattern says, in which `*` stands for any number of characters.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').map_or((None, rest), |(middle, end)| (Some(middle), end));
    for part in middle.into_iter().flat_map(|middle| middle.split('*')) {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_number_of_characters() {
        for (pattern, text, is_match) in [
            ("a/b", "a/b", true),
            ("a/b", "a/bc", false),
            ("*", "", true),
            ("*/Secret/*", "prod/Secret/shop/token", true),
            ("*/Secret/*", "Secret/token", false),
            ("guide/*", "guide/deep/index.html", true),
            ("a*a", "a", false),
            ("a**a", "aba", true),
            ("*b*b*", "b", false),
            ("*ab", "aab", true),
        ] {
            assert_eq!(matches(pattern, text), is_match, "{pattern} {text}");
        }
    }
}
