//! No space left: under the state directory, and under the target.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::code::{DEPLOY, NO_SPACE};
use crate::sandbox::{OPERATOR, Sandbox, names, skip};

/// A small file system that goes away with the test.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"]).arg(at);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_owned()));
        }
        skip("a tmpfs can't be mounted; run the tests as root");
        None
    }

    fn grow(&self) {
        let status = Command::new("mount").args(["-o", "remount,size=256m"]).arg(&self.0).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn pages(sandbox: &Sandbox) {
    for page in 0..60 {
        let text: String = (0..12_000).map(|word| format!("{page}-{word} ")).collect();
        sandbox.write(&format!("docs/page-{page}.md"), format!("# Page {page}\n\n{text}\n"));
    }
    sandbox.commit("Many large pages");
}

#[test]
fn no_space_under_the_state_directory() {
    let Some(sandbox) = Sandbox::site() else { return };
    let state = sandbox.path("state");
    let Some(small) = Small::mount(&state, "6m") else { return };
    let live = sandbox.path("live");
    fs::write(state.join("host.yaml"), OPERATOR.replace("path: live", &format!("path: {}", live.display()))).unwrap();
    let arguments = |verb: &'static str| [verb, "--state", state.to_str().unwrap()];
    sandbox.springline(&arguments("run")).ok();
    pages(&sandbox);
    sandbox.springline(&arguments("run")).fails(NO_SPACE, &["no space left", "help:"]);
    small.grow();
    sandbox.springline(&["history", "verify", "--state", state.to_str().unwrap()]).ok();
    sandbox.springline(&arguments("run")).ok();
    assert_eq!(names(&live).len(), 64);
}

#[test]
fn no_space_under_the_target() {
    let Some(sandbox) = Sandbox::site() else { return };
    let live = sandbox.path("live");
    let Some(small) = Small::mount(&live, "1200k") else { return };
    sandbox.operator(&OPERATOR.replace("path: live", &format!("path: {}", live.display())));
    sandbox.springline(&["run"]).ok();
    pages(&sandbox);
    let outcome = sandbox.springline(&["run"]);
    assert!([NO_SPACE, DEPLOY].contains(&outcome.code), "{outcome:#?}");
    assert!(outcome.stderr.contains("no space"), "{}", outcome.stderr);
    for (name, text) in crate::sandbox::files(&live) {
        assert!(!name.ends_with(".html") || text.ends_with("</html>\n"), "{name} is half written");
    }
    let history = sandbox.springline(&["history", "-o", "json"]).json();
    assert_eq!(history[0]["outcome"]["is"], "failed");
    small.grow();
    sandbox.springline(&["run"]).ok();
    assert_eq!(names(&live).len(), 64);
}
