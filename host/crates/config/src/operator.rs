//! Reading host.yaml.

use springline_model::operator::Operator;

use crate::document::Document;
use crate::issue::{ConfigError, Issue};
use crate::load::load;
use crate::pointer::{join, shown};
use crate::published::OPERATOR;
use crate::tree::Content;

/// Reads the text of host.yaml. `name` is what messages call the file. An empty file, as one with
/// comments only, has everything at its default.
///
/// # Errors
/// All that is wrong with it, each issue with its line.
pub fn load_operator(name: &str, text: &str) -> Result<(Operator, Document), ConfigError> {
    let document = Document::parse(name, text)?;
    if document.is_empty() {
        return Ok((Operator { version: 1, ..Operator::default() }, document));
    }
    let operator = load(&document, &OPERATOR, check)?;
    Ok((operator, document))
}

fn check(document: &Document, issues: &mut Vec<Issue>) {
    check_trust(document, issues);
    check_clusters(document, issues);
    check_targets(document, issues);
}

/// A cluster is reached in one way.
fn check_clusters(document: &Document, issues: &mut Vec<Issue>) {
    let Some(clusters) = document.root().get("clusters") else { return };
    for (name, cluster) in clusters.entries() {
        let in_cluster = cluster.get("in-cluster").is_some_and(|said| matches!(said.content(), Content::Bool(true)));
        let Some(other) = ["kubeconfig", "context"].into_iter().find(|key| cluster.get(key).is_some()) else {
            continue;
        };
        if in_cluster {
            let pointer = join(&join("/clusters", name), other);
            let message = format!("`{other}` says nothing beside `in-cluster`, which takes the Pod's own credentials");
            issues.push(document.key_issue(&pointer, message, Some("leave one of them out".to_owned())));
        }
    }
}

/// A grant names a cluster that is there. What the application says to a target comes from its own
/// file.
fn check_targets(document: &Document, issues: &mut Vec<Issue>) {
    let root = document.root();
    let clusters: Vec<&str> =
        root.get("clusters").into_iter().flat_map(|all| all.entries().map(|(name, _)| name)).collect();
    for (name, target) in root.get("targets").into_iter().flat_map(|targets| targets.entries()) {
        let at = join("/targets", name);
        if target.get("with").and_then(|with| with.get("application")).is_some() {
            let message = "`application` is what the application says to the target, in springline.yaml";
            let help = "write it there as `target-with` of the environment".to_owned();
            issues.push(document.key_issue(&format!("{at}/with/application"), message, Some(help)));
        }
        let Some(grants) = target.get("grants").and_then(|grants| grants.get("kubernetes")) else { continue };
        for (index, grant) in grants.items().enumerate() {
            let Some(cluster) = grant.get("cluster").and_then(|cluster| cluster.text()) else { continue };
            if !clusters.contains(&cluster) {
                let near = crate::suggest::nearest(cluster, clusters.iter().copied());
                let help = near.map_or("add it to `clusters`".to_owned(), |near| format!("did you mean `{near}`?"));
                let message = format!("there is no cluster `{}` in `clusters`", shown(cluster));
                issues.push(document.issue(&format!("{at}/grants/kubernetes/{index}/cluster"), message, Some(help)));
            }
        }
    }
}

/// A rule of `trust` names keys that are there: a name that is misspelt would let nobody in, or the
/// wrong one be looked for.
fn check_trust(document: &Document, issues: &mut Vec<Issue>) {
    let Some(trust) = document.root().get("trust") else { return };
    if matches!(trust.content(), Content::Null) {
        // What the schema says of it is to remove the key, and that lets everybody in.
        issues.retain(|issue| issue.pointer != "/trust");
        let help = "write `trust: {}` to take nothing from registries, or leave it out to take everything";
        issues.push(document.issue("/trust", "`trust` is empty", Some(help.to_owned())));
    }
    let keys: Vec<&str> = trust.get("keys").into_iter().flat_map(|keys| keys.entries().map(|(name, _)| name)).collect();
    let Some(rules) = trust.get("rules") else { return };
    for (at, rule) in rules.items().enumerate() {
        let Some(signers) = rule.get("signed-by") else { continue };
        for (nth, signer) in signers.items().enumerate() {
            let Some(name) = signer.text().filter(|name| !keys.contains(name)) else { continue };
            let near = crate::suggest::nearest(name, keys.iter().copied());
            let help = near.map_or("add it to `trust.keys`".to_owned(), |near| format!("did you mean `{near}`?"));
            let pointer = join(&format!("/trust/rules/{at}/signed-by"), &nth.to_string());
            let message = format!("there is no key `{}` in `trust.keys`", shown(name));
            issues.push(document.issue(&pointer, message, Some(help)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file_is_read() {
        let text = "\
version: 1
targets:
  site:
    plugin: target-directory
    grants: { directory: { path: ../www } }
limits: { memory-mib: 64 }
plugins:
  step-site: { limits: { wall-seconds: 9 } }
plugin-directories: [plugins]
";
        let (operator, _) = load_operator("host.yaml", text).unwrap();
        assert_eq!(operator.targets["site"].grants.directory.as_ref().unwrap().path.to_str(), Some("../www"));
        assert_eq!(operator.limits.memory_mib, 64);
        assert_eq!(operator.limits_of("step-site").wall_seconds, 9);
        assert_eq!(operator.plugin_directories.len(), 1);
    }

    #[test]
    fn trust_names_keys_that_are_there() {
        let text = "\
trust:
  keys:
    platform: { file: keys/platform.pub }
    other: \"-----BEGIN PUBLIC KEY-----\"
  rules:
    - { match: r.io/**, signed-by: [platform, platfrom] }
    - { match: r.io/dev/*, unsigned: true }
";
        let error = load_operator("host.yaml", text).unwrap_err().to_string();
        assert!(error.contains("host.yaml:6:") && error.contains("did you mean `platform`?"), "{error}");
        let (operator, _) = load_operator("host.yaml", &text.replace(", platfrom", "")).unwrap();
        assert_eq!(operator.trust.unwrap().rules.len(), 2);
        let error = load_operator("host.yaml", "trust: { rules: [{ unsigned: true }] }").unwrap_err().to_string();
        assert!(error.contains("match"), "{error}");
    }

    #[test]
    fn trust_without_a_value_is_not_taken_for_no_trust() {
        for text in ["trust:\n", "version: 1\ntrust: ~\n", "trust: null"] {
            let error = load_operator("host.yaml", text).unwrap_err();
            assert_eq!(error.issues.len(), 1, "{error}");
            assert!(error.issues[0].suggestion.as_deref().is_some_and(|help| help.contains("trust: {}")), "{error}");
        }
        let (operator, _) = load_operator("host.yaml", "trust: {}").unwrap();
        assert_eq!(operator.trust, Some(springline_model::trust::Trust::default()), "nothing is taken");
    }

    #[test]
    fn a_grant_names_a_cluster_that_is_there() {
        let text = "\
clusters:
  prod: { kubeconfig: kube.yaml, context: prod }
targets:
  live:
    plugin: target-kubernetes
    with: { cluster: prod }
    grants: { kubernetes: [ { cluster: prod, namespaces: [shop], kinds: [Deployment.apps, '*'], verbs: [get] } ] }
";
        let (operator, _) = load_operator("host.yaml", text).unwrap();
        assert_eq!(operator.targets["live"].grants.kubernetes[0].namespaces, ["shop"]);
        for (from, to, line, words) in [
            ("cluster: prod,", "cluster: prd,", 7, "did you mean `prod`?"),
            ("with: { cluster: prod }", "with: { application: {} }", 6, "target-with"),
            ("context: prod", "in-cluster: true", 2, "beside `in-cluster`"),
            ("[shop]", "[]", 7, "at least 1 item"),
            ("[get]", "[create]", 7, "not one of"),
            ("'*'", "'*.*'", 7, "does not match"),
        ] {
            let error = load_operator("host.yaml", &text.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(&format!("host.yaml:{line}:")) && error.contains(words), "{error}");
        }
    }

    #[test]
    fn an_empty_file_is_all_defaults() {
        for text in ["", "# nothing yet\n"] {
            let (operator, _) = load_operator("host.yaml", text).unwrap();
            assert_eq!(operator, load_operator("host.yaml", "version: 1").unwrap().0);
        }
    }
}
