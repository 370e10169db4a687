//! From the model's data to the guest's.

use springline_model::manifest::{Action, Body, Change, Object, Observed};

use super::types;
use super::worlds::deploy_target::exports::springline::plugin::deploy_target as guest;

/// Desired objects. Their bytes stay in the store.
pub(crate) fn desired(objects: &[Object]) -> Vec<types::Object> {
    let body = |body: &Body| match body {
        Body::Blob(digest) => types::Body::Blob(digest.to_string()),
        Body::Tree(digest) => types::Body::Tree(digest.to_string()),
    };
    objects.iter().map(|object| types::Object { id: object.id.clone(), body: body(&object.body) }).collect()
}

pub(super) fn change(change: &Change) -> guest::Change {
    guest::Change {
        ref_: change.live.clone(),
        object: change.object.clone(),
        action: match change.action {
            Action::Create => guest::Action::Create,
            Action::Update => guest::Action::Update,
            Action::Delete => guest::Action::Delete,
            Action::Adopt => guest::Action::Adopt,
            Action::Deferred => guest::Action::Deferred,
        },
        wave: change.wave,
        summary: change.summary.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
        state: change.state.clone(),
    }
}

pub(super) fn observed(object: &Observed) -> guest::Observed {
    guest::Observed { ref_: object.live.clone(), version: object.version.clone(), state: object.state.clone() }
}
