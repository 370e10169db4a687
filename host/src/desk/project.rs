//! Plugin projects: a directory with a `plugin.yaml`.

use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use springline_model::plugin::Kind as PluginKind;
use springline_model::tree::is_clean_path;
use springline_toolchain::{Language, Project};

use super::case::read_yaml;
use crate::cli::error::{CliError, Kind};

/// The file that makes a directory a plugin project.
pub const FILE: &str = "plugin.yaml";

/// What `plugin.yaml` says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Declared {
    /// The plugin's name.
    name: String,
    /// What it is written in.
    language: DeclaredLanguage,
    /// What it is.
    kind: DeclaredKind,
    /// Where the component is put; `build/NAME.wasm` without it.
    #[serde(default)]
    component: Option<String>,
    /// The command that makes the component, for a language that is not built in.
    #[serde(default)]
    command: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum DeclaredLanguage {
    Rust,
    Python,
    JavaScript,
    TypeScript,
    Go,
    C,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum DeclaredKind {
    BuildStep,
    Renderer,
    DeployTarget,
}

/// A project, and the kind of plugin that it is to become.
pub struct Declaration {
    /// The project.
    pub project: Project,
    /// The kind.
    pub kind: PluginKind,
}

/// Reads the project in this directory.
///
/// # Errors
/// No project; a `plugin.yaml` that is wrong.
pub fn read(directory: &Path) -> Result<Declaration, CliError> {
    let path = directory.join(FILE);
    let text = fs::read_to_string(&path).map_err(|error| {
        let error = CliError::new(
            Kind::Usage,
            format!("there is no plugin project in {}: {FILE}: {error}", directory.display()),
        );
        error.hint("`springline plugin new --lang LANG --kind KIND NAME` writes one; else name its directory")
    })?;
    let (declared, document) = read_yaml::<Declared>(&path.display().to_string(), &text)?;
    let wrong =
        |pointer: &str, message: String| CliError::from(document.error(vec![document.issue(pointer, message, None)]));
    if !is_name(&declared.name) {
        let message = format!(
            "`{}` is no name of a plugin: lower-case letters, digits and `-`, such as `my-step`",
            declared.name
        );
        return Err(wrong("/name", message));
    }
    let component = declared.component.unwrap_or_else(|| format!("build/{}.wasm", declared.name));
    if !is_clean_path(&component) {
        return Err(wrong("/component", format!("`{component}` is no path below the project")));
    }
    let language = match declared.language {
        DeclaredLanguage::Rust => Language::Rust,
        DeclaredLanguage::Python => Language::Python,
        DeclaredLanguage::JavaScript => Language::JavaScript,
        DeclaredLanguage::TypeScript => Language::TypeScript,
        DeclaredLanguage::Go => Language::Go,
        DeclaredLanguage::C => Language::C,
        DeclaredLanguage::Other => Language::Other,
    };
    match (language, declared.command.is_empty()) {
        (Language::Other, true) => {
            return Err(wrong(
                "",
                "`language: other` needs `command: [PROGRAM, ARGUMENT…]`, which makes the component".into(),
            ));
        }
        (Language::Other, false) | (_, true) => {}
        (_, false) => return Err(wrong("/command", "a command is for `language: other`".into())),
    }
    let directory = fs::canonicalize(directory)
        .map_err(|error| CliError::new(Kind::Usage, format!("{}: {error}", directory.display())))?;
    let kind = match declared.kind {
        DeclaredKind::BuildStep => PluginKind::BuildStep,
        DeclaredKind::Renderer => PluginKind::Renderer,
        DeclaredKind::DeployTarget => PluginKind::DeployTarget,
    };
    let project = Project {
        component: directory.join(component),
        directory,
        name: declared.name,
        language,
        kind: kind.to_string(),
        command: declared.command,
    };
    Ok(Declaration { project, kind })
}

/// Whether a plugin may have this name.
pub fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--")
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Where the cases of a project are.
pub fn cases(directory: &Path) -> PathBuf {
    directory.join("cases")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), text).unwrap();
        read(directory.path()).err().unwrap().message
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        assert!(refused("name: My Step\nlanguage: rust\nkind: renderer\n").contains("plugin.yaml:1:7"));
        assert!(refused("name: x\nlanguage: cobol\nkind: renderer\n").contains("plugin.yaml:2:"));
        assert!(refused("name: x\nlanguage: rust\nkind: renderer\ncomponent: ../x\n").contains("plugin.yaml:4:"));
        assert!(refused("name: x\nlanguage: other\nkind: renderer\n").contains("command"));
        assert!(refused("name: x\nlanguage: rust\nkind: renderer\ncommand: [make]\n").contains("plugin.yaml:4:"));
    }
}
