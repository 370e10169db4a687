//! From desired objects to what they become in a cluster.

use std::collections::BTreeMap;

use springline_sdk::kubernetes::{ApiKind, Cluster};
use springline_sdk::prelude::*;
use springline_yaml::kubernetes::NO_NAMESPACE;

use crate::config::Config;
use crate::content::{self, metadata, normalise};
use crate::document::parse;
use crate::hook::{Role, role};
use crate::options::Options;
use crate::order::{rank, wave};
use crate::reference::{Kind, Ref};
use crate::refusal::reading;
use crate::scope::{define, own_is_namespaced};

/// How much of a digest of its content stands for the part of a name that is generated.
const SUFFIX: usize = 10;

/// A desired object, and what it becomes.
#[derive(Debug)]
pub struct Desired {
    /// Its id.
    pub id: String,
    /// The digest of its body.
    pub digest: String,
    /// The live object.
    pub live: Ref,
    /// The group and version that it is written in.
    pub api_version: String,
    /// As it is applied, but for the marks of its owner.
    pub object: Value,
    /// What its annotations ask for.
    pub options: Options,
    /// What is done with it.
    pub role: Role,
    /// When.
    pub wave: i32,
}

/// All desired objects.
#[derive(Debug)]
pub struct Everything {
    /// Those that are kept, in the order in which they are applied.
    pub kept: Vec<Desired>,
    /// Those that are run.
    pub hooks: Vec<Desired>,
    /// The kinds that are defined among them, and whether their objects are in namespaces.
    pub defined: BTreeMap<Kind, bool>,
}

/// Reads all desired objects.
pub fn read(config: &Config, desired: &[Object], deploy: &Deploy) -> Result<Everything> {
    config.check()?;
    let mut violations = Vec::new();
    let mut defined = BTreeMap::new();
    let mut manifests = Vec::with_capacity(desired.len());
    for object in desired {
        let (digest, text) = match body(object, deploy) {
            Ok(body) => body,
            Err(Error::Invalid(more)) => {
                violations.extend(more);
                continue;
            }
            Err(other) => return Err(other),
        };
        match manifest(object, digest, &text) {
            Ok(manifest) => {
                define(&manifest.object, &mut defined);
                manifests.push(manifest);
            }
            Err(more) => violations.extend(more),
        }
    }
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    place(config, manifests, defined)
}

/// Reads one desired object again, the one of a change.
pub fn read_one(live: &Ref, id: &str, digest: &str, deploy: &Deploy) -> Result<Value> {
    let object = Object::blob(id, digest);
    let mut manifest = manifest(&object, digest, &body(&object, deploy)?.1).map_err(Error::Invalid)?;
    settle(&mut manifest.object, live);
    Ok(manifest.object)
}

/// The body of a desired object.
pub fn text(digest: &str, deploy: &Deploy) -> Result<String> {
    Ok(String::from_utf8_lossy(&deploy.blob(digest)?.bytes()?).into_owned())
}

/// The digest of an object's body, and the text of it.
fn body<'o>(object: &'o Object, deploy: &Deploy) -> Result<(&'o str, String)> {
    match &object.body {
        Body::Inline(_) => Err(Error::failed(format!("the body of `{}` did not arrive as a blob", object.id))),
        Body::Tree(_) => {
            let message = "this is a directory tree, and a cluster takes objects: render manifests";
            Err(Violation::new(message).file(&object.id).into())
        }
        Body::Blob(digest) => match String::from_utf8(deploy.blob(digest)?.bytes()?) {
            Ok(text) => Ok((digest, text)),
            Err(_) => Err(Violation::new("this is no text").file(&object.id).into()),
        },
    }
}

/// A desired object that says what it is.
struct Manifest {
    id: String,
    digest: String,
    kind: Kind,
    api_version: String,
    name: String,
    namespace: String,
    role: Role,
    object: Value,
}

fn manifest(object: &Object, digest: &str, text: &str) -> Result<Manifest, Vec<Violation>> {
    let id = &object.id;
    let mut value = parse(id, text).map_err(|violation| vec![violation])?;
    let mut violations = Vec::new();
    let mut tell = |message: String| violations.push(Violation::new(message).file(id));
    let field = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind) = (field("apiVersion"), field("kind"));
    for (key, text, example) in [("apiVersion", &api_version, "v1"), ("kind", &kind, "ConfigMap")] {
        if text.is_empty() {
            tell(format!("an object needs `{key}`, such as `{example}`, and this has none"));
        }
    }
    if kind.ends_with("List") && value.get("items").is_some_and(Value::is_array) && metadata(&value, "name").is_empty()
    {
        tell("this is a list of objects: render each as one of its own, as render-manifests does".to_owned());
        return Err(violations);
    }
    let role = role(&value).unwrap_or_else(|message| {
        tell(message);
        Role::Kept
    });
    let mut name = metadata(&value, "name").to_owned();
    let generated = metadata(&value, "generateName");
    if name.is_empty() && !generated.is_empty() {
        if matches!(role, Role::Kept) {
            tell("`metadata.generateName` gives another name at every apply; only a hook can have it".to_owned());
        }
        // Of what it says, so that it keeps its name where only its place in a file changes.
        name = format!("{generated}{}", &content::digest(&value.to_string())[..SUFFIX]);
    } else if name.is_empty() {
        tell("an object needs `metadata.name`, and this has none".to_owned());
    }
    let namespace = metadata(&value, "namespace").to_owned();
    for (what, part) in [("name", &name), ("namespace", &namespace), ("kind", &kind)] {
        let bad = part.contains(['/', '%', '\\']) || matches!(part.as_str(), "." | "..");
        if bad || part.contains(|c: char| c.is_control() || c.is_whitespace()) {
            tell(format!("`{part}` can't be the {what} of an object"));
        }
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    normalise(&mut value);
    Ok(Manifest {
        id: id.clone(),
        digest: digest.to_owned(),
        kind: Kind::new(&api_version, &kind),
        api_version,
        name,
        namespace,
        role,
        object: value,
    })
}

/// Gives every object its place in the cluster.
fn place(config: &Config, manifests: Vec<Manifest>, defined: BTreeMap<Kind, bool>) -> Result<Everything> {
    let scopes = Scopes::of(config, &manifests, &defined)?;
    let mut violations = Vec::new();
    let mut everything = Everything { kept: Vec::new(), hooks: Vec::new(), defined: BTreeMap::new() };
    let mut taken: BTreeMap<Ref, String> = BTreeMap::new();
    for manifest in manifests {
        let options = Options::of(&manifest.object);
        if manifest.role == Role::Skipped {
            continue;
        }
        let namespaced = match scopes.is_namespaced(&manifest) {
            Some(namespaced) => namespaced,
            // Most kinds are; of those that are not, render-manifests' `cluster-scoped` may tell.
            None if options.kind_may_be_missing => manifest.id.split('/').next() != Some(NO_NAMESPACE),
            None => {
                violations.push(unknown(config, &manifest));
                continue;
            }
        };
        let desired = finish(config, manifest, namespaced, options);
        if let Some(first) = taken.insert(desired.live.clone(), desired.id.clone()) {
            let message = format!("this and `{first}` both become `{}`", desired.live);
            violations.push(Violation::new(message).file(&desired.id));
        }
        match desired.role {
            Role::Run(_) => everything.hooks.push(desired),
            _ => everything.kept.push(desired),
        }
    }
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    everything.defined = defined;
    let order = |desired: &Desired| (desired.wave, rank(&desired.live.kind), desired.live.to_string());
    everything.kept.sort_by_cached_key(order);
    everything.hooks.sort_by_cached_key(order);
    Ok(everything)
}

fn unknown(config: &Config, manifest: &Manifest) -> Violation {
    let Manifest { id, kind, api_version, .. } = manifest;
    Violation::new(format!(
        "cluster `{}` has no kind `{}` in `{api_version}`, and no CustomResourceDefinition among the objects defines it: \
         add that, or, if something else does, the annotation `argocd.argoproj.io/sync-options: SkipDryRunOnMissingResource=true`",
        config.cluster, kind.kind
    ))
    .file(id)
}

fn finish(config: &Config, manifest: Manifest, namespaced: bool, options: Options) -> Desired {
    let Manifest { id, digest, kind, api_version, name, namespace, role, mut object } = manifest;
    let namespace = match (namespaced, namespace.is_empty()) {
        (false, _) => String::new(),
        (true, true) => config.default_namespace().to_owned(),
        (true, false) => namespace,
    };
    let live = Ref { cluster: config.cluster.clone(), kind, namespace, name };
    settle(&mut object, &live);
    let wave = match &role {
        Role::Run(runs) => runs.wave,
        _ => wave(&live.kind, &object),
    };
    Desired { id, digest, live, api_version, object, options, role, wave }
}

/// Writes into an object where it lives.
fn settle(object: &mut Value, live: &Ref) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    metadata.shift_remove("generateName");
    metadata.insert("name".to_owned(), Value::String(live.name.clone()));
    if live.namespace.is_empty() {
        metadata.shift_remove("namespace");
    } else {
        metadata.insert("namespace".to_owned(), Value::String(live.namespace.clone()));
    }
}

/// What is known of the scope of kinds.
struct Scopes<'d> {
    defined: &'d BTreeMap<Kind, bool>,
    served: BTreeMap<ApiKind, bool>,
}

impl<'d> Scopes<'d> {
    /// Asks the cluster for the kinds that are neither Kubernetes' own nor defined.
    fn of(config: &Config, manifests: &[Manifest], defined: &'d BTreeMap<Kind, bool>) -> Result<Self> {
        let is_foreign =
            |manifest: &&Manifest| own_is_namespaced(&manifest.kind).is_none() && !defined.contains_key(&manifest.kind);
        let mut wanted: Vec<ApiKind> = manifests.iter().filter(is_foreign).map(Manifest::api_kind).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut served = BTreeMap::new();
        if !wanted.is_empty() {
            let types = Cluster::new(&config.cluster).types(&wanted).map_err(reading)?;
            let known = wanted.into_iter().zip(types);
            served.extend(known.filter_map(|(kind, served)| Some((kind, served?.namespaced))));
        }
        Ok(Self { defined, served })
    }

    fn is_namespaced(&self, manifest: &Manifest) -> Option<bool> {
        own_is_namespaced(&manifest.kind)
            .or_else(|| self.defined.get(&manifest.kind).copied())
            .or_else(|| self.served.get(&manifest.api_kind()).copied())
    }
}

impl Manifest {
    fn api_kind(&self) -> ApiKind {
        ApiKind::new(&self.api_version, &self.kind.kind)
    }
}
