//! Where objects are at an API server.

use std::fmt::Write as _;

use springline_model::kubernetes::{KubernetesError, ServedType};

/// The path of all objects of a type, in one namespace or, if it is empty, in all of them.
pub fn collection(served: &ServedType, namespace: &str) -> Result<String, KubernetesError> {
    let mut path = String::from(if served.kind.group.is_empty() { "/api" } else { "/apis" });
    for part in [&served.kind.group, &served.kind.version] {
        if !part.is_empty() {
            push_segment(&mut path, part)?;
        }
    }
    if !namespace.is_empty() {
        if !served.namespaced {
            return Err(KubernetesError::Failed(format!(
                "objects of {} are in no namespace, but the namespace {namespace:?} was said",
                served.kind
            )));
        }
        path.push_str("/namespaces");
        push_segment(&mut path, namespace)?;
    }
    push_segment(&mut path, &served.plural)?;
    Ok(path)
}

/// The path of all objects beside one, to which new ones are sent.
pub fn around(served: &ServedType, namespace: &str) -> Result<String, KubernetesError> {
    if served.namespaced && namespace.is_empty() {
        return Err(KubernetesError::Failed(format!(
            "an object of {} is in a namespace, but none was said",
            served.kind
        )));
    }
    collection(served, namespace)
}

/// The path of one object.
pub fn object(served: &ServedType, namespace: &str, name: &str) -> Result<String, KubernetesError> {
    let mut path = around(served, namespace)?;
    push_segment(&mut path, name)?;
    Ok(path)
}

/// Adds a segment. What an API server would read as more or fewer than one is refused: it would name
/// another object than the one that a grant was asked for.
fn push_segment(path: &mut String, segment: &str) -> Result<(), KubernetesError> {
    if segment.is_empty() || matches!(segment, "." | "..") || segment.contains(['/', '%']) {
        return Err(KubernetesError::Failed(format!(
            "{segment:?} can't be a name in Kubernetes: it is empty, \".\" or \"..\", or has \"/\" or \"%\" in it"
        )));
    }
    path.push('/');
    push_encoded(path, segment);
    Ok(())
}

fn push_encoded(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':') {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// The query of a request.
#[derive(Debug, Default)]
pub struct Query(String);

impl Query {
    /// With another parameter, if it has a value.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.0.push(if self.0.is_empty() { '?' } else { '&' });
            self.0.push_str(name);
            self.0.push('=');
            push_encoded(&mut self.0, value);
        }
        self
    }

    /// After a path.
    pub fn after(self, mut path: String) -> String {
        path.push_str(&self.0);
        path
    }
}

#[cfg(test)]
mod tests {
    use springline_model::kubernetes::ApiKind;

    use super::*;

    fn served(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> ServedType {
        ServedType {
            kind: ApiKind::new(api_version, kind),
            plural: plural.into(),
            namespaced,
            verbs: Vec::new(),
            subresources: Vec::new(),
        }
    }

    #[test]
    fn paths_say_group_namespace_and_name() {
        let deployments = served("apps/v1", "Deployment", "deployments", true);
        let roles = served("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false);
        let pods = served("v1", "Pod", "pods", true);
        assert_eq!(object(&deployments, "shop", "web").unwrap(), "/apis/apps/v1/namespaces/shop/deployments/web");
        assert_eq!(
            object(&roles, "", "system:x y").unwrap(),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:x%20y"
        );
        assert_eq!(collection(&pods, "").unwrap(), "/api/v1/pods");
        assert_eq!(collection(&pods, "shop").unwrap(), "/api/v1/namespaces/shop/pods");
    }

    #[test]
    fn a_name_is_one_segment_or_nothing() {
        let pods = served("v1", "Pod", "pods", true);
        for bad in ["", ".", "..", "../secrets/x", "a%2fb"] {
            assert!(object(&pods, "shop", bad).is_err(), "{bad}");
            assert!(bad.is_empty() || collection(&pods, bad).is_err(), "{bad}");
        }
        assert!(object(&pods, "", "web").unwrap_err().to_string().contains("none was said"));
        let nodes = served("v1", "Node", "nodes", false);
        assert!(object(&nodes, "shop", "n").unwrap_err().to_string().contains("in no namespace"));
    }

    #[test]
    fn a_query_leaves_out_what_has_no_value() {
        let query = Query::default().with("a", "").with("labelSelector", "a=b,c in (d)").with("limit", "500");
        assert_eq!(query.after("/x".into()), "/x?labelSelector=a%3Db%2Cc%20in%20%28d%29&limit=500");
        assert_eq!(Query::default().after("/x".into()), "/x");
    }
}
