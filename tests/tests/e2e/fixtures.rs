//! Real inputs that nobody here wrote.

use std::fs;
use std::path::Path;

use crate::sandbox::{APPLICATION, Sandbox, fixtures, names};

const RENDER: &str = "render: { plugin: render-template, in: deploy, with: { place: { www: site } } }";

fn copy(sandbox: &Sandbox, from: &Path, to: &str) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = format!("{to}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            copy(sandbox, &path, &to);
        } else {
            sandbox.write(&to, fs::read(&path).unwrap());
        }
    }
}

#[test]
fn plain_manifests_are_rendered_and_deployed_as_files() {
    let (Some(sandbox), Some(fixtures)) = (Sandbox::site(), fixtures()) else { return };
    copy(&sandbox, &fixtures.join("podinfo/kustomize"), "podinfo");
    fs::remove_file(sandbox.repo().join("podinfo/kustomization.yaml")).unwrap();
    let render = "render: { plugin: render-manifests, in: podinfo, with: { namespace: demo, labels: { team: web } } }";
    sandbox.write("springline.yaml", APPLICATION.replace(RENDER, render));
    sandbox.commit("Real manifests");
    sandbox.springline(&["run"]).ok();
    let live = names(&sandbox.live());
    assert!(live.iter().any(|name| name.contains("Deployment")), "{live:?}");
    for (name, text) in crate::sandbox::files(&sandbox.live()) {
        assert!(text.contains("namespace: demo"), "{name}:\n{text}");
        assert!(text.contains("team: web"), "{name}:\n{text}");
    }
}

#[test]
fn kustomize_and_helm_are_refused_with_a_hint() {
    let (Some(sandbox), Some(fixtures)) = (Sandbox::site(), fixtures()) else { return };
    copy(&sandbox, &fixtures.join("podinfo"), "podinfo");
    let chart = fs::read_dir(fixtures.join("podinfo/charts"))
        .ok()
        .and_then(|mut charts| charts.next())
        .map(|chart| format!("podinfo/charts/{}", chart.unwrap().file_name().to_str().unwrap()));
    let chart = chart.unwrap_or_else(|| "podinfo/charts".to_owned());
    for (directory, hint) in [("podinfo/kustomize".to_owned(), "kustomize"), (chart, "helm")] {
        let render = format!("render: {{ plugin: render-manifests, in: {directory} }}");
        sandbox.write("springline.yaml", APPLICATION.replace(RENDER, &render));
        sandbox.commit("Not plain");
        let stderr = sandbox.springline(&["run"]).fails(5, &[&directory]);
        assert!(stderr.to_lowercase().contains(hint), "{stderr}");
    }
    assert!(names(&sandbox.live()).is_empty());
}

#[test]
fn a_real_tree_is_archived() {
    let (Some(sandbox), Some(fixtures)) = (Sandbox::site(), fixtures()) else { return };
    copy(&sandbox, &fixtures.join("podinfo"), "podinfo");
    let steps =
        "      - { name: bundle, plugin: step-archive, in: podinfo, with: { format: tar, name: podinfo.tar } }\n";
    let step = "      - { name: pages, plugin: step-site, in: docs, with: { title: Handbook } }\n";
    sandbox.write("springline.yaml", APPLICATION.replace(step, steps));
    sandbox.commit("Archive it");
    sandbox.springline(&["build"]).ok();
    let digest = sandbox.springline(&["artifact", "list", "-o", "json"]).json()[0]["digest"].clone();
    sandbox.springline(&["artifact", "export", digest.as_str().unwrap(), "--to", "../out"]).ok();
    let mut tar = std::process::Command::new("tar");
    tar.arg("-tf").arg(sandbox.path("out/podinfo.tar"));
    let listed = sandbox.finish(tar).ok();
    assert!(listed.lines().any(|line| line.ends_with("kustomize/deployment.yaml")), "{listed}");
}
