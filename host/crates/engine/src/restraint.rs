//! What of a plan is not done: updates that are ignored, removals of what is protected, and more removals
//! than are made without a confirmation.

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};
use springline_model::Digest;
use springline_model::application::{Ignore, Sync, matches};
use springline_model::call::canonical_json;
use springline_model::manifest::{Action, Change};
use springline_model::run::{Inventory, Release};

use crate::chain::{APPLICATION, Target};
use crate::error::Reason;
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
    /// Whether it only may be as the pattern: which desired object it was made from is not known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unsure: bool,
}

impl std::fmt::Display for Protected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.by {
            Some(pattern) if self.unsure => write!(
                f,
                "{} is no longer desired and stays: what it was made from is not known, and `protect` says `{pattern}`",
                self.live
            ),
            Some(pattern) => write!(f, "{} is no longer desired and stays: `protect` says `{pattern}`", self.live),
            None => write!(f, "{} is no longer desired and stays: its target keeps it", self.live),
        }
    }
}

/// More removals than are made without a confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[error("{}{} of {owned} live objects would be removed{}: nothing was done", other(.confirmed.as_deref()), .removals.len(), needs(.limit))]
pub struct Unconfirmed {
    /// What would be removed, in this order.
    pub removals: Vec<String>,
    /// How many live objects are owned.
    pub owned: usize,
    /// What is more than the policy lets pass; empty if it lets all of it pass, and something else was confirmed.
    pub limit: String,
    /// What confirms these removals and no others.
    pub confirmation: String,
    /// What was confirmed instead.
    pub confirmed: Option<String>,
}

impl Unconfirmed {
    /// What confirms these removals, to the last digit: what a person has not to type.
    #[must_use]
    pub fn whole_confirmation(&self) -> String {
        confirmation(&self.removals, usize::MAX)
    }
}

fn other(confirmed: Option<&str>) -> String {
    confirmed.map(|confirmed| format!("`{confirmed}` confirms other removals, and ")).unwrap_or_default()
}

fn needs(limit: &str) -> String {
    if limit.is_empty() { String::new() } else { format!(", and {limit} needs a confirmation") }
}

/// How many digits of a digest a confirmation has.
const DIGITS: usize = 8;

/// How many removals, and so many digits of what they are.
fn confirmation(removals: &[String], digits: usize) -> String {
    let mut sorted: Vec<&str> = removals.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let hex = Digest::of(json!(sorted).to_string()).hex();
    format!("{}-{}", removals.len(), &hex[..digits.min(hex.len())])
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

/// A target that knows of the policy what it needs to plan. One that can't leave fields alone, where some are
/// to be, is refused: it would write them.
pub(crate) fn leaving(target: &Target, policy: &Sync) -> Result<Target, Reason> {
    let rules = &policy.ignore;
    if let Some(rule) = rules.iter().find(|rule| !rule.is_whole()).filter(|_| !target.leaves) {
        let (plugin, objects) = (target.uses.plugin.to_string(), rule.objects.clone());
        return Err(Reason::LeavesNothing { plugin, objects });
    }
    let mut sync = Map::new();
    if target.leaves && !rules.is_empty() {
        sync.insert("ignore".to_owned(), json!(rules));
    }
    if target.guards && !policy.protect.is_empty() {
        sync.insert("protect".to_owned(), json!(policy.protect));
    }
    let told = (!sync.is_empty()).then(|| with_sync(target, sync)).flatten();
    Ok(told.unwrap_or_else(|| target.clone()))
}

/// A target that plans nothing but what it ignores; none if it can't, or ignores nothing.
pub(crate) fn telling(target: &Target, rules: &[Ignore]) -> Option<Target> {
    // What the application says to the target may ignore something as well.
    let has_rules = rules.iter().any(|rule| !rule.is_whole()) || !target.with.is_empty();
    let sync = [("ignore".to_owned(), json!(rules)), ("told".to_owned(), json!(true))];
    (target.leaves && has_rules).then(|| with_sync(target, sync.into_iter().collect())).flatten()
}

/// A target in whose config this stands of the policy.
fn with_sync(target: &Target, sync: Map<String, Value>) -> Option<Target> {
    let mut config: Map<String, Value> = serde_json::from_str(&target.uses.config).ok()?;
    let application = config.entry(APPLICATION).or_insert_with(|| json!({}));
    application.as_object_mut()?.insert("sync".to_owned(), Value::Object(sync));
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
    // One that no live object is as may be about the desired object that one was made from.
    let is_of_desired = |pattern: &&String| !inventory.objects.keys().any(|live| matches(pattern, live));
    let of_desired = LazyCell::new(|| policy.protect.iter().find(is_of_desired));
    let pattern = |live: &str| {
        let object = inventory.objects.get(live).map(|owned| owned.object.as_str()).filter(|id| !id.is_empty());
        let mut patterns = policy.protect.iter();
        let found =
            patterns.find(|pattern| matches(pattern, live) || object.is_some_and(|object| matches(pattern, object)));
        // The marks of a target, which are all there is after a loss of the state, know no desired objects.
        let unsure = || of_desired.filter(|_| object.is_none()).map(|pattern| (pattern, true));
        found.map(|pattern| (pattern, false)).or_else(unsure)
    };
    let removed: BTreeSet<String> = deletes(&plan.changes).map(|change| change.live.clone()).collect();
    let is_kept = |live: &&String| {
        !removed.contains(*live) && !plan.identities.contains_key(*live) && !plan.released.contains(*live)
    };
    let kept = inventory.objects.keys().filter(is_kept);
    let kept: Vec<Protected> = kept.map(|live| Protected { live: live.clone(), by: None, unsure: false }).collect();
    // What is gone already, or is another's now, only leaves the inventory.
    let is_protected = |change: &mut Change| removes(change) && pattern(&change.live).is_some();
    let protected = plan.changes.extract_if(.., is_protected);
    plan.protected = protected
        .map(|change| {
            let found = pattern(&change.live);
            let (by, unsure) = (found.map(|(by, _)| by.clone()), found.is_some_and(|(_, unsure)| unsure));
            Protected { live: change.live, by, unsure }
        })
        .collect();
    plan.protected.extend(kept);
}

fn deletes(changes: &[Change]) -> impl Iterator<Item = &Change> {
    changes.iter().filter(|change| change.action == Action::Delete)
}

/// In a directory, what is to be made where something that stays is: a file and what would be a directory of its
/// name can't both be there, and whoever makes the one clears away the other.
pub(crate) fn in_the_way(plan: &Plan, inventory: &Inventory) -> Option<(String, String)> {
    let goes: BTreeSet<&str> = deletes(&plan.changes).map(|change| change.live.as_str()).collect();
    let stays = |live: &str| !goes.contains(live) && !plan.identities.contains_key(live);
    plan.changes.iter().filter(|change| change.action == Action::Create).find_map(|change| {
        let live = &change.live;
        let inside = format!("{live}/");
        let names = inventory.objects.range(inside.clone()..).map(|(name, _)| name.as_str());
        let below = names.take_while(|name| name.starts_with(&inside)).find(|name| stays(name));
        let above = || {
            let mut names = live.match_indices('/').map(|(at, _)| &live[..at]);
            names.find(|name| inventory.objects.contains_key(*name) && stays(name))
        };
        below.or_else(above).map(|stays| (live.clone(), stays.to_owned()))
    })
}

/// Whether something that is there goes by it.
pub(crate) fn removes(change: &Change) -> bool {
    change.action == Action::Delete && change.before.is_some()
}

/// What a plan removes, in its order, and how many live objects are owned besides what is going. A removal
/// that was tried before was confirmed then, and its object is as good as gone.
pub(crate) fn removals(plan: &Plan, inventory: &Inventory, counts: impl Fn(&str) -> bool) -> (Vec<String>, usize) {
    let goes =
        |live: &str| inventory.objects.get(live).is_some_and(|owned| owned.going || owned.prune_failed.is_some());
    let gone: BTreeSet<&str> =
        deletes(&plan.changes).filter(|change| !removes(change)).map(|change| change.live.as_str()).collect();
    let removals = plan.changes.iter().filter(|change| removes(change) && !goes(&change.live) && counts(&change.live));
    let owned = inventory.objects.keys().filter(|live| !goes(live) && !gone.contains(live.as_str())).count();
    (removals.map(|change| change.live.clone()).collect(), owned)
}

/// Whether a plan removes more than passes without a confirmation, or something else than what was confirmed.
pub(crate) fn unconfirmed(plan: &Plan, inventory: &Inventory, policy: &Sync) -> Option<Unconfirmed> {
    judge(removals(plan, inventory, |_| true), policy)
}

/// As [`unconfirmed`], of removals from so many objects.
pub(crate) fn judge((removals, owned): (Vec<String>, usize), policy: &Sync) -> Option<Unconfirmed> {
    let number = removals.len() as u64;
    let limits = &policy.confirm_prune;
    if let Some(confirmed) = &limits.confirmed
        && confirms(confirmed, &removals)
    {
        return None;
    }
    let beyond_percent = limits.percent.filter(|percent| number * 100 > percent * owned as u64);
    let beyond_objects = limits.objects.filter(|objects| number > *objects);
    let limit = match (beyond_percent, beyond_objects) {
        _ if removals.is_empty() => return None,
        (None, None) if limits.confirmed.is_none() => return None,
        (None, None) => String::new(),
        (_, Some(0)) => "any removal".to_owned(),
        (_, Some(objects)) => format!("more than {}", count(usize::try_from(objects).unwrap_or(usize::MAX), "object")),
        (Some(percent), None) => format!("more than {percent} percent"),
    };
    let confirmation = confirmation(&removals, DIGITS);
    Some(Unconfirmed { removals, owned, limit, confirmation, confirmed: limits.confirmed.clone() })
}

/// Whether a confirmation is for these removals.
fn confirms(confirmed: &str, removals: &[String]) -> bool {
    confirmed.len() >= confirmation(removals, DIGITS).len() && confirmation(removals, usize::MAX).starts_with(confirmed)
}
