//! Rules of the user's own, from a file.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use springline_config::Document;
use springline_model::plugin::{Fault, Violation};
use springline_model::port::Target;

use super::PLUGIN;
use crate::cli::error::{CliError, Kind};

/// Where the rules stand in the plugin's config.
const POINTER: &str = "/application/health";

/// The rules and where they were written.
pub struct Own {
    /// The list of rules.
    pub rules: Value,
    document: Document,
    /// Where the list stands in the document.
    pointer: &'static str,
}

impl Own {
    /// Reads a list, or a mapping that has one under `health`, as `target-with` does.
    ///
    /// # Errors
    /// A file that can't be read or holds something else.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| CliError::new(Kind::Usage, format!("--rules: {name} can't be read: {error}")))?;
        let document = Document::parse(&name, &text)?;
        let given = if document.is_empty() { json!([]) } else { document.to_json() };
        let (rules, pointer) = match given.get("health") {
            Some(rules) => (rules.clone(), "/health"),
            None => (given, ""),
        };
        if !rules.is_array() {
            let issue = document.issue(pointer, "expected a list of rules, each with `kinds` and `rules`", None);
            return Err(document.error(vec![issue]).into());
        }
        Ok(Self { rules, document, pointer })
    }

    /// Lets the plugin read the rules, before anything is judged by them.
    ///
    /// # Errors
    /// What is wrong with them, where they were written.
    pub fn check(&self, target: &dyn Target) -> Result<(), CliError> {
        let error = match target.identify() {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let Fault::Invalid { violations } = &error.fault else { return Err(error.into()) };
        let here = |violation: &Violation| Violation {
            pointer: violation.pointer.as_ref().map(|pointer| pointer.trim_start_matches(POINTER).to_owned()),
            ..violation.clone()
        };
        let violations: Vec<_> = violations.iter().map(here).collect();
        Err(self.document.violations(self.pointer, PLUGIN, &violations).into())
    }
}
