//! Which objects are in a namespace.

use std::collections::BTreeMap;

use springline_sdk::prelude::*;

use crate::reference::Kind;

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

/// Whether a kind is one of Kubernetes' own.
pub fn is_own(kind: &Kind) -> bool {
    OWN_GROUPS.binary_search(&kind.group.as_str()).is_ok()
}

/// Whether objects of a kind of Kubernetes' own are in a namespace; none for any other kind.
pub fn own_is_namespaced(kind: &Kind) -> Option<bool> {
    is_own(kind).then(|| CLUSTER_SCOPED.binary_search(&kind.to_string().as_str()).is_err())
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

    #[test]
    fn the_lists_are_sorted() {
        assert!(CLUSTER_SCOPED.is_sorted() && OWN_GROUPS.is_sorted());
    }
}
