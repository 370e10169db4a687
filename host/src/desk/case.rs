//! Cases: directories that say what a plugin is given, and what it is to make of it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use springline_config::{CompiledSchema, Document};
use springline_model::capability::{DirectoryGrant, Grants};
use springline_model::plugin::Limits;
use springline_model::tree::is_clean_path;

use crate::cli::error::{CliError, Kind};

/// The file that says how a plugin is called.
const FILE: &str = "case.yaml";

/// What `case.yaml` says; all of it may be left out.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Given {
    /// The plugin's config.
    pub config: Map<String, Value>,
    /// What it may ask about.
    pub context: GivenContext,
    /// The powers it gets, as in host.yaml; but `directory` is `true` (as without it) or `false`:
    /// whether a deploy target is lent the directory `live`.
    pub grants: Map<String, Value>,
    /// How far it may go.
    pub limits: Limits,
    /// Directories of `desired` that are objects of their own: directory trees.
    pub trees: Vec<String>,
    /// What this application owns before the sync.
    pub owned: Vec<String>,
    /// What others own: path and owner, `APPLICATION/ENVIRONMENT`.
    pub owners: BTreeMap<String, String>,
}

/// What a call may ask about.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GivenContext {
    /// The application's name.
    pub application: String,
    /// The environment's name; a build step is never told it.
    pub environment: String,
    /// The revision.
    pub revision: String,
    /// When it was committed, in seconds since 1970.
    pub commit_time: i64,
    /// The environment's values.
    pub values: Map<String, Value>,
}

impl Default for GivenContext {
    fn default() -> Self {
        Self {
            application: "example".into(),
            environment: "test".into(),
            revision: "0".repeat(40),
            commit_time: 0,
            values: Map::new(),
        }
    }
}

/// A case.
pub struct Case {
    /// Its name: that of its directory.
    pub name: String,
    /// Its directory.
    pub directory: PathBuf,
    /// What the plugin is given.
    pub given: Given,
    /// `case.yaml`, for messages about its lines.
    pub document: Document,
    /// Where it is.
    pub places: Places,
}

/// Where the directories are that a plugin is given.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The input of a build step or a renderer; one that is not there is empty.
    pub input: PathBuf,
    /// A renderer's artifacts, by name.
    pub artifacts: BTreeMap<String, PathBuf>,
    /// A deploy target's desired objects.
    pub desired: PathBuf,
    /// The directory that is lent to a deploy target.
    pub live: PathBuf,
    /// Whether that directory itself is lent, and not a copy of it.
    pub live_itself: bool,
}

impl Places {
    /// As a case has them.
    fn of_case(directory: &Path) -> Self {
        let entries = directory.join("artifacts").read_dir().into_iter().flatten().flatten();
        let artifacts = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        Self {
            input: directory.join("in"),
            artifacts: artifacts
                .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
                .collect(),
            desired: directory.join("desired"),
            live: directory.join("live"),
            live_itself: false,
        }
    }
}

impl Case {
    /// Reads the case in this directory.
    ///
    /// # Errors
    /// A file that is wrong; a directory that is a link.
    pub fn read(directory: &Path) -> Result<Self, CliError> {
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !fs::symlink_metadata(directory).is_ok_and(|metadata| metadata.is_dir()) {
            return Err(CliError::new(Kind::Usage, format!("{} is no directory", directory.display()))
                .hint("a case is a directory; a symbolic link can't stand for it"));
        }
        let path = directory.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(CliError::new(Kind::Config, format!("{}: {error}", path.display()))),
        };
        let (given, document) = read_yaml::<Given>(&path.display().to_string(), &text)?;
        let paths = [("owned", &given.owned), ("trees", &given.trees)];
        for (key, at, path) in
            paths.iter().flat_map(|(key, list)| list.iter().enumerate().map(move |(at, path)| (key, at, path)))
        {
            if !is_clean_path(path) {
                let issue =
                    document.issue(&format!("/{key}/{at}"), format!("`{path}` is no path below a directory"), None);
                return Err(document.error(vec![issue]).into());
            }
        }
        let places = Places::of_case(directory);
        Ok(Self { name, directory: directory.to_owned(), given, document, places })
    }

    /// The powers that the plugin gets, a directory lent at this place among them if there is one.
    /// The files of secrets lie below the case.
    ///
    /// # Errors
    /// A grant that is none.
    pub fn grants(&self, live: Option<&Path>) -> Result<Grants, CliError> {
        let mut grants = self.given.grants.clone();
        let wrong = |pointer: &str, message: String| {
            CliError::from(self.document.error(vec![self.document.issue(pointer, message, None)]))
        };
        let lent = match grants.remove("directory") {
            None => true,
            Some(Value::Bool(lent)) => lent,
            Some(_) => {
                let message = "expected `true` or `false`: what is lent is the case's directory `live`";
                return Err(wrong("/grants/directory", message.into()));
            }
        };
        let mut grants: Grants =
            serde_json::from_value(Value::Object(grants)).map_err(|error| wrong("/grants", error.to_string()))?;
        for path in grants.secrets.values_mut().filter_map(|secret| secret.file.as_mut()) {
            *path = self.directory.join(&path);
        }
        grants.directory = live.filter(|_| lent).map(|live| DirectoryGrant { path: live.to_owned() });
        Ok(grants)
    }
}

/// Every case below a directory, sorted by name; of those that are named, only these.
///
/// # Errors
/// No such directory or case; a case that is wrong.
pub fn all(directory: &Path, named: &[String]) -> Result<Vec<Case>, CliError> {
    for name in named {
        if name.contains('/') || !is_clean_path(name) {
            return Err(CliError::new(Kind::Usage, format!("`{name}` is no name of a case"))
                .hint("a case is named by its directory's own name, without its path"));
        }
    }
    let mut names: Vec<String> = named.to_vec();
    if names.is_empty() {
        let listed = fs::read_dir(directory).map_err(|error| {
            CliError::new(Kind::Usage, format!("the cases in {} can't be listed: {error}", directory.display()))
                .hint("a case is a directory, such as cases/first, with what the plugin is given in it; `--cases DIR` names another place")
        })?;
        for entry in listed {
            let entry = entry.map_err(|error| CliError::new(Kind::Source, error.to_string()))?;
            if entry.path().is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
    }
    names
        .iter()
        .map(|name| {
            let at = directory.join(name);
            if !at.exists() {
                return Err(CliError::new(
                    Kind::Usage,
                    format!("there is no case `{name}` in {}", directory.display()),
                ));
            }
            Case::read(&at)
        })
        .collect()
}

/// Reads YAML as a `T`, with the line of everything that is wrong.
///
/// # Errors
/// What is wrong.
pub fn read_yaml<T: JsonSchema + serde::de::DeserializeOwned>(
    name: &str,
    text: &str,
) -> Result<(T, Document), CliError> {
    let document = Document::parse(name, text)?;
    let value = if document.is_empty() { Value::Object(Map::new()) } else { document.to_json() };
    let schema = CompiledSchema::new(schemars::schema_for!(T).as_value())
        .map_err(|error| CliError::new(Kind::State, format!("{name}: {error}")))?;
    schema.check(&document, "", &value, None, None)?;
    let decoded = serde_json::from_value(value)
        .map_err(|error| CliError::from(document.error(vec![document.issue("", error.to_string(), None)])))?;
    Ok((decoded, document))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let error = read_yaml::<Given>("case.yaml", "config: {}\ncontest: {}\n").unwrap_err();
        assert!(error.message.starts_with("case.yaml:2:1: unknown key `contest`"), "{}", error.message);
    }

    #[test]
    fn nothing_at_all_is_a_case() {
        let (given, _) = read_yaml::<Given>("case.yaml", "# nothing\n").unwrap();
        assert_eq!(given.context.application, "example");
    }
}
