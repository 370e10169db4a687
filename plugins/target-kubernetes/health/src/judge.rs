//! From an object to a verdict.

use cel::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::expression::{Expression, Located};
use crate::functions;
use crate::object::Variables;
use crate::rule::{self, KindRules, Own, RuleError};
use crate::table;
use crate::template::Template;

/// How an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Status {
    /// It does what it is for.
    Healthy,
    /// It is on its way.
    Progressing,
    /// It failed, or will not get there by itself.
    Degraded,
    /// It is not there, though it should be.
    Missing,
    /// It waits for somebody to let it go on.
    Suspended,
    /// Nobody can tell.
    Unknown,
}

/// How an object is, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// How it is.
    pub status: Status,
    /// Why; may be empty for a healthy one.
    pub message: String,
}

/// A rule that is ready to judge by.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) when: Option<Expression>,
    pub(crate) status: Status,
    pub(crate) message: Template,
}

/// The rules for all kinds.
#[derive(Debug, Default)]
pub struct Rules {
    own: Vec<Own>,
}

impl Rules {
    /// The built-in rules.
    pub fn builtin() -> Self {
        Self::default()
    }

    /// The built-in rules, and before them a user's: they replace the built-in ones of their kinds.
    ///
    /// # Errors
    /// Everything that is wrong with the user's rules.
    pub fn with(own: &[KindRules]) -> Result<Self, Vec<RuleError>> {
        Ok(Self { own: rule::compile(own)? })
    }

    /// As [`Rules::with`], but of the user's only those that this object is judged by: what is wrong
    /// with the others is not found.
    ///
    /// # Errors
    /// Everything that is wrong with the user's rules for the object's kind.
    pub fn of(own: &[KindRules], object: &Json) -> Result<Self, Vec<RuleError>> {
        let (kind, group) = kind_of(object);
        Ok(Self { own: rule::compile_for(own, kind, group)?.into_iter().collect() })
    }

    /// Judges an object as the API server gives it.
    pub fn judge(&self, object: &Json) -> Verdict {
        let (kind, group) = kind_of(object);
        let variables = Variables::new(object);
        let context = functions::context(object, &variables);
        let scope = Scope { context: &context, kind };
        let own = match self.own(kind, group) {
            Some(own) => scope.own(own),
            None => scope.builtin(table::find(kind, group)),
        };
        let verdict = own.or_else(|| scope.builtin(table::generic()));
        let verdict = verdict.unwrap_or(Verdict { status: Status::Healthy, message: String::new() });
        // What keeps an object from being deleted is worth more than that it is being deleted.
        match verdict.status {
            Status::Healthy | Status::Progressing if object.pointer("/metadata/deletionTimestamp").is_some() => {
                scope.builtin(table::deleting()).unwrap_or(verdict)
            }
            _ => verdict,
        }
    }

    /// A user's rules for a kind: those that name it, else those whose wildcards fit it.
    fn own(&self, kind: &str, group: &str) -> Option<&[Compiled]> {
        let named = |own: &&Own| own.kinds.iter().any(|own| rule::names(own, kind, group));
        let wild = |own: &&Own| own.kinds.iter().any(|own| rule::covers(own, kind, group));
        let own = self.own.iter().find(named).or_else(|| self.own.iter().find(wild))?;
        Some(&own.rules)
    }
}

/// An object's kind and its group.
fn kind_of(object: &Json) -> (&str, &str) {
    let text = |name: &str| object.get(name).and_then(Json::as_str).unwrap_or_default();
    (text("kind"), text("apiVersion").split_once('/').map_or("", |(group, _)| group))
}

/// One object, while it is judged.
struct Scope<'c, 'v> {
    context: &'c Context<'c, 'v>,
    kind: &'c str,
}

impl Scope<'_, '_> {
    /// What the first of a user's rules says that holds.
    fn own(&self, rules: &[Compiled]) -> Option<Verdict> {
        rules.iter().enumerate().find_map(|(at, rule)| {
            self.verdict(at, || {
                let holds = rule.when.as_ref().map_or(Ok(true), |when| when.holds(self.context))?;
                holds.then(|| Ok((rule.status, rule.message.render(self.context)?))).transpose()
            })
        })
    }

    /// What the first built-in rule says that holds; none after it is compiled.
    fn builtin(&self, rules: &[table::Rule]) -> Option<Verdict> {
        let because = |(_, problem): Located| problem.to_string();
        rules.iter().enumerate().find_map(|(at, rule)| {
            self.verdict(at, || {
                if let Some(when) = rule.when
                    && !Expression::compile(when).map_err(because)?.holds(self.context)?
                {
                    return Ok(None);
                }
                let message = Template::compile(rule.message).map_err(because)?.render(self.context)?;
                Ok(Some((rule.status, message)))
            })
        })
    }

    fn verdict(&self, at: usize, judge: impl FnOnce() -> Result<Option<(Status, String)>, String>) -> Option<Verdict> {
        match judge() {
            Ok(verdict) => verdict.map(|(status, message)| Verdict { status, message }),
            Err(why) => Some(Verdict {
                status: Status::Unknown,
                message: format!("rule {} for {} cannot judge this object: {why}", at + 1, self.kind),
            }),
        }
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
