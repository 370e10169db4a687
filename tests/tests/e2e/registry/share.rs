//! Push, pull, list, pin and update.

use std::fs;

use super::service::{PASSWORD, Service, USER};
use super::{CONFIG, DENIED, PLUGIN, builtin, push, site_with, variant};
use crate::sandbox::{APPLICATION, OPERATOR, Sandbox, names};

#[test]
fn a_plugin_is_pushed_listed_pulled_pinned_and_run() {
    let (Some(sandbox), Some(service)) = (Sandbox::site(), Service::open()) else { return };
    let file = builtin(&sandbox, "step-site");
    let repository = service.repository("team/site");
    let reference = format!("{repository}:1.2.3");
    let pushed = push(&sandbox, &file, &reference, &["--float", "--tag", "latest"]);
    assert_eq!(pushed["pushed"], true);
    assert_eq!(pushed["tags"], serde_json::json!(["1.2.3", "latest", "1.2", "1"]));
    assert_eq!(push(&sandbox, &file, &reference, &[])["pushed"], false, "the same bytes are there already");

    let listed = sandbox.springline(&["plugin", "list", &repository, "-o", "json"]).json();
    assert_eq!(listed[0]["tag"], "1.2.3");
    assert_eq!(listed[0]["component"], pushed["component"]);
    assert_eq!(listed.as_array().unwrap().len(), 4);
    let pulled = sandbox.path("pulled.wasm");
    let arguments = ["plugin", "pull", &format!("{repository}:^1"), "-O", pulled.to_str().unwrap(), "-o", "json"];
    let answer = sandbox.springline(&arguments).json();
    assert_eq!((&answer["tag"], &answer["manifest"]), (&"1.2.3".into(), &pushed["manifest"]));
    assert_eq!(fs::read(&pulled).unwrap(), fs::read(&file).unwrap());

    sandbox.write("springline.yaml", site_with(&format!("{repository}:>=1.2, <2")));
    let run = sandbox.springline(&["run", "--worktree"]);
    assert!(
        run.stderr.contains("nobody vouches for") && run.stderr.contains("host.yaml has no `trust`"),
        "{}",
        run.stderr
    );
    run.ok();
    assert!(names(&sandbox.live()).contains(&"www/index.html".to_owned()));
    let lock = fs::read_to_string(sandbox.repo().join("springline.lock")).unwrap();
    for line in ["source: registry", "tag: 1.2.3", pushed["manifest"].as_str().unwrap()] {
        assert!(lock.contains(line), "`{line}` is not in\n{lock}");
    }
    // What was pulled needs no registry.
    service.stop();
    sandbox.commit("Pin");
    let again = sandbox.springline(&["run"]);
    assert!(!again.stderr.contains("trust"), "it is said once: {}", again.stderr);
    again.ok();
    fs::remove_dir_all(sandbox.repo().join(".springline/registry")).unwrap();
    sandbox.springline(&["run"]).ok();
}

#[test]
fn push_pull_and_list_need_no_repository() {
    let (Some(sandbox), Some(service)) = (Sandbox::empty(), Service::open()) else { return };
    let file = builtin(&sandbox, "step-site");
    let reference = service.repository("team/site") + ":1.0.0";
    let outside = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.current_dir(sandbox.path("home"));
        sandbox.finish(command)
    };
    outside(&["plugin", "push", file.to_str().unwrap(), &reference]).ok();
    assert!(outside(&["plugin", "list", &reference]).ok().contains("1.0.0"));
    outside(&["plugin", "pull", &reference]).ok();
    assert_eq!(fs::read(sandbox.path("home/site.wasm")).unwrap(), fs::read(&file).unwrap());
    fs::write(sandbox.path("home/site.wasm"), "mine").unwrap();
    outside(&["plugin", "pull", &reference]).fails(2, &["site.wasm is there already", "-O"]);
    assert_eq!(fs::read_to_string(sandbox.path("home/site.wasm")).unwrap(), "mine");
}

#[test]
fn a_moved_tag_never_changes_what_runs() {
    let (Some(sandbox), Some(service)) = (Sandbox::site(), Service::open()) else { return };
    let file = builtin(&sandbox, "step-site");
    let reference = service.repository("team/site") + ":1.2.3";
    let first = push(&sandbox, &file, &reference, &[]);
    sandbox.write("springline.yaml", site_with(&reference));
    sandbox.springline(&["run", "--worktree"]).ok();
    sandbox.commit("Pin");

    let moved = variant(&sandbox, &file, "moved");
    let arguments = ["plugin", "push", moved.to_str().unwrap(), &reference];
    sandbox.springline(&arguments).fails(DENIED, &["1.2.3 is there already", "--replace"]);
    let second = push(&sandbox, &moved, &reference, &["--replace"]);
    assert_ne!(first["component"], second["component"]);

    // Not even for somebody who has nothing but the commit.
    fs::remove_dir_all(sandbox.repo().join(".springline/blobs")).unwrap();
    fs::remove_dir_all(sandbox.repo().join(".springline/registry")).unwrap();
    let report = sandbox.springline(&["run", "-o", "json"]).json();
    assert_eq!(report["steps"][0]["plugin"]["digest"], first["component"]);
    let updated = sandbox.springline(&["update", &reference, "-o", "json"]).json();
    assert_eq!((&updated[0]["old"], &updated[0]["new"]), (&first["component"], &second["component"]));
    sandbox.commit("Update");
    let report = sandbox.springline(&["run", "-o", "json"]).json();
    assert_eq!(report["steps"][0]["plugin"]["digest"], second["component"]);
}

#[test]
fn an_update_that_asks_for_more_needs_a_yes() {
    let (Some(sandbox), Some(service)) = (Sandbox::site(), Service::open()) else { return };
    let repository = service.repository("team/thing");
    let reference = format!("{repository}:latest");
    push(&sandbox, &builtin(&sandbox, "step-site"), &reference, &[]);
    sandbox.write("springline.yaml", site_with(&reference));
    sandbox.springline(&["update"]).ok();
    let pinned = fs::read_to_string(sandbox.repo().join("springline.lock")).unwrap();

    let more = push(&sandbox, &builtin(&sandbox, "target-directory"), &reference, &[]);
    let refused = sandbox.springline(&["plugin", "update"]);
    refused.fails(DENIED, &["asks for directory", "nothing was changed", "--accept-capabilities"]);
    assert_eq!(fs::read_to_string(sandbox.repo().join("springline.lock")).unwrap(), pinned);
    // On a terminal it is asked for, and a no is a no.
    for (answer, code) in [("n", DENIED), ("y", 0)] {
        let command = format!("{} update", sandbox.program().display());
        let mut terminal = std::process::Command::new("script");
        terminal.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
        let outcome = sandbox.answer(terminal, &format!("{answer}\n"));
        assert_eq!(outcome.code, code, "{outcome:#?}");
        assert!(outcome.stdout.contains("asks for directory") && outcome.stdout.contains("[y/N]"), "{outcome:#?}");
        let now = fs::read_to_string(sandbox.repo().join("springline.lock")).unwrap();
        assert_eq!(now == pinned, code == DENIED, "{now}");
        fs::write(sandbox.repo().join("springline.lock"), &pinned).unwrap();
    }
    let updated = sandbox.springline(&["update", "--accept-capabilities", "-o", "json"]).json();
    let row = updated.as_array().unwrap().iter().find(|row| row["plugin"] == reference.as_str()).unwrap();
    assert_eq!((&row["new"], &row["asks-for-more"]), (&more["component"], &true.into()));
}

#[test]
fn an_operator_puts_a_plugin_in_the_stead_of_a_built_in_one() {
    let (Some(sandbox), Some(service)) = (Sandbox::site(), Service::open()) else { return };
    let file = builtin(&sandbox, "step-site");
    let own = variant(&sandbox, &file, "own");
    let reference = service.repository("ops/site") + ":1.0.0";
    let pushed = push(&sandbox, &own, &reference, &[]);
    let committed = fs::read_to_string(sandbox.repo().join("springline.lock")).unwrap();
    sandbox.operator(&format!("{OPERATOR}plugins:\n  step-site: {{ source: \"{reference}\" }}\n"));
    let report = sandbox.springline(&["run", "-o", "json"]).json();
    assert_eq!(report["steps"][0]["plugin"]["digest"], pushed["component"]);
    assert_eq!(report["steps"][0]["plugin"]["name"], "step-site");
    assert_eq!(fs::read_to_string(sandbox.repo().join("springline.lock")).unwrap(), committed);
    let lock = fs::read_to_string(sandbox.repo().join(".springline/springline.lock")).unwrap();
    assert!(lock.contains(&reference) && lock.contains("target-directory"), "{lock}");

    // It can be updated where nobody has what it stands in for, and by its name.
    let next = push(&sandbox, &variant(&sandbox, &file, "next"), &reference, &["--replace"]);
    let elsewhere = "oci://127.0.0.1:9/team/site:1.0.0";
    sandbox.write("springline.yaml", site_with(elsewhere));
    let replaced = format!("{OPERATOR}plugins:\n  \"{elsewhere}\": {{ source: \"{reference}\" }}\n");
    sandbox.operator(&replaced);
    let updated = sandbox.springline(&["update", elsewhere, "-o", "json"]).json();
    assert_eq!(updated.as_array().unwrap().len(), 1, "{updated:#}");
    assert_eq!((&updated[0]["plugin"], &updated[0]["new"]), (&reference.as_str().into(), &next["component"]));
    sandbox.springline(&["update"]).ok();
    assert_eq!(fs::read_to_string(sandbox.repo().join("springline.lock")).unwrap(), committed);
    sandbox.springline(&["run", "--worktree"]).ok();
    sandbox.write("springline.yaml", APPLICATION);

    fs::copy(&own, sandbox.repo().join(".springline/own.wasm")).unwrap();
    sandbox.operator(&format!("{OPERATOR}plugins:\n  step-site: {{ source: ./own.wasm }}\n"));
    sandbox.springline(&["run"]).ok();
    sandbox.operator(&format!("{OPERATOR}plugins:\n  step-site: {{ source: ./gone.wasm }}\n"));
    sandbox.springline(&["run"]).fails(CONFIG, &["host.yaml:7:", "there is no plugin at `./gone.wasm`"]);
}

#[test]
fn credentials_are_dockers() {
    let (Some(sandbox), Some(service)) = (Sandbox::empty(), Service::closed()) else { return };
    let file = builtin(&sandbox, "step-site");
    let reference = service.repository("team/site") + ":1.0.0";
    let push = |docker: &str| {
        let mut command = sandbox.command(&["plugin", "push", file.to_str().unwrap(), &reference]);
        command.env("DOCKER_CONFIG", sandbox.path(docker));
        command.env("PATH", format!("{}:{}", sandbox.path("bin").display(), std::env::var("PATH").unwrap()));
        sandbox.finish(command)
    };
    push("none").fails(DENIED, &["an anonymous user", &format!("docker login {}", service.host())]);
    let config = |directory: &str, json: String| {
        fs::create_dir_all(sandbox.path(directory)).unwrap();
        fs::write(sandbox.path(directory).join("config.json"), json).unwrap();
    };
    let host = service.host();
    // base64 of `tester:wrong` and of USER:PASSWORD
    config("wrong", format!(r#"{{"auths":{{"{host}":{{"auth":"dGVzdGVyOndyb25n"}}}}}}"#));
    push("wrong").fails(DENIED, &["does not let this user", "help: "]);
    config("garbage", "{".into());
    push("garbage").fails(CONFIG, &["config.json", "DOCKER_CONFIG"]);
    config("right", format!(r#"{{"auths":{{"{host}":{{"auth":"dGVzdGVyOnNlY3JldA=="}}}}}}"#));
    push("right").ok();

    let helper = sandbox.path("bin/docker-credential-tests");
    fs::create_dir_all(helper.parent().unwrap()).unwrap();
    let script = format!("#!/bin/sh\ncat > /dev/null\necho '{{\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}'\n");
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    config("helper", format!(r#"{{"credHelpers":{{"{host}":"tests"}}}}"#));
    push("helper").ok();
    config("store", r#"{"credsStore":"tests"}"#.into());
    push("store").ok();
    fs::write(&helper, "#!/bin/sh\ncat > /dev/null\necho no >&2\nexit 1\n").unwrap();
    push("helper").fails(CONFIG, &["docker-credential-tests", "failed"]);
    push("store").fails(CONFIG, &["docker-credential-tests", "failed"]);
}

#[test]
fn a_registry_with_a_certificate_of_its_own_is_reached_where_the_operator_says_so() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let certificate = sandbox.path("certificate.pem");
    let Some(service) = Service::secret(&certificate) else { return };
    let file = builtin(&sandbox, "step-site");
    let reference = service.repository("team/site") + ":1.0.0";
    let pushed = || sandbox.springline(&["plugin", "push", file.to_str().unwrap(), &reference]);
    let tls = format!("registries: {{ \"{}\": {{ plain-http: false }} }}\n", service.host());
    assert_ne!(pushed().code, 0, "it speaks TLS, and this machine is asked without");
    sandbox.operator(&tls);
    pushed().fails(PLUGIN, &["can't be reached", "certificate"]);
    sandbox.operator(&format!("{tls}certificate-authorities: [ ../../certificate.pem ]\n"));
    pushed().ok();
    sandbox.operator(&format!("{tls}certificate-authorities: [ host.yaml ]\n"));
    pushed().fails(PLUGIN, &["the certificates in", "host.yaml can't be read"]);
}

#[test]
fn what_is_not_there_is_named_with_the_way_out() {
    let (Some(sandbox), Some(service)) = (Sandbox::site(), Service::open()) else { return };
    let repository = service.repository("team/site");
    let missing = format!("{repository}:9.9.9");
    sandbox.springline(&["plugin", "pull", &missing]).fails(PLUGIN, &["9.9.9 does not exist", "plugin list"]);
    sandbox.springline(&["plugin", "list", &repository]).fails(PLUGIN, &["team/site does not exist"]);
    push(&sandbox, &builtin(&sandbox, "step-site"), &format!("{repository}:1.0.0"), &[]);
    let range = format!("{repository}:^2");
    sandbox.springline(&["plugin", "pull", &range]).fails(PLUGIN, &["in the range `^2`", "1 tags"]);
    sandbox.write("springline.yaml", site_with(&missing));
    sandbox.springline(&["run", "--worktree"]).fails(PLUGIN, &["springline.yaml:5:", "9.9.9 does not exist"]);
    for (reference, words) in [
        (repository.as_str(), "names no version"),
        ("oci://localhost/UPPER:1", "not a repository"),
        ("plain", "not a repository"),
    ] {
        sandbox.springline(&["plugin", "pull", reference]).fails(2, &[words, "help: "]);
    }
    sandbox.springline(&["plugin", "push", "/nowhere.wasm", &missing]).fails(2, &["/nowhere.wasm can't be read"]);
    sandbox.write("x.wasm", "no plugin");
    sandbox.springline(&["plugin", "push", "x.wasm", &missing]).fails(PLUGIN, &["these bytes are no WebAssembly"]);
    service.stop();
    sandbox.springline(&["plugin", "pull", &missing]).fails(PLUGIN, &["can't be reached"]);
}
