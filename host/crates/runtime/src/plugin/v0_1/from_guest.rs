//! From the guest's data to the model's, checked.

use std::collections::HashSet;
use std::time::Duration;

use springline_model::Digest;
use springline_model::capability::Capability;
use springline_model::manifest::{
    Action, Applied, Body, Change, Difference, Health, HealthStatus, Identity, Object, Observed,
};
use springline_model::plugin::{Description, Fault, Kind, Limit, Violation};
use springline_model::tree::is_clean_path;

use super::worlds::deploy_target::exports::springline::plugin::deploy_target as guest;
use super::worlds::describe::exports::springline::plugin::describe::Kind as GuestKind;
use super::{GuestDescription, GuestOutputs, check, types};
use crate::capability::masks::Masks;
use crate::fault::{contract, of_blob};
use crate::inspect::Shape;
use crate::state::CallState;

/// The longest body that crosses inline, in bytes.
const INLINE: usize = 1 << 20;
/// The most violations that are shown.
const VIOLATIONS: usize = 1_000;
/// The longest retry-after.
const RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// A plugin's own error. `denial` is what the host denied during the call, with the line that
/// would grant it.
pub(crate) fn fault(error: types::Error, denial: Option<String>, masks: &Masks) -> Fault {
    match error {
        types::Error::Invalid(violations) if violations.is_empty() => {
            contract("its error is `invalid`, and it names no violation")
        }
        types::Error::Invalid(violations) => {
            Fault::Invalid { violations: violations.iter().take(VIOLATIONS).map(|one| violation(one, masks)).collect() }
        }
        types::Error::Denied(message) => {
            Fault::Denied { message: denial.unwrap_or_else(|| check::message(masks, &message)) }
        }
        types::Error::Conflict(message) => Fault::Conflict { message: check::message(masks, &message) },
        types::Error::Failed(message) if denial.is_some() => Fault::Denied {
            message: format!("{}\nthe plugin: {}", denial.unwrap_or_default(), check::message(masks, &message)),
        },
        types::Error::Transient(transient) => Fault::Transient {
            message: check::message(masks, &transient.message),
            retry_after: transient.retry_after.map(|after| Duration::from_millis(after).min(RETRY_AFTER)),
        },
        types::Error::Failed(message) => Fault::Failed { message: check::message(masks, &message) },
    }
}

fn violation(violation: &types::Violation, masks: &Masks) -> Violation {
    let line = |text: &str| check::line(masks, text);
    Violation {
        message: check::message(masks, &violation.message),
        file: violation.file.as_deref().map(line),
        line: violation.line,
        pointer: violation.pointer.as_deref().map(line),
    }
}

/// What a plugin says of itself.
pub(crate) fn description(said: &GuestDescription, shape: &Shape, masks: &Masks) -> Result<Description, Fault> {
    check::name(masks, "its name", &said.name)?;
    let kind = match said.kind {
        GuestKind::BuildStep => Kind::BuildStep,
        GuestKind::Renderer => Kind::Renderer,
        GuestKind::DeployTarget => Kind::DeployTarget,
    };
    if kind != shape.kind {
        return Err(contract(format!("it says that it is a {kind}, and exports a {}", shape.kind)));
    }
    let config_schema = serde_json::from_str(&said.config_schema)
        .map_err(|error| contract(format!("the schema of its config is no JSON: {error}")))?;
    let capability = |capability: &super::worlds::describe::exports::springline::plugin::describe::Capability| {
        Capability { name: check::line(masks, &capability.name), reason: check::line(masks, &capability.reason) }
    };
    Ok(Description {
        name: said.name.clone(),
        version: check::line(masks, &said.version),
        summary: check::line(masks, &said.summary),
        kind,
        config_schema,
        capabilities: said.capabilities.iter().map(capability).collect(),
        track: shape.track.as_str().to_owned(),
        imports: shape.imports.clone(),
    })
}

/// What a build step says of its output.
pub(crate) fn summary(outputs: &GuestOutputs, masks: &Masks) -> String {
    check::line(masks, &outputs.summary)
}

/// Rendered objects, sorted by id. What is inline goes to the blob store; what is named by digest
/// must be something that the call may read.
pub(crate) fn objects(rendered: Vec<types::Object>, state: &mut CallState) -> Result<Vec<Object>, Fault> {
    if rendered.len() as u64 > state.limits.output_entries {
        let text = format!("{} objects", state.limits.output_entries);
        return Err(crate::fault::limit(Limit::Entries, text));
    }
    let mut objects = Vec::with_capacity(rendered.len());
    for object in rendered {
        if !is_clean_path(&object.id) {
            return Err(contract(format!(
                "the id of an object is no clean path of at most 1,024 bytes: `{}`",
                check::line(state.powers.masks(), &object.id)
            )));
        }
        let body = body(&object.id, object.body, state)?;
        objects.push(Object { id: object.id, body });
    }
    objects.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    match objects.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => Err(contract(format!("two objects have the id `{}`", pair[0].id))),
        None => Ok(objects),
    }
}

fn body(id: &str, body: types::Body, state: &mut CallState) -> Result<Body, Fault> {
    let masks = &state.powers.masks().clone();
    let digest = |kind: &str, text: &str| {
        text.parse::<Digest>().map_err(|_| {
            contract(format!("the body of `{id}` is no digest of a {kind}: `{}`", check::line(masks, text)))
        })
    };
    let unknown = |kind: &str, digest: &Digest| {
        contract(format!("the body of `{id}` is a {kind} that this call was not given and did not write: {digest}"))
    };
    match body {
        types::Body::Inline(bytes) if bytes.len() > INLINE => Err(contract(format!(
            "the inline body of `{id}` has {} bytes, and 1 MiB is the most: write it as a blob",
            bytes.len()
        ))),
        types::Body::Inline(bytes) => {
            state.count_output(bytes.len())?;
            if let Some(secret) = masks.find(&bytes) {
                let place = format!("the object `{}`", masks.mask(id));
                return Err(Fault::Leak { secret: secret.into(), place: place.into() });
            }
            state.blobs.put(&bytes).map(Body::Blob).map_err(|error| of_blob(&error))
        }
        types::Body::Blob(text) => {
            let digest = digest("blob", &text)?;
            if !state.readable.has_blob(&digest, &*state.blobs) {
                return Err(unknown("blob", &digest));
            }
            Ok(Body::Blob(digest))
        }
        types::Body::Tree(text) => {
            let digest = digest("tree", &text)?;
            if !state.readable.has_tree(&digest) {
                return Err(unknown("tree", &digest));
            }
            Ok(Body::Tree(digest))
        }
    }
}

pub(super) fn identities(
    found: Vec<guest::Identity>,
    desired: &[types::Object],
    masks: &Masks,
) -> Result<Vec<Identity>, Fault> {
    let known: HashSet<_> = desired.iter().map(|object| object.id.as_str()).collect();
    let mut seen = HashSet::new();
    let mut identities = Vec::with_capacity(found.len());
    for identity in found {
        check::name(masks, "a live object's name", &identity.ref_)?;
        check_object(&identity.object, &known, masks)?;
        if !seen.insert(identity.ref_.clone()) {
            return Err(contract(format!("two desired objects become the same live one: `{}`", identity.ref_)));
        }
        identities.push(Identity { live: identity.ref_, object: identity.object });
    }
    Ok(identities)
}

pub(super) fn check_object(object: &str, known: &HashSet<&str>, masks: &Masks) -> Result<(), Fault> {
    if known.contains(object) {
        return Ok(());
    }
    Err(contract(format!("it names an object that is not desired: `{}`", check::line(masks, object))))
}

pub(super) fn changes(
    planned: Vec<guest::Change>,
    desired: &[types::Object],
    masks: &Masks,
) -> Result<Vec<Change>, Fault> {
    let known: HashSet<_> = desired.iter().map(|object| object.id.as_str()).collect();
    let mut seen = HashSet::new();
    let mut changes = Vec::with_capacity(planned.len());
    for change in planned {
        check::name(masks, "a live object's name", &change.ref_)?;
        if !seen.insert(change.ref_.clone()) {
            return Err(contract(format!("it plans two changes of one live object: `{}`", change.ref_)));
        }
        let action = action(change.action);
        match action {
            Action::Delete if change.object.is_empty() => {}
            _ => check_object(&change.object, &known, masks)?,
        }
        check::optional_name(masks, "what identifies a live object", change.before.as_ref())?;
        check::optional_name(masks, "what identifies a live object", change.after.as_ref())?;
        check::state(masks, &change.ref_, &change.state)?;
        changes.push(Change {
            live: change.ref_,
            object: change.object,
            action,
            wave: change.wave,
            summary: check::line(masks, &change.summary),
            before: change.before,
            after: change.after,
            state: change.state,
        });
    }
    Ok(changes)
}

const fn action(action: guest::Action) -> Action {
    match action {
        guest::Action::Create => Action::Create,
        guest::Action::Update => Action::Update,
        guest::Action::Delete => Action::Delete,
        guest::Action::Adopt => Action::Adopt,
        guest::Action::Deferred => Action::Deferred,
    }
}

pub(super) fn difference(difference: &guest::Difference, masks: &Masks) -> Difference {
    let text = |text: &str| check::text(masks, text);
    Difference { live: difference.live.as_deref().map(text), desired: difference.desired.as_deref().map(text) }
}

pub(super) fn applied(applied: guest::Applied, masks: &Masks) -> Result<Applied, Fault> {
    check::optional_name(masks, "what identifies a live object", applied.after.as_ref())?;
    Ok(Applied { after: applied.after, message: check::message(masks, &applied.message) })
}

pub(super) fn observed(objects: Vec<guest::Observed>, asked: &[String], masks: &Masks) -> Result<Vec<Observed>, Fault> {
    if objects.len() != asked.len() {
        return Err(contract(format!("it was asked for {} live objects and observed {}", asked.len(), objects.len())));
    }
    let mut observed = Vec::with_capacity(objects.len());
    for (object, asked) in objects.into_iter().zip(asked) {
        if object.ref_ != *asked {
            return Err(contract(format!(
                "it was asked for `{asked}` and observed `{}`",
                check::line(masks, &object.ref_)
            )));
        }
        check::optional_name(masks, "what identifies a live object", object.version.as_ref())?;
        check::state(masks, &object.ref_, &object.state)?;
        observed.push(Observed { live: object.ref_, version: object.version, state: object.state });
    }
    Ok(observed)
}

pub(super) fn health(health: &guest::Health, masks: &Masks) -> Health {
    let status = match health.status {
        guest::HealthStatus::Healthy => HealthStatus::Healthy,
        guest::HealthStatus::Progressing => HealthStatus::Progressing,
        guest::HealthStatus::Degraded => HealthStatus::Degraded,
        guest::HealthStatus::Missing => HealthStatus::Missing,
        guest::HealthStatus::Suspended => HealthStatus::Suspended,
        guest::HealthStatus::Unknown => HealthStatus::Unknown,
    };
    Health { status, message: check::message(masks, &health.message) }
}

pub(super) fn references(mut references: Vec<String>, masks: &Masks) -> Result<Vec<String>, Fault> {
    for reference in &references {
        check::name(masks, "a live object's name", reference)?;
    }
    references.sort_unstable();
    references.dedup();
    Ok(references)
}
