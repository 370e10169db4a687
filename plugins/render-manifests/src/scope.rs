//! Which objects live in a namespace.

use springline_yaml::Node;

use crate::document::Document;

/// Kubernetes' own kinds that have no namespace, as `KIND.GROUP`.
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

/// What is known of the scope of kinds.
#[derive(Debug)]
pub struct Scopes<'c> {
    declared: &'c [String],
    /// The kinds that a CustomResourceDefinition in the input makes cluster-scoped.
    defined: Vec<String>,
}

impl<'c> Scopes<'c> {
    /// The kinds that the config declares cluster-scoped, and those defined among the documents.
    pub fn new(declared: &'c [String], documents: &[Document]) -> Self {
        Self { declared, defined: documents.iter().filter_map(definition).collect() }
    }

    /// Whether the object has no namespace. A kind that nobody knows has one.
    pub fn is_cluster_scoped(&self, document: &Document) -> bool {
        let kind = document.kind_and_group();
        self.declared.contains(&kind) || CLUSTER_SCOPED.contains(&kind.as_str()) || self.defined.contains(&kind)
    }
}

/// The cluster-scoped kind that a CustomResourceDefinition defines.
fn definition(document: &Document) -> Option<String> {
    if document.kind_and_group() != "CustomResourceDefinition.apiextensions.k8s.io" {
        return None;
    }
    let text = |keys: &[&str]| document.node.at(keys).and_then(Node::as_text);
    let (kind, group) = (text(&["spec", "names", "kind"])?, text(&["spec", "group"])?);
    (text(&["spec", "scope"])? == "Cluster").then(|| format!("{kind}.{group}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;

    #[test]
    fn kinds_are_known_by_list_definition_or_config() {
        let text = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\n\
                    spec: {group: x.io, scope: Cluster, names: {kind: Thing}}\n---\n\
                    {apiVersion: x.io/v1, kind: Thing, metadata: {name: a}}\n---\n\
                    {apiVersion: y.io/v1, kind: Thing, metadata: {name: a}}\n---\n\
                    {apiVersion: z.io/v1, kind: Issuer, metadata: {name: a}}\n---\n\
                    {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n---\n\
                    {apiVersion: v1, kind: Pod, metadata: {name: a}}\n";
        let documents = parse("f.yaml", text, &mut Vec::new());
        let declared = ["Issuer.z.io".to_owned()];
        let scopes = Scopes::new(&declared, &documents);
        let cluster: Vec<_> = documents.iter().map(|document| scopes.is_cluster_scoped(document)).collect();
        assert_eq!(cluster, [true, true, false, true, true, false]);
    }

    #[test]
    fn the_list_is_sorted() {
        assert!(CLUSTER_SCOPED.is_sorted());
    }
}
