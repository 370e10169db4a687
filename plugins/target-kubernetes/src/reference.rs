//! The names of live objects: `CLUSTER/KIND[.GROUP]/[NAMESPACE/]NAME`.

use std::fmt;

use springline_sdk::kubernetes::ObjectName;
use springline_sdk::prelude::*;

use crate::content::text;

/// A kind and its group; the group of the core is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// The group.
    pub group: String,
    /// The kind.
    pub kind: String,
}

impl Kind {
    /// The kind of an object that states its `apiVersion`.
    pub fn new(api_version: &str, kind: &str) -> Self {
        Self { group: group(api_version).to_owned(), kind: kind.to_owned() }
    }

    /// The kind of a live object.
    pub fn of(object: &Value) -> Self {
        Self::new(text(object, "apiVersion"), text(object, "kind"))
    }

    /// Whether it is this kind of this group.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }

    /// Whether its objects are Secrets.
    pub fn is_secret(&self) -> bool {
        self.is("", "Secret")
    }

    /// The `apiVersion` that leaves the version to the API server.
    pub fn any_version(&self) -> String {
        if self.group.is_empty() { String::new() } else { format!("{}/", self.group) }
    }
}

/// `Deployment.apps`, or `Service` of the core group.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

/// The group of an `apiVersion`.
pub fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The name of a live object, without a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref {
    /// The cluster, by its name in the operator's file.
    pub cluster: String,
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for an object of the whole cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Ref {
    /// Reads one as [`Display`](fmt::Display) writes it.
    pub fn parse(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let (cluster, kind, namespace, name) = match parts[..] {
            [cluster, kind, name] => (cluster, kind, "", name),
            [cluster, kind, namespace, name] if !namespace.is_empty() => (cluster, kind, namespace, name),
            _ => return Err(no_ref(text)),
        };
        if cluster.is_empty() || kind.is_empty() || name.is_empty() {
            return Err(no_ref(text));
        }
        let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
        let kind = Kind { group: group.to_owned(), kind: kind.to_owned() };
        Ok(Self { cluster: cluster.to_owned(), kind, namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// The name of an object that a cluster gave.
    pub fn of(cluster: &str, object: &Value) -> Self {
        let metadata = |key: &str| object.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
        let text = |key: &str| metadata(key).unwrap_or_default().to_owned();
        Self { cluster: cluster.to_owned(), kind: Kind::of(object), namespace: text("namespace"), name: text("name") }
    }

    /// As a cluster is asked for it, in the version that it prefers.
    pub fn object_name(&self) -> ObjectName {
        ObjectName::new(self.kind.any_version(), &self.kind.kind, &self.namespace, &self.name)
    }
}

fn no_ref(text: &str) -> Error {
    Error::failed(format!("`{text}` is no name of an object in a cluster"))
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, kind, namespace, name } = self;
        write!(f, "{cluster}/{kind}/")?;
        if namespace.is_empty() { f.write_str(name) } else { write!(f, "{namespace}/{name}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ref_reads_as_it_is_written() {
        for text in [
            "prod/Deployment.apps/shop/web",
            "prod/Service/shop/web",
            "prod/Namespace/shop",
            "prod/ClusterRole.rbac.authorization.k8s.io/system:a.b",
        ] {
            assert_eq!(Ref::parse(text).unwrap().to_string(), text);
        }
        let web = Ref::parse("prod/Deployment.apps/shop/web").unwrap();
        assert!(web.kind.is("apps", "Deployment"));
        assert_eq!(web.object_name(), ObjectName::new("apps/", "Deployment", "shop", "web"));
        for text in ["", "prod", "prod/Service", "prod/Service/shop/web/x", "prod//a", "/Service/a", "prod/Service//a"]
        {
            assert!(matches!(Ref::parse(text), Err(Error::Failed(_))), "{text}");
        }
    }

    #[test]
    fn a_live_object_has_its_ref() {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "namespace": "shop", "name": "a" } });
        assert_eq!(Ref::of("prod", &pod).to_string(), "prod/Pod/shop/a");
        let role =
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "a" } });
        assert_eq!(Ref::of("prod", &role).to_string(), "prod/ClusterRole.rbac.authorization.k8s.io/a");
    }
}
