//! What hangs, fails or is not read holds up nothing else.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::sandbox::guests;
use crate::watching::{Loop, Origin};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn fleet(names: &[&str]) -> Option<Origin> {
    let origin = Origin::new()?;
    for name in names {
        origin.application(&format!("apps/{name}"), name);
    }
    origin.targets(names);
    origin.fleet("generators: [{ directories: { repo: ORIGIN, revision: main, match: apps/* } }]\n");
    Some(origin)
}

/// Waits until something is so that no line tells.
pub fn until(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it never comes to be");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn however_many_are_stuck_the_others_go_on() {
    let names = ["a", "b", "c", "d", "e", "shop"];
    let Some(origin) = fleet(&names) else { return };
    let Some(guests) = guests() else { return };
    let host = fs::read_to_string(origin.state().join("host.yaml")).unwrap();
    fs::write(origin.state().join("host.yaml"), host + "limits: { wall-seconds: 600 }\n").unwrap();
    for name in &names[..5] {
        let path = format!("apps/{name}/springline.yaml");
        let yaml = fs::read_to_string(origin.sandbox.repo().join(&path)).unwrap();
        let slow = "artifacts:\n  slow:\n    steps: [{ name: sleep, plugin: ./slow.wasm, in: deploy, with: { attack: sleep } }]\n";
        origin.sandbox.write(&path, yaml.replace("environments:\n", &format!("{slow}environments:\n")));
        fs::copy(guests.join("hostile-c.wasm"), origin.sandbox.repo().join(format!("apps/{name}/slow.wasm"))).unwrap();
    }
    let first = origin.push("First");
    let mut watch = origin.watch(&["--workers", "2"]);
    watch.deploys("shop", &first);
    origin.sandbox.write("apps/shop/deploy/name.txt", "second\n");
    let second = origin.push("Second");
    origin.notify();
    watch.deploys("shop", &second);
    assert_eq!(watch.stop(), Some(0));
}

#[test]
fn a_reader_that_stalls_holds_up_nothing() {
    let Some(origin) = fleet(&["blog", "shop"]) else { return };
    // More than a pipe takes.
    for number in 0..2000 {
        origin.sandbox.write(&format!("apps/blog/deploy/a-file-with-a-name-that-is-not-short-{number}.txt"), "text\n");
    }
    origin.push("First");
    let mut command = origin.command(&["watch", "-o", "json", "--every", "1"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until(|| origin.deployed("shop", "name.txt") == "shop\n");
    until(|| origin.history().len() == 2);
    origin.sandbox.write("apps/shop/deploy/name.txt", "second\n");
    origin.push("Second");
    origin.notify();
    until(|| origin.deployed("shop", "name.txt") == "second\n");
    let apps = origin.run(&["apps", "-o", "json"]).json();
    assert_eq!(apps.as_array().map(Vec::len), Some(2), "{apps:#}");
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_bug_that_one_application_meets_costs_no_worker() {
    let Some(origin) = fleet(&["blog", "shop"]) else { return };
    let path = "apps/blog/springline.yaml";
    let yaml = fs::read_to_string(origin.sandbox.repo().join(path)).unwrap();
    origin.sandbox.write(path, yaml + "    record: notes\n");
    let first = origin.push("First");
    let mut command = origin.command(&["watch", "-o", "json", "--every", "3600", "--workers", "1"]);
    command.env("SPRINGLINE_CRASH_AT", "panic:telling");
    let mut watch = Loop::start(command);
    let told = watch.tells(|line| line["application"] == "blog" && line["error"].is_object());
    let said = told["error"]["message"].as_str().unwrap();
    assert!(said.contains("a bug") && said.contains("panic:telling"), "{said}");
    watch.deploys("shop", &first);
    let apps = origin.run(&["apps", "-o", "json"]).json();
    assert_eq!((&apps[0]["state"], &apps[1]["state"]), (&"failed".into(), &"in-sync".into()), "{apps:#}");
    origin.sandbox.write("apps/shop/deploy/name.txt", "second\n");
    let second = origin.push("Second");
    origin.notify();
    watch.deploys("shop", &second);
    assert_eq!(watch.stop(), Some(0));
}
