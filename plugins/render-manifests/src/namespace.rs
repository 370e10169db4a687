//! Puts objects into a namespace.

use springline_yaml::{Map, Node, Value};

use crate::document::Document;

/// The names of the service accounts among the documents.
pub fn service_accounts(documents: &[Document]) -> Vec<String> {
    let is_account = |document: &&Document| document.kind_and_group() == "ServiceAccount";
    documents.iter().filter(is_account).map(|document| document.name.clone()).collect()
}

/// Sets `metadata.namespace`, behind the name if there is none yet.
pub fn set(document: &mut Document, namespace: &str) {
    if let Some(metadata) = document.node.get_mut("metadata").and_then(Node::as_map_mut) {
        put_behind(metadata, "name", "namespace", Node::text(namespace));
    }
}

/// Lets a binding's subjects follow the service accounts that moved with it.
pub fn set_subjects(document: &mut Document, namespace: &str, moved: &[String]) {
    if document.group != "rbac.authorization.k8s.io" {
        return;
    }
    let Some(Value::List(subjects)) = document.node.get_mut("subjects").map(|subjects| &mut subjects.value) else {
        return;
    };
    for subject in subjects {
        let text = |key: &str| subject.get(key).and_then(Node::as_text);
        let follows = text("kind") == Some("ServiceAccount")
            && text("name").is_some_and(|name| moved.iter().any(|account| account == name));
        if let (true, Some(map)) = (follows, subject.as_map_mut()) {
            put_behind(map, "name", "namespace", Node::text(namespace));
        }
    }
}

/// Sets a key in its place, or right behind another.
fn put_behind(map: &mut Map, behind: &str, key: &str, value: Node) {
    if let Some(there) = map.get_mut(key) {
        *there = value;
    } else {
        let at = map.get_index_of(behind).map_or(map.len(), |at| at + 1);
        map.shift_insert(at, key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use springline_yaml::write;

    use super::*;
    use crate::document::parse;

    #[test]
    fn subjects_follow_their_accounts() {
        let text = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}\n---\n\
                    apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b, labels: {}}\nsubjects:\n\
                    - {kind: ServiceAccount, name: web}\n- {kind: ServiceAccount, name: other, namespace: kept}\n- {kind: User, name: web}\n";
        let mut documents = parse("f.yaml", text, &mut Vec::new());
        let moved = service_accounts(&documents);
        let binding = &mut documents[1];
        set(binding, "prod");
        set_subjects(binding, "prod", &moved);
        assert_eq!(
            write(&binding.node),
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: b\n  namespace: prod\n  labels: {}\nsubjects:\n\
             - kind: ServiceAccount\n  name: web\n  namespace: prod\n- kind: ServiceAccount\n  name: other\n  namespace: kept\n\
             - kind: User\n  name: web\n"
        );
    }
}
