//! What a deploy target's component may export besides.

use super::export::{Targets, objects};
use crate::bindings::deploy_target::exports::springline::plugin::{hooks, insight};
use crate::bindings::host::springline::plugin::types;
use crate::deploy::Deploy;
use crate::guest::Imports;
use crate::hooks::{Cleanup, Hook, Hooks as _, Phase};
use crate::insight::{Account, Child, Insight as _};
use crate::plugin::{TargetHooks, TargetInsight};

impl<P: TargetHooks> hooks::Guest for Targets<P> {
    fn hooks(config: String, desired: Vec<types::Object>) -> Result<Vec<hooks::Hook>, types::Error> {
        let hooks = P::configure_hooks(config)?.hooks(&objects(desired), &mut Deploy::new(Imports))?;
        Ok(hooks.into_iter().map(Into::into).collect())
    }
}

impl<P: TargetInsight> insight::Guest for Targets<P> {
    fn children(config: String, refs: Vec<String>) -> Result<Vec<insight::Child>, types::Error> {
        let children = P::configure_insight(config)?.children(&refs, &mut Deploy::new(Imports))?;
        let to_wit = |Child { parent, live, health }| insight::Child { parent, ref_: live, health: health.into() };
        Ok(children.into_iter().map(to_wit).collect())
    }

    fn explain_health(config: String, refs: Vec<String>) -> Result<Vec<insight::Account>, types::Error> {
        let accounts = P::configure_insight(config)?.explain_health(&refs, &mut Deploy::new(Imports))?;
        Ok(accounts.into_iter().map(|Account { live, lines }| insight::Account { ref_: live, lines }).collect())
    }
}

impl From<Hook> for hooks::Hook {
    fn from(hook: Hook) -> Self {
        let Hook { live, object, phase, wave, cleanup, state } = hook;
        Self { ref_: live, object, phase: phase.into(), wave, cleanup: cleanup.into(), state }
    }
}

impl From<Phase> for hooks::Phase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Before => Self::Before,
            Phase::During => Self::During,
            Phase::After => Self::After,
            Phase::Failure => Self::Failure,
        }
    }
}

impl From<Cleanup> for hooks::Cleanup {
    fn from(cleanup: Cleanup) -> Self {
        let chosen = [
            (cleanup.before_creation, Self::BEFORE_CREATION),
            (cleanup.success, Self::SUCCESS),
            (cleanup.failure, Self::FAILURE),
        ];
        chosen.into_iter().filter(|(is_chosen, _)| *is_chosen).fold(Self::empty(), |all, (_, flag)| all | flag)
    }
}
