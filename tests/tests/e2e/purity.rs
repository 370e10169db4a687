//! A pure call gives the same bytes wherever it is executed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::sandbox::Sandbox;

/// All shipped build steps and renderers in one application.
const EVERYTHING: &str = "\
application: everything
artifacts:
  site:
    steps:
      - { name: pages, plugin: step-site, in: docs, with: { title: Everything } }
      - { name: bundle, plugin: step-archive }
  source:
    steps:
      - { name: bundle, plugin: step-archive, in: docs, with: { format: tar } }
environments:
  template:
    render: { plugin: render-template, in: deploy, with: { place: { www: site } } }
    target: local
  manifests:
    render: { plugin: render-manifests, in: manifests, with: { namespace: shop } }
    target: local
";

#[test]
fn every_shipped_plugin_gives_the_same_bytes_everywhere() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.write("springline.yaml", EVERYTHING);
    sandbox.write("docs/run.sh", "#!/bin/sh\n");
    fs::set_permissions(sandbox.repo().join("docs/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.write("deploy/when.txt", "{{ application }} {{ revision }} {{ commit_time }}\n");
    sandbox.write(
        "manifests/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { b: \"yes\" }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: s }\nspec: { ports: [{ port: 80 }] }\n",
    );
    sandbox.commit("Everything");
    let shipped = sandbox.springline(&["plugin", "list", "-o", "json"]).json();
    for plugin in shipped.as_array().unwrap().iter().filter(|plugin| plugin["kind"] != "deploy-target") {
        let name = plugin["name"].as_str().unwrap();
        assert!(EVERYTHING.contains(&format!("plugin: {name}")), "{name} is shipped and has no part in this test");
    }

    let mut results = Vec::new();
    for (zone, locale, cores) in
        [("UTC", "C", "0"), ("Asia/Kathmandu", "de_DE.UTF-8", "0-1"), ("America/St_Johns", "tr_TR", "0")]
    {
        let state = sandbox.path(&format!("state-{}", results.len()));
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("host.yaml"), crate::sandbox::OPERATOR).unwrap();
        let surrounded = |arguments: &[&str]| {
            let inner = sandbox.command(arguments);
            let mut command = Command::new("taskset");
            command.args(["-c", cores]).arg(inner.get_program()).args(inner.get_args());
            command.env("TZ", zone).env("LC_ALL", locale).env("LANG", locale);
            sandbox.finish(command).json()
        };
        let state = state.to_str().unwrap();
        let built = surrounded(&["build", "--state", state, "-o", "json"]);
        let rendered = surrounded(&["render", "--state", state, "-o", "json"]);
        assert!(built["steps"].as_array().unwrap().iter().all(|step| step["how"] == "executed"), "{built:#}");
        results.push((built["artifacts"].clone(), rendered));
    }
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
    let verified = sandbox.springline(&["verify", "-o", "json"]).json();
    assert!(verified.as_array().unwrap().iter().all(|one| one["equal"] == true), "{verified:#}");
}
