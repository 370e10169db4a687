//! A closer look at live objects, for people.

use crate::deploy::{Deploy, Health, Target};
use crate::error::Result;

/// A deploy target that gives insight into live objects. `#[deploy_target(insight)]` exports it.
pub trait Insight: Target {
    /// What belongs to these live objects, parents before children.
    ///
    /// # Errors
    /// Why it can't be told.
    fn children(&self, live: &[String], deploy: &mut Deploy) -> Result<Vec<Child>>;

    /// Why these live objects are not healthy.
    ///
    /// # Errors
    /// Why it can't be told.
    fn explain_health(&self, live: &[String], deploy: &mut Deploy) -> Result<Vec<Account>>;
}

/// A live object that belongs to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// What it belongs to: one of the objects asked for, or another child.
    pub parent: String,
    /// The object.
    pub live: String,
    /// How it is.
    pub health: Health,
}

/// Why a live object is as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// The object.
    pub live: String,
    /// One line each: conditions that do not hold, warnings, what its children complain of; the
    /// most telling one first.
    pub lines: Vec<String>,
}
