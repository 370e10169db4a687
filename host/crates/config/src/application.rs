//! Reading springline.yaml.

use std::collections::BTreeMap;

use springline_model::application::{Application, RecordIn};

use crate::document::Document;
use crate::issue::{ConfigError, Issue};
use crate::load::{load, unique};
use crate::node::NodeRef;
use crate::pointer::{join, shown};
use crate::published::APPLICATION;

/// By what a cluster knows fields that Springline has written.
const OWN_MANAGER: &str = "springline";

/// Reads the text of springline.yaml. `name` is what messages call the file.
///
/// # Errors
/// All that is wrong with it, each issue with its line. Whether plugins and targets of these
/// names exist, and whether a plugin likes its config, is not known here.
pub fn load_application(name: &str, text: &str) -> Result<(Application, Document), ConfigError> {
    let document = Document::parse(name, text)?;
    if document.is_empty() {
        let help = "a first one: `application: NAME`, then `artifacts:` and `environments:`".to_owned();
        return Err(document.error(vec![document.issue("", "the file is empty", Some(help))]));
    }
    let application = load(&document, &APPLICATION, check)?;
    Ok((application, document))
}

fn check(document: &Document, issues: &mut Vec<Issue>) {
    check_artifacts(document, issues);
    check_rules(document, issues);
    check_promotions(document, issues);
    check_records(document, issues);
    check_deliveries(document, issues);
}

fn check_artifacts(document: &Document, issues: &mut Vec<Issue>) {
    for (name, artifact) in entries(document, "artifacts") {
        let pointer = join("/artifacts", name);
        match (artifact.get("steps"), artifact.get("taken")) {
            (Some(_), Some(_)) => {
                let help = Some("leave one of them out".to_owned());
                issues.push(document.key_issue(&join(&pointer, "taken"), "it is built here or taken, not both", help));
            }
            (None, None) if artifact.is_collection() => {
                let help = Some("say how it is built: `steps: [ { name: NAME, plugin: PLUGIN } ]`".to_owned());
                issues.push(document.issue(&pointer, "missing key `steps`", help));
            }
            _ => {}
        }
        // One step, the commonest case, is its own only one.
        let Some(steps) = artifact.get("steps").filter(|steps| steps.items().nth(1).is_some()) else { continue };
        unique(document, steps, &join(&pointer, "steps"), "name", issues);
    }
}

/// A branch is the record of one environment: the tree of each of its commits is all that is deployed.
fn check_records(document: &Document, issues: &mut Vec<Issue>) {
    let application = document.root().get("application").and_then(|name| name.text()).unwrap_or_default();
    let mut known = BTreeMap::new();
    for (name, environment) in entries(document, "environments") {
        let branch = environment.get("record").and_then(|record| record.get("branch")).and_then(|branch| branch.text());
        let record = branch.map(|branch| RecordIn::Branch(branch.to_owned()).named(application, name));
        let Some(reference) = record.and_then(|record| record.reference()) else { continue };
        let pointer = join(&join(&join("/environments", name), "record"), "branch");
        if reference.split('/').any(|part| part.ends_with(".lock")) {
            let message = "git takes no name of which a part ends with `.lock`";
            issues.push(document.issue(&pointer, message, Some("call it something else".to_owned())));
        }
        let Some(other) = known.insert(reference, name) else { continue };
        let message = format!("`{}` is recorded on this branch already", shown(other));
        let help = Some("give each its own: `record: { branch: 'env/{environment}' }`".to_owned());
        issues.push(document.issue(&pointer, message, help));
    }
}

/// What is ignored of an object is not all that is deployed of it.
fn check_rules(document: &Document, issues: &mut Vec<Issue>) {
    for (name, environment) in entries(document, "environments") {
        let rules = environment.get("sync").and_then(|sync| sync.get("ignore"));
        for (at, rule) in rules.into_iter().flat_map(|rules| rules.items()).enumerate() {
            let mut managers = rule.get("managers").into_iter().flat_map(|managers| managers.items());
            let Some(own) = managers.position(|manager| manager.text() == Some(OWN_MANAGER)) else { continue };
            let pointer = format!("{}/sync/ignore/{at}/managers/{own}", join("/environments", name));
            let message = format!("`{OWN_MANAGER}` owns what is deployed: nothing of these objects could be changed");
            let help = "leave it out; with neither `managers` nor `pointers`, objects are left alone as a whole";
            issues.push(document.issue(&pointer, message, Some(help.to_owned())));
        }
    }
}

/// A release comes from an environment that is there, and at the beginning from none.
fn check_promotions(document: &Document, issues: &mut Vec<Issue>) {
    let from: BTreeMap<&str, Option<&str>> = entries(document, "environments")
        .map(|(name, environment)| (name, environment.get("promote-from").and_then(|from| from.text())))
        .collect();
    for (name, source) in &from {
        let Some(source) = source else {
            let gates = entries(document, "environments").find(|(other, _)| other == name);
            if gates.is_some_and(|(_, environment)| environment.get("gates").is_some()) {
                let pointer = join(&join("/environments", name), "gates");
                let help = Some("say what is promoted: `promote-from: ENVIRONMENT`".to_owned());
                issues.push(document.key_issue(&pointer, "gates are for what is promoted", help));
            }
            continue;
        };
        let pointer = join(&join("/environments", name), "promote-from");
        if !from.contains_key(source) {
            let near = crate::suggest::nearest(source, from.keys().copied());
            let help = near.map_or("name an environment of this file".into(), |near| format!("did you mean `{near}`?"));
            let message = format!("there is no environment `{}`", shown(source));
            issues.push(document.issue(&pointer, message, Some(help)));
        } else if comes_round(&from, name) {
            let message = format!("`{name}` is promoted from itself, by way of `{}`", shown(source));
            issues.push(document.issue(&pointer, message, Some("let one of them follow the source".to_owned())));
        }
    }
}

/// Whether the way back from an environment leads to it again.
fn comes_round(from: &BTreeMap<&str, Option<&str>>, name: &str) -> bool {
    let mut at = name;
    for _ in 0..from.len() {
        let Some(Some(source)) = from.get(at) else { return false };
        if *source == name {
            return true;
        }
        at = source;
    }
    false
}

/// What is handed over is the rendered objects or values, and the artifacts of values are there.
fn check_deliveries(document: &Document, issues: &mut Vec<Issue>) {
    let artifacts: Vec<&str> = entries(document, "artifacts").map(|(name, _)| name).collect();
    for (name, delivery) in entries(document, "deliver") {
        let pointer = join("/deliver", name);
        let whole = ["directory", "render"].map(|key| delivery.get(key).is_some());
        let help = "write `directory` and `render` for the rendered objects, or `values` for single values";
        match (whole, delivery.get("values")) {
            ([true, true], None) | ([false, false], Some(_)) => {}
            ([false, false], None) => {
                issues.push(document.issue(&pointer, "it does not say what is handed over", Some(help.to_owned())));
            }
            (_, Some(_)) => {
                let message = "the rendered objects are handed over, or values, not both";
                issues.push(document.key_issue(&join(&pointer, "values"), message, Some(help.to_owned())));
            }
            ([directory, _], None) => {
                let missing = if directory { "render" } else { "directory" };
                issues.push(document.issue(&pointer, format!("missing key `{missing}`"), Some(help.to_owned())));
            }
        }
        for (at, value) in delivery.get("values").into_iter().flat_map(|values| values.items()).enumerate() {
            let text = value.get("value").and_then(|value| value.text()).unwrap_or_default();
            let Some(artifact) = text.strip_prefix("artifact ").filter(|name| !artifacts.contains(name)) else {
                continue;
            };
            let near = crate::suggest::nearest(artifact, artifacts.iter().copied());
            let help = near.map_or("add it to `artifacts`".into(), |near| format!("did you mean `artifact {near}`?"));
            let message = format!("there is no artifact `{}`", shown(artifact));
            issues.push(document.issue(&format!("{pointer}/values/{at}/value"), message, Some(help)));
        }
    }
}

fn entries<'d>(document: &'d Document, key: &str) -> impl Iterator<Item = (&'d str, NodeRef<'d>)> {
    document.root().get(key).into_iter().flat_map(|map| map.entries())
}

#[cfg(test)]
mod tests {
    use springline_model::application::OnFailure;

    use super::*;

    const HANDBOOK: &str = "\
application: handbook
artifacts:
  site:
    steps:
      - { name: pages, plugin: step-site, in: docs, with: { title: Handbook } }
      - { name: bundle, plugin: ./plugins/bundle.wasm, in: pages }
environments:
  staging:
    render: { plugin: render-template, in: deploy }
    target: staging-site
    values: { replicas: 2 }
    sync: { prune: false }
";

    #[test]
    fn a_whole_file_is_read() {
        let (application, document) = load_application("springline.yaml", HANDBOOK).unwrap();
        assert_eq!(application.version, 1);
        let site = &application.artifacts["site"];
        assert_eq!(site.steps[0].input.as_deref(), Some("docs"));
        assert_eq!(site.steps[0].with["title"], "Handbook");
        assert_eq!(site.steps[1].plugin, "./plugins/bundle.wasm");
        let staging = &application.environments["staging"];
        assert_eq!((staging.sync.prune, staging.sync.health_seconds), (false, 300));
        assert_eq!(staging.values["replicas"], 2);
        assert_eq!(crate::locate(&document, "/artifacts/site/steps/0/with/title"), (5, 68));
    }

    #[test]
    fn the_order_of_the_file_is_kept() {
        let text = "application: x\nenvironments:\n  z: { render: { plugin: p }, target: t }\n  a: { render: { plugin: p }, target: t }\n";
        let (application, _) = load_application("springline.yaml", text).unwrap();
        assert_eq!(application.environments.keys().collect::<Vec<_>>(), ["z", "a"]);
    }

    #[test]
    fn what_is_wrong_is_told_at_once() {
        let text = "application: Hand\nartifacts:\n  s:\n    steps:\n      - { name: a, plugin: p }\n      - { name: a, plugin: p }\nfoo: 1\n";
        let error = load_application("springline.yaml", text).unwrap_err();
        assert_eq!(
            error.issues.iter().map(|issue| (issue.line, issue.column)).collect::<Vec<_>>(),
            [(1, 14), (6, 17), (7, 1)]
        );
    }

    #[test]
    fn what_follows_the_sync_is_read() {
        let text = "\
application: e
artifacts: { site: { taken: { file: deploy/site.yaml, pointer: /site/digest } } }
environments:
  staging: { render: { plugin: p }, target: t, record: notes }
  production:
    render: { plugin: p }
    target: t
    promote-from: staging
    gates: { approval: true, soak-seconds: 1800 }
    record: { branch: env/production }
    sync:
      on-failure: rollback
      ignore: [ { objects: 'apps/Deployment/*', pointers: [/spec/replicas] } ]
      confirm-prune: { percent: 50, objects: 20 }
deliver:
  whole: { repository: other, directory: x/production, render: { plugin: p } }
  id: { repository: other, propose: true, values: [ { file: v.yaml, pointer: /site, value: artifact site } ] }
";
        let open = text.replace("notes", "{ branch: 'env/{application}/{environment}' }");
        let open = open.replace("env/production", "'env/{application}/{environment}'");
        let (application, _) = load_application("springline.yaml", &open).unwrap();
        let record = application.environments["staging"].record.named("shop", "staging");
        assert_eq!(record, RecordIn::Branch("env/shop/staging".into()));
        let (application, _) = load_application("springline.yaml", text).unwrap();
        let production = &application.environments["production"];
        assert_eq!(production.record, RecordIn::Branch("env/production".into()));
        assert_eq!(application.environments["staging"].record, RecordIn::Notes);
        assert_eq!((production.gates.approval, production.gates.soak_seconds), (true, 1800));
        assert_eq!(production.sync.on_failure, OnFailure::Rollback);
        assert_eq!(production.sync.confirm_prune.percent, Some(50));
        assert!(application.artifacts["site"].taken.is_some() && application.deliver["id"].propose);
        for (from, to, line, words) in [
            ("promote-from: staging", "promote-from: stagin", 8, "did you mean `staging`?"),
            ("record: notes }", "promote-from: production }", 8, "promoted from itself, by way of `staging`"),
            (
                "record: notes }",
                "record: { branch: env/production } }",
                10,
                "`staging` is recorded on this branch already",
            ),
            ("promote-from: staging", "values: {}", 9, "gates are for what is promoted"),
            (
                "record: notes }",
                "record: { branch: '{application}nv/production' } }",
                10,
                "`staging` is recorded on this branch already",
            ),
            ("branch: env/production", "branch: env/../x", 10, "is not the name of a branch"),
            ("branch: env/production", "branch: '{application}/a..b'", 10, "is not the name of a branch"),
            ("branch: env/production", "branch: '.{application}'", 10, "is not the name of a branch"),
            ("branch: env/production", "branch: '{environment}.lock'", 10, "ends with `.lock`"),
            ("branch: env/production", "branch: 'env/{enviroment}'", 10, "did you mean `{environment}`?"),
            ("branch: env/production", "branch: 'env/{branch}'", 10, "there is `{application}`, `{environment}`"),
            ("pointers: [/spec/replicas]", "managers: [vpa, springline]", 13, "`springline` owns what is deployed"),
            ("[/spec/replicas]", "[spec]", 13, "is not a JSON pointer"),
            ("objects: 'apps/Deployment/*', ", "", 13, "missing key `objects`"),
            ("percent: 50", "percent: 101", 14, "100"),
            ("directory: x/production, ", "", 16, "missing key `directory`"),
            (", directory: x/production, render: { plugin: p }", "", 16, "what is handed over"),
            ("artifact site", "artifact sit", 17, "did you mean `artifact site`?"),
            ("propose: true", "directory: x", 17, "not both"),
            ("taken: {", "steps: [{ name: a, plugin: p }], taken: {", 2, "not both"),
            ("taken: { file: deploy/site.yaml, pointer: /site/digest }", "", 2, "missing key `steps`"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            let error = load_application("springline.yaml", &changed).unwrap_err().to_string();
            assert!(error.contains(&format!("springline.yaml:{line}:")) && error.contains(words), "{from}: {error}");
        }
    }
}
