//! The rules that users write.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::expression::{Expression, Position, Problem};
use crate::judge::{Compiled, Status};
use crate::table;
use crate::template::Template;

/// Rules a user may give at all, so that the work of reading them is bounded.
const MOST: usize = 500;

/// How objects of some kinds are judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KindRules {
    /// The kinds, as `KIND.GROUP` (`Certificate.cert-manager.io`) or `KIND` for the core group; `*`
    /// stands for any text within the kind or the group: `*.*.example.com`
    pub kinds: Vec<String>,
    /// The first that holds decides; if none does, the built-in rules for all kinds do
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A CEL expression; without one the rule always holds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// How the object is, if the rule holds
    pub status: Status,
    /// Why: text, with CEL expressions between `${` and `}`
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// What is wrong with a user's rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {}{problem}", at(*position))]
pub struct RuleError {
    /// Where in the list of [`KindRules`], as a JSON pointer: `/0/rules/2/when`.
    pub pointer: String,
    /// Where in that text, if it is about a place in it.
    pub position: Option<Position>,
    /// What is wrong.
    pub problem: Problem,
}

fn at(position: Option<Position>) -> String {
    position.map(|at| format!("{at}: ")).unwrap_or_default()
}

/// A user's rules for some kinds, ready to judge by.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) kinds: Vec<(String, String)>,
    pub(crate) rules: Vec<Compiled>,
}

/// All rules.
pub(crate) fn compile(all: &[KindRules]) -> Result<Vec<Own>, Vec<RuleError>> {
    let mut errors = Vec::new();
    let mut own = Vec::new();
    bound(all)?;
    for (at, entry) in all.iter().enumerate() {
        own.push(compile_one(at, entry, &mut errors));
    }
    if errors.is_empty() { Ok(own) } else { Err(errors) }
}

/// The rules for one kind: those that name it, else those whose wildcards fit it.
pub(crate) fn compile_for(all: &[KindRules], kind: &str, group: &str) -> Result<Option<Own>, Vec<RuleError>> {
    bound(all)?;
    let fits = |how: fn(&(String, String), &str, &str) -> bool| {
        let is =
            |entry: &KindRules| entry.kinds.iter().filter_map(|name| split(name)).any(|own| how(&own, kind, group));
        all.iter().position(is)
    };
    let Some(at) = fits(names).or_else(|| fits(covers)) else { return Ok(None) };
    let mut errors = Vec::new();
    let own = compile_one(at, &all[at], &mut errors);
    if errors.is_empty() { Ok(Some(own)) } else { Err(errors) }
}

/// Whether a name is that of a kind.
pub(crate) fn names((one, of): &(String, String), kind: &str, group: &str) -> bool {
    one == kind && of == group
}

/// Whether a name fits a kind, by its wildcards.
pub(crate) fn covers((one, of): &(String, String), kind: &str, group: &str) -> bool {
    table::matches(one, kind) && table::matches(of, group)
}

fn bound(all: &[KindRules]) -> Result<(), Vec<RuleError>> {
    if all.iter().map(|kinds| kinds.rules.len() + kinds.kinds.len()).sum::<usize>() > MOST {
        return Err(vec![RuleError { pointer: String::new(), position: None, problem: Problem::TooMany(MOST) }]);
    }
    Ok(())
}

fn compile_one(at: usize, entry: &KindRules, errors: &mut Vec<RuleError>) -> Own {
    let mut kinds = Vec::new();
    for (index, name) in entry.kinds.iter().enumerate() {
        match split(name) {
            Some(kind) => kinds.push(kind),
            None => errors.push(RuleError {
                pointer: format!("/{at}/kinds/{index}"),
                position: None,
                problem: Problem::Kind(name.clone()),
            }),
        }
    }
    let mut rules = Vec::new();
    for (index, rule) in entry.rules.iter().enumerate() {
        let mut place = |field: &str, (position, problem)| {
            errors.push(RuleError { pointer: format!("/{at}/rules/{index}/{field}"), position, problem });
        };
        let when = rule.when.as_deref().map(Expression::compile).transpose();
        let when = when.map_err(|error| place("when", error));
        let message = Template::compile(&rule.message).map_err(|error| place("message", error));
        if let (Ok(when), Ok(message)) = (when, message) {
            rules.push(Compiled { when, status: rule.status, message });
        }
    }
    Own { kinds, rules }
}

/// `KIND.GROUP` in its parts.
fn split(name: &str) -> Option<(String, String)> {
    let fits = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-.*".contains(c));
    let (kind, group) = name.split_once('.').unwrap_or((name, ""));
    (!kind.is_empty() && fits(name) && !group.starts_with('.') && !name.ends_with('.'))
        .then(|| (kind.to_owned(), group.to_owned()))
}
