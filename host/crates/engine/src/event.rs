//! What the engine tells while it works.

use std::time::Duration;

use springline_model::history::Done;
use springline_model::manifest::Action;
use springline_model::run::{How, Stage};

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A run began, or goes on after a crash.
    Begun {
        /// Its number.
        run: u64,
        /// The stage after which it was cut off, if it goes on.
        resumed: Option<Stage>,
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
    Waiting {
        /// How many are not.
        unhealthy: usize,
        /// Of how many.
        all: usize,
        /// The worst one and why.
        worst: &'a str,
        /// How long there still is.
        left: Duration,
    },
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
    /// A point was passed at which a crash is told apart from one a moment later.
    Passed(Point),
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
}

impl Point {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::Begun,
        Self::Built,
        Self::Rendered,
        Self::Planned,
        Self::Intended,
        Self::AppliedOne,
        Self::Applied,
        Self::Healthy,
        Self::Recorded,
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
