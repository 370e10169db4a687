//! Bad input: each a clear message that names the thing and the way out, the exit code of its
//! kind, and nothing lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::code::{BUSY, CONFIG, DENIED, DEPLOY, PLUGIN, SOURCE, STATE, USAGE};
use crate::sandbox::{APPLICATION, Sandbox, files, names};

#[test]
fn no_repository() {
    let Some(sandbox) = Sandbox::site() else { return };
    let mut command = sandbox.command(&["run"]);
    command.current_dir(sandbox.path("home"));
    sandbox.finish(command).fails(SOURCE, &["no git repository at", "help:", "--repo PATH"]);
}

#[test]
fn an_empty_repository() {
    let Some(sandbox) = Sandbox::empty() else { return };
    sandbox.springline(&["run"]).fails(SOURCE, &["has no commit yet", "help: commit something first"]);
}

#[test]
fn an_unknown_revision() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run", "--revision", "v9"]).fails(SOURCE, &["no revision `v9`", "git log"]);
}

#[test]
fn a_bare_repository_has_no_work_tree() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    sandbox
        .springline(&["run", "--repo", "../bare.git", "--worktree"])
        .fails(SOURCE, &["bare repository", "--revision"]);
}

#[test]
fn no_application_file() {
    let Some(sandbox) = Sandbox::empty() else { return };
    sandbox.write("a.txt", "a");
    sandbox.commit("Begin");
    sandbox.springline(&["run"]).fails(CONFIG, &["there is no springline.yaml", "springline init"]);
}

/// springline.yaml in each of these ways, and what is said of it.
#[test]
fn a_wrong_application_file_is_told_with_line_and_column() {
    let Some(sandbox) = Sandbox::site() else { return };
    let with = |old: &str, new: &str| APPLICATION.replace(old, new);
    let cases = [
        (with("artifacts:", "artifacts: ["), "springline.yaml:", "springline.yaml:"),
        (with("plugin: step-site", "plguin: step-site"), "springline.yaml:5:", "did you mean `plugin`?"),
        (with("step-site", "step-sit"), "springline.yaml:5:", "did you mean `step-site`?"),
        (with("title: Handbook", "titel: Handbook"), "springline.yaml:5:", "titel"),
        (with("title: Handbook", "title: [1]"), "springline.yaml:5:", "title"),
        (with("plugin: step-site", "plugin: render-template"), "springline.yaml:5:", "is a renderer"),
        (with("in: docs", "in: dosc"), "springline.yaml:5:", "no directory `dosc`"),
        (with("target: local", "target: lokal"), "springline.yaml:9:", "did you mean `local`?"),
        (with("application: handbook", "application: Hand Book"), "springline.yaml:1:", "Hand Book"),
        (format!("{APPLICATION}    sync: {{ prune: maybe }}\n"), "springline.yaml:10:", "prune"),
        (with("plugin: step-site", "plugin: ./nowhere.wasm"), "springline.yaml:5:", "no plugin at `./nowhere.wasm`"),
        (
            with("plugin: step-site", &format!("plugin: \"sha256:{}\"", "0".repeat(64))),
            "springline.yaml:5:",
            "nowhere to be found",
        ),
    ];
    sandbox.springline(&["run"]).ok();
    let deployed = files(&sandbox.live());
    for (text, place, words) in cases {
        sandbox.write("springline.yaml", &text);
        sandbox.commit("Break it");
        sandbox.springline(&["run"]).fails(CONFIG, &[place, words]);
        assert_eq!(files(&sandbox.live()), deployed, "nothing was touched");
    }
    sandbox.springline(&["history", "verify"]).ok();
}

#[test]
fn a_wrong_operator_file() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.operator("version: 1\ntargets:\n  local: { plugin: target-directory, grant: {} }\n");
    sandbox.springline(&["run"]).fails(CONFIG, &["host.yaml:3:", "did you mean `grants`?"]);
    sandbox.operator("version: 1\ntargets: {}\n");
    sandbox.springline(&["run"]).fails(CONFIG, &["binds no target `local`", "grants: { directory:"]);
}

#[test]
fn a_power_that_is_not_granted_is_denied_with_the_line_that_grants_it() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.operator("version: 1\ntargets:\n  local: { plugin: target-directory }\n");
    sandbox.springline(&["run"]).fails(DENIED, &["directory", "grants: { directory: { path: PATH } }"]);
}

#[test]
fn a_template_with_an_undefined_name() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.write("deploy/version.txt", "one\ntwo {{ artifacts.site.digets }}\n");
    sandbox.commit("A typing error");
    sandbox.springline(&["run"]).fails(PLUGIN, &["deploy/version.txt:2", "digets"]);
    assert!(!sandbox.live().exists() || names(&sandbox.live()).is_empty());
}

#[test]
fn a_broken_link_in_a_page() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.write("docs/guide.md", "# Guide\n\nSee [nothing](nothing.md).\n");
    sandbox.commit("A dead end");
    sandbox.springline(&["run"]).fails(PLUGIN, &["docs/guide.md:3", "nothing.md"]);
}

#[test]
fn objects_of_other_tools_are_refused_with_a_hint() {
    let Some(sandbox) = Sandbox::site() else { return };
    let render = "render: { plugin: render-manifests, in: deploy }";
    let old = "render: { plugin: render-template, in: deploy, with: { place: { www: site } } }";
    sandbox.write("springline.yaml", APPLICATION.replace(old, render));
    sandbox.git(&["rm", "-q", "-r", "deploy"]);
    sandbox.write("deploy/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n");
    sandbox.commit("Kustomize");
    sandbox.springline(&["run"]).fails(PLUGIN, &["deploy/kustomization.yaml", "kustomize"]);
    sandbox.git(&["rm", "-q", "-r", "deploy"]);
    sandbox.write("deploy/Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\n");
    sandbox.write("deploy/templates/a.yaml", "name: {{ .Release.Name }}\n");
    sandbox.commit("Helm");
    let stderr = sandbox.springline(&["run"]).fails(PLUGIN, &["deploy/Chart.yaml"]);
    assert!(stderr.to_lowercase().contains("helm"), "{stderr}");
}

#[test]
fn a_render_that_becomes_empty_removes_nothing() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let deployed = files(&sandbox.live());
    sandbox.git(&["rm", "-q", "-r", "deploy"]);
    sandbox.write("deploy/_nothing.txt", "an include only");
    let yaml = APPLICATION.replace(", with: { place: { www: site } }", "");
    sandbox.write("springline.yaml", yaml);
    sandbox.commit("Lose everything");
    sandbox.springline(&["run"]).fails(DEPLOY, &["nothing was rendered", "--prune-all"]);
    assert_eq!(files(&sandbox.live()), deployed);
    sandbox.springline(&["sync", "--env", "site", "--prune-all"]).ok();
    assert!(names(&sandbox.live()).is_empty());
}

#[test]
fn a_file_that_is_somebody_elses_is_not_overwritten() {
    let Some(sandbox) = Sandbox::site() else { return };
    fs::create_dir_all(sandbox.live()).unwrap();
    fs::write(sandbox.live().join("robots.txt"), "mine\n").unwrap();
    sandbox.springline(&["run"]).fails(DEPLOY, &["robots.txt"]);
    assert_eq!(fs::read_to_string(sandbox.live().join("robots.txt")).unwrap(), "mine\n");
}

#[test]
fn a_link_out_of_the_target_is_not_followed() {
    let Some(sandbox) = Sandbox::site() else { return };
    let outside = sandbox.path("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::create_dir_all(sandbox.live()).unwrap();
    std::os::unix::fs::symlink(&outside, sandbox.live().join("www")).unwrap();
    let outcome = sandbox.springline(&["run"]);
    assert!([DEPLOY, DENIED].contains(&outcome.code), "{outcome:#?}");
    assert!(outcome.stderr.contains("www"), "{}", outcome.stderr);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_target_directory_that_can_not_be_written() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.operator(
        "version: 1\ntargets:\n  local: { plugin: target-directory, grants: { directory: { path: /proc/springline } } }\n",
    );
    sandbox.springline(&["run"]).fails(DEPLOY, &["/proc/springline"]);
    assert_eq!(sandbox.springline(&["history", "-o", "json"]).json()[0]["outcome"]["is"], "failed");
}

#[test]
fn environments_objects_and_releases_that_are_not_there() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    for verb in ["run", "status", "watch"] {
        sandbox.springline(&[verb, "--env", "sit"]).fails(USAGE, &["no environment `sit`", "did you mean `site`?"]);
    }
    sandbox.springline(&["status", "--env", "site", "--env", "prod"]).fails(USAGE, &["`prod`", "it declares site"]);
    sandbox.springline(&["sync", "--only", "nope"]).fails(USAGE, &["no object `nope`"]);
    sandbox.springline(&["redeploy", "--env", "site", "ffff"]).fails(USAGE, &["no release `ffff`"]);
    sandbox.springline(&["logs", "99"]).fails(USAGE, &["there is no run 99"]);
    sandbox.springline(&["artifact", "show", "nope"]).fails(USAGE, &["no artifact `nope`"]);
    sandbox.springline(&["plugin", "inspect", "./nope.wasm"]).fails(USAGE, &["nope.wasm"]);
}

#[test]
fn a_state_directory_that_git_tracks() {
    let Some(sandbox) = Sandbox::site() else { return };
    fs::remove_file(sandbox.repo().join(".springline/.gitignore")).unwrap();
    sandbox.git(&["add", "-f", ".springline/host.yaml"]);
    sandbox.git(&["commit", "-q", "-m", "Too much"]);
    sandbox.springline(&["run"]).fails(STATE, &["git tracks files in `.springline`", "git rm -r --cached"]);
}

#[test]
fn a_state_directory_of_a_newer_version() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let version = sandbox.repo().join(".springline/version");
    fs::write(&version, "99\n").unwrap();
    sandbox.springline(&["history"]).fails(STATE, &["version 99", "newer"]);
    assert_eq!(fs::read_to_string(version).unwrap(), "99\n", "it is left as it was");
}

#[test]
fn a_state_directory_that_is_damaged() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let database = find(&sandbox.repo().join(".springline"), "db");
    let length = fs::metadata(&database).unwrap().len();
    assert!(length > 1000);
    for damage in ["truncated", "overwritten", "empty"] {
        let kept = fs::read(&database).unwrap();
        let bytes = match damage {
            "truncated" => kept[..100].to_vec(),
            "overwritten" => (0..length).map(|at| (at % 251) as u8).collect(),
            _ => Vec::new(),
        };
        fs::write(&database, bytes).unwrap();
        sandbox.springline(&["history"]).fails(STATE, &["damaged", "move"]);
        fs::write(&database, kept).unwrap();
    }
}

fn find(directory: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.file_name().is_some_and(|found| found == name) {
                return path;
            }
        }
    }
    panic!("no `{name}`");
}

#[test]
fn damaged_blobs_are_made_again() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    let deployed = files(&sandbox.live());
    let mut left = vec![sandbox.repo().join(".springline/blobs")];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if fs::read(&path).unwrap().starts_with(b"<!") {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
                fs::write(&path, "damaged").unwrap();
            }
        }
    }
    fs::remove_file(sandbox.live().join("www/guide.html")).unwrap();
    sandbox.springline(&["run"]).ok();
    assert_eq!(files(&sandbox.live()), deployed);
}

#[test]
fn two_runs_at_once() {
    let Some(sandbox) = Sandbox::site() else { return };
    // A thousand pages take long enough for the second run to come in between.
    for page in 0..1000 {
        sandbox.write(&format!("docs/page-{page}.md"), format!("# Page {page}\n\n{}\n", "word ".repeat(200)));
    }
    sandbox.commit("Many pages");
    let mut first = sandbox.command(&["run", "--wait"]);
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let busy = loop {
        let outcome = sandbox.springline(&["history"]);
        // For a moment the owner has not said yet who it is.
        if outcome.code != 0 && outcome.stderr.contains("springline run") {
            break Some(outcome);
        }
        if first.try_wait().unwrap().is_some() || began.elapsed() > Duration::from_secs(60) {
            break None;
        }
    };
    let busy = busy.expect("the first run was never seen");
    busy.fails(BUSY, &["in use by", "springline run", "pid", "--wait"]);
    sandbox.springline(&["history", "--wait"]).ok();
    assert!(first.wait().unwrap().success());
}

#[test]
fn stopped_by_a_signal_it_records_what_it_did() {
    let Some(sandbox) = Sandbox::site() else { return };
    for page in 0..1500 {
        sandbox.write(&format!("docs/page-{page}.md"), format!("# Page {page}\n\n{}\n", "word ".repeat(100)));
    }
    sandbox.commit("Many pages");
    for milliseconds in [5, 150, 600, 1500] {
        let mut child = sandbox.command(&["run"]);
        let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        let mut kill = Command::new("kill");
        kill.args(["-INT", &child.id().to_string()]);
        sandbox.finish(kill);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!stderr.contains("panicked"), "{stderr}");
        match output.status.code() {
            Some(0) => {}
            Some(130) => assert!(stderr.contains("run again to go on"), "{stderr}"),
            // The signal may come before the program listens to it.
            None => assert!(milliseconds < 100, "{stderr}"),
            code => panic!("{code:?}: {stderr}"),
        }
        sandbox.springline(&["history", "verify"]).ok();
    }
    sandbox.springline(&["run"]).ok();
    assert_eq!(names(&sandbox.live()).len(), 1504);
    assert!(sandbox.springline(&["diff"]).ok().contains("in sync"));
}

#[test]
fn a_plugin_that_changed_below_its_path_waits_for_update() {
    let Some(sandbox) = Sandbox::site() else { return };
    let inspected = sandbox.springline(&["plugin", "list", "-o", "json"]).json();
    assert!(inspected.as_array().unwrap().len() >= 5);
    sandbox.write("plugins/own.wasm", "not yet");
    sandbox.write("springline.yaml", APPLICATION.replace("plugin: step-site", "plugin: ./plugins/own.wasm"));
    sandbox.commit("A plugin of our own");
    sandbox.springline(&["run"]).fails(PLUGIN, &["./plugins/own.wasm", "no WebAssembly"]);
}
