//! What a registry says of a plugin is only a claim; what is named by its digest is what it is.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::service::Service;
use super::{DENIED, builtin, push, site_with, variant};
use crate::sandbox::{Sandbox, tool};

/// The config of an artifact that says of its component that it needs nothing.
const INNOCENT: &str = r#"{"created":"2026-01-01T00:00:00Z","architecture":"wasm","os":"wasip2","layerDigests":[],"component":{"exports":["springline:plugin/build-step@0.1.0"],"imports":[],"target":null}}"#;

#[test]
fn a_config_that_lies_hides_nothing_that_a_plugin_asks_for() {
    let (Some(sandbox), Some(service), Some(oras)) = (Sandbox::site(), Service::open(), tool("oras")) else { return };
    let reference = service.repository("team/thing") + ":latest";
    push(&sandbox, &builtin(&sandbox, "step-site"), &reference, &[]);
    sandbox.write("springline.yaml", site_with(&reference));
    sandbox.springline(&["update"]).ok();
    let pinned = fs::read_to_string(sandbox.repo().join("springline.lock")).unwrap();

    fs::copy(builtin(&sandbox, "target-directory"), sandbox.path("home/plugin.wasm")).unwrap();
    fs::write(sandbox.path("home/config.json"), INNOCENT).unwrap();
    let mut command = Command::new(&oras);
    command.args(["push", "--plain-http", reference.trim_start_matches("oci://"), "--config"]);
    command.args(["config.json:application/vnd.wasm.config.v0+json", "plugin.wasm:application/wasm"]);
    command.current_dir(sandbox.path("home"));
    sandbox.finish(command).ok();
    sandbox.springline(&["update"]).fails(DENIED, &["asks for directory", "nothing was changed"]);
    assert_eq!(fs::read_to_string(sandbox.repo().join("springline.lock")).unwrap(), pinned);
    let pulled = sandbox.springline(&["plugin", "pull", &reference, "-O", "x.wasm"]).ok();
    assert!(pulled.contains("asks for  directory") && pulled.contains("deploy-target"), "{pulled}");
}

#[test]
fn what_is_named_by_its_digest_stays_what_it_is() {
    let (Some(sandbox), Some(service)) = (Sandbox::site(), Service::open()) else { return };
    let file = builtin(&sandbox, "step-site");
    let repository = service.repository("team/site");
    let tag = format!("{repository}:1.0.0");
    let first = push(&sandbox, &file, &tag, &[]);
    let second = push(&sandbox, &variant(&sandbox, &file, "moved"), &tag, &["--replace"]);
    assert_ne!(first["manifest"], second["manifest"]);
    let exact = format!("{repository}@{}", first["manifest"].as_str().unwrap());
    let pull = |reference: &str| {
        sandbox.springline(&["plugin", "pull", reference, "-O", "x.wasm", "-o", "json"]).json()["component"].clone()
    };
    assert_eq!((pull(&tag), pull(&exact)), (second["component"].clone(), first["component"].clone()));
    assert_eq!(fs::read(sandbox.repo().join("x.wasm")).unwrap(), fs::read(&file).unwrap());
    sandbox.write("springline.yaml", site_with(&exact));
    let report = sandbox.springline(&["run", "--worktree", "-o", "json"]).json();
    assert_eq!(report["steps"][0]["plugin"]["digest"], first["component"]);
    let updated = sandbox.springline(&["update", &exact, "-o", "json"]).json();
    assert_eq!((&updated[0]["old"], &updated[0]["new"]), (&first["component"], &first["component"]));
}

#[test]
fn the_same_bytes_are_pushed_again_where_the_time_is_given() {
    let (Some(sandbox), Some(service)) = (Sandbox::empty(), Service::open()) else { return };
    let file = builtin(&sandbox, "step-site");
    let command = |path: &str, epoch: &str| {
        let reference = service.repository(path) + ":1.0.0";
        let mut command = sandbox.command(&[
            "plugin".as_ref(),
            "push".as_ref(),
            file.as_path(),
            Path::new(&reference),
            "-o".as_ref(),
            "json".as_ref(),
        ]);
        command.env("SOURCE_DATE_EPOCH", epoch);
        sandbox.finish(command)
    };
    let manifest = |path: &str, epoch: &str| command(path, epoch).json()["manifest"].clone();
    let first = manifest("team/one", "1700000000");
    assert_eq!(manifest("team/two", "1700000000"), first);
    assert_ne!(manifest("team/three", "1700000001"), first);
    command("team/four", "yesterday").fails(2, &["SOURCE_DATE_EPOCH"]);
}
