//! What is executed, and what is not.

use springline_model::run::{How, RunState};

use super::{PLAIN, World, files};
use crate::error::Reason;
use crate::run::{Trust, Until};

#[test]
fn the_first_run_executes_everything_and_deploys() {
    let world = World::new();
    let report = world.run("r1", &files("hello", "-", "a\nb")).unwrap();
    assert_eq!(world.executions(), [1, 1, 1]);
    assert_eq!(world.text("a").unwrap(), "a: <HELLO>");
    assert_eq!(report.run.state, RunState::Succeeded);
    assert_eq!(report.synced[0].sealed.record.counts.created, 2);
    assert_eq!(world.watcher.passed(), PLAIN);
}

#[test]
fn nothing_is_done_twice() {
    let world = World::new();
    world.run("r1", &files("hello", "-", "a")).unwrap();
    let report = world.run("r1", &files("hello", "-", "a")).unwrap();
    assert_eq!(world.executions(), [1, 1, 1]);
    assert!(report.run.steps.iter().all(|step| step.how == How::Reused(1)), "{:?}", report.run.steps);
    assert_eq!(report.synced[0].sealed.record.counts.applied(), 0);
}

#[test]
fn a_change_to_an_unread_file_executes_nothing() {
    let world = World::new();
    world.run("r1", &files("hello", "one", "a")).unwrap();
    let mut changed = files("hello", "two", "a");
    changed.push(("deploy/extra.txt", "nobody lists this directory"));
    world.run("r2", &changed).unwrap();
    assert_eq!(world.executions(), [1, 1, 1]);
}

#[test]
fn a_change_executes_what_depends_on_it_and_says_why() {
    let world = World::new();
    world.run("r1", &files("hello", "-", "a")).unwrap();
    let report = world.run("r2", &files("bye", "-", "a")).unwrap();
    assert_eq!(world.executions(), [2, 2, 2]);
    let how = |name: &str| report.run.steps.iter().find(|step| step.name == name).unwrap().how.clone();
    assert_eq!(how("site/upper"), How::Executed("page.md changed".into()));
    assert_eq!(how("site/render"), How::Executed("artifacts/site/wrapped.txt changed".into()));
    assert_eq!(world.text("a").unwrap(), "a: <BYE>");
}

#[test]
fn a_step_whose_output_stays_the_same_stops_the_change() {
    let world = World::new();
    world.run("r1", &files("hello", "-", "a")).unwrap();
    world.run("r2", &files("HELLO", "-", "a")).unwrap();
    assert_eq!(world.executions(), [2, 1, 1]);
}

#[test]
fn going_back_to_an_earlier_state_executes_nothing() {
    let world = World::new();
    world.run("r1", &files("hello", "-", "a")).unwrap();
    world.run("r2", &files("bye", "-", "a")).unwrap();
    world.run("r3", &files("hello", "-", "a")).unwrap();
    assert_eq!(world.executions(), [2, 2, 2]);
    assert_eq!(world.text("a").unwrap(), "a: <HELLO>");
}

#[test]
fn a_new_plugin_or_config_is_executed() {
    let mut world = World::new();
    world.run("r1", &files("hello", "-", "a")).unwrap();
    world.chain.artifacts[0].steps[0].uses.config = r#"{"other":1}"#.into();
    world.run("r1", &files("hello", "-", "a")).unwrap();
    assert_eq!(world.executions(), [2, 1, 1]);
}

#[test]
fn an_artifact_that_is_lost_is_built_again() {
    let world = World::new();
    let first = world.run("r1", &files("hello", "-", "a")).unwrap();
    world.blobs.damage(&first.artifacts.digests["site"]);
    let second = world.run_with("r1", &files("hello", "-", "a"), |request| request.trust = Trust::Checked).unwrap();
    assert_eq!(world.executions()[1], 2);
    assert_eq!(first.artifacts.digests, second.artifacts.digests);
}

#[test]
fn a_damaged_file_is_noticed_when_it_is_read_and_made_again() {
    let world = World::new();
    world.run("r1", &files("hello", "-", "a")).unwrap();
    world.blobs.damage(&super::digest("<HELLO>"));
    // The renderer has to run again, as the objects differ, and meets the damaged file.
    world.run("r2", &files("hello", "-", "a\nb")).unwrap();
    assert_eq!(world.text("b").unwrap(), "b: <HELLO>");
    assert_eq!(world.executions()[1], 2);
}

#[test]
fn a_build_goes_no_further() {
    let world = World::new();
    let report = world.run_with("r1", &files("hello", "-", "a"), |request| request.until = Until::Build).unwrap();
    assert_eq!(world.executions(), [1, 1, 0]);
    assert!(world.live.objects().is_empty());
    assert_eq!(report.artifacts.digests.len(), 1);
}

#[test]
fn a_verification_executes_everything_again() {
    let world = World::new();
    let first = world.run("r1", &files("hello", "-", "a")).unwrap();
    let again = world
        .run_with("r1", &files("hello", "-", "a"), |request| {
            request.trust = Trust::Nothing;
            request.until = Until::Render;
        })
        .unwrap();
    assert_eq!(world.executions(), [2, 2, 2]);
    assert_eq!(first.artifacts.digests, again.artifacts.digests);
}

#[test]
fn a_failing_step_fails_the_run_with_its_log() {
    let world = World::new();
    let failure = *world.run("r1", &[("docs/other.md", "x"), ("deploy/objects.txt", "a")]).unwrap_err();
    assert!(matches!(failure.0.reason, Reason::Plugin { .. }), "{}", failure.0);
    assert_eq!(failure.1.run.state, RunState::Failed);
    assert_eq!(failure.1.run.steps[0].how, How::Failed);
    assert!(world.live.objects().is_empty());
}

#[test]
fn an_input_that_is_not_there_is_named() {
    let world = World::new();
    let failure = *world.run("r1", &[("deploy/objects.txt", "a")]).unwrap_err();
    assert_eq!(failure.0.to_string(), "site/upper: the source has no directory `docs`");
}

#[test]
fn steps_that_share_plugin_and_config_keep_their_own_results() {
    let mut world = World::new();
    let first = world.chain.artifacts[0].clone();
    let directories: Vec<String> = (0..100).map(|number| format!("in-{number}")).collect();
    for directory in &directories {
        let mut artifact = first.clone();
        artifact.name.clone_from(directory);
        artifact.steps[0].input = crate::chain::Input::Source(directory.clone());
        world.chain.artifacts.push(artifact);
    }
    let all = |unread: &'static str| {
        let mut files = files("hello", "-", "a");
        for directory in &directories {
            let leaked: &'static str = format!("{directory}/page.md").leak();
            files.push((leaked, directory.as_str()));
            files.push((format!("{directory}/unread").leak(), unread));
        }
        files
    };
    world.run("r1", &all("one")).unwrap();
    assert_eq!(world.executions()[0], 101);
    world.run("r1", &all("one")).unwrap();
    assert_eq!(world.executions()[0], 101, "the same trees");
    world.run("r2", &all("two")).unwrap();
    assert_eq!(world.executions()[0], 101, "other trees, but nothing that is read changed");
}

#[test]
fn of_equal_calls_in_one_run_one_is_executed() {
    let mut world = World::new();
    let first = world.chain.artifacts[0].clone();
    for number in 0..8 {
        let mut artifact = first.clone();
        artifact.name = format!("copy-{number}");
        world.chain.artifacts.push(artifact);
    }
    let report = world.run("r1", &files("hello", "-", "a")).unwrap();
    assert_eq!(report.artifacts.digests.len(), 9);
    assert_eq!(world.executions(), [1, 1, 1]);
}

#[test]
fn many_artifacts_are_built_side_by_side() {
    let mut world = World::new();
    let first = world.chain.artifacts[0].clone();
    for number in 0..20 {
        let mut artifact = first.clone();
        artifact.name = format!("site-{number}");
        artifact.steps[0].uses.config = format!(r#"{{"n":{number}}}"#).into();
        world.chain.artifacts.push(artifact);
    }
    let report = world.run("r1", &files("hello", "-", "a")).unwrap();
    assert_eq!(report.artifacts.digests.len(), 21);
    assert_eq!(world.executions()[0], 21);
}
