//! What a revision declares, ready to run: plugins pinned, configs checked, targets bound.

use std::sync::Arc;

use serde_json::{Map, Value};
use springline_model::Digest;
use springline_model::application::{Gates, RecordIn, Sync};
use springline_model::capability::Grants;
use springline_model::plugin::{Limits, Pinned};
use springline_model::run::Release;

use crate::error::Reason;

/// What the application says to a target, in the config of the target's plugin.
pub const APPLICATION: &str = "application";

/// An application, ready to run.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Its name.
    pub application: String,
    /// What is built, in the order of springline.yaml.
    pub artifacts: Vec<Artifact>,
    /// Where it runs, in the order of springline.yaml.
    pub environments: Vec<Environment>,
    /// What is handed over to other repositories, in the order of springline.yaml.
    pub deliveries: Vec<Delivery>,
}

/// What is handed over to another repository.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its name.
    pub name: String,
    /// The repository, by the operator's name.
    pub repository: String,
    /// The branch; none for the repository's own.
    pub branch: Option<String>,
    /// Whether it goes to a branch of its own, for review.
    pub propose: bool,
    /// What is handed over.
    pub what: Handed,
}

/// What a delivery hands over.
#[derive(Debug, Clone)]
pub enum Handed {
    /// The rendered objects, which replace a directory.
    Objects {
        /// The directory there.
        directory: String,
        /// The renderer.
        render: Box<Use>,
        /// The directory of the source that it renders, empty for all of it.
        input: String,
    },
    /// Values, each set in its file.
    Values(Vec<HandedValue>),
}

/// A value that is handed over.
#[derive(Debug, Clone)]
pub struct HandedValue {
    /// The file there.
    pub file: String,
    /// The value's place in it, a JSON pointer.
    pub pointer: String,
    /// The artifact whose digest it becomes; none for the revision.
    pub artifact: Option<String>,
}

/// One use of a plugin.
#[derive(Debug, Clone)]
pub struct Use {
    /// The plugin.
    pub plugin: Pinned,
    /// The track of the contract it speaks.
    pub track: Arc<str>,
    /// Its config, canonical JSON that its schema accepts.
    pub config: Arc<str>,
    /// How far a call may go.
    pub limits: Limits,
    /// The powers it gets.
    pub grants: Grants,
    /// Where its config stands in its file, a JSON pointer such as `/artifacts/site/steps/0/with`.
    pub pointer: String,
}

/// An artifact.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its name.
    pub name: String,
    /// Its steps, in order; none if it was built elsewhere.
    pub steps: Vec<Step>,
    /// The artifact itself, if it was built elsewhere; it is in the blob store.
    pub taken: Option<Digest>,
}

/// A build step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// The plugin.
    pub uses: Use,
    /// What it is run on.
    pub input: Input,
}

/// What a step is run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A directory of the source, empty for all of it.
    Source(String),
    /// The output of an earlier step of the artifact, by its position.
    Step(usize),
}

/// An environment.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// The renderer.
    pub render: Use,
    /// The directory of the source that it renders, empty for all of it.
    pub input: String,
    /// Its values, canonical JSON.
    pub values: String,
    /// Where it goes.
    pub target: Target,
    /// How it is synced.
    pub sync: Sync,
    /// The environment whose releases are moved on to this one.
    pub promote_from: Option<String>,
    /// What a release has to pass before that.
    pub gates: Gates,
    /// Where git says what is deployed.
    pub record: RecordIn,
}

/// A target, bound by the operator's file.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name in the operator's file.
    pub name: String,
    /// What the application says to it: the property `application` of its config.
    pub with: Map<String, Value>,
    /// The deploy-target plugin.
    pub uses: Use,
    /// Whether its config takes rules for fields that are left alone.
    pub leaves: bool,
    /// Whether its config takes what is protected, as something it removes may take it along.
    pub guards: bool,
}

/// Finds the targets of releases that are deployed without their source.
pub trait Targets: std::marker::Sync {
    /// The target that a release goes to, bound as the operator binds it today, with the plugin that
    /// deployed the release.
    ///
    /// # Errors
    /// A target that is no longer bound, or a plugin that is gone.
    fn of(&self, release: &Release) -> Result<Target, Reason>;
}
