//! Documents: what a manifest says of itself.

use springline_sdk::Violation;
use springline_yaml::kubernetes::items;
use springline_yaml::{Error, Map, Node, Schema, Value, read, read_json};

use crate::input::{KUSTOMIZE_HINT, template_hint};

/// The annotations of what is run within a sync and not kept: Argo CD's and Helm's.
const HOOKS: [&str; 2] = ["argocd.argoproj.io/hook", "helm.sh/hook"];

/// A manifest: one Kubernetes object as desired.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file it is in.
    pub file: String,
    /// The line that it starts in.
    pub line: u32,
    /// The group of its API; empty for the core.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its name, or of a hook with `generateName` what its name begins with.
    pub name: String,
    /// All of it.
    pub node: Node,
}

impl Document {
    /// The kind with its group: `Deployment.apps`, `Service`.
    pub fn kind_and_group(&self) -> String {
        if self.group.is_empty() { self.kind.clone() } else { format!("{}.{}", self.kind, self.group) }
    }

    /// The namespace that it names.
    pub fn namespace(&self) -> Option<&str> {
        self.node.at(&["metadata", "namespace"])?.as_text().filter(|namespace| !namespace.is_empty())
    }

    /// A violation at its start.
    pub fn violation(&self, message: impl Into<String>) -> Violation {
        Violation::new(message).file(&self.file).line(self.line)
    }
}

/// The documents of a file, lists taken apart; everything wrong with them goes to `violations`.
pub fn parse(file: &str, text: &str, violations: &mut Vec<Violation>) -> Vec<Document> {
    let read =
        if file.ends_with(".json") { read_json(text).map(Vec::from_iter) } else { read(text, Schema::Kubernetes) };
    let roots = match read {
        Ok(roots) => roots,
        Err(Error { line, message }) => {
            violations.push(Violation::new(format!("{message}{}", template_hint(text))).file(file).line(line));
            return Vec::new();
        }
    };
    let mut documents = Vec::new();
    for root in roots.into_iter().filter(|root| !root.is_null()) {
        take(file, root, &mut documents, violations);
    }
    documents
}

fn take(file: &str, node: Node, documents: &mut Vec<Document>, violations: &mut Vec<Violation>) {
    if let Some(items) = items(&node) {
        for item in items {
            take(file, item, documents, violations);
        }
        return;
    }
    match document(file, node) {
        Ok(document) => documents.push(document),
        Err(more) => violations.extend(more),
    }
}

fn document(file: &str, node: Node) -> Result<Document, Vec<Violation>> {
    let line = node.line;
    let at = |line: u32, message: String| Violation::new(message).file(file).line(line);
    let Some(map) = node.as_map() else {
        return Err(vec![at(line, format!("a manifest is a mapping, and this is {}", node.kind()))]);
    };
    if is_kustomization(map) {
        return Err(vec![at(line, format!("this is a kustomization, and {KUSTOMIZE_HINT}"))]);
    }
    let mut violations = Vec::new();
    let mut text = |keys: &[&str], example: &str| match required(&node, keys, example) {
        Ok(text) => text,
        Err((line, message)) => {
            violations.push(at(line, message));
            String::new()
        }
    };
    let api_version = text(&["apiVersion"], "v1");
    let kind = text(&["kind"], "ConfigMap");
    let name = match generated(&node) {
        Some(prefix) => prefix,
        None => text(&["metadata", "name"], "settings"),
    };
    for key in ["labels", "annotations"] {
        violations.extend(not_text(&node, key).map(|(line, message)| at(line, message)));
    }
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let is_clean = |part: &str| !part.contains(['/', '%', '\\']) && !part.chars().any(char::is_control);
    for (what, part) in [("apiVersion", group), ("kind", kind.as_str()), ("name", name.as_str())] {
        if !is_clean(part) || part == "." || part == ".." {
            violations.push(at(line, format!("`{part}` can't be the {what} of a Kubernetes object")));
        }
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    Ok(Document { file: file.to_owned(), line, group: group.to_owned(), kind, name, node })
}

/// A kustomization may leave out its apiVersion. Flux has a kind of that name, and it is none.
fn is_kustomization(map: &Map) -> bool {
    let text = |key: &str| map.get(key).and_then(Node::as_text);
    let is_kustomize = |version: &str| version.starts_with("kustomize.config.k8s.io/");
    match text("apiVersion") {
        Some(version) => is_kustomize(version),
        None => text("kind") == Some("Kustomization"),
    }
}

/// What the name of a hook begins with, if it leaves the rest to the target.
fn generated(node: &Node) -> Option<String> {
    let metadata = node.get("metadata")?;
    let annotations = metadata.get("annotations")?;
    let is_hook = HOOKS.iter().any(|key| annotations.get(key).is_some());
    let prefix = metadata.get("generateName")?.as_text().filter(|prefix| !prefix.is_empty())?;
    (is_hook && metadata.get("name").is_none()).then(|| prefix.to_owned())
}

/// The text at these keys.
fn required(node: &Node, keys: &[&str], example: &str) -> Result<String, (u32, String)> {
    let name = keys.join(".");
    match node.at(keys) {
        Some(found) => match found.as_text() {
            Some("") => Err((found.line, format!("`{name}` is empty"))),
            Some(text) => Ok(text.to_owned()),
            None if found.is_null() => Err((found.line, format!("`{name}` is empty"))),
            None => Err((found.line, format!("`{name}` must be text, and this is {}; quote it", found.kind()))),
        },
        None if keys == ["metadata", "name"] && node.at(&["metadata", "generateName"]).is_some() => Err((
            node.line,
            "`generateName` gives another name at every apply; desired state needs `metadata.name`, all but hooks"
                .into(),
        )),
        None => Err((node.line, format!("a manifest needs `{name}`, such as `{example}`, and this has none"))),
    }
}

/// The labels or annotations that Kubernetes would refuse.
fn not_text(node: &Node, key: &str) -> impl Iterator<Item = (u32, String)> {
    let entries = node.at(&["metadata", key]).and_then(Node::as_map);
    entries.into_iter().flatten().filter(|(_, value)| !matches!(value.value, Value::Text(_) | Value::Null)).map(
        move |(name, value)| {
            (value.line, format!("`metadata.{key}.{name}` must be text, and this is {}; quote it", value.kind()))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let mut violations = Vec::new();
        let documents = parse("f.yaml", text, &mut violations);
        assert!(violations.is_empty(), "{violations:?}");
        documents
            .iter()
            .map(|document| format!("{}/{}:{}", document.kind_and_group(), document.name, document.line))
            .collect()
    }

    fn told(text: &str) -> Vec<String> {
        let mut violations = Vec::new();
        parse("f.yaml", text, &mut violations);
        violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn documents_are_counted_and_lists_taken_apart() {
        let text = "# head\n---\n---\nkind: Service\napiVersion: v1\nmetadata: {name: a}\n---\napiVersion: v1\nkind: List\nitems:\n\
                    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: b}}\n\
                    - {apiVersion: apps/v1, kind: DeploymentList, items: [{metadata: {name: c}}]}\n";
        assert_eq!(names(text), ["Service/a:4", "Deployment.apps/b:11", "Deployment.apps/c:12"]);
        assert_eq!(names("apiVersion: v1\nkind: List\nitems: []\n"), Vec::<String>::new());
    }

    #[test]
    fn a_kind_that_ends_in_list_is_not_taken_apart() {
        assert_eq!(
            names("apiVersion: x.io/v1\nkind: AllowList\nmetadata: {name: a}\nitems: []\n"),
            ["AllowList.x.io/a:1"]
        );
    }

    #[test]
    fn what_is_missing_is_told_with_its_line() {
        assert_eq!(
            told("a: 1\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: 12\n  labels: {x: yes}\n---\n- 1\n"),
            [
                "f.yaml:1: a manifest needs `apiVersion`, such as `v1`, and this has none",
                "f.yaml:1: a manifest needs `kind`, such as `ConfigMap`, and this has none",
                "f.yaml:1: a manifest needs `metadata.name`, such as `settings`, and this has none",
                "f.yaml:6: `metadata.name` must be text, and this is a number; quote it",
                "f.yaml:7: `metadata.labels.x` must be text, and this is a boolean; quote it",
                "f.yaml:9: a manifest is a mapping, and this is a list",
            ]
        );
        assert_eq!(
            told("apiVersion: v1\nkind: Job\nmetadata: {generateName: x-}\n"),
            [
                "f.yaml:1: `generateName` gives another name at every apply; desired state needs `metadata.name`, all but hooks"
            ]
        );
        assert_eq!(
            told("apiVersion: v1\nkind: Pod\nmetadata: {name: a/b}\n"),
            ["f.yaml:1: `a/b` can't be the name of a Kubernetes object"]
        );
    }

    #[test]
    fn other_tools_files_are_refused_and_flux_is_none() {
        assert!(told("kind: Kustomization\nresources: []\n")[0].contains("kustomize build"));
        assert!(told("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n")[0].contains("kustomize build"));
        assert!(told("a: {{ .Values.x }}\n")[0].contains("use render-template"));
        assert_eq!(
            names("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n"),
            ["Kustomization.kustomize.toolkit.fluxcd.io/a:1"]
        );
    }
}
