//! Track 0.1: `springline:plugin@0.1`. Everything that knows this track is here: what comes from
//! a guest is checked and becomes plain data of the model, and the other way round.

mod check;
mod from_guest;
mod optional;
mod target;
mod to_guest;
mod worlds;

use springline_model::plugin::{Fault, Kind};
use wasmtime::Store;
use wasmtime::component::InstancePre;

use self::worlds::{build_step, describe, renderer};
use crate::bindings::springline::plugin::types;
use crate::state::CallState;

pub(crate) use self::from_guest::{description, fault, objects, summary};
pub(crate) use self::target::TargetPlugin;
pub(crate) use self::to_guest::desired;

/// What an exported function returns: the value, or the plugin's own error.
pub(crate) type Returned<T> = wasmtime::Result<Result<T, types::Error>>;

/// A plugin of this track, linked.
pub(crate) struct Plugin {
    describe: describe::DescribedPre<CallState>,
    exports: Exports,
}

enum Exports {
    BuildStep(build_step::StepPre<CallState>),
    Renderer(renderer::RendersPre<CallState>),
    DeployTarget(TargetPlugin),
}

impl Plugin {
    /// The plugin of this linked component.
    ///
    /// # Errors
    /// Its exports are not those of the contract.
    pub(crate) fn new(kind: Kind, instance: InstancePre<CallState>) -> wasmtime::Result<Self> {
        let describe = describe::DescribedPre::new(instance.clone())?;
        let exports = match kind {
            Kind::BuildStep => Exports::BuildStep(build_step::StepPre::new(instance)?),
            Kind::Renderer => Exports::Renderer(renderer::RendersPre::new(instance)?),
            Kind::DeployTarget => Exports::DeployTarget(TargetPlugin::new(instance)?),
        };
        Ok(Self { describe, exports })
    }

    /// Calls `describe`.
    pub(crate) async fn describe(&self, store: &mut Store<CallState>) -> wasmtime::Result<GuestDescription> {
        let instance = self.describe.instantiate_async(&mut *store).await?;
        instance.springline_plugin_describe().call_describe(store).await
    }

    /// Calls a build step's `run`.
    pub(crate) async fn run(&self, store: &mut Store<CallState>, config: &str) -> Returned<GuestOutputs> {
        let Exports::BuildStep(step) = &self.exports else { return Err(wrong_kind()) };
        let instance = step.instantiate_async(&mut *store).await?;
        let input = build_step::exports::springline::plugin::build_step::Input { config: config.to_owned() };
        instance.springline_plugin_build_step().call_run(store, &input).await
    }

    /// Calls a renderer's `render`.
    pub(crate) async fn render(&self, store: &mut Store<CallState>, config: &str) -> Returned<Vec<types::Object>> {
        let Exports::Renderer(renderer) = &self.exports else { return Err(wrong_kind()) };
        let instance = renderer.instantiate_async(&mut *store).await?;
        let input = renderer::exports::springline::plugin::renderer::Input { config: config.to_owned() };
        instance.springline_plugin_renderer().call_render(store, &input).await
    }

    /// A deploy target's functions.
    ///
    /// # Errors
    /// It is no deploy target.
    pub(crate) fn target(&self) -> Result<&TargetPlugin, Fault> {
        match &self.exports {
            Exports::DeployTarget(target) => Ok(target),
            _ => Err(Fault::Host { message: wrong_kind().to_string() }),
        }
    }
}

/// What a guest says of its output, not checked yet.
pub(crate) use self::worlds::build_step::exports::springline::plugin::build_step::Outputs as GuestOutputs;
/// What a guest says of itself, not checked yet.
pub(crate) use self::worlds::describe::exports::springline::plugin::describe::Description as GuestDescription;

/// The kind is checked before any call.
fn wrong_kind() -> wasmtime::Error {
    wasmtime::Error::msg("a plugin was used as one of another kind")
}

/// Types alone: nothing to call.
impl types::Host for CallState {}
