//! What becomes of the verbs when their owner ends.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use super::slow::Slow;
use super::{CANCELLED, Watch, frame, outcome, signal, socket};
use crate::code::STATE;
use crate::sandbox::{OPERATOR, Sandbox};

#[test]
fn when_the_owner_ends_its_verbs_do() {
    let Some(slow) = Slow::new() else { return };
    let watch = Watch::start(&slow.0, &[]);
    let (child, run) = slow.run();
    assert_eq!(watch.end(), Some(0));
    outcome(child).fails(CANCELLED, &["run again"]);
    let runs = slow.0.springline(&["logs", "-o", "json"]).json();
    assert_eq!((&runs[0]["run"], &runs[0]["state"]), (&run.into(), &"cancelled".into()));
    let watch = Watch::start(&slow.0, &[]);
    let (child, _) = slow.run();
    watch.kill();
    outcome(child).fails(STATE, &["ended before this verb did", "run it again"]);
}

#[test]
fn an_owner_that_ends_by_itself_lets_verbs_come_to_their_end() {
    let Some(slow) = Slow::new() else { return };
    slow.0.operator(&format!("{OPERATOR}limits: {{ wall-seconds: 4 }}\n"));
    let more = ["watch", "-o", "json", "--every", "1", "--passes", "2"];
    let watch = Watch::by(slow.0.command(&more));
    watch.tells("\"pass\":1");
    let mut undecided = UnixStream::connect(socket(&slow.0)).unwrap();
    let mut command = slow.0.command(&["build"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    watch.tells("\"pass\":2");
    // It is executed till it fails by itself, and not stopped.
    let outcome = outcome(child);
    assert!(outcome.code != CANCELLED && outcome.stderr.contains("slow"), "{outcome:#?}");
    // Who has not said yet what it wants is told that nothing was done.
    let mut said = Vec::new();
    undecided.read_to_end(&mut said).unwrap();
    assert!(said.ends_with(&frame(b'N', "")), "{}", said.escape_ascii());
    assert_eq!(watch.ended(), Some(0));
}

#[test]
fn a_verb_that_comes_while_the_owner_begins_or_ends_is_executed() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.springline(&["run"]).ok();
    for _ in 0..5 {
        // If the verb is first, it waits.
        let watch = Watch::by(sandbox.command(&["watch", "-o", "json", "--every", "3600", "--wait"]));
        sandbox.springline(&["history", "verify"]).ok();
        watch.tells("\"pass\"");
        signal(&watch.child, "INT");
        sandbox.springline(&["history", "verify"]).ok();
        // A second signal would not wait for the verb.
        assert_eq!(watch.ended(), Some(0));
    }
}
