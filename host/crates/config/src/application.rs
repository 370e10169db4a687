//! Reading springline.yaml.

use springline_model::application::Application;

use crate::document::Document;
use crate::issue::{ConfigError, Issue};
use crate::load::{load, unique};
use crate::pointer::join;
use crate::published::APPLICATION;

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
    let Some(artifacts) = document.root().get("artifacts") else { return };
    for (name, artifact) in artifacts.entries() {
        // One step, the commonest case, is its own only one.
        let Some(steps) = artifact.get("steps").filter(|steps| steps.items().nth(1).is_some()) else { continue };
        let pointer = join(&join("/artifacts", name), "steps");
        unique(document, steps, &pointer, "name", issues);
    }
}

#[cfg(test)]
mod tests {
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
}
