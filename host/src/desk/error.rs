//! How a call failed, as `error.yaml` of a case has it.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use springline_config::ConfigError;
use springline_model::plugin::{CallError, Fault, Limit};

/// The failure of a call, or what is expected of one: what is left out may be anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Failure {
    /// Its kind.
    pub kind: FailureKind,
    /// What was wrong with the input, all of it and in this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violations: Option<Vec<Wrong>>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The limit that was reached, as host.yaml calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
}

/// How a call can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The input or the config is wrong.
    Invalid,
    /// A power was not granted.
    Denied,
    /// Live was not as expected.
    Conflict,
    /// Something passing.
    Transient,
    /// The plugin gave up.
    Failed,
    /// It stopped by a trap.
    Trap,
    /// It went past a limit.
    Limit,
    /// What it returned breaks the contract.
    Contract,
}

/// One thing wrong with the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wrong {
    /// What is wrong.
    pub message: String,
    /// The file it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The place in the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Failure {
    fn new(kind: FailureKind, message: Option<&str>) -> Self {
        Self { kind, violations: None, message: message.map(str::to_owned), limit: None }
    }

    /// A break of the contract that the desk itself found.
    pub fn contract(message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..Self::new(FailureKind::Contract, None) }
    }

    /// The failure of a call; none if it says nothing about the plugin.
    pub fn of_call(error: &CallError) -> Option<Self> {
        Some(match &error.fault {
            Fault::Invalid { violations } => {
                let wrong = violations.iter().map(|violation| Wrong {
                    message: violation.message.clone(),
                    file: violation.file.clone(),
                    line: violation.line,
                    pointer: violation.pointer.clone(),
                });
                Self { violations: Some(wrong.collect()), ..Self::new(FailureKind::Invalid, None) }
            }
            Fault::Denied { message } => Self::new(FailureKind::Denied, Some(message)),
            Fault::Conflict { message } => Self::new(FailureKind::Conflict, Some(message)),
            Fault::Transient { message, .. } => Self::new(FailureKind::Transient, Some(message)),
            Fault::Failed { message } => Self::new(FailureKind::Failed, Some(message)),
            // Where a trap was changes with every build.
            Fault::Trap { .. } => Self::new(FailureKind::Trap, None),
            Fault::Limit { limit, .. } => {
                let limit = limit_name(*limit).to_owned();
                Self { limit: Some(limit), ..Self::new(FailureKind::Limit, None) }
            }
            Fault::Contract { message } => Self::new(FailureKind::Contract, Some(message)),
            fault @ Fault::Leak { .. } => Self::new(FailureKind::Contract, Some(&fault.to_string())),
            Fault::Unusable { .. }
            | Fault::Cancelled
            | Fault::Lost { .. }
            | Fault::NoSpace { .. }
            | Fault::Host { .. } => {
                return None;
            }
        })
    }

    /// A config that the plugin's schema refuses: the plugin is not called. `at` is where the
    /// config stands in the file.
    pub fn of_config(error: &ConfigError, at: &str) -> Self {
        let wrong = error.issues.iter().map(|issue| Wrong {
            message: issue.message.clone(),
            file: None,
            line: None,
            pointer: Some(issue.pointer.strip_prefix(at).unwrap_or(&issue.pointer).to_owned()),
        });
        Self { violations: Some(wrong.collect()), ..Self::new(FailureKind::Invalid, None) }
    }

    /// Whether this is what was expected.
    pub fn satisfies(&self, expected: &Self) -> bool {
        fn fits<T: PartialEq>(found: &Option<T>, expected: &Option<T>) -> bool {
            expected.is_none() || found == expected
        }
        self.kind == expected.kind
            && fits(&self.violations, &expected.violations)
            && fits(&self.message, &expected.message)
            && fits(&self.limit, &expected.limit)
    }

    /// As YAML.
    pub fn to_yaml(&self) -> String {
        let word = serde_json::to_value(self.kind).ok();
        let mut text = format!("kind: {}\n", word.as_ref().and_then(|word| word.as_str()).unwrap_or_default());
        for (key, value) in [("message", &self.message), ("limit", &self.limit)] {
            if let Some(value) = value {
                let _ = writeln!(text, "{key}: {}", quoted(value));
            }
        }
        if let Some(violations) = &self.violations {
            text.push_str("violations:\n");
            for wrong in violations {
                let _ = writeln!(text, "  - message: {}", quoted(&wrong.message));
                for (key, value) in [("file", &wrong.file), ("pointer", &wrong.pointer)] {
                    if let Some(value) = value {
                        let _ = writeln!(text, "    {key}: {}", quoted(value));
                    }
                }
                if let Some(line) = wrong.line {
                    let _ = writeln!(text, "    line: {line}");
                }
            }
        }
        text
    }
}

const fn limit_name(limit: Limit) -> &'static str {
    match limit.setting() {
        Some(setting) => setting,
        None => "stack",
    }
}

/// A text as YAML takes it: JSON's strings are YAML's as well.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::case::read_yaml;
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let wrong = Wrong { message: "a \"b\": c\n".into(), file: Some("ü.md".into()), line: Some(3), pointer: None };
        let failure = Failure { violations: Some(vec![wrong]), ..Failure::new(FailureKind::Invalid, None) };
        let (read, _) = read_yaml::<Failure>("error.yaml", &failure.to_yaml()).unwrap();
        assert_eq!(read, failure);
    }

    #[test]
    fn what_is_left_out_may_be_anything() {
        let found = Failure::contract("two of one id");
        assert!(found.satisfies(&Failure::new(FailureKind::Contract, None)));
        assert!(!found.satisfies(&Failure::new(FailureKind::Contract, Some("other"))));
        assert!(!found.satisfies(&Failure::new(FailureKind::Failed, None)));
    }
}
