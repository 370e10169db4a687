//! What the attributes make of a plugin: the type `Plugin`, which implements these traits.

use serde::de::DeserializeOwned;

use crate::deploy::Target;
use crate::error::{Error, Result, Violation};
use crate::hooks::Hooks;
use crate::insight::Insight;
use crate::object::Object;
use crate::render::Render;
use crate::step::Step;

/// The kinds of plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Turns a directory into another one.
    BuildStep,
    /// Turns source and artifacts into desired objects.
    Renderer,
    /// Turns desired objects into live ones.
    DeployTarget,
}

/// A plugin's own account of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its name: that of the crate, unless the attribute says `name = "…"`.
    pub name: &'static str,
    /// Its version (semver): that of the crate, unless the attribute says `version = "…"`.
    pub version: &'static str,
    /// What it does, in a sentence: the attribute's `summary = "…"`, or the first paragraph of the
    /// doc comment, or the crate's description.
    pub summary: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The JSON Schema of its config.
    pub config_schema: String,
    /// The powers it needs beyond files and logs, each with the reason: the attribute's
    /// `capabilities(NAME = "REASON")`.
    pub capabilities: &'static [(&'static str, &'static str)],
}

/// What every plugin says of itself.
pub trait Describe {
    /// Describes the plugin.
    fn describe() -> Description;
}

/// A plugin made by [`build_step`](crate::build_step).
pub trait BuildStep: Describe {
    /// Parses the config and runs the step.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the config does not parse; else what the step reports.
    fn run(config: &str, step: &mut Step) -> Result<String>;
}

/// A plugin made by [`renderer`](crate::renderer).
pub trait Renderer: Describe {
    /// Parses the config and renders.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the config does not parse; else what the renderer reports.
    fn render(config: &str, render: &mut Render) -> Result<Vec<Object>>;
}

/// A plugin made by [`deploy_target`](crate::deploy_target).
pub trait DeployTarget: Describe {
    /// Parses the config, which is the target.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it does not parse.
    fn configure(config: String) -> Result<impl Target>;
}

/// A plugin made by [`deploy_target(hooks)`](crate::deploy_target).
pub trait TargetHooks: DeployTarget {
    /// As [`DeployTarget::configure`].
    ///
    /// # Errors
    /// As there.
    fn configure_hooks(config: String) -> Result<impl Hooks>;
}

/// A plugin made by [`deploy_target(insight)`](crate::deploy_target).
pub trait TargetInsight: DeployTarget {
    /// As [`DeployTarget::configure`].
    ///
    /// # Errors
    /// As there.
    fn configure_insight(config: String) -> Result<impl Insight>;
}

/// A config without anything in it.
#[crate::config]
#[derive(Default)]
pub struct NoConfig {}

/// Parses a config. The host has validated it against the plugin's schema before, so that this
/// fails for what a schema can't say only.
#[doc(hidden)]
pub fn parse_config<C: DeserializeOwned>(config: &str) -> Result<C> {
    serde_json::from_str(config).map_err(|error| Error::invalid(Violation::new(error.to_string()).pointer("")))
}

/// The JSON Schema of a config.
#[doc(hidden)]
pub fn schema_of<C: schemars::JsonSchema>() -> String {
    schemars::schema_for!(C).as_value().to_string()
}
