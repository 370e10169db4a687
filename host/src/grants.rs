//! Gives the uses of plugins the powers that the operator's file grants them.

use springline_engine::chain::{Chain, Target};
use springline_model::operator::Operator;

/// Gives every use of a plugin in a chain its powers.
pub fn give(operator: &Operator, chain: &mut Chain) {
    let application = chain.application.as_str();
    for step in chain.artifacts.iter_mut().flat_map(|artifact| &mut artifact.steps) {
        step.uses.grants = operator.grants_of(&step.uses.plugin, application, None);
    }
    for environment in &mut chain.environments {
        let render = &mut environment.render;
        render.grants = operator.grants_of(&render.plugin, application, Some(&environment.name));
        give_target(operator, &mut environment.target, application, &environment.name);
    }
}

/// Gives a target its powers, beside those that stand at its binding.
pub fn give_target(operator: &Operator, target: &mut Target, application: &str, environment: &str) {
    let granted = operator.grants_of(&target.uses.plugin, application, Some(environment));
    target.uses.grants.add(&granted.http, &granted.secrets);
}
