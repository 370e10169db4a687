//! A deploy target for tests: `explain` does with clusters what the config lists, in that order, and
//! gives a line for each as the text. Hooks and insight are those of the config.

use springline_sdk::kubernetes::{
    ApiKind, Cluster, DeleteOptions, Freshness, KubernetesError, ObjectName, Selection, WriteOptions, fingerprint,
    recall, remember,
};
use springline_sdk::prelude::*;
use springline_sdk::{Account, Child, Cleanup, HealthStatus, Hook, Phase};

#[config]
struct Config {
    /// What to do.
    #[serde(default)]
    ops: Vec<Op>,
    /// The cluster that is asked.
    #[serde(default)]
    cluster: String,
    /// How often each is done.
    #[serde(default)]
    count: Option<u32>,
    #[serde(default)]
    hooks: Vec<Hooked>,
    #[serde(default)]
    children: Vec<Related>,
    #[serde(default)]
    accounts: Vec<Told>,
}

#[config]
enum Op {
    /// Reads these objects: type, kind, namespace and name.
    Get(Vec<(String, String, String, String)>),
    /// Reads one from the API server itself.
    GetManaged(String, String, String, String),
    /// Lists a type in a namespace.
    List(String, String, String),
    /// Applies an object.
    Apply(String),
    /// Applies a ConfigMap of this namespace with so many bytes in it.
    ApplyBytes(String, usize),
    /// Creates an object.
    Create(String),
    /// Replaces an object.
    Replace(String),
    /// Merges a patch into an object.
    Merge(String, String, String, String, String),
    /// Deletes an object.
    Delete(String, String, String, String),
    /// Asks for a type.
    Types(String, String),
    /// Asks for every type.
    AllTypes,
    /// Remembers a text.
    Remember(String, String),
    /// Remembers so many bytes.
    RememberBytes(String, usize),
    /// Recalls what it remembered.
    Recall(String),
    /// Asks for the fingerprint of a text.
    Fingerprint(String),
}

#[config]
struct Hooked {
    live: String,
    object: String,
    #[serde(default)]
    bytes: usize,
}

#[config]
struct Related {
    parent: String,
    live: String,
}

#[config]
struct Told {
    live: String,
    lines: Vec<String>,
}

/// Asks clusters as it is told.
#[deploy_target(capabilities(kubernetes = "the tests are about it"), hooks, insight)]
impl Target for Config {
    fn identify(&self, desired: &[Object], _: &mut Deploy) -> Result<Vec<Identity>> {
        let is_hook = |object: &&Object| self.hooks.iter().any(|hook| hook.object == object.id);
        let identity = |object: &Object| Identity { live: object.id.clone(), object: object.id.clone() };
        Ok(desired.iter().filter(|object| !is_hook(object)).map(identity).collect())
    }

    fn plan(&self, _: &[Object], _: &[String], _: &mut Deploy) -> Result<Vec<Change>> {
        Ok(Vec::new())
    }

    fn explain(&self, _: &Change, _: &mut Deploy) -> Result<Difference> {
        let mut said = Vec::new();
        for op in &self.ops {
            let mut last = String::new();
            for _ in 0..self.count.unwrap_or(1) {
                last = self.act(op).unwrap_or_else(|error| told(&error));
            }
            said.push(last);
        }
        Ok(Difference { live: Some(said.join("\n")), desired: None })
    }

    fn apply(&self, change: &Change, _: &mut Deploy) -> Result<Applied> {
        Ok(Applied { after: change.after.clone(), message: String::new() })
    }

    fn observe(&self, live: &[String], _: &mut Deploy) -> Result<Vec<Observed>> {
        let observed = |live: &String| Observed { live: live.clone(), version: None, state: Vec::new() };
        Ok(live.iter().map(observed).collect())
    }
}

impl Config {
    fn act(&self, op: &Op) -> Result<String, KubernetesError> {
        let cluster = Cluster::new(&self.cluster);
        let options = WriteOptions { manager: "probe".into(), ..WriteOptions::default() };
        let name = |api: &String, kind: &String, namespace: &String, name: &String| {
            ObjectName::new(api, kind, namespace, name)
        };
        let or_none = |object: Option<String>| object.unwrap_or_else(|| "none".into());
        Ok(match op {
            Op::Get(names) => {
                let names: Vec<_> = names.iter().map(|(api, kind, space, of)| name(api, kind, space, of)).collect();
                let found = cluster.get(&names, Freshness::Any)?;
                found.into_iter().map(or_none).collect::<Vec<_>>().join(" ")
            }
            Op::GetManaged(api, kind, space, of) => or_none(cluster.get_managed(&name(api, kind, space, of))?),
            Op::List(api, kind, namespace) => {
                let all = Selection::all(ApiKind::new(api, kind));
                let objects = cluster.list(&Selection { namespace: namespace.clone(), ..all }, Freshness::Live)?;
                format!("{} objects, {} bytes", objects.len(), objects.iter().map(String::len).sum::<usize>())
            }
            Op::Apply(object) => cluster.apply(object, &options)?,
            Op::ApplyBytes(namespace, bytes) => {
                let mut object = json!({ "apiVersion": "v1", "kind": "ConfigMap" });
                object["metadata"] = json!({ "namespace": namespace, "name": "much" });
                object["data"] = json!({ "much": "x".repeat(*bytes) });
                format!("{} bytes", cluster.apply(&object.to_string(), &options)?.len())
            }
            Op::Create(object) => cluster.create(object, &options)?,
            Op::Replace(object) => cluster.replace(object, &options)?,
            Op::Merge(api, kind, space, of, patch) => cluster.merge(&name(api, kind, space, of), patch, &options)?,
            Op::Delete(api, kind, space, of) => {
                or_none(cluster.delete(&name(api, kind, space, of), &DeleteOptions::default())?)
            }
            Op::Types(api, kind) => {
                let served = cluster.types(&[ApiKind::new(api, kind)])?.remove(0);
                served.map_or_else(|| "none".into(), |served| format!("{} {}", served.api_version, served.plural))
            }
            Op::AllTypes => {
                let types = cluster.all_types()?;
                types.into_iter().map(|served| served.kind).collect::<Vec<_>>().join(" ")
            }
            Op::Remember(key, text) => {
                remember(key, text.as_bytes());
                "remembered".into()
            }
            Op::RememberBytes(key, bytes) => {
                remember(key, &vec![b'x'; *bytes]);
                "remembered".into()
            }
            Op::Recall(key) => recall(key).map_or_else(|| "forgotten".into(), |bytes| format!("{} bytes", bytes.len())),
            Op::Fingerprint(text) => fingerprint(text.as_bytes()),
        })
    }
}

fn told(error: &KubernetesError) -> String {
    let kind = match error {
        KubernetesError::Denied(_) => "denied",
        KubernetesError::UnknownType(_) => "unknown type",
        KubernetesError::Refused(refusal) => return format!("refused {}: {error}", refusal.code),
        KubernetesError::Unavailable { .. } => "unavailable",
        KubernetesError::Failed(_) => "failed",
    };
    format!("{kind}: {error}")
}

impl Hooks for Config {
    fn hooks(&self, _: &[Object], _: &mut Deploy) -> Result<Vec<Hook>> {
        let hook = |hooked: &Hooked| Hook {
            live: hooked.live.clone(),
            object: hooked.object.clone(),
            phase: Phase::After,
            wave: 3,
            cleanup: Cleanup { before_creation: true, failure: true, ..Cleanup::default() },
            state: vec![0; hooked.bytes],
        };
        Ok(self.hooks.iter().map(hook).collect())
    }
}

impl Insight for Config {
    fn children(&self, _: &[String], _: &mut Deploy) -> Result<Vec<Child>> {
        let child = |related: &Related| Child {
            parent: related.parent.clone(),
            live: related.live.clone(),
            health: Health::new(HealthStatus::Degraded, "as told"),
        };
        Ok(self.children.iter().map(child).collect())
    }

    fn explain_health(&self, _: &[String], _: &mut Deploy) -> Result<Vec<Account>> {
        Ok(self.accounts.iter().map(|told| Account { live: told.live.clone(), lines: told.lines.clone() }).collect())
    }
}
