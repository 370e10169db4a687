//! Plugins that misbehave: each call ends with an error that names the plugin and what it did, and
//! nothing else is affected.

use std::fs;

use crate::code::{CONFIG, PLUGIN};
use crate::sandbox::{Sandbox, guests, names};

const LIMITS: &str = "\
limits: { memory-mib: 64, wall-seconds: 2, compute-seconds: 1, log-kib: 16, output-mib: 8, output-entries: 100, handles: 64 }
";

/// An application whose step and renderer are the probes.
fn world(step: &str, renderer: &str, target: &str) -> Option<Sandbox> {
    let (sandbox, guests) = (Sandbox::site()?, guests()?);
    for guest in ["probe-step", "probe-renderer", "probe-target"] {
        let component = fs::read(guests.join(format!("{guest}.wasm"))).unwrap();
        sandbox.write(&format!("plugins/{guest}.wasm"), &component);
        fs::create_dir_all(sandbox.repo().join(".springline/plugins")).unwrap();
        fs::write(sandbox.repo().join(format!(".springline/plugins/{guest}.wasm")), component).unwrap();
    }
    sandbox.write("docs/read.txt", "read me\n");
    sandbox.write(
        "springline.yaml",
        format!(
            "\
application: probe
artifacts:
  made:
    steps:
      - {{ name: probe, plugin: ./plugins/probe-step.wasm, in: docs, with: {step} }}
environments:
  site:
    render: {{ plugin: ./plugins/probe-renderer.wasm, in: deploy, with: {renderer} }}
    target: local
    sync: {{ health-seconds: 2 }}
"
        ),
    );
    sandbox.operator(&format!(
        "version: 1\ntargets:\n  local: {{ plugin: ./plugins/probe-target.wasm, with: {target}, grants: {{ directory: {{ path: live }} }} }}\n{LIMITS}"
    ));
    sandbox.commit("A probe");
    Some(sandbox)
}

#[test]
fn a_step_that_misbehaves_ends_its_call_alone() {
    let cases: [(&str, &[&str]); 13] = [
        ("{ mode: panic }", &["probe-step.wasm", "trapped", "as told"]),
        ("{ mode: loop }", &["probe-step.wasm", "limit", "compute-seconds"]),
        ("{ mode: sleep, count: 3600000 }", &["probe-step.wasm", "limit", "wall-seconds"]),
        ("{ mode: memory }", &["probe-step.wasm", "limit", "memory-mib"]),
        ("{ mode: recurse }", &["probe-step.wasm", "stack"]),
        ("{ mode: fill, count: 64 }", &["probe-step.wasm", "limit", "output-mib"]),
        ("{ mode: litter, count: 5000 }", &["probe-step.wasm", "limit", "output-entries"]),
        // WASI 0.2 tells success from failure and no more.
        ("{ mode: exit, count: 3 }", &["probe-step.wasm", "ended itself with exit code 1"]),
        ("{ mode: fail, count: 0 }", &["probe-step.wasm"]),
        ("{ mode: fail, count: 4 }", &["probe-step.wasm"]),
        ("{ mode: dance }", &["springline.yaml:5:", "dance"]),
        ("{ mod: copy }", &["springline.yaml:5:", "did you mean `mode`?"]),
        ("{ mode: copy, count: -1 }", &["springline.yaml:5:", "count"]),
    ];
    let Some(sandbox) = world("{ mode: copy }", "{ mode: artifacts }", "{}") else { return };
    sandbox.springline(&["run"]).ok();
    let live = names(&sandbox.live());
    let application = fs::read_to_string(sandbox.repo().join("springline.yaml")).unwrap();
    for (with, words) in cases {
        sandbox.write("springline.yaml", application.replace("{ mode: copy }", with));
        sandbox.commit(with);
        let code = if words[0].starts_with("springline.yaml") { CONFIG } else { PLUGIN };
        let outcome = sandbox.springline(&["run"]);
        assert!(outcome.code == code || (outcome.code != 0 && with.contains("fail")), "{with}: {outcome:#?}");
        let code = outcome.code;
        outcome.fails(code, words);
        assert_eq!(names(&sandbox.live()), live, "{with}");
    }
    sandbox.write("springline.yaml", application);
    sandbox.commit("Well again");
    sandbox.springline(&["run"]).ok();
    sandbox.springline(&["history", "verify"]).ok();
}

#[test]
fn a_release_is_checked_against_the_plugin_that_deployed_it() {
    let Some(sandbox) = world("{ mode: copy }", "{ mode: artifacts }", "{ mode: deploy }") else { return };
    let report = sandbox.springline(&["run", "-o", "json"]).json();
    let release = &report["environments"][0]["release"].as_str().unwrap()[..12];
    let bound = |with: &str| {
        sandbox.operator(&format!(
            "version: 1\ntargets:\n  local: {{ plugin: target-directory, with: {with}, grants: {{ directory: {{ path: live }} }} }}\n"
        ));
        sandbox.springline(&["redeploy", "--env", "site", release])
    };
    bound("{ mode: deploy }").ok();
    let words = ["host.yaml:3:", "probe-target", &format!("of release {release}"), "prefix"];
    bound("{ prefix: www }").fails(CONFIG, &words);
}

#[test]
fn a_step_that_only_makes_a_noise_or_is_contained_succeeds() {
    let Some(sandbox) = world("{ mode: flood, count: 100000 }", "{ mode: artifacts }", "{}") else { return };
    let report = sandbox.springline(&["run", "-o", "json"]).json();
    let log = sandbox.springline(&["logs", &report["run"].to_string(), "probe"]).ok();
    assert!(log.len() < 64 * 1024, "the log is bounded: {} bytes", log.len());
    assert!(log.contains("dropped"), "and says so:\n{}", &log[log.len() - 200..]);
    let application = fs::read_to_string(sandbox.repo().join("springline.yaml")).unwrap();
    for (with, said) in [("{ mode: escape }", "contained"), ("{ mode: files }", "fine"), ("{ mode: log }", "")] {
        sandbox.write("springline.yaml", application.replace("{ mode: flood, count: 100000 }", with));
        sandbox.commit(with);
        if with.contains("escape") {
            // It writes what it should not be able to write; that there is nothing to see is the test.
            fs::write(sandbox.path("outside"), "untouched").unwrap();
        }
        let report = sandbox.springline(&["run", "-o", "json"]).json();
        let summary = report["steps"][0]["summary"].as_str().unwrap();
        assert!(summary.contains(said), "{with}: {report:#}");
        let log = sandbox.springline(&["logs", &report["run"].to_string()]).ok();
        assert!(!log.contains('\u{1b}'), "no escape reaches the terminal: {log:?}");
    }
}

#[test]
fn a_renderer_that_returns_malformed_objects_is_refused() {
    let Some(sandbox) = world("{ mode: copy }", "{ mode: artifacts }", "{}") else { return };
    sandbox.springline(&["run"]).ok();
    let live = names(&sandbox.live());
    let application = fs::read_to_string(sandbox.repo().join("springline.yaml")).unwrap();
    let cases: [(&str, &[&str]); 8] = [
        ("{ mode: twice }", &["`same`"]),
        ("{ mode: bad-id }", &["../escape"]),
        ("{ mode: foreign-blob }", &["one"]),
        ("{ mode: foreign-tree }", &["one"]),
        ("{ mode: bad-digest }", &["sha1:00"]),
        ("{ mode: inline, count: 2000000 }", &["one"]),
        ("{ mode: many, count: 5000 }", &["output-entries"]),
        ("{ mode: panic }", &["as told"]),
    ];
    for (with, words) in cases {
        sandbox.write("springline.yaml", application.replace("{ mode: artifacts }", with));
        sandbox.commit(with);
        sandbox.springline(&["run"]).fails(PLUGIN, &[&["probe-renderer.wasm"], words].concat());
        assert_eq!(names(&sandbox.live()), live, "{with}");
    }
}

#[test]
fn a_target_that_goes_beyond_its_contract_is_refused() {
    let Some(sandbox) = world("{ mode: copy }", "{ mode: artifacts }", "{}") else { return };
    let operator = fs::read_to_string(sandbox.repo().join(".springline/host.yaml")).unwrap();
    for mode in ["steal", "panic", "collide", "stranger", "notes", "blind"] {
        sandbox.operator(&operator.replace("with: {}", &format!("with: {{ mode: {mode} }}")));
        let outcome = sandbox.springline(&["run"]);
        assert_ne!(outcome.code, 0, "{mode}: {outcome:#?}");
        assert!(!outcome.stderr.contains("thread 'main'"), "{}", outcome.stderr);
    }
    sandbox.operator(&operator);
    sandbox.springline(&["run"]).ok();
    assert!(!names(&sandbox.live()).is_empty());
}

#[test]
fn what_is_no_plugin_is_told_apart() {
    let Some(sandbox) = world("{ mode: copy }", "{ mode: artifacts }", "{}") else { return };
    let application = fs::read_to_string(sandbox.repo().join("springline.yaml")).unwrap();
    let component = fs::read(sandbox.repo().join("plugins/probe-step.wasm")).unwrap();
    let mut newer = component.clone();
    while let Some(at) = find(&newer, b"springline:plugin/build-step@0.1.0") {
        newer[at..at + 34].copy_from_slice(b"springline:plugin/build-step@0.9.0");
    }
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("text.wasm", b"hello".to_vec(), "no WebAssembly"),
        ("module.wasm", b"\0asm\x01\0\0\0".to_vec(), "core WebAssembly module"),
        ("cut.wasm", component[..component.len() / 2].to_vec(), "WebAssembly"),
        ("empty.wasm", b"\0asm\x0d\0\x01\0".to_vec(), "no plugin"),
        ("newer.wasm", newer, "0.9"),
    ];
    for (name, bytes, words) in cases {
        sandbox.write(&format!("plugins/{name}"), bytes);
        sandbox.write("springline.yaml", application.replace("probe-step.wasm", name));
        sandbox.commit(name);
        let stderr = sandbox.springline(&["run"]).fails(PLUGIN, &[name, words]);
        assert!(stderr.contains("error:"), "{stderr}");
        sandbox.springline(&["plugin", "inspect", &format!("plugins/{name}")]).fails(PLUGIN, &[words]);
    }
    sandbox.write(
        "springline.yaml",
        application.replace("plugin: ./plugins/probe-step.wasm", "plugin: ./plugins/probe-renderer.wasm"),
    );
    sandbox.commit("The wrong kind");
    sandbox.springline(&["run"]).fails(CONFIG, &["is a renderer", "build-step"]);
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[test]
fn a_change_below_a_plugins_path_is_seen_and_taken_only_by_update() {
    let Some(sandbox) = world("{ mode: copy }", "{ mode: artifacts }", "{}") else { return };
    sandbox.springline(&["run"]).ok();
    let mut component = fs::read(sandbox.repo().join("plugins/probe-step.wasm")).unwrap();
    // A custom section more is another component that does the same.
    component.extend_from_slice(b"\x00\x02\x01x");
    sandbox.write("plugins/probe-step.wasm", component);
    sandbox.commit("Another build of it");
    sandbox.springline(&["run"]).fails(CONFIG, &["probe-step.wasm", "springline.lock pins", "springline update"]);
    sandbox.springline(&["update", "./plugins/probe-step.wasm"]).ok();
    sandbox.commit("Take it");
    let report = sandbox.springline(&["run", "-o", "json"]).json();
    assert_eq!(report["steps"][0]["how"], "executed");
}
