//! Which objects are in a namespace.

use std::collections::BTreeMap;

use springline_sdk::prelude::*;
use springline_yaml::kubernetes;

use crate::reference::Kind;

/// Whether a kind is one of Kubernetes' own.
pub fn is_own(kind: &Kind) -> bool {
    kubernetes::is_own(&kind.group)
}

/// Whether objects of a kind of Kubernetes' own are in a namespace; none for any other kind.
pub fn own_is_namespaced(kind: &Kind) -> Option<bool> {
    kubernetes::own_is_namespaced(&kind.group, &kind.kind)
}

/// The kind that an object defines; none if it is no CustomResourceDefinition.
pub fn defines(object: &Value) -> Option<Kind> {
    if !Kind::of(object).is("apiextensions.k8s.io", "CustomResourceDefinition") {
        return None;
    }
    let text = |pointer: &str| Some(object.pointer(pointer)?.as_str()?.to_owned());
    Some(Kind { group: text("/spec/group")?, kind: text("/spec/names/kind")? })
}

/// Remembers of the kind that an object defines, if it does, whether its objects are in a namespace.
pub fn define(object: &Value, defined: &mut BTreeMap<Kind, bool>) {
    if let Some(kind) = defines(object) {
        defined.insert(kind, object.pointer("/spec/scope").and_then(Value::as_str) != Some("Cluster"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_kubernetes_are_known_and_others_defined() {
        let namespaced = |api_version, kind| own_is_namespaced(&Kind::new(api_version, kind));
        assert_eq!(namespaced("v1", "Namespace"), Some(false));
        assert_eq!(namespaced("v1", "Pod"), Some(true));
        assert_eq!(namespaced("rbac.authorization.k8s.io/v1", "ClusterRole"), Some(false));
        assert_eq!(namespaced("cert-manager.io/v1", "ClusterIssuer"), None);

        let mut defined = BTreeMap::new();
        let definition = |scope| {
            json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "spec": { "group": "x.io", "scope": scope, "names": { "kind": "Thing" } } })
        };
        define(&definition("Cluster"), &mut defined);
        define(&json!({ "apiVersion": "v1", "kind": "Pod" }), &mut defined);
        let thing = Kind::new("x.io/v1", "Thing");
        assert_eq!(defined.remove(&thing), Some(false));
        assert!(defined.is_empty());
        define(&definition("Namespaced"), &mut defined);
        assert!(defined[&thing]);
    }
}
