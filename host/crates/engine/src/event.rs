//! What the engine tells while it works.

use std::sync::Arc;
use std::time::Duration;

use springline_model::history::Done;
use springline_model::manifest::{Action, Health, Phase};
use springline_model::port::{RepositoryError, Seen};
use springline_model::run::{How, Place, Stage};

use crate::record::Recovered;

use crate::standing::Obstacle;

/// Something that happened.
#[derive(Clone)]
pub enum Event<'a> {
    /// A run began, or goes on after a crash.
    Begun {
        /// Its number.
        run: u64,
        /// The stage after which it was cut off, if it goes on.
        resumed: Option<Stage>,
    },
    /// An environment is left alone.
    Skipped {
        /// Which.
        environment: &'a str,
        /// Why.
        obstacle: &'a Obstacle,
    },
    /// A stage began.
    StageBegun {
        /// Which.
        stage: Stage,
        /// In which environment; none for the build.
        environment: Option<&'a str>,
        /// How many units of work it has, if that is known.
        units: Option<u64>,
    },
    /// A call is being executed.
    Executing {
        /// `ARTIFACT/STEP` or `ENVIRONMENT/render`.
        name: &'a str,
        /// Why it can't be skipped.
        why: &'a str,
    },
    /// A call ended, or was skipped.
    Called {
        /// `ARTIFACT/STEP` or `ENVIRONMENT/render`.
        name: &'a str,
        /// Whether it was executed.
        how: &'a How,
        /// The plugin's own account.
        summary: &'a str,
        /// How long it took.
        took: Duration,
    },
    /// A change is about to be applied.
    Applying {
        /// The live object.
        live: &'a str,
        /// What is done.
        action: Action,
    },
    /// A change was tried.
    Changed(&'a Done),
    /// Live objects are not healthy yet.
    Waiting(&'a Waiting),
    /// A stage ended well.
    StageDone {
        /// Which.
        stage: Stage,
        /// In which environment.
        environment: Option<&'a str>,
        /// What it came to, in a line.
        detail: &'a str,
        /// How long it took.
        took: Duration,
    },
    /// Something that had been kept is lost or damaged, and is made again.
    Remaking {
        /// What was found.
        what: &'a str,
    },
    /// Git tells what is deployed.
    Told {
        /// Where.
        place: &'a Place,
        /// The reference that tells it.
        reference: &'a str,
        /// The commit that it holds now; none if there was nothing to tell.
        commit: Option<&'a str>,
    },
    /// Git does not tell yet what is deployed.
    Untold {
        /// Where.
        place: &'a Place,
        /// Why.
        error: &'a RepositoryError,
    },
    /// The state knew nothing of a place, and git told what is deployed there.
    Recovered {
        /// Where.
        place: &'a Place,
        /// What git told.
        what: &'a Recovered,
    },
    /// Somebody else wrote where only Springline does.
    Meddled {
        /// Where it was deployed.
        place: &'a Place,
        /// What was found, and what became of it.
        what: &'a str,
    },
    /// Nothing differs in an environment, and nothing will as long as this holds.
    Unchanged(&'a Arc<dyn Seen>),
    /// A point was passed at which a crash is told apart from one a moment later.
    Passed(Point),
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// What was applied up to this wave has to be healthy before the next one begins.
    Wave(i32),
    /// What was applied has to be healthy before anything is removed.
    Applied,
    /// The hooks of a phase have to be done.
    Hooks(Phase),
    /// Everything has to be healthy.
    Everything,
}

/// Live objects that are not healthy yet.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// What for.
    pub awaited: Awaited,
    /// How many are not.
    pub unhealthy: usize,
    /// Of how many.
    pub all: usize,
    /// The worst ones, worst first; at most [`MOST_WORST`].
    pub worst: Vec<Unhealthy>,
    /// How long there still is.
    pub left: Duration,
}

/// How many of the unhealthy objects are named.
pub const MOST_WORST: usize = 5;

/// A live object that is not healthy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unhealthy {
    /// The object.
    pub live: String,
    /// How it is.
    pub health: Health,
    /// The target's account of it, if it was asked for one and gave one.
    pub why: Vec<String>,
}

impl std::fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {}", self.live, self.health.status)?;
        if self.health.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.health.message) }
    }
}

/// The boundaries between the stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// The run is written down.
    Begun,
    /// The artifacts are built and written down.
    Built,
    /// The desired objects are rendered and written down.
    Rendered,
    /// The changes are planned.
    Planned,
    /// What will be owned is written down.
    Intended,
    /// The first change is applied.
    AppliedOne,
    /// All changes are applied.
    Applied,
    /// The live objects are healthy.
    Healthy,
    /// The sync is written down.
    Recorded,
    /// Git is about to be told of it.
    Telling,
    /// Git was told of it.
    Told,
    /// That git was told is written down.
    Settled,
    /// A delivery is made, and not written down yet.
    Delivered,
}

impl Point {
    /// All of them, in order.
    pub const ALL: [Self; 13] = [
        Self::Begun,
        Self::Built,
        Self::Rendered,
        Self::Planned,
        Self::Intended,
        Self::AppliedOne,
        Self::Applied,
        Self::Healthy,
        Self::Recorded,
        Self::Telling,
        Self::Told,
        Self::Settled,
        Self::Delivered,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Built => "built",
            Self::Rendered => "rendered",
            Self::Planned => "planned",
            Self::Intended => "intended",
            Self::AppliedOne => "applied-one",
            Self::Applied => "applied",
            Self::Healthy => "healthy",
            Self::Recorded => "recorded",
            Self::Telling => "telling",
            Self::Told => "told",
            Self::Settled => "settled",
            Self::Delivered => "delivered",
        }
    }
}

/// Is told what happens. Called from the threads that do the work.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

/// An observer that does not care.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event<'_>) {}
}
