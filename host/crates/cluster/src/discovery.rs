//! Which types an API server has.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroupList, APIResourceList};
use kube::client::{APIGroupDiscoveryList, APIResourceDiscovery};
use serde::de::DeserializeOwned;
use springline_model::kubernetes::{ApiKind, KubernetesError, ServedType};
use tokio::sync::Mutex;

use crate::link::{Ask, Link, Reply};

/// All types in two answers, or groups and versions from a server that is older.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
/// What a group and version is whose own server is away: its types are those of before, or none.
const STALE: &str = "Stale";
/// How old may be what is known when a type is unknown.
const UNKNOWN_AGE: Duration = Duration::from_secs(1);
/// How old it may be when all types are asked for.
const ALL_AGE: Duration = Duration::from_secs(10);
/// How old it may be at all.
const AGE: Duration = Duration::from_secs(300);

/// What is known of an API server's types.
#[derive(Default)]
pub struct Discovery {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    types: Types,
    at: Option<Instant>,
    /// Whether types have changed since.
    changed: bool,
}

impl Discovery {
    /// The types that are served, in the order asked for.
    pub async fn find(&self, link: &Link, wanted: &[ApiKind]) -> Result<Vec<Option<ServedType>>, KubernetesError> {
        let mut known = self.known.lock().await;
        if let Err(error) = known.refresh(link, AGE).await
            && known.at.is_none()
        {
            return Err(error);
        }
        let found = known.types.find_all(wanted);
        if found.iter().all(Option::is_some) {
            return Ok(found);
        }
        known.refresh(link, UNKNOWN_AGE).await?;
        if let Some((kind, group)) = wanted.iter().find_map(|kind| Some((kind, known.types.hidden(kind)?))) {
            return Err(KubernetesError::Unavailable { message: away(link, kind, group), retry_after: None });
        }
        Ok(known.types.find_all(wanted))
    }

    /// Every type that can be listed, each once, in its preferred version.
    pub async fn all(&self, link: &Link) -> Result<Vec<ServedType>, KubernetesError> {
        let mut known = self.known.lock().await;
        known.refresh(link, ALL_AGE).await?;
        Ok(known.types.listable())
    }

    /// Notes that types have changed: they are asked for again at once.
    pub async fn forget(&self) {
        self.known.lock().await.changed = true;
    }
}

impl Known {
    async fn refresh(&mut self, link: &Link, age: Duration) -> Result<(), KubernetesError> {
        if self.changed || self.at.is_none_or(|at| at.elapsed() > age) {
            let types = Types::load(link).await?;
            *self = Self { types, at: Some(Instant::now()), changed: false };
        }
        Ok(())
    }
}

/// Types by groups in the server's order, the preferred version of a group first.
#[derive(Debug, Default)]
struct Types {
    served: Vec<ServedType>,
    /// The groups and versions, `GROUP/VERSION`, that are there but did not say which types they have.
    away: Vec<String>,
}

impl Types {
    async fn load(link: &Link) -> Result<Self, KubernetesError> {
        let mut types = Self::default();
        for root in ["/api", "/apis"] {
            let ask = Ask { accept: ACCEPT, ..Ask::get(root.to_owned()) };
            let reply = link.send(&ask).await?.granted()?;
            if reply.content_type.contains("as=APIGroupDiscoveryList") {
                types.add(aggregated(read(link, &reply)?));
            } else {
                types.add(one_by_one(link, root, &reply).await?);
            }
        }
        Ok(types)
    }

    fn add(&mut self, more: Self) {
        self.served.extend(more.served);
        self.away.extend(more.away);
    }

    fn find_all(&self, wanted: &[ApiKind]) -> Vec<Option<ServedType>> {
        wanted.iter().map(|kind| self.find(kind).cloned()).collect()
    }

    fn find(&self, wanted: &ApiKind) -> Option<&ServedType> {
        self.served.iter().find(|served| {
            served.kind.kind == wanted.kind
                && served.kind.group == wanted.group
                && (wanted.version.is_empty() || served.kind.version == wanted.version)
        })
    }

    /// The group and version that may have a type that was not found.
    fn hidden(&self, wanted: &ApiKind) -> Option<&str> {
        if self.find(wanted).is_some() {
            return None;
        }
        let may_have = |away: &&String| {
            let away = ApiKind::new(away, "");
            away.group == wanted.group && (wanted.version.is_empty() || away.version == wanted.version)
        };
        self.away.iter().find(may_have).map(String::as_str)
    }

    fn listable(&self) -> Vec<ServedType> {
        let mut seen = HashSet::new();
        let listable = self.served.iter().filter(|served| served.verbs.iter().any(|verb| verb == "list"));
        listable.filter(|served| seen.insert((&served.kind.group, &served.kind.kind))).cloned().collect()
    }
}

fn read<T: DeserializeOwned>(link: &Link, reply: &Reply) -> Result<T, KubernetesError> {
    serde_json::from_str(&reply.text).map_err(|error| {
        KubernetesError::Failed(format!("cluster {}: the list of its types can't be read: {error}", link.name()))
    })
}

/// What is said where nothing is known of a type because the server of its group is away.
fn away(link: &Link, kind: &ApiKind, group: &str) -> String {
    format!(
        "cluster {}: whether it has the type {kind} can't be told: what serves {group} is away; `kubectl get apiservices` \
         shows why",
        link.name()
    )
}

fn aggregated(list: APIGroupDiscoveryList) -> Types {
    let mut types = Types::default();
    for group in list.items {
        let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
        for version in group.versions {
            let of = version.version.unwrap_or_default();
            if version.freshness.as_deref() == Some(STALE) {
                types.away.push(format!("{name}/{of}"));
            }
            types.served.extend(version.resources.into_iter().filter_map(|resource| served(&name, &of, resource)));
        }
    }
    types
}

fn served(group: &str, version: &str, resource: APIResourceDiscovery) -> Option<ServedType> {
    let subresources = resource.subresources.into_iter().filter_map(|subresource| subresource.subresource);
    Some(ServedType {
        kind: ApiKind { group: group.into(), version: version.into(), kind: resource.response_kind?.kind? },
        plural: resource.resource?,
        namespaced: resource.scope.as_deref() == Some("Namespaced"),
        verbs: resource.verbs,
        subresources: subresources.collect(),
    })
}

/// As servers have it that are older than aggregated discovery.
async fn one_by_one(link: &Link, root: &str, reply: &Reply) -> Result<Types, KubernetesError> {
    let versions: Vec<String> = if root == "/api" {
        vec!["v1".to_owned()]
    } else {
        let list: APIGroupList = read(link, reply)?;
        let groups = list.groups.into_iter().flat_map(|group| {
            let preferred = group.preferred_version.map(|version| version.group_version);
            let mut versions: Vec<String> = group.versions.into_iter().map(|version| version.group_version).collect();
            versions.sort_by_key(|version| Some(version) != preferred.as_ref());
            versions
        });
        groups.collect()
    };
    let lists = versions.iter().map(|version| async move {
        // A group whose own server is away is no reason to know nothing of the others.
        match link.send(&Ask::get(format!("{root}/{version}"))).await {
            Ok(reply) if reply.code < 400 => Ok(Some(resources(version, read(link, &reply)?))),
            Ok(_) | Err(KubernetesError::Unavailable { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    });
    let lists = try_join_all(lists).await?;
    let mut types = Types::default();
    for (version, list) in versions.into_iter().zip(lists) {
        match list {
            Some(served) => types.served.extend(served),
            None => types.away.push(version),
        }
    }
    Ok(types)
}

fn resources(api_version: &str, list: APIResourceList) -> Vec<ServedType> {
    let mut types: Vec<ServedType> = Vec::new();
    let (subresources, whole): (Vec<_>, Vec<_>) =
        list.resources.into_iter().partition(|resource| resource.name.contains('/'));
    for resource in whole {
        types.push(ServedType {
            kind: ApiKind::new(api_version, &resource.kind),
            plural: resource.name,
            namespaced: resource.namespaced,
            verbs: resource.verbs,
            subresources: Vec::new(),
        });
    }
    for subresource in subresources {
        if let Some((plural, name)) = subresource.name.split_once('/')
            && let Some(of) = types.iter_mut().find(|served| served.plural == plural)
        {
            of.subresources.push(name.to_owned());
        }
    }
    types
}

#[cfg(test)]
mod tests {
    use springline_model::kubernetes::ClusterBinding;

    use super::*;

    const AGGREGATED: &str = r#"{"kind":"APIGroupDiscoveryList","items":[
        {"metadata":{"name":"autoscaling"},"versions":[
            {"version":"v2","resources":[{"resource":"horizontalpodautoscalers","responseKind":{"group":"","version":"","kind":"HorizontalPodAutoscaler"},
                "scope":"Namespaced","verbs":["get","list"],"subresources":[{"subresource":"status","verbs":["get"]}]}]},
            {"version":"v1","resources":[{"resource":"horizontalpodautoscalers","responseKind":{"kind":"HorizontalPodAutoscaler"},"scope":"Namespaced","verbs":["list"]},
                {"resource":"olds","responseKind":{"kind":"Old"},"scope":"Cluster","verbs":["list"]}]}]},
        {"metadata":{"name":"authorization.k8s.io"},"versions":[{"version":"v1","freshness":"Current","resources":[
            {"resource":"reviews","responseKind":{"kind":"Review"},"scope":"Cluster","verbs":["create"]},{"resource":"broken"}]}]},
        {"metadata":{"name":"metrics.example.com"},"versions":[
            {"version":"v2","freshness":"Stale","resources":[]},
            {"version":"v1","freshness":"Stale","resources":[
                {"resource":"figures","responseKind":{"kind":"Figure"},"scope":"Cluster","verbs":["get"]}]},
            {"version":"v1beta1","freshness":"Current","resources":[]}]}]}"#;

    fn types() -> Types {
        aggregated(serde_json::from_str(AGGREGATED).unwrap())
    }

    #[test]
    fn a_type_is_found_in_its_preferred_version_or_the_one_said() {
        let types = types();
        let find = |api_version: &str, kind: &str| types.find(&ApiKind::new(api_version, kind)).cloned();
        let preferred = find("autoscaling/", "HorizontalPodAutoscaler").unwrap();
        assert_eq!((preferred.kind.version.as_str(), preferred.namespaced), ("v2", true));
        assert_eq!(preferred.subresources, ["status"]);
        assert_eq!(find("autoscaling/v1", "HorizontalPodAutoscaler").unwrap().kind.version, "v1");
        assert_eq!(find("autoscaling/", "Old").unwrap().kind.version, "v1");
        assert!(!find("autoscaling/", "Old").unwrap().namespaced);
        for (api_version, kind) in
            [("autoscaling/v3", "HorizontalPodAutoscaler"), ("v1", "Old"), ("autoscaling/", "old")]
        {
            assert_eq!(find(api_version, kind), None, "{api_version} {kind}");
        }
    }

    #[test]
    fn of_a_group_that_is_away_nothing_is_known() {
        let types = types();
        for (api_version, kind, hidden) in [
            ("metrics.example.com/v1", "Node", Some("metrics.example.com/v1")),
            ("metrics.example.com/v2", "Figure", Some("metrics.example.com/v2")),
            ("metrics.example.com/", "Node", Some("metrics.example.com/v2")),
            ("metrics.example.com/v1", "Figure", None),
            ("metrics.example.com/v1beta1", "Node", None),
            ("metrics.example.com/v3", "Node", None),
            ("autoscaling/", "Node", None),
            ("v1", "Node", None),
        ] {
            assert_eq!(types.hidden(&ApiKind::new(api_version, kind)), hidden, "{api_version} {kind}");
        }
    }

    #[test]
    fn what_can_be_listed_is_named_once() {
        let listable = types().listable();
        let names: Vec<String> =
            listable.iter().map(|served| format!("{} {}", served.kind.api_version(), served.kind.kind)).collect();
        assert_eq!(names, ["autoscaling/v2 HorizontalPodAutoscaler", "autoscaling/v1 Old"]);
    }

    #[test]
    fn the_lists_of_older_servers_say_the_same() {
        let list = r#"{"kind":"APIResourceList","groupVersion":"apps/v1","resources":[
            {"name":"deployments","singularName":"","namespaced":true,"kind":"Deployment","verbs":["get","list"]},
            {"name":"deployments/scale","singularName":"","namespaced":true,"group":"autoscaling","version":"v1","kind":"Scale","verbs":["get"]}]}"#;
        let types = resources("apps/v1", serde_json::from_str(list).unwrap());
        assert_eq!(types.len(), 1);
        assert_eq!((types[0].kind.api_version().as_str(), types[0].plural.as_str()), ("apps/v1", "deployments"));
        assert_eq!(types[0].subresources, ["scale"]);
    }

    #[test]
    fn a_server_says_the_same_in_either_way() {
        let Some(cluster) = springline_testcluster::Cluster::shared() else { return };
        let binding = ClusterBinding { kubeconfig: Some(cluster.kubeconfig()), ..ClusterBinding::default() };
        let link = Link::new("test", binding);
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        executor.block_on(async {
            let mut slowly = Types::default();
            for root in ["/api", "/apis"] {
                let reply = link.send(&Ask::get(root.to_owned())).await.unwrap();
                slowly.add(one_by_one(&link, root, &reply).await.unwrap());
            }
            let at_once = Types::load(&link).await.unwrap();
            assert_eq!((&at_once.away, &slowly.away), (&Vec::new(), &Vec::new()));
            let (mut at_once, mut slowly) = (at_once.served, slowly.served);
            assert!(at_once.len() > 50);
            for types in [&mut at_once, &mut slowly] {
                types.sort_by(|a, b| (&a.kind, &a.plural).cmp(&(&b.kind, &b.plural)));
                types.iter_mut().for_each(|served| served.subresources.sort());
            }
            assert_eq!(at_once, slowly);
        });
    }
}
