//! Which objects live in a namespace.

use springline_yaml::Node;
use springline_yaml::kubernetes::own_is_namespaced;

use crate::document::Document;

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
        let own = own_is_namespaced(&document.group, &document.kind);
        own == Some(false) || self.declared.contains(&kind) || self.defined.contains(&kind)
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
                    {apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n\
                    {apiVersion: resource.k8s.io/v1alpha3, kind: DeviceTaintRule, metadata: {name: a}}\n";
        let documents = parse("f.yaml", text, &mut Vec::new());
        let declared = ["Issuer.z.io".to_owned()];
        let scopes = Scopes::new(&declared, &documents);
        let cluster: Vec<_> = documents.iter().map(|document| scopes.is_cluster_scoped(document)).collect();
        assert_eq!(cluster, [true, true, false, true, true, false, true]);
    }
}
