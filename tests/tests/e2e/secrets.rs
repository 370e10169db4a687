//! Values of Secrets are in nothing that is printed, whatever verb prints it.

use std::fs;

use crate::sandbox::{OPERATOR, Sandbox};

/// The parts of the values, in all that they are written as.
const VALUES: [&str; 4] = ["hunter2", "aHVudGVyMg==", "hunter3", "aHVudGVyMw=="];

const APPLICATION: &str = "\
application: shop
environments:
  staging:
    render: { plugin: render-template, in: deploy }
    target: local
  production:
    render: { plugin: render-template, in: deploy }
    target: other
    promote-from: staging
";

fn secret(password: &str, plain: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: token, labels: {{ seen: yes-{plain} }} }}\ndata: {{ password: {password} }}\n"
    )
}

/// A secret that was deployed, and then another one, which is not promoted yet.
fn shop() -> Option<Sandbox> {
    let sandbox = Sandbox::empty()?;
    let second = "targets:\n  other: { plugin: target-directory, grants: { directory: { path: ../other } } }";
    sandbox.operator(&OPERATOR.replace("targets:", second));
    sandbox.write("springline.yaml", APPLICATION);
    sandbox.write("deploy/token.yaml", secret("aHVudGVyMg==", "a"));
    // A target that deploys files reads it as it likes.
    sandbox.write("deploy/odd.txt", "{\"kind\":\"Secret\",\"stringData\":{\"a\":\"hunter2 \\ud83d\\ude00\"}}\n{}\n");
    sandbox.springline(&["update"]).ok();
    sandbox.commit("Begin");
    sandbox.springline(&["run"]).ok();
    sandbox.springline(&["promote", "--to", "production", "--yes"]).ok();
    sandbox.write("deploy/token.yaml", secret("aHVudGVyMw==", "b"));
    sandbox.commit("Another one");
    sandbox.springline(&["run"]).ok();
    fs::write(sandbox.live().join("token.yaml"), secret("aHVudGVyMg==", "c")).unwrap();
    fs::write(sandbox.live().join("odd.txt"), "{\"kind\": \"Secret\", \"data\": \"hunter3").unwrap();
    Some(sandbox)
}

#[test]
fn what_is_secret_is_in_no_output() {
    let Some(sandbox) = shop() else { return };
    for (arguments, shown) in [
        (&["diff", "--env", "staging"][..], "yes-c"),
        (&["diff", "--revision", "HEAD", "--against", "production"], "yes-b"),
        (&["diff", "--revision", "HEAD", "--against", "production"], "releases are promoted to it from `staging`"),
        (&["diff", "--revision", "HEAD", "--against", "staging", "--live"], "yes-c"),
        (&["history", "show", "staging/2", "--diff"], "yes-b"),
        (&["history", "diff", "staging/1", "staging/2"], "yes-a"),
        (&["promote", "--to", "production", "--dry-run"], "yes-b"),
        (&["why", "staging", "token.yaml", "/data/password"], "hidden"),
        (&["why", "staging", "token.yaml", "/data"], "hidden"),
        (&["why", "staging", "token.yaml", "4"], "hidden"),
        (&["why", "staging", "token.yaml", "/metadata/labels/seen"], "yes-b"),
        (&["why", "staging", "odd.txt", "1"], "hidden"),
        (&["status", "--all"], "drifted"),
    ] {
        for json in [&[][..], &["-o", "json"]] {
            let outcome = sandbox.springline(&[arguments, json].concat());
            let all = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(all.contains(shown), "{arguments:?}: no `{shown}` in\n{all}");
            for value in VALUES {
                assert!(!all.contains(value), "{arguments:?}: `{value}` is in\n{all}");
            }
        }
    }
    let export = sandbox.springline(&["history", "export"]).ok();
    assert!(!export.contains("hunter"), "an export has digests of what was deployed: {export}");
}
