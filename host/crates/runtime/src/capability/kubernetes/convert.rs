//! Between the guest's types and the model's.

use std::time::Duration;

use springline_model::kubernetes as model;

use super::{failed, wit};
use crate::capability::masks::Masks;
use crate::escape::{escape, escape_lines};

/// The longest message, in bytes.
const MESSAGE: usize = 16 << 10;
/// The longest word and path, in bytes.
const WORD: usize = 1 << 10;
/// The most causes that are told.
const CAUSES: usize = 100;
/// The longest name of a field manager: the API's own limit.
const MANAGER: usize = 128;

pub(super) fn kind(kind: &wit::ApiKind) -> model::ApiKind {
    model::ApiKind::new(&kind.api_version, &kind.kind)
}

pub(super) fn name(name: wit::ObjectName) -> model::ObjectName {
    let wit::ObjectName { api_version, kind, namespace, name } = name;
    model::ObjectName { kind: model::ApiKind::new(&api_version, &kind), namespace, name }
}

pub(super) fn freshness(freshness: wit::Freshness) -> model::Freshness {
    match freshness {
        wit::Freshness::Any => model::Freshness::Any,
        wit::Freshness::Live => model::Freshness::Live,
    }
}

pub(super) fn selection(selection: wit::Selection) -> model::Selection {
    let wit::Selection { kind: of, namespace, labels, fields } = selection;
    model::Selection { kind: kind(&of), namespace, labels, fields }
}

pub(super) fn write_options(options: wit::WriteOptions) -> Result<model::WriteOptions, wit::KubernetesError> {
    let wit::WriteOptions { manager, force, dry_run } = options;
    if manager.is_empty() || manager.len() > MANAGER || manager.chars().any(char::is_control) {
        return Err(failed("a field manager has a name of 1 to 128 bytes without control characters"));
    }
    Ok(model::WriteOptions { manager, force, dry_run })
}

pub(super) fn delete_options(options: wit::DeleteOptions) -> Result<model::DeleteOptions, wit::KubernetesError> {
    let wit::DeleteOptions { propagation, uid, resource_version, dry_run } = options;
    let propagation = match propagation {
        wit::Propagation::Background => model::Propagation::Background,
        wit::Propagation::Foreground => model::Propagation::Foreground,
        wit::Propagation::Orphan => model::Propagation::Orphan,
    };
    if uid.len() > WORD || resource_version.len() > WORD {
        return Err(failed("a uid or resource version is longer than any"));
    }
    Ok(model::DeleteOptions { propagation, uid, resource_version, dry_run })
}

pub(super) fn served(served: model::ServedType) -> wit::ServedType {
    let model::ServedType { kind, plural, namespaced, verbs, subresources } = served;
    wit::ServedType { api_version: kind.api_version(), kind: kind.kind, plural, namespaced, verbs, subresources }
}

/// What an API server says, as a guest and people may read it: secrets masked, then cut and escaped.
pub(super) struct Told<'m>(pub(super) &'m Masks);

impl Told<'_> {
    pub(super) fn text(&self, text: &str) -> String {
        escape_lines(&self.0.mask_cut(text, MESSAGE))
    }

    fn word(&self, word: &str) -> String {
        escape(&self.0.mask_cut(word, WORD))
    }

    pub(super) fn error(&self, error: model::KubernetesError) -> wit::KubernetesError {
        match error {
            model::KubernetesError::UnknownType(message) => wit::KubernetesError::UnknownType(self.text(&message)),
            model::KubernetesError::Refused { code, reason, message, causes } => {
                let causes = causes.iter().take(CAUSES).map(|cause| wit::Cause {
                    reason: self.word(&cause.reason),
                    message: self.text(&cause.message),
                    field: self.word(&cause.field),
                });
                wit::KubernetesError::Refused(wit::Refusal {
                    code,
                    reason: self.word(&reason),
                    message: self.text(&message),
                    causes: causes.collect(),
                })
            }
            model::KubernetesError::Unavailable { message, retry_after } => {
                let millis = |after: Duration| u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                wit::KubernetesError::Unavailable(wit::Unavailable {
                    message: self.text(&message),
                    retry_after: retry_after.map(millis),
                })
            }
            model::KubernetesError::Failed(message) => wit::KubernetesError::Failed(self.text(&message)),
        }
    }
}
