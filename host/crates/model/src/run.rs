//! Runs, releases, inventories and kept results: what the store keeps besides history.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Digest;
use crate::application::{RecordIn, Sync};
use crate::call::CallKey;
use crate::capability::Used;
use crate::manifest::{Action, Change};
use crate::plugin::Pinned;
use crate::soak::Soak;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
pub type Timestamp = i64;

/// The stages of the chain, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Resolve the revision and read what it declares.
    Fetch,
    /// Build what is missing.
    Build,
    /// Make the desired objects.
    Render,
    /// Compare them with the live ones.
    Plan,
    /// Apply the changes.
    Apply,
    /// Wait until the live objects are healthy.
    Health,
    /// Write it all down.
    Record,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fetch => "fetch",
            Self::Build => "build",
            Self::Render => "render",
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Health => "health",
            Self::Record => "record",
        })
    }
}

/// Why a run was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// `springline build`: artifacts only.
    Build,
    /// `springline render`: desired objects only.
    Render,
    /// `springline diff`: desired objects, to be compared.
    Diff,
    /// `springline verify`: everything pure once more.
    Verify,
    /// `springline run`.
    Run,
    /// `springline sync`.
    Sync,
    /// `springline redeploy`.
    Redeploy,
    /// `springline watch`, which found that live differs from what was deployed.
    Drift,
    /// `springline watch` found a new revision.
    Push,
    /// What was deployed in one environment was moved on to the next.
    Promotion,
    /// A sync failed, and what was healthy before it came back.
    Rollback,
    /// The state was lost, and git told what is deployed.
    Recovery,
    /// What nothing declares any more was removed, or what stayed on a target of before. An earlier Springline said
    /// [`Cause::Sync`] of one by a person, and [`Cause::Push`] of one by a rule.
    Removal,
}

impl Cause {
    /// Whether such a run changes what is live.
    pub const fn deploys(&self) -> bool {
        !matches!(self, Self::Build | Self::Render | Self::Diff | Self::Verify)
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Build => "build",
            Self::Render => "render",
            Self::Diff => "diff",
            Self::Verify => "verify",
            Self::Run => "run",
            Self::Sync => "sync",
            Self::Redeploy => "redeploy",
            Self::Drift => "drift",
            Self::Push => "push",
            Self::Promotion => "promotion",
            Self::Rollback => "rollback",
            Self::Recovery => "recovery",
            Self::Removal => "removal",
        })
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Under way, or cut off by a crash.
    Running,
    /// All of it succeeded.
    Succeeded,
    /// Something failed.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// It was cut off, and a later run took its place.
    Interrupted,
}

impl std::fmt::Display for RunState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        })
    }
}

/// One execution of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its number, from 1, unique in a state directory. 0 before the store has given one.
    pub number: u64,
    /// The application.
    pub application: String,
    /// Why.
    pub cause: Cause,
    /// Who, as `USER@HOST`.
    pub actor: String,
    /// The revision; `worktree` and the digest of the tree for uncommitted state.
    pub revision: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How far it is.
    pub state: RunState,
    /// The last stage that was completed, and in which environment (none for the build).
    pub reached: Option<(Option<String>, Stage)>,
    /// What failed, if something did.
    pub error: Option<String>,
    /// Its calls, in the order they ended. They are shared: a run is passed on whole many times, and
    /// the store tells by their addresses which of them it does not have yet. They are kept beside
    /// the rest, not in it.
    #[serde(skip)]
    pub steps: Vec<Arc<StepRecord>>,
}

/// One call of a build step or a renderer in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// `ARTIFACT/STEP`, or `ENVIRONMENT/render`.
    pub name: String,
    /// The plugin.
    pub plugin: Pinned,
    /// Whether it was executed or its kept result used.
    pub how: How,
    /// The plugin's own account.
    pub summary: String,
    /// How long it took.
    pub took: Duration,
    /// Its log, a blob of JSON lines ([`LogLine`](crate::plugin::LogLine)); for a kept result,
    /// that of the call which made it.
    pub log: Option<Digest>,
    /// What it used of its powers. A call that used any is observed, not pure: its result is
    /// never used again.
    #[serde(default, skip_serializing_if = "Used::is_empty")]
    pub used: Used,
    /// What an observed call made; a pure one's is kept with its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
}

/// Whether a call was executed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Executed, and why.
    Executed(String),
    /// A kept result was used: made by the run of this number.
    Reused(u64),
    /// Not executed again to be compared, as it had used powers: what the run of this number
    /// made was taken.
    Observed(u64),
    /// Executed, and failed.
    Failed,
}

/// The result of a successful pure call, kept so that it is never executed again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// What was called, and where in the chain ([`CallKey::at`]).
    pub key: CallKey,
    /// The answers it depended on; a part of the trace, here to be at hand.
    pub context: BTreeMap<String, Digest>,
    /// Its whole trace, a blob of JSON ([`Trace`](crate::trace::Trace)).
    pub trace: Digest,
    /// What it made.
    pub output: Output,
    /// The plugin's own account.
    pub summary: String,
    /// Its log, a blob of JSON lines.
    pub log: Digest,
    /// The run that made it.
    pub run: u64,
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
}

/// What a kept call made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// A directory tree.
    Tree(Digest),
    /// Desired objects: a blob of JSON ([`Object`](crate::manifest::Object) in a list).
    Objects(Digest),
}

impl Output {
    /// The digest, of whatever it is.
    pub const fn digest(&self) -> &Digest {
        match self {
            Self::Tree(digest) | Self::Objects(digest) => digest,
        }
    }
}

/// An immutable set that can be deployed again exactly as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Its id: the digest of all that follows down to `target-plugin`.
    pub id: Digest,
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// The revision.
    pub revision: String,
    /// The artifacts, by name.
    pub artifacts: BTreeMap<String, Digest>,
    /// Identifies the desired objects ([`manifest_digest`](crate::manifest::manifest_digest)).
    pub manifest: Digest,
    /// The desired objects: a blob of JSON.
    pub objects: Digest,
    /// Every plugin that had a part in it, sorted.
    pub plugins: Vec<Pinned>,
    /// The target's name in the operator's file.
    pub target: String,
    /// The target's plugin.
    pub target_plugin: Pinned,
    /// What the application said to the target.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub target_with: Map<String, Value>,
    /// How it was to be synced. What is not said when it is deployed again is as it was.
    #[serde(default, skip_serializing_if = "Sync::is_default")]
    pub sync: Sync,
    /// What building and rendering it used of powers.
    #[serde(default, skip_serializing_if = "Used::is_empty")]
    pub used: Used,
    /// The run that made it.
    pub run: u64,
    /// When.
    pub at: Timestamp,
}

impl Release {
    /// The application and the environment that it is of.
    pub fn place(&self) -> Place {
        Place { application: self.application.clone(), environment: self.environment.clone() }
    }
}

/// What is ours on a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// The live objects by name.
    pub objects: BTreeMap<String, Owned>,
    /// The target that they are on, by its name; not known of what an earlier Springline wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What stayed on other targets, by their names, when the place went from one to the next.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub elsewhere: BTreeMap<String, BTreeMap<String, Owned>>,
    /// The target that it was turned from, until that is written down.
    #[serde(skip)]
    pub came_from: Option<String>,
    /// Whether a sync began to change something and did not end well: then the next one runs the
    /// hooks, also if it finds nothing else to do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
}

impl Inventory {
    /// Turns from the target that the objects are on to another one: what is on the first one is elsewhere from
    /// now on. Whether something of this place was on the other one is the answer.
    pub fn turn_to(&mut self, target: &str) -> bool {
        let known = self.elsewhere.remove(target);
        let was_there = known.is_some();
        let stays = std::mem::replace(&mut self.objects, known.unwrap_or_default());
        if let Some(before) = self.target.replace(target.to_owned()).filter(|_| !stays.is_empty()) {
            self.elsewhere.insert(before.clone(), stays);
            self.came_from = Some(before);
        }
        was_there
    }

    /// Whether a change would only delete again what was deleted already.
    #[must_use]
    pub fn is_going(&self, change: &Change) -> bool {
        change.action == Action::Delete && self.objects.get(&change.live).is_some_and(|owned| owned.going)
    }
}

/// A live object that is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// The desired object it came from; empty when found by its mark alone.
    pub object: String,
    /// What identified it when it was last applied; none while an apply is intended and not
    /// confirmed.
    pub version: Option<String>,
    /// Why it is still here though it should be gone: the error of a prune that is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune_failed: Option<String>,
    /// Whether it was deleted and still there when the sync ended: something holds it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub going: bool,
    /// The wave in which it was applied, as long as it has not been healthy since: later waves wait
    /// for it, in the next sync as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unproven: Option<i32>,
}

/// Where an application runs: the owner of an inventory and of a history.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.application, self.environment)
    }
}

/// The standing orders of a place: what people said of it, until they say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Standing {
    /// The release that is held, whatever the source says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// The pin that was taken off, by whom and why, until something is deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpinned: Option<Pin>,
    /// Whether it is left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspension>,
    /// The releases of the environment before that may be promoted to this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// The release that was healthy last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy: Option<Healthy>,
    /// How long what is deployed has been healthy, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soak: Option<Soak>,
    /// Where git says what is deployed, as the source said last: it holds for what is deployed without
    /// the source as well.
    #[serde(skip_serializing_if = "RecordIn::is_none")]
    pub record: RecordIn,
    /// Where `springline watch` found it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// Where an application comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Origin {
    /// The repository's address, without a password, or its path.
    pub repository: String,
    /// The revision that is followed.
    pub revision: String,
    /// The directory there; empty for the root.
    pub path: String,
    /// Whether a new commit is deployed there by itself.
    pub by_itself: bool,
}

/// A release that an environment is held at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The release.
    pub release: Digest,
    /// Who pinned it.
    pub by: String,
    /// Why; empty if nobody said.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// An order to leave an environment alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Who gave it.
    pub by: String,
    /// Why; empty if nobody said.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// A release that somebody approved of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The release, of the environment that it is promoted from.
    pub release: Digest,
    /// Who approved.
    pub by: String,
    /// Why; empty if nobody said.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// A release that was seen healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Healthy {
    /// The release.
    pub release: Digest,
    /// When it was first.
    pub since: Timestamp,
}
