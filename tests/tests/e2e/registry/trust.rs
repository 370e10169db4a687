//! Keys, signatures, and whose plugins are taken.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use super::service::Service;
use super::{CONFIG, DENIED, builtin, push, site_with, variant};
use crate::sandbox::{OPERATOR, Sandbox};

/// A key of the sandbox's user, named in host.yaml as well.
pub fn key(sandbox: &Sandbox, name: &str) {
    let public = sandbox.springline(&["key", "new", name]).ok();
    sandbox.write(&format!(".springline/{name}.pub"), public);
}

/// host.yaml with keys, one file each, and rules.
pub fn trusting(sandbox: &Sandbox, keys: &[&str], rules: &str) {
    let keys: Vec<String> = keys.iter().map(|name| format!("{name}: {{ file: {name}.pub }}")).collect();
    let keys = keys.join(", ");
    sandbox.operator(&format!("{OPERATOR}trust:\n  keys: {{ {keys} }}\n  rules:\n    - {rules}\n"));
}

#[test]
fn a_key_is_made_for_its_owner_alone_and_shown_to_all() {
    let Some(sandbox) = Sandbox::empty() else { return };
    let public = sandbox.springline(&["key", "new", "platform"]).ok();
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{public}");
    let keys = sandbox.path("home/.config/springline/keys");
    let mode = |path: &str| fs::metadata(keys.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("platform.pem"), mode(".")), (0o600, 0o700));
    assert!(fs::read_to_string(keys.join("platform.pem")).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert_eq!(sandbox.springline(&["key", "show", "platform"]).ok(), public);
    let listed = sandbox.springline(&["key", "show", "-o", "json"]).json();
    assert_eq!((&listed[0]["name"], &listed[0]["algorithm"]), (&"platform".into(), &"ed25519".into()));
    sandbox.springline(&["key", "new", "platform"]).fails(2, &["there is a key `platform` already"]);
    sandbox.springline(&["key", "show", "platfrom"]).fails(2, &["did you mean `platform`?"]);
    sandbox.springline(&["key", "new", "../x"]).fails(2, &["is not a name"]);
}

#[test]
fn a_file_that_is_no_key_hides_no_other() {
    let (Some(sandbox), Some(service)) = (Sandbox::empty(), Service::open()) else { return };
    key(&sandbox, "platform");
    fs::write(sandbox.path("home/.config/springline/keys/notes.pub"), "remember the milk\n").unwrap();
    let repository = service.repository("team/site");
    push(&sandbox, &builtin(&sandbox, "step-site"), &format!("{repository}:1.0.0"), &["--sign", "platform"]);
    let listed = sandbox.springline(&["plugin", "list", &repository]);
    assert!(listed.stderr.contains("notes.pub is no public key"), "{listed:#?}");
    assert!(listed.ok().contains("platform (this user)"));
}

#[test]
fn a_repository_that_can_not_be_read_is_not_taken_for_none() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.operator(&format!("{OPERATOR}trust: {{}}\n"));
    // Nobody listens there, and nobody is asked.
    let outcome = |directory: &str| {
        let mut command = sandbox.command(&["plugin", "pull", "oci://127.0.0.1:9/team/step:1.0.0"]);
        command.current_dir(sandbox.path(directory));
        sandbox.finish(command)
    };
    outcome("home").fails(super::PLUGIN, &["can't be reached"]);
    fs::write(sandbox.repo().join(".git/config"), "[core\n").unwrap();
    outcome("repo/docs").fails(super::SOURCE, &["config"]);
}

#[test]
fn a_rule_takes_what_its_publisher_signed_and_nothing_else() {
    let (Some(sandbox), Some(service)) = (Sandbox::site(), Service::open()) else { return };
    let file = builtin(&sandbox, "step-site");
    let repository = service.repository("team/site");
    let reference = format!("{repository}:1.0.0");
    key(&sandbox, "platform");
    key(&sandbox, "stranger");
    let matched = format!("{}/team/*", service.host());
    trusting(&sandbox, &["platform"], &format!("{{ match: {matched}, signed-by: [platform] }}"));
    sandbox.write("springline.yaml", site_with(&reference));
    let refused = |words: &[&str]| {
        sandbox.springline(&["run", "--worktree"]).fails(DENIED, words);
        sandbox.springline(&["plugin", "pull", &reference]).fails(DENIED, words);
        sandbox.springline(&["update"]).fails(DENIED, words);
    };
    push(&sandbox, &file, &reference, &[]);
    refused(&["is not trusted", "rule 1", &matched, "`platform`", "it has no signature", "help: "]);
    for form in ["bundle", "tag"] {
        push(&sandbox, &file, &reference, &["--sign", "stranger", "--signature", form]);
        refused(&["is not trusted", "a key that is not known here"]);
    }
    push(&sandbox, &file, &reference, &["--sign", "platform"]);
    sandbox.springline(&["run", "--worktree"]).ok();
    let listed = sandbox.springline(&["plugin", "list", &repository, "-o", "json"]).json();
    assert_eq!(listed[0]["signed-by"], serde_json::json!(["stranger (this user)", "platform"]));
    assert_eq!(listed[0]["signatures"], 3, "a second signature with the same key is not attached: {listed:#}");

    // A repository that no rule is about.
    let elsewhere = service.repository("other/site") + ":1.0.0";
    push(&sandbox, &file, &elsewhere, &["--sign", "platform"]);
    sandbox.springline(&["plugin", "pull", &elsewhere]).fails(DENIED, &["no rule of `trust`", "rules: [{ match:"]);
    trusting(&sandbox, &["platform"], "{ match: \"**\", signed-by: [platform] }");
    sandbox.springline(&["plugin", "pull", &elsewhere, "-O", "x.wasm"]).ok();
}

#[test]
fn both_forms_count_and_digests_and_unsigned_where_a_rule_says_so() {
    let (Some(sandbox), Some(service)) = (Sandbox::empty(), Service::open()) else { return };
    let file = builtin(&sandbox, "step-site");
    key(&sandbox, "platform");
    let pull = |reference: &str| {
        let answer = sandbox.springline(&["plugin", "pull", reference, "-O", "x.wasm", "-o", "json"]).json();
        answer["trusted"].as_str().unwrap().to_owned()
    };
    trusting(&sandbox, &["platform"], "{ match: \"**\", signed-by: [platform] }");
    for form in ["bundle", "tag", "both"] {
        let reference = service.repository(&format!("team/{form}")) + ":1.0.0";
        push(&sandbox, &file, &reference, &["--sign", "platform", "--signature", form]);
        assert_eq!(pull(&reference), "signed by platform");
    }
    let reference = service.repository("team/plain") + ":1.0.0";
    let pushed = push(&sandbox, &file, &reference, &[]);
    let digest = pushed["component"].as_str().unwrap();
    trusting(&sandbox, &[], &format!("{{ match: \"**\", digests: [\"{digest}\"] }}"));
    assert_eq!(pull(&reference), "its digest is listed");
    trusting(&sandbox, &[], "{ match: \"**\", unsigned: true }");
    assert!(pull(&reference).contains("unsigned"));
}

#[test]
fn what_was_pulled_is_judged_again_without_its_registry() {
    let (Some(sandbox), Some(service)) = (Sandbox::site(), Service::open()) else { return };
    let reference = service.repository("team/site") + ":1.0.0";
    key(&sandbox, "platform");
    key(&sandbox, "stranger");
    push(&sandbox, &builtin(&sandbox, "step-site"), &reference, &["--sign", "platform"]);
    trusting(&sandbox, &["platform"], "{ match: \"**\", signed-by: [platform] }");
    sandbox.write("springline.yaml", site_with(&reference));
    sandbox.springline(&["update"]).ok();
    sandbox.commit("Pin");
    service.stop();
    sandbox.springline(&["run"]).ok();
    // The operator no longer trusts the publisher: what is in the cache is no longer run.
    trusting(&sandbox, &["stranger"], "{ match: \"**\", signed-by: [stranger] }");
    sandbox.springline(&["run"]).fails(DENIED, &["is not trusted", "a key that is not known here"]);
    // A proof that somebody changed is none: it would have to be fetched again.
    trusting(&sandbox, &["platform"], "{ match: \"**\", signed-by: [platform] }");
    let proofs = sandbox.repo().join(".springline/registry");
    let proof = fs::read_dir(&proofs).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&proof).unwrap();
    fs::write(&proof, text.replace("wasm.config", "wasm.c0nfig")).unwrap();
    sandbox.springline(&["run"]).fails(super::PLUGIN, &["can't be reached"]);
    fs::write(&proof, text.replace("dsseEnvelope", "dsse")).unwrap();
    sandbox.springline(&["run"]).fails(DENIED, &["is not trusted", "malformed"]);
    fs::write(&proof, &text).unwrap();
    sandbox.springline(&["run"]).ok();
}

#[test]
fn what_deployed_an_earlier_release_is_judged_by_the_rules_of_today() {
    redeploys(false, |reference| OPERATOR.replace("plugin: target-directory", &format!("plugin: \"{reference}\"")));
}

#[test]
fn so_is_what_stood_in_for_a_built_in_one() {
    redeploys(true, |reference| format!("{OPERATOR}plugins: {{ target-directory: {{ source: \"{reference}\" }} }}\n"));
}

fn sha256(text: &str) -> String {
    let mut command = Command::new("sha256sum");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}

/// Deploys with two versions of a target, and goes back to the first one. Where its name is
/// not that of a registry, it may be the operator's own.
fn redeploys(may_be_own: bool, bound: impl Fn(&str) -> String) {
    let (Some(sandbox), Some(service)) = (Sandbox::site(), Service::open()) else { return };
    let file = builtin(&sandbox, "target-directory");
    let reference = service.repository("ops/target") + ":latest";
    key(&sandbox, "platform");
    let further = |trust: &str, more: &str| {
        let keys = "keys: { platform: { file: platform.pub } }";
        let rules = format!("rules: [ {{ match: \"**\", {trust} }} ]");
        sandbox.operator(&format!("{}trust: {{ {keys}, {rules} }}\n{more}", bound(&reference)));
    };
    let operator = |trust: &str| further(trust, "");
    let deploy = |word: &str| {
        let pushed = push(&sandbox, &variant(&sandbox, &file, word), &reference, &["--sign", "platform"]);
        sandbox.springline(&["update"]).ok();
        sandbox.write("deploy/word.txt", word);
        sandbox.commit(word);
        let report = sandbox.springline(&["run", "-o", "json"]).json();
        (pushed, report["environments"][0]["release"].as_str().unwrap().to_owned())
    };
    operator("signed-by: [platform]");
    let (pushed, first) = deploy("one");
    let (second, _) = deploy("two");
    sandbox.springline(&["gc"]).ok();
    let redeploy = || sandbox.springline(&["redeploy", "--env", "site", &first]);
    operator(&format!("digests: [{}]", second["component"]));
    redeploy().fails(DENIED, &["is not trusted", "a listed digest"]);
    assert_eq!(fs::read_to_string(sandbox.live().join("word.txt")).unwrap(), "two");
    // Another manifest of the same component that nobody signed takes nothing away from it.
    operator("signed-by: [platform]");
    let proofs = sandbox.repo().join(".springline/registry");
    let name = pushed["manifest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    let text = fs::read_to_string(proofs.join(format!("{name}.json"))).unwrap();
    let mut proof: serde_json::Value = serde_json::from_str(&text).unwrap();
    proof["signatures"] = serde_json::json!([]);
    let manifest = proof["manifest"].as_str().unwrap().to_owned();
    let padded = (1..).map(|n| format!("{manifest}{}", " ".repeat(n))).find(|text| *sha256(text) < *name).unwrap();
    proof["manifest"] = padded.clone().into();
    fs::write(proofs.join(format!("{}.json", sha256(&padded))), proof.to_string()).unwrap();
    redeploy().ok();
    assert_eq!(fs::read_to_string(sandbox.live().join("word.txt")).unwrap(), "one");
    // Nor is one trusted of which what was kept is damaged or gone.
    let kept = [name, &sha256(&padded)].map(|name| proofs.join(format!("{name}.json")));
    let nothing = ["is not trusted", "nothing is kept that vouches for it"];
    kept.iter().for_each(|path| fs::write(path, "{").unwrap());
    redeploy().fails(DENIED, &nothing);
    kept.iter().for_each(|path| fs::remove_file(path).unwrap());
    redeploy().fails(DENIED, &nothing);
    let own = sandbox.path("own");
    fs::create_dir(&own).unwrap();
    fs::copy(sandbox.path("one.wasm"), own.join("one.wasm")).unwrap();
    further("signed-by: [platform]", &format!("plugin-directories: [ \"{}\" ]\n", own.display()));
    if may_be_own { drop(redeploy().ok()) } else { drop(redeploy().fails(DENIED, &nothing)) }
}

#[test]
fn a_stripped_signature_is_missed() {
    let (Some(sandbox), Some(service)) = (Sandbox::site(), Service::open()) else { return };
    let reference = service.repository("team/site") + ":1.0.0";
    key(&sandbox, "platform");
    let pushed =
        push(&sandbox, &builtin(&sandbox, "step-site"), &reference, &["--sign", "platform", "--signature", "both"]);
    trusting(&sandbox, &["platform"], "{ match: \"**\", signed-by: [platform] }");
    sandbox.write("springline.yaml", site_with(&reference));
    sandbox.springline(&["update"]).ok();
    sandbox.commit("Pin");
    let hex = pushed["manifest"].as_str().unwrap().trim_start_matches("sha256:");
    service.remove("team/site", &format!("sha256-{hex}"));
    sandbox.springline(&["plugin", "pull", &reference, "-O", "x.wasm"]).ok();
    service.remove("team/site", &format!("sha256-{hex}.sig"));
    sandbox.springline(&["plugin", "pull", &reference, "-O", "x.wasm"]).fails(DENIED, &["it has no signature"]);
    // Whoever has pulled it before has the proof; whoever has not, is refused.
    sandbox.springline(&["run"]).ok();
    fs::remove_dir_all(sandbox.repo().join(".springline/registry")).unwrap();
    sandbox.springline(&["run"]).fails(DENIED, &["is not trusted", "it has no signature"]);
}

#[test]
fn attaching_a_signature_takes_no_other_away() {
    let (Some(sandbox), Some(service)) = (Sandbox::empty(), Service::open()) else { return };
    let file = builtin(&sandbox, "step-site");
    let reference = service.repository("team/site") + ":1.0.0";
    for name in ["one", "two", "three"] {
        key(&sandbox, name);
        push(&sandbox, &file, &reference, &["--sign", name, "--signature", "both"]);
    }
    let listed = sandbox.springline(&["plugin", "list", &reference, "-o", "json"]).json();
    assert_eq!(listed[0]["signatures"], 6);
    assert_eq!(listed[0]["signed-by"].as_array().unwrap().len(), 3);
    assert_eq!(listed.as_array().unwrap().len(), 1, "the tags of signatures are not listed");
}

#[test]
fn rules_and_keys_that_are_wrong_are_told_with_their_place() {
    let (Some(sandbox), Some(service)) = (Sandbox::site(), Service::open()) else { return };
    let reference = service.repository("team/site") + ":1.0.0";
    let file = variant(&sandbox, &builtin(&sandbox, "step-site"), "v");
    push(&sandbox, &file, &reference, &[]);
    sandbox.write("springline.yaml", site_with(&reference));
    let fails = |trust: &str, words: &[&str]| {
        sandbox.operator(&format!("{OPERATOR}trust:\n{trust}"));
        sandbox.springline(&["run", "--worktree"]).fails(CONFIG, words);
    };
    fails("  keys: { a: { file: gone.pub } }\n", &["host.yaml:7:", "the key `a` can't be read", "gone.pub"]);
    fails("  keys: { a: nonsense }\n", &["host.yaml:7:", "the key `a`", "it is no PEM"]);
    fails("  rules: [ { match: \"**\", signed-by: [b] } ]\n", &["host.yaml:7:", "there is no key `b`"]);
    fails("  rules: [ { match: \"**\", signed: yes } ]\n", &["host.yaml:7:", "signed"]);
    sandbox
        .springline(&["plugin", "push", file.to_str().unwrap(), &reference, "--sign", "nobody"])
        .fails(2, &["the key", "nobody.pem can't be read", "springline key new nobody"]);
}
