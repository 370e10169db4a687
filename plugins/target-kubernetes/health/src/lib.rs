//! How healthy a Kubernetes object is. The rules are data: a list a kind of conditions written in
//! CEL, each with the status and the message that it stands for; the first that holds decides.
//!
//! The built-in rules lie in `rules/`; [`Rules::with`] takes those of a user, which go first. What
//! has no rules of its own is judged by the ones of `kstatus`, which look at generations and
//! standard conditions alone.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod expression;
mod functions;
mod judge;
mod object;
mod rule;
mod table;
mod template;

pub use expression::{Position, Problem};
pub use judge::{Rules, Status, Verdict};
pub use rule::{KindRules, Rule, RuleError};
pub use table::{kinds, matches};
