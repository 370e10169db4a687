//! Which files of the input are manifests, and which directories are another tool's.

use fast_glob::glob_match;
use springline_sdk::files;
use springline_sdk::prelude::*;

use crate::Config;

/// The files that make a directory one of kustomize's.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// The file that makes a directory a chart of Helm's.
const CHART: &str = "Chart.yaml";

/// What to do about a directory of kustomize's.
pub const KUSTOMIZE_HINT: &str = "it would not be applied as kustomize does: run `kustomize build` in a build step and render \
     its output, or exclude this file to deploy the manifests beside it as they are";
/// What to do about a chart.
const HELM_HINT: &str = "run `helm template` in a build step and render its output, or turn the chart into templates for \
     render-template";

/// The paths of the manifests, sorted. What is wrong with the input goes to `violations`.
pub fn list(config: &Config, render: &Render, violations: &mut Vec<Violation>) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in render.walk()? {
        let path = entry.path;
        let is_hidden = path.split('/').any(|part| part.starts_with('.'));
        if is_hidden || config.exclude.iter().any(|glob| glob_match(glob, &path)) {
            continue;
        }
        let name = path.rsplit('/').next().unwrap_or(&path);
        if KUSTOMIZATIONS.contains(&name) {
            violations.push(Violation::new(format!("this directory is kustomize's, and {KUSTOMIZE_HINT}")).file(path));
        } else if name == CHART {
            violations.push(
                Violation::new(format!("this is a Helm chart, whose templates are no manifests: {HELM_HINT}"))
                    .file(path),
            );
        } else if is_manifest(name) {
            if entry.link.is_some() && !files::below(render.input(), &path)?.is_file() {
                violations.push(Violation::new("this symbolic link leads to no file").file(path));
                continue;
            }
            paths.push(path);
        }
    }
    Ok(paths)
}

fn is_manifest(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|extension| name.ends_with(extension))
}

/// What to do about a file that is no YAML because it is a template.
pub fn template_hint(text: &str) -> &'static str {
    if text.contains("{{") || text.contains("{%") {
        "; it looks like a template: use render-template, or run the tool that it is for in a build step"
    } else {
        ""
    }
}
