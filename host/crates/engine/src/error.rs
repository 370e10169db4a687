//! How a stage fails.

use springline_model::manifest::Phase;
use springline_model::plugin::{CallError, Fault, Pinned};
use springline_model::port::{BlobError, RepositoryError, SourceError, StoreError};
use springline_model::run::Stage;
use springline_model::tree::TreeError;
use springline_model::{Digest, ObjectId};

use crate::event::{Awaited, Unhealthy};
use crate::restraint::Unconfirmed;
use crate::standing::Obstacle;

/// A stage that failed, and why.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct StageError {
    /// The stage.
    pub stage: Stage,
    /// The environment it was in; none for the build.
    pub environment: Option<String>,
    /// Why.
    pub reason: Reason,
}

/// What a release deploys, and is not here any more or not what it was.
#[derive(Debug, Clone, thiserror::Error)]
#[error("what release {} deploys is lost: {why}", release.short())]
pub struct Lost {
    /// The release.
    pub release: Digest,
    /// The environment that it is of.
    pub environment: String,
    /// The revision that it was made of.
    pub revision: String,
    /// What is lost of it.
    pub why: String,
}

/// Why a stage failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Reason {
    /// The source could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blob store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A git repository could not be read or written.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// A secret would be written to git, where everybody who reads the repository could read it.
    #[error(
        "`{file}` has a Secret in it, or what looks like one, and the branch `{branch}` would show its values to \
         whoever reads it"
    )]
    SecretInGit {
        /// Where it is: the id of an object, or a path in one that is a directory.
        file: String,
        /// The branch.
        branch: String,
    },
    /// A plugin failed.
    #[error("{what}: {error}")]
    Plugin {
        /// The step (`ARTIFACT/STEP`), `ENVIRONMENT/render` or `target NAME`.
        what: String,
        /// Where its config stands in its file.
        pointer: String,
        /// The plugin and its fault.
        error: Box<CallError>,
    },
    /// A directory that a step or a renderer wants is not in the source.
    #[error("{what}: the source has no directory `{path}`")]
    NoInput {
        /// The step or renderer.
        what: String,
        /// Where its config stands in its file.
        pointer: String,
        /// The path.
        path: String,
    },
    /// Two desired objects want to be one live object.
    #[error("the objects `{first}` and `{second}` both become `{live}`")]
    OneLiveTwice {
        /// The live object.
        live: String,
        /// One desired object.
        first: String,
        /// The other.
        second: String,
    },
    /// Nothing was rendered, and there is something that it would remove.
    #[error("nothing was rendered, so {owned} live objects would be removed: nothing was done")]
    EmptyRender {
        /// How many would go.
        owned: usize,
    },
    /// Nothing was rendered to replace a directory of another repository with.
    #[error("nothing was rendered, so all in `{directory}` would be removed: nothing was done")]
    EmptyDelivery {
        /// The directory.
        directory: String,
    },
    /// It would remove more than it may without a confirmation.
    #[error(transparent)]
    Unconfirmed(Box<Unconfirmed>),
    /// Something is to be made where something is that stays.
    #[error("`{live}` can't be made, as `{stays}` is in its way and stays: nothing was done")]
    InTheWay {
        /// What is to be made.
        live: String,
        /// What stays.
        stays: String,
    },
    /// The plugin of a target is older than the rules for fields that are left alone.
    #[error("plugin {plugin} can't leave single fields alone, and `ignore` says to for `{objects}`: nothing was done")]
    LeavesNothing {
        /// The plugin.
        plugin: String,
        /// The objects of the rule.
        objects: String,
    },
    /// The target planned what it may not.
    #[error("target {plugin} planned to {what}, which the host does not allow")]
    RefusedChange {
        /// The target's plugin.
        plugin: String,
        /// What it planned.
        what: String,
    },
    /// No object of that name.
    #[error("no object `{object}` is desired or owned in `{environment}`")]
    UnknownObject {
        /// What was asked for.
        object: String,
        /// Where.
        environment: String,
    },
    /// Changes failed.
    #[error("{failed} of {all} changes failed; the first: {first}")]
    Apply {
        /// How many failed.
        failed: usize,
        /// How many were tried.
        all: usize,
        /// The first failure.
        first: String,
        /// Whether the first was for want of a grant.
        denied: bool,
    },
    /// Changes wait for earlier waves that have landed already.
    #[error("{0} changes can't be planned though all waves before them have landed")]
    Stuck(usize),
    /// The target kept changing under the plan.
    #[error("live objects keep changing while they are being synced: {0}")]
    Unsettled(String),
    /// Live objects did not become healthy.
    #[error("{unhealthy} of {all} live objects{} are not healthy after {seconds} s; the worst: {}", of(*.awaited), told(worst))]
    Unhealthy {
        /// What for was waited.
        awaited: Awaited,
        /// How many are not.
        unhealthy: usize,
        /// Of how many.
        all: usize,
        /// How long was waited.
        seconds: u64,
        /// The worst ones, worst first; never empty.
        worst: Vec<Unhealthy>,
    },
    /// Live objects were deleted, and are still there.
    #[error("`{live}`{} is still there {seconds} s after it was deleted", and_more(*.more))]
    StillThere {
        /// One of them.
        live: String,
        /// How many others.
        more: usize,
        /// How long was waited.
        seconds: u64,
    },
    /// A hook failed.
    #[error("the {phase} hook `{live}` {why}")]
    Hook {
        /// The live object that it makes.
        live: String,
        /// Its phase.
        phase: Phase,
        /// How.
        why: String,
        /// Whether it was for want of a grant.
        denied: bool,
    },
    /// Something stands in the way.
    #[error("`{environment}` is left alone: {obstacle}")]
    Held {
        /// The environment.
        environment: String,
        /// What.
        obstacle: Box<Obstacle>,
    },
    /// What was to be promoted is no longer what is deployed where it comes from.
    #[error("`{environment}` has moved on from release {} meanwhile: nothing was promoted", release.short())]
    SourceMoved {
        /// Where it comes from.
        environment: String,
        /// What was to be promoted.
        release: Digest,
    },
    /// A promotion is no longer what was shown.
    #[error("release {} is not promoted to `{environment}`, as things have changed: {why}", release.short())]
    NotAsShown {
        /// Where it goes.
        environment: String,
        /// What was to be promoted.
        release: Digest,
        /// What has changed.
        why: String,
    },
    /// An artifact of a release is not there any more, and is not built again for a promotion.
    #[error("bytes of the artifact `{artifact}` ({digest}) of release {} are lost, and what is promoted is never built again", release.short())]
    ArtifactLost {
        /// The artifact.
        artifact: String,
        /// Its digest.
        digest: Digest,
        /// The release.
        release: Digest,
    },
    /// A release was made with another plugin of that name.
    #[error("release {} was made with {used}, and the revision pins {pinned} now", release.short())]
    OtherPlugin {
        /// The release.
        release: Digest,
        /// The plugin that it was made with.
        used: Box<Pinned>,
        /// The one that is pinned.
        pinned: Box<Pinned>,
    },
    /// Something of what a release deploys is not here any more, or is not what it was.
    #[error(transparent)]
    ReleaseLost(Box<Lost>),
    /// A release that the store does not know.
    #[error("release {} is not in the store", .0.short())]
    NoRelease(Digest),
    /// The target of a release can't be used.
    #[error("the target of release {}: {message}", release.short())]
    NoTarget {
        /// The release.
        release: Digest,
        /// Why.
        message: String,
    },
    /// A release that was deployed to another target than the one that its environment is on.
    #[error("release {} was deployed to target `{}`, and `{environment}` is on `{}` now: it would be on both", release.short(), targets[0], targets[1])]
    OtherTarget {
        /// The environment.
        environment: String,
        /// The release.
        release: Digest,
        /// Its target, and the one that the environment is on.
        targets: Box<[String; 2]>,
    },
    /// What failed before a crash, as it was written down.
    #[error("{0}")]
    Earlier(String),
    /// Somebody stopped it.
    #[error("cancelled")]
    Cancelled,
}

/// Which objects were waited for.
fn of(awaited: Awaited) -> String {
    match awaited {
        Awaited::Wave(wave) => format!(" up to wave {wave}"),
        Awaited::Applied | Awaited::Hooks(_) | Awaited::Everything => String::new(),
    }
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" and {more} more") }
}

/// The worst object, and the target's account of it and of the next ones, a line each.
fn told(worst: &[Unhealthy]) -> String {
    let mut text = String::new();
    for (at, one) in worst.iter().enumerate() {
        if at == 0 {
            text.push_str(&one.to_string());
        } else if !one.why.is_empty() {
            text.push_str(&format!("\n  {one}"));
        }
        let indent = if at == 0 { "  " } else { "    " };
        one.why.iter().for_each(|line| text.push_str(&format!("\n{indent}{line}")));
    }
    text
}

impl Reason {
    /// Whether bytes that the engine had kept are lost or damaged, so that making them again may
    /// help.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Blob(BlobError::Missing(_) | BlobError::Damaged(_)) | Self::ReleaseLost(_) => true,
            Self::Tree(TreeError::Lost { id, .. }) => matches!(id, ObjectId::Blob(_)),
            Self::Plugin { error, .. } => matches!(error.fault, Fault::Lost { .. }),
            _ => false,
        }
    }

    /// Says at which stage it happened.
    pub fn at(self, stage: Stage, environment: Option<&str>) -> StageError {
        let reason = match self {
            Self::Plugin { error, .. } if error.fault == Fault::Cancelled => Self::Cancelled,
            reason => reason,
        };
        StageError { stage, environment: environment.map(str::to_owned), reason }
    }
}
