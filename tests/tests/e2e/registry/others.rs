//! What oras and wkg push, we pull, and the other way round.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::service::Service;
use super::{PLUGIN, builtin, push, site_with};
use crate::sandbox::{Outcome, Sandbox, tool};

/// Runs a program of others in the sandbox's `home`.
fn run(sandbox: &Sandbox, program: &Path, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(sandbox.path("home"));
    sandbox.finish(command)
}

fn pull(sandbox: &Sandbox, reference: &str) -> Vec<u8> {
    let file = sandbox.path("by-us.wasm");
    sandbox.springline(&["plugin", "pull", reference, "-O", file.to_str().unwrap()]).ok();
    fs::read(file).unwrap()
}

/// The plugin's file, in `home`, as the tools want to name it.
fn at_home(sandbox: &Sandbox) -> PathBuf {
    let file = sandbox.path("home/plugin.wasm");
    fs::copy(builtin(sandbox, "step-site"), &file).unwrap();
    file
}

#[test]
fn what_oras_pushes_we_pull_and_run_and_back() {
    let (Some(sandbox), Some(service), Some(oras)) = (Sandbox::site(), Service::open(), tool("oras")) else { return };
    let file = at_home(&sandbox);
    let config = r#"{"created":"2026-01-01T00:00:00Z","architecture":"wasm","os":"wasip2","layerDigests":[]}"#;
    fs::write(sandbox.path("home/config.json"), config).unwrap();
    let name = format!("{}/team/by-oras:1.0.0", service.host());
    let pushed = run(
        &sandbox,
        &oras,
        &[
            "push",
            "--plain-http",
            &name,
            "--config",
            "config.json:application/vnd.wasm.config.v0+json",
            "plugin.wasm:application/wasm",
        ],
    );
    let pushed = pushed.ok();
    assert_eq!(pull(&sandbox, &format!("oci://{name}")), fs::read(&file).unwrap());
    sandbox.write("springline.yaml", site_with(&format!("oci://{name}")));
    sandbox.springline(&["run", "--worktree"]).ok();
    let lock = fs::read_to_string(sandbox.repo().join("springline.lock")).unwrap();
    let digest = pushed.lines().find_map(|line| line.strip_prefix("Digest: ")).unwrap();
    assert!(lock.contains(digest), "oras says {digest}:\n{lock}");

    let ours = format!("{}/team/by-us:1.0.0", service.host());
    let answer = push(&sandbox, &file, &format!("oci://{ours}"), &[]);
    let resolved = run(&sandbox, &oras, &["resolve", "--plain-http", &ours]).ok();
    assert_eq!(resolved.trim(), answer["manifest"].as_str().unwrap());
    run(&sandbox, &oras, &["pull", "--plain-http", &ours, "-o", "by-oras"]).ok();
    assert_eq!(fs::read(sandbox.path("home/by-oras/step-site.wasm")).unwrap(), fs::read(&file).unwrap());

    // What is no Wasm artifact is told from one.
    let plain = format!("{}/team/plain:1.0.0", service.host());
    run(&sandbox, &oras, &["push", "--plain-http", &plain, "plugin.wasm:application/wasm"]).ok();
    sandbox
        .springline(&["plugin", "pull", &format!("oci://{plain}")])
        .fails(PLUGIN, &["is no Wasm artifact", "its config is", "springline plugin push"]);
}

#[test]
fn what_wkg_pushes_we_pull_and_run_and_back() {
    let (Some(sandbox), Some(service), Some(wkg)) = (Sandbox::site(), Service::open(), tool("wkg")) else { return };
    let file = at_home(&sandbox);
    let host = service.host();
    let name = format!("{host}/team/by-wkg:1.0.0");
    run(&sandbox, &wkg, &["oci", "push", "--insecure", &host, &name, "plugin.wasm"]).ok();
    assert_eq!(pull(&sandbox, &format!("oci://{name}")), fs::read(&file).unwrap());
    sandbox.write("springline.yaml", site_with(&format!("oci://{name}")));
    sandbox.springline(&["run", "--worktree"]).ok();

    let ours = format!("{host}/team/by-us:1.0.0");
    push(&sandbox, &file, &format!("oci://{ours}"), &[]);
    run(&sandbox, &wkg, &["oci", "pull", "--insecure", &host, &ours, "-o", "by-wkg.wasm"]).ok();
    assert_eq!(fs::read(sandbox.path("home/by-wkg.wasm")).unwrap(), fs::read(&file).unwrap());
}
