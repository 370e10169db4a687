//! What a plugin's component exports, from the traits that its attribute implements.

use std::marker::PhantomData;

use super::imports::Imports;
use crate::bindings::host::springline::plugin::types;
use crate::bindings::{build_step, deploy_target, renderer};
use crate::deploy::{Action, Applied, Change, Deploy, Difference, Health, HealthStatus, Identity, Observed, Target};
use crate::error::{Error, Violation};
use crate::object::{Body, Object};
use crate::plugin::{BuildStep, DeployTarget, Describe, Kind, Renderer};
use crate::render::Render;
use crate::step::Step;

/// A build step's exports.
pub struct Steps<P>(PhantomData<P>);
/// A renderer's exports.
pub struct Renders<P>(PhantomData<P>);
/// A deploy target's exports.
pub struct Targets<P>(PhantomData<P>);

/// Implements `describe` in one world's bindings.
macro_rules! describe {
    ($exports:ident, $world:ident) => {
        impl<P: Describe> $world::exports::springline::plugin::describe::Guest for $exports<P> {
            fn describe() -> $world::exports::springline::plugin::describe::Description {
                use $world::exports::springline::plugin::describe as wit;
                let description = P::describe();
                let capability = |(name, reason): &(&str, &str)| wit::Capability {
                    name: (*name).to_owned(),
                    reason: (*reason).to_owned(),
                };
                wit::Description {
                    name: description.name.to_owned(),
                    version: description.version.to_owned(),
                    summary: description.summary.to_owned(),
                    kind: match description.kind {
                        Kind::BuildStep => wit::Kind::BuildStep,
                        Kind::Renderer => wit::Kind::Renderer,
                        Kind::DeployTarget => wit::Kind::DeployTarget,
                    },
                    config_schema: description.config_schema,
                    capabilities: description.capabilities.iter().map(capability).collect(),
                }
            }
        }
    };
}

describe!(Steps, build_step);
describe!(Renders, renderer);
describe!(Targets, deploy_target);

impl<P: BuildStep> build_step::exports::springline::plugin::build_step::Guest for Steps<P> {
    fn run(
        input: build_step::exports::springline::plugin::build_step::Input,
    ) -> Result<build_step::exports::springline::plugin::build_step::Outputs, types::Error> {
        let summary = P::run(&input.config, &mut Step::new(Imports))?;
        Ok(build_step::exports::springline::plugin::build_step::Outputs { summary })
    }
}

impl<P: Renderer> renderer::exports::springline::plugin::renderer::Guest for Renders<P> {
    fn render(
        input: renderer::exports::springline::plugin::renderer::Input,
    ) -> Result<Vec<types::Object>, types::Error> {
        let objects = P::render(&input.config, &mut Render::new(Imports))?;
        Ok(objects.into_iter().map(Into::into).collect())
    }
}

use deploy_target::exports::springline::plugin::deploy_target as wit;

impl<P: DeployTarget> wit::Guest for Targets<P> {
    fn identify(config: String, desired: Vec<types::Object>) -> Result<Vec<wit::Identity>, types::Error> {
        let identities = P::configure(config)?.identify(&objects(desired), &mut Deploy::new(Imports))?;
        Ok(identities.into_iter().map(|Identity { live, object }| wit::Identity { ref_: live, object }).collect())
    }

    fn plan(input: wit::PlanInput) -> Result<Vec<wit::Change>, types::Error> {
        let desired = objects(input.desired);
        let changes = P::configure(input.config)?.plan(&desired, &input.owned, &mut Deploy::new(Imports))?;
        Ok(changes.into_iter().map(Into::into).collect())
    }

    fn explain(config: String, change: wit::Change) -> Result<wit::Difference, types::Error> {
        let Difference { live, desired } = P::configure(config)?.explain(&change.into(), &mut Deploy::new(Imports))?;
        Ok(wit::Difference { live, desired })
    }

    fn apply(config: String, change: wit::Change) -> Result<wit::Applied, types::Error> {
        let Applied { after, message } = P::configure(config)?.apply(&change.into(), &mut Deploy::new(Imports))?;
        Ok(wit::Applied { after, message })
    }

    fn observe(config: String, refs: Vec<String>) -> Result<Vec<wit::Observed>, types::Error> {
        let observed = P::configure(config)?.observe(&refs, &mut Deploy::new(Imports))?;
        let to_wit = |Observed { live, version, state }| wit::Observed { ref_: live, version, state };
        Ok(observed.into_iter().map(to_wit).collect())
    }

    fn judge(config: String, object: wit::Observed) -> Result<wit::Health, types::Error> {
        let observed = Observed { live: object.ref_, version: object.version, state: object.state };
        Ok(P::configure(config)?.judge(&observed)?.into())
    }

    fn owned(config: String) -> Result<Vec<String>, types::Error> {
        Ok(P::configure(config)?.owned(&mut Deploy::new(Imports))?)
    }
}

pub(super) fn objects(desired: Vec<types::Object>) -> Vec<Object> {
    desired.into_iter().map(Into::into).collect()
}

impl From<types::Object> for Object {
    fn from(object: types::Object) -> Self {
        let body = match object.body {
            types::Body::Inline(bytes) => Body::Inline(bytes),
            types::Body::Blob(digest) => Body::Blob(digest),
            types::Body::Tree(digest) => Body::Tree(digest),
        };
        Self { id: object.id, body }
    }
}

impl From<Object> for types::Object {
    fn from(object: Object) -> Self {
        let body = match object.body {
            Body::Inline(bytes) => types::Body::Inline(bytes),
            Body::Blob(digest) => types::Body::Blob(digest),
            Body::Tree(digest) => types::Body::Tree(digest),
        };
        Self { id: object.id, body }
    }
}

impl From<Health> for wit::Health {
    fn from(Health { status, message }: Health) -> Self {
        let status = match status {
            HealthStatus::Healthy => wit::HealthStatus::Healthy,
            HealthStatus::Progressing => wit::HealthStatus::Progressing,
            HealthStatus::Degraded => wit::HealthStatus::Degraded,
            HealthStatus::Missing => wit::HealthStatus::Missing,
            HealthStatus::Suspended => wit::HealthStatus::Suspended,
            HealthStatus::Unknown => wit::HealthStatus::Unknown,
        };
        Self { status, message }
    }
}

impl From<wit::Change> for Change {
    fn from(change: wit::Change) -> Self {
        Self {
            live: change.ref_,
            object: change.object,
            action: match change.action {
                wit::Action::Create => Action::Create,
                wit::Action::Update => Action::Update,
                wit::Action::Delete => Action::Delete,
                wit::Action::Adopt => Action::Adopt,
                wit::Action::Deferred => Action::Deferred,
            },
            wave: change.wave,
            summary: change.summary,
            before: change.before,
            after: change.after,
            state: change.state,
        }
    }
}

impl From<Change> for wit::Change {
    fn from(change: Change) -> Self {
        Self {
            ref_: change.live,
            object: change.object,
            action: match change.action {
                Action::Create => wit::Action::Create,
                Action::Update => wit::Action::Update,
                Action::Delete => wit::Action::Delete,
                Action::Adopt => wit::Action::Adopt,
                Action::Deferred => wit::Action::Deferred,
            },
            wave: change.wave,
            summary: change.summary,
            before: change.before,
            after: change.after,
            state: change.state,
        }
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(violations) => Self::Invalid(violations.into_iter().map(Into::into).collect()),
            Error::Denied(message) => Self::Denied(message),
            Error::Conflict(message) => Self::Conflict(message),
            Error::Transient { message, retry_after } => {
                let retry_after = retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
                Self::Transient(types::Transient { message, retry_after })
            }
            Error::Failed(message) => Self::Failed(message),
        }
    }
}

impl From<Violation> for types::Violation {
    fn from(violation: Violation) -> Self {
        let Violation { message, file, line, pointer } = violation;
        Self { message, file, line, pointer }
    }
}
