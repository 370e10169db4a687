//! What is known of Kubernetes' objects without a cluster.

use crate::Node;

/// How the ids of rendered objects begin that are in no namespace: no namespace can have this name.
pub const NO_NAMESPACE: &str = "_cluster";

/// The groups that Kubernetes itself serves. What of their kinds is not in [`CLUSTER_SCOPED`] is in
/// a namespace.
const OWN_GROUPS: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// The kinds of those groups that are in no namespace, as `KIND.GROUP`.
const CLUSTER_SCOPED: &[&str] = &[
    "APIService.apiregistration.k8s.io",
    "CSIDriver.storage.k8s.io",
    "CSINode.storage.k8s.io",
    "CertificateSigningRequest.certificates.k8s.io",
    "ClusterRole.rbac.authorization.k8s.io",
    "ClusterRoleBinding.rbac.authorization.k8s.io",
    "ClusterTrustBundle.certificates.k8s.io",
    "ComponentStatus",
    "CustomResourceDefinition.apiextensions.k8s.io",
    "DeviceClass.resource.k8s.io",
    "DeviceTaintRule.resource.k8s.io",
    "FlowSchema.flowcontrol.apiserver.k8s.io",
    "IPAddress.networking.k8s.io",
    "IngressClass.networking.k8s.io",
    "MutatingAdmissionPolicy.admissionregistration.k8s.io",
    "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io",
    "MutatingWebhookConfiguration.admissionregistration.k8s.io",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass.scheduling.k8s.io",
    "PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io",
    "ResourceSlice.resource.k8s.io",
    "RuntimeClass.node.k8s.io",
    "SelfSubjectAccessReview.authorization.k8s.io",
    "SelfSubjectReview.authentication.k8s.io",
    "SelfSubjectRulesReview.authorization.k8s.io",
    "ServiceCIDR.networking.k8s.io",
    "StorageClass.storage.k8s.io",
    "StorageVersion.internal.apiserver.k8s.io",
    "StorageVersionMigration.storagemigration.k8s.io",
    "SubjectAccessReview.authorization.k8s.io",
    "TokenReview.authentication.k8s.io",
    "ValidatingAdmissionPolicy.admissionregistration.k8s.io",
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io",
    "ValidatingWebhookConfiguration.admissionregistration.k8s.io",
    "VolumeAttachment.storage.k8s.io",
    "VolumeAttributesClass.storage.k8s.io",
];

/// Whether Kubernetes itself serves a group.
pub fn is_own(group: &str) -> bool {
    OWN_GROUPS.binary_search(&group).is_ok()
}

/// Whether objects of a kind of Kubernetes' own are in a namespace; none for any other kind.
pub fn own_is_namespaced(group: &str, kind: &str) -> Option<bool> {
    let name = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
    is_own(group).then(|| CLUSTER_SCOPED.binary_search(&name.as_str()).is_err())
}

/// The items of a `List`, each with its own apiVersion and kind; none for anything else. What has a
/// name is an object, whatever its kind is called.
pub fn items(node: &Node) -> Option<Vec<Node>> {
    let kind = node.get("kind")?.as_text()?.strip_suffix("List")?;
    let items = node.get("items")?.as_list()?;
    if node.at(&["metadata", "name"]).is_some() {
        return None;
    }
    let complete = |item: &Node| {
        let mut item = item.clone();
        // The items of a DeploymentList may leave out what the list has said.
        if let (false, Some(map)) = (kind.is_empty(), item.as_map_mut()) {
            if !map.contains_key("kind") {
                map.shift_insert(0, "kind".to_owned(), Node::text(kind));
            }
            if let (false, Some(api_version)) = (map.contains_key("apiVersion"), node.get("apiVersion")) {
                map.shift_insert(0, "apiVersion".to_owned(), api_version.clone());
            }
        }
        item
    };
    Some(items.iter().map(complete).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Schema, read};

    #[test]
    fn kinds_of_kubernetes_are_known() {
        assert!(CLUSTER_SCOPED.is_sorted() && OWN_GROUPS.is_sorted());
        assert_eq!(own_is_namespaced("", "Namespace"), Some(false));
        assert_eq!(own_is_namespaced("", "Pod"), Some(true));
        assert_eq!(own_is_namespaced("resource.k8s.io", "DeviceTaintRule"), Some(false));
        assert_eq!(own_is_namespaced("cert-manager.io", "ClusterIssuer"), None);
    }

    #[test]
    fn lists_are_taken_apart_and_what_has_a_name_is_none() {
        let items = |text: &str| {
            let text = read(text, Schema::Kubernetes).unwrap().remove(0);
            Some(super::items(&text)?.iter().map(|item| item.clone().into_json().to_string()).collect::<Vec<_>>())
        };
        let of_kind = items("apiVersion: apps/v1\nkind: DeploymentList\nitems: [{a: 1}, {kind: B}, 3]\n").unwrap();
        let first = r#"{"apiVersion":"apps/v1","kind":"Deployment","a":1}"#;
        assert_eq!(of_kind, [first, r#"{"apiVersion":"apps/v1","kind":"B"}"#, "3"]);
        assert_eq!(items("apiVersion: v1\nkind: List\nitems: [{a: 1}]\n").unwrap(), [r#"{"a":1}"#]);
        assert_eq!(items("kind: AllowList\nmetadata: {name: a}\nitems: []\n"), None);
        assert_eq!(items("kind: PriceList\nitems: 3\n"), None);
        assert_eq!(items("items: []\n"), None);
    }
}
