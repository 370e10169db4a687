//! Writing and deleting objects.

use bytes::Bytes;
use http::Method;
use serde_json::json;
use springline_model::kubernetes::{
    ApiKind, DeleteOptions, KubernetesError, ObjectName, Propagation, ServedType, Write, WriteOptions, Written,
};

use crate::cluster::Cluster;
use crate::link::Ask;
use crate::object::Live;
use crate::path::{self, Query};
use crate::retry::Repeat;
use crate::status::Status;
use crate::{json, mask};

/// What was done to an object, for who remembers it.
pub enum Done {
    /// It is now so.
    Written(Live),
    /// It is gone; what it was.
    Gone {
        /// The uid, where it is known.
        uid: String,
    },
}

impl Cluster {
    /// Writes an object.
    pub async fn write(
        &self,
        name: &ObjectName,
        how: &Write,
        text: &str,
        options: &WriteOptions,
    ) -> Result<Written, KubernetesError> {
        if *how == Write::Apply && !json::is_json(text) {
            // The body of an apply is YAML to the server, and a text of Springline's is JSON.
            return Err(KubernetesError::Failed("the object that is to be applied is not JSON".to_owned()));
        }
        let served = self.served(&name.kind).await?;
        let ask = write_request(&served, name, how, text, options)?;
        let written = async {
            let reply = self.link.send(&ask).await?;
            if self.lacks_type(&reply).await {
                return Err(self.unknown(&name.kind));
            }
            reply.granted()
        };
        let secret = is_secret(&served.kind);
        let reply = written.await.map_err(|error| if secret { mask::of_secret(error, text) } else { error })?;
        let live = self.live(&reply, &served.kind, false)?;
        let object = Some(live.text.to_string());
        if !options.dry_run {
            self.note(&served, name, Done::Written(live)).await;
        }
        let warnings = if secret { mask::warnings(reply.warnings, text) } else { reply.warnings };
        Ok(Written { object, warnings })
    }

    /// Deletes an object.
    pub async fn delete(&self, name: &ObjectName, options: &DeleteOptions) -> Result<Written, KubernetesError> {
        let Some(served) = self.types(std::slice::from_ref(&name.kind)).await?.pop().flatten() else {
            return Ok(Written { object: None, warnings: Vec::new() });
        };
        let ask = delete_request(&served, name, options)?;
        let reply = self.link.send(&ask).await?;
        if reply.code == 404 {
            self.lacks_type(&reply).await;
            return Ok(Written { object: None, warnings: reply.warnings });
        }
        let reply = reply.granted()?;
        let (object, done) = match Status::read(&reply.text) {
            Some(status) => {
                let uid = status.details.and_then(|details| details.uid).unwrap_or_default();
                (None, Done::Gone { uid })
            }
            None => {
                let live = self.live(&reply, &served.kind, false)?;
                // An object without anything that holds it is answered with as it was, and is gone.
                if live.is_held() || options.dry_run {
                    (Some(live.text.to_string()), Done::Written(live))
                } else {
                    (None, Done::Gone { uid: live.metadata.uid })
                }
            }
        };
        if !options.dry_run {
            self.note(&served, name, done).await;
        }
        Ok(Written { object, warnings: reply.warnings })
    }

    async fn note(&self, served: &ServedType, name: &ObjectName, done: Done) {
        if matches!(served.kind.kind.as_str(), "CustomResourceDefinition" | "APIService") {
            self.discovery.forget().await;
        }
        let Some(cache) = &self.cache else { return };
        match done {
            Done::Written(live) => cache.wrote(served, &live),
            Done::Gone { uid } => cache.deleted(served, &(name.namespace.clone(), name.name.clone()), &uid),
        }
    }
}

fn is_secret(kind: &ApiKind) -> bool {
    kind.group.is_empty() && kind.kind == "Secret"
}

fn write_request(
    served: &ServedType,
    name: &ObjectName,
    how: &Write,
    text: &str,
    options: &WriteOptions,
) -> Result<Ask, KubernetesError> {
    let (method, kind, repeat) = match how {
        Write::Apply => (Method::PATCH, "application/apply-patch+yaml", Repeat::Harmless),
        Write::Create => (Method::POST, "application/json", Repeat::Harmful),
        Write::Replace => (Method::PUT, "application/json", Repeat::Harmful),
        Write::Merge => (Method::PATCH, "application/merge-patch+json", Repeat::Harmful),
    };
    let path = match how {
        Write::Create => path::around(served, &name.namespace)?,
        _ => path::object(served, &name.namespace, &name.name)?,
    };
    let query = Query::default()
        .with("fieldManager", &options.manager)
        .with("force", if *how == Write::Apply && options.force { "true" } else { "" })
        .with("dryRun", if options.dry_run { "All" } else { "" })
        // A misspelt field is told, not dropped.
        .with("fieldValidation", "Strict");
    Ok(Ask {
        method,
        target: query.after(path),
        body: Some((kind, Bytes::copy_from_slice(text.as_bytes()))),
        accept: "application/json",
        repeat: if options.dry_run { Repeat::Harmless } else { repeat },
    })
}

fn delete_request(served: &ServedType, name: &ObjectName, options: &DeleteOptions) -> Result<Ask, KubernetesError> {
    let propagation = match options.propagation {
        Propagation::Background => "Background",
        Propagation::Foreground => "Foreground",
        Propagation::Orphan => "Orphan",
    };
    let mut preconditions = serde_json::Map::new();
    for (field, value) in [("uid", &options.uid), ("resourceVersion", &options.resource_version)] {
        if !value.is_empty() {
            preconditions.insert(field.to_owned(), value.as_str().into());
        }
    }
    let mut body = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation });
    if !preconditions.is_empty() {
        body["preconditions"] = preconditions.into();
    }
    if options.dry_run {
        body["dryRun"] = json!(["All"]);
    }
    // By name alone, a second try could meet the next object of that name.
    let repeat = if options.uid.is_empty() && !options.dry_run { Repeat::Harmful } else { Repeat::Harmless };
    Ok(Ask {
        method: Method::DELETE,
        target: path::object(served, &name.namespace, &name.name)?,
        body: Some(("application/json", Bytes::from(body.to_string()))),
        accept: "application/json",
        repeat,
    })
}
