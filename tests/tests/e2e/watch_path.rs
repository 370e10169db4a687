//! Applications in directories of one repository.

use std::fs;

use crate::sandbox::{Sandbox, names, skip};

/// Two applications, which share a directory of the root.
fn monorepo() -> Option<Sandbox> {
    let sandbox = Sandbox::empty()?;
    let mut targets = String::from("targets:\n");
    for name in ["shop", "blog"] {
        let yaml = format!(
            "application: {name}\nartifacts:\n  page:\n    steps:\n      - {{ name: page, plugin: step-site, in: /shared }}\n\
             environments:\n  live:\n    render: {{ plugin: render-template, in: deploy, with: {{ place: {{ www: page }} }} }}\n    \
             target: {name}\n"
        );
        sandbox.write(&format!("apps/{name}/springline.yaml"), yaml);
        sandbox.write(&format!("apps/{name}/deploy/name.txt"), format!("{name}\n"));
        targets.push_str(&format!(
            "  {name}: {{ plugin: target-directory, grants: {{ directory: {{ path: live-{name} }} }} }}\n"
        ));
    }
    sandbox.write("shared/index.md", "# Shared\n");
    sandbox.operator(&targets);
    sandbox.commit("Two applications");
    Some(sandbox)
}

#[test]
fn an_application_is_read_in_its_directory() {
    let Some(sandbox) = monorepo() else { return };
    for name in ["shop", "blog"] {
        sandbox.springline(&["run", "--path", &format!("apps/{name}")]).ok();
        let live = sandbox.repo().join(".springline").join(format!("live-{name}"));
        assert_eq!(names(&live), ["name.txt", "www/index.html"]);
        assert_eq!(fs::read_to_string(live.join("name.txt")).unwrap(), format!("{name}\n"));
        // Its plugins are pinned beside it.
        assert!(sandbox.repo().join(format!("apps/{name}/springline.lock")).exists());
    }
    assert!(!sandbox.repo().join("springline.lock").exists());
    let status = sandbox.springline(&["status", "--path", "./apps/blog/", "-o", "json"]).json();
    assert_eq!((&status["application"], &status["environments"][0]["in-sync"]), (&"blog".into(), &true.into()));
}

#[test]
fn messages_name_the_file_with_its_directory() {
    let Some(sandbox) = monorepo() else { return };
    sandbox.springline(&["run"]).fails(3, &["there is no springline.yaml in revision"]);
    sandbox.springline(&["run", "--path", "apps/none"]).fails(3, &["there is no apps/none/springline.yaml"]);
    sandbox.springline(&["run", "--path", "../shop"]).fails(2, &["`../shop`"]);
    sandbox.write("apps/shop/springline.yaml", "application: shop\nartefacts: {}\n");
    sandbox.commit("Misspell");
    sandbox.springline(&["run", "--path", "apps/shop"]).fails(3, &["apps/shop/springline.yaml:2:1", "artifacts"]);
    sandbox.write("apps/blog/springline.lock", "no lock");
    sandbox.commit("Break the lock");
    sandbox.springline(&["run", "--path", "apps/blog"]).fails(3, &["apps/blog/springline.lock"]);
}

#[test]
fn a_plugin_is_named_from_the_directory() {
    let Some(sandbox) = monorepo() else { return };
    let yaml = fs::read_to_string(sandbox.repo().join("apps/shop/springline.yaml")).unwrap();
    sandbox.write("apps/shop/springline.yaml", yaml.replace("render-template", "./plugins/render.wasm"));
    sandbox.commit("Name a plugin that is not there");
    sandbox.springline(&["run", "--path", "apps/shop"]).fails(3, &["no plugin at `./plugins/render.wasm`"]);
    let Some(plugins) = std::env::var_os("SPRINGLINE_PLUGINS") else {
        return skip("SPRINGLINE_PLUGINS names no directory of plugins: `cargo xtask test` sets it");
    };
    let renderer = fs::read(std::path::Path::new(&plugins).join("render-template.wasm")).unwrap();
    sandbox.write("apps/shop/plugins/render.wasm", renderer);
    sandbox.commit("Bring it");
    sandbox.springline(&["run", "--path", "apps/shop"]).ok();
}
