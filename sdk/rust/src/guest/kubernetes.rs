//! Kubernetes clusters through the real host.

use std::time::Duration;

use super::Imports;
use crate::bindings::kubernetes::springline::host::kubernetes as wit;
use crate::kubernetes::{
    ApiKind, Cause, Clusters, DeleteOptions, Freshness, KubernetesError, ObjectName, Propagation, Refusal, Result,
    Selection, ServedType, Write, WriteOptions,
};

impl Clusters for Imports {
    fn types(cluster: &str, wanted: &[ApiKind]) -> Result<Vec<Option<ServedType>>> {
        let wanted: Vec<_> = wanted.iter().map(kind).collect();
        let types = wit::types(cluster, &wanted)?;
        Ok(types.into_iter().map(|served| served.map(Into::into)).collect())
    }

    fn all_types(cluster: &str) -> Result<Vec<ServedType>> {
        Ok(wit::all_types(cluster)?.into_iter().map(Into::into).collect())
    }

    fn get(cluster: &str, names: &[ObjectName], freshness: Freshness) -> Result<Vec<Option<String>>> {
        let names: Vec<_> = names.iter().map(name).collect();
        Ok(wit::get(cluster, &names, freshness.into())?)
    }

    fn get_managed(cluster: &str, of: &ObjectName) -> Result<Option<String>> {
        Ok(wit::get_managed(cluster, &name(of))?)
    }

    fn list(cluster: &str, selection: &Selection, freshness: Freshness) -> Result<Vec<String>> {
        let selection = wit::Selection {
            kind: kind(&selection.kind),
            namespace: selection.namespace.clone(),
            labels: selection.labels.clone(),
            fields: selection.fields.clone(),
        };
        Ok(wit::list(cluster, &selection, freshness.into())?)
    }

    fn write(cluster: &str, how: Write, object: &str, options: &WriteOptions) -> Result<String> {
        let function = match how {
            Write::Apply => wit::apply,
            Write::Create => wit::create,
            Write::Replace => wit::replace,
        };
        Ok(function(cluster, object, &options.into())?)
    }

    fn merge(cluster: &str, of: &ObjectName, patch: &str, options: &WriteOptions) -> Result<String> {
        Ok(wit::merge(cluster, &name(of), patch, &options.into())?)
    }

    fn delete(cluster: &str, of: &ObjectName, options: &DeleteOptions) -> Result<Option<String>> {
        let options = wit::DeleteOptions {
            propagation: match options.propagation {
                Propagation::Background => wit::Propagation::Background,
                Propagation::Foreground => wit::Propagation::Foreground,
                Propagation::Orphan => wit::Propagation::Orphan,
            },
            uid: options.uid.clone(),
            resource_version: options.resource_version.clone(),
            dry_run: options.dry_run,
        };
        Ok(wit::delete(cluster, &name(of), &options)?)
    }

    fn recall(key: &str) -> Option<Vec<u8>> {
        wit::recall(key)
    }

    fn remember(key: &str, value: &[u8]) {
        wit::remember(key, value);
    }

    fn fingerprint(bytes: &[u8]) -> String {
        wit::fingerprint(bytes)
    }
}

fn kind(kind: &ApiKind) -> wit::ApiKind {
    wit::ApiKind { api_version: kind.api_version.clone(), kind: kind.kind.clone() }
}

fn name(name: &ObjectName) -> wit::ObjectName {
    wit::ObjectName {
        api_version: name.api_version.clone(),
        kind: name.kind.clone(),
        namespace: name.namespace.clone(),
        name: name.name.clone(),
    }
}

impl From<Freshness> for wit::Freshness {
    fn from(freshness: Freshness) -> Self {
        match freshness {
            Freshness::Any => Self::Any,
            Freshness::Live => Self::Live,
        }
    }
}

impl From<&WriteOptions> for wit::WriteOptions {
    fn from(options: &WriteOptions) -> Self {
        Self { manager: options.manager.clone(), force: options.force, dry_run: options.dry_run }
    }
}

impl From<wit::ServedType> for ServedType {
    fn from(served: wit::ServedType) -> Self {
        let wit::ServedType { api_version, kind, plural, namespaced, verbs, subresources } = served;
        Self { api_version, kind, plural, namespaced, verbs, subresources }
    }
}

impl From<wit::KubernetesError> for KubernetesError {
    fn from(error: wit::KubernetesError) -> Self {
        match error {
            wit::KubernetesError::Denied(message) => Self::Denied(message),
            wit::KubernetesError::UnknownType(message) => Self::UnknownType(message),
            wit::KubernetesError::Refused(refusal) => Self::Refused(Refusal {
                code: refusal.code,
                reason: refusal.reason,
                message: refusal.message,
                causes: refusal.causes.into_iter().map(cause).collect(),
            }),
            wit::KubernetesError::Unavailable(wit::Unavailable { message, retry_after }) => {
                Self::Unavailable { message, retry_after: retry_after.map(Duration::from_millis) }
            }
            wit::KubernetesError::Failed(message) => Self::Failed(message),
        }
    }
}

fn cause(cause: wit::Cause) -> Cause {
    Cause { reason: cause.reason, message: cause.message, field: cause.field }
}
