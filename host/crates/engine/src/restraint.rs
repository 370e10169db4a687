//! What of a plan is not done: updates that are ignored, removals of what is protected, and more removals
//! than are made without a confirmation.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};
use springline_model::application::{Ignore, Sync, matches};
use springline_model::call::canonical_json;
use springline_model::manifest::{Action, Change};
use springline_model::run::{Inventory, Release};

use crate::chain::{APPLICATION, Target};
use crate::plan::Plan;
use crate::render::count;

/// A live object that is no longer desired and stays, as something protects it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Protected {
    /// The live object.
    pub live: String,
    /// The pattern of `protect` that it is as; none if its target keeps it.
    pub by: Option<String>,
}

impl std::fmt::Display for Protected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.by {
            Some(pattern) => write!(f, "{} is no longer desired and stays: `protect` says `{pattern}`", self.live),
            None => write!(f, "{} is no longer desired and stays: its target keeps it", self.live),
        }
    }
}

/// More removals than are made without a confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[error("{}{} of {owned} live objects would be removed, and {limit} needs a confirmation: nothing was done", told(*.confirmed), .removals.len())]
pub struct Unconfirmed {
    /// What would be removed, in this order.
    pub removals: Vec<String>,
    /// How many live objects are owned.
    pub owned: usize,
    /// What is more than the policy lets pass.
    pub limit: String,
    /// What was confirmed instead.
    pub confirmed: Option<u64>,
}

fn told(confirmed: Option<u64>) -> String {
    confirmed.map(|number| format!("{number} removals were confirmed, but ")).unwrap_or_default()
}

/// What holds when a release is deployed or looked at under a policy. What either of them leaves alone or
/// protects is left alone and protected: a release is deployed as it was, and what was left to others since
/// then stays theirs.
pub(crate) fn joined(policy: &Sync, release: &Release) -> Sync {
    let mut joined = policy.clone();
    let Sync { ignore, protect, .. } = &release.sync;
    joined.ignore.extend(ignore.iter().filter(|rule| !policy.ignore.contains(rule)).cloned());
    joined.protect.extend(protect.iter().filter(|pattern| !policy.protect.contains(pattern)).cloned());
    joined
}

/// A target that leaves these fields alone.
pub(crate) fn leaving(target: &Target, rules: &[Ignore]) -> Target {
    with_sync(target, rules, false).unwrap_or_else(|| target.clone())
}

/// A target that plans nothing but what it ignores; none if it can't, or ignores nothing.
pub(crate) fn telling(target: &Target, rules: &[Ignore]) -> Option<Target> {
    with_sync(target, rules, true)
}

/// A target in whose config stands what it needs to know of the policy; none if that is nothing.
fn with_sync(target: &Target, rules: &[Ignore], told: bool) -> Option<Target> {
    // What the application says to the target may ignore something as well.
    let has_rules = rules.iter().any(|rule| !rule.is_whole()) || told && !target.with.is_empty();
    if !target.leaves || !has_rules {
        return None;
    }
    let mut sync = json!({ "ignore": rules });
    if told {
        sync["told"] = json!(true);
    }
    let mut config: Map<String, Value> = serde_json::from_str(&target.uses.config).ok()?;
    let application = config.entry(APPLICATION).or_insert_with(|| json!({}));
    application.as_object_mut()?.insert("sync".to_owned(), sync);
    let mut target = target.clone();
    target.uses.config = Arc::from(canonical_json(&Value::Object(config)));
    Some(target)
}

/// Takes out the updates that are ignored as a whole. What is missing is made all the same.
pub(crate) fn ignore(plan: &mut Plan, policy: &Sync) {
    let whole: Vec<_> = policy.ignore.iter().filter(|rule| rule.is_whole()).collect();
    let is_ignored = |change: &mut Change| {
        change.action == Action::Update && whole.iter().any(|rule| rule.covers(&change.live, &change.object))
    };
    plan.ignored = plan.changes.extract_if(.., is_ignored).collect();
}

/// Takes out the removals of what is protected, and tells what the target keeps by itself.
pub(crate) fn protect(plan: &mut Plan, inventory: &Inventory, policy: &Sync) {
    let pattern = |live: &str| {
        let object = inventory.objects.get(live).map(|owned| owned.object.as_str()).filter(|id| !id.is_empty());
        let mut patterns = policy.protect.iter();
        patterns.find(|pattern| matches(pattern, live) || object.is_some_and(|object| matches(pattern, object)))
    };
    let removed: BTreeSet<String> = removals(&plan.changes).map(|change| change.live.clone()).collect();
    let is_kept = |live: &&String| {
        !removed.contains(*live) && !plan.identities.contains_key(*live) && !plan.released.contains(*live)
    };
    let kept: Vec<Protected> =
        inventory.objects.keys().filter(is_kept).map(|live| Protected { live: live.clone(), by: None }).collect();
    let is_protected = |change: &mut Change| change.action == Action::Delete && pattern(&change.live).is_some();
    let protected = plan.changes.extract_if(.., is_protected);
    plan.protected =
        protected.map(|change| Protected { by: pattern(&change.live).cloned(), live: change.live }).collect();
    plan.protected.extend(kept);
}

fn removals(changes: &[Change]) -> impl Iterator<Item = &Change> {
    changes.iter().filter(|change| change.action == Action::Delete)
}

/// Whether a plan removes more than passes without a confirmation, and then what. A removal that was tried
/// before was confirmed then.
pub(crate) fn unconfirmed(plan: &Plan, inventory: &Inventory, policy: &Sync) -> Option<Unconfirmed> {
    unconfirmed_of(plan, inventory, policy, |_| true)
}

/// As [`unconfirmed`], of those removals alone that count.
pub(crate) fn unconfirmed_of(
    plan: &Plan,
    inventory: &Inventory,
    policy: &Sync,
    counts: impl Fn(&str) -> bool,
) -> Option<Unconfirmed> {
    let is_tried = |live: &str| inventory.objects.get(live).is_some_and(|owned| owned.prune_failed.is_some());
    let removals: Vec<String> = removals(&plan.changes)
        .filter(|change| !inventory.is_going(change) && !is_tried(&change.live) && counts(&change.live))
        .map(|change| change.live.clone())
        .collect();
    let (number, owned) = (removals.len() as u64, inventory.objects.len());
    let limits = &policy.confirm_prune;
    let beyond_percent = limits.percent.filter(|percent| number * 100 > percent * owned as u64);
    let beyond_objects = limits.objects.filter(|objects| number > *objects);
    let limit = match (beyond_percent, beyond_objects) {
        _ if removals.is_empty() => return None,
        (None, None) => return None,
        (_, Some(objects)) => format!("more than {}", count(usize::try_from(objects).unwrap_or(usize::MAX), "object")),
        (Some(percent), None) => format!("more than {percent} percent"),
    };
    let confirmed = limits.confirmed;
    (confirmed != Some(number)).then_some(Unconfirmed { removals, owned, limit, confirmed })
}
