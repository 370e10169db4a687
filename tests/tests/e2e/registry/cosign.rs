//! Against the real cosign, both ways and in both forms.

use std::path::Path;
use std::process::Command;

use super::service::Service;
use super::trust::{key, trusting};
use super::{DENIED, builtin, push};
use crate::sandbox::{Outcome, Sandbox, tool};

/// Runs cosign in the sandbox's `home`.
fn cosign(sandbox: &Sandbox, program: &Path, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(sandbox.path("home")).env("COSIGN_PASSWORD", "");
    sandbox.finish(command)
}

/// What cosign is told for each form: ours, and its own word for it.
const FORMS: [(&str, &str); 2] = [("bundle", "--new-bundle-format=true"), ("tag", "--new-bundle-format=false")];

#[test]
fn cosign_verifies_what_we_signed() {
    let (Some(sandbox), Some(service), Some(program)) = (Sandbox::empty(), Service::open(), tool("cosign")) else {
        return;
    };
    let file = builtin(&sandbox, "step-site");
    key(&sandbox, "platform");
    key(&sandbox, "stranger");
    let public = |name: &str| sandbox.repo().join(format!(".springline/{name}.pub")).display().to_string();
    for (form, flag) in FORMS {
        let path = format!("team/{form}");
        let pushed = push(
            &sandbox,
            &file,
            &(service.repository(&path) + ":1.0.0"),
            &["--sign", "platform", "--signature", form],
        );
        let name = format!("{}/{path}@{}", service.host(), pushed["manifest"].as_str().unwrap());
        let verify = |key: &str| {
            let key = public(key);
            cosign(
                &sandbox,
                &program,
                &["verify", "--key", &key, "--insecure-ignore-tlog", "--allow-http-registry", flag, &name],
            )
        };
        let said = verify("platform");
        assert!(said.stderr.contains("verified against the specified public key"), "{said:#?}");
        said.ok();
        assert_ne!(verify("stranger").code, 0, "{form}");
    }
}

#[test]
fn we_verify_what_cosign_signed() {
    let (Some(sandbox), Some(service), Some(program)) = (Sandbox::empty(), Service::open(), tool("cosign")) else {
        return;
    };
    let file = builtin(&sandbox, "step-site");
    cosign(&sandbox, &program, &["generate-key-pair"]).ok();
    let public = std::fs::read_to_string(sandbox.path("home/cosign.pub")).unwrap();
    sandbox.write(".springline/cosign.pub", public);
    key(&sandbox, "stranger");
    for (form, flag) in FORMS {
        let path = format!("team/{form}");
        let reference = service.repository(&path) + ":1.0.0";
        // Ours is there before, and stays.
        let pushed = push(&sandbox, &file, &reference, &["--sign", "stranger", "--signature", form]);
        let name = format!("{}/{path}@{}", service.host(), pushed["manifest"].as_str().unwrap());
        let pull = || sandbox.springline(&["plugin", "pull", &reference, "-O", "x.wasm"]);
        trusting(&sandbox, &["cosign"], "{ match: \"**\", signed-by: [cosign] }");
        pull().fails(DENIED, &["is not trusted"]);
        let unlogged = ["--tlog-upload=false", "--use-signing-config=false", "--allow-http-registry", "-y"];
        let sign = [&["sign", "--key", "cosign.key", flag], &unlogged[..], &[&name]].concat();
        cosign(&sandbox, &program, &sign).ok();
        assert!(pull().ok().contains("signed by cosign"));
        trusting(&sandbox, &["stranger"], "{ match: \"**\", signed-by: [stranger] }");
        assert!(pull().ok().contains("signed by stranger"), "cosign's signature took ours away");
    }
}

#[test]
fn with_the_referrers_api_no_tag_stands_in_for_it() {
    let (Some(sandbox), Some(service), Some(program)) = (Sandbox::empty(), Service::with_referrers(), tool("cosign"))
    else {
        return;
    };
    let reference = service.repository("team/site") + ":1.0.0";
    key(&sandbox, "platform");
    let pushed = push(&sandbox, &builtin(&sandbox, "step-site"), &reference, &["--sign", "platform"]);
    let digest = pushed["manifest"].as_str().unwrap();
    let answer = service.ask("GET", &format!("/v2/team/site/referrers/{digest}"), "");
    assert_eq!(answer.matches("application/vnd.oci.image.manifest.v1+json").count(), 1, "{answer}");
    assert!(!service.ask("GET", "/v2/team/site/tags/list", "").contains("sha256-"));
    trusting(&sandbox, &["platform"], "{ match: \"**\", signed-by: [platform] }");
    assert!(sandbox.springline(&["plugin", "pull", &reference, "-O", "x.wasm"]).ok().contains("signed by platform"));

    let name = format!("{}/team/site@{digest}", service.host());
    let public = sandbox.repo().join(".springline/platform.pub").display().to_string();
    let arguments = ["verify", "--key", &public, "--insecure-ignore-tlog", "--allow-http-registry", &name];
    cosign(&sandbox, &program, &arguments).ok();
    // And what cosign attaches there is found there.
    cosign(&sandbox, &program, &["generate-key-pair"]).ok();
    let public = std::fs::read_to_string(sandbox.path("home/cosign.pub")).unwrap();
    sandbox.write(".springline/cosign.pub", public);
    let unlogged = ["--tlog-upload=false", "--use-signing-config=false", "--allow-http-registry", "-y"];
    cosign(&sandbox, &program, &[&["sign", "--key", "cosign.key"], &unlogged[..], &[&name]].concat()).ok();
    trusting(&sandbox, &["cosign"], "{ match: \"**\", signed-by: [cosign] }");
    assert!(sandbox.springline(&["plugin", "pull", &reference, "-O", "x.wasm"]).ok().contains("signed by cosign"));
}

#[test]
fn an_attestation_is_no_signature() {
    let (Some(sandbox), Some(service), Some(program)) = (Sandbox::empty(), Service::open(), tool("cosign")) else {
        return;
    };
    let reference = service.repository("team/site") + ":1.0.0";
    let pushed = push(&sandbox, &builtin(&sandbox, "step-site"), &reference, &[]);
    let name = format!("{}/team/site@{}", service.host(), pushed["manifest"].as_str().unwrap());
    cosign(&sandbox, &program, &["generate-key-pair"]).ok();
    let public = std::fs::read_to_string(sandbox.path("home/cosign.pub")).unwrap();
    sandbox.write(".springline/cosign.pub", public);
    std::fs::write(sandbox.path("home/scan.json"), "{}").unwrap();
    let attest = [
        "attest",
        "--key",
        "cosign.key",
        "--type",
        "custom",
        "--predicate",
        "scan.json",
        "--tlog-upload=false",
        "--use-signing-config=false",
        "--new-bundle-format=true",
        "--allow-http-registry",
        "-y",
        &name,
    ];
    cosign(&sandbox, &program, &attest).ok();
    trusting(&sandbox, &["cosign"], "{ match: \"**\", signed-by: [cosign] }");
    sandbox
        .springline(&["plugin", "pull", &reference, "-O", "x.wasm"])
        .fails(DENIED, &["is not trusted", "no signature"]);
}
