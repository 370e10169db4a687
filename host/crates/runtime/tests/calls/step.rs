//! Build steps.

use std::sync::Arc;

use serde_json::json;
use springline_model::plugin::{Fault, Kind, Level};
use springline_model::port::Plugins as _;
use springline_model::trace::Access;

use crate::setup::{Setup, fault};

#[test]
fn a_plugin_describes_itself() {
    let Some(setup) = Setup::new() else { return };
    let description = setup.runtime.describe(&setup.probe("probe-step")).unwrap();
    assert_eq!((description.name.as_str(), description.kind), ("probe-step", Kind::BuildStep));
    assert_eq!(description.track, "0.1");
    assert!(description.config_schema["properties"]["mode"].is_object());
    assert!(description.imports.iter().any(|import| import.starts_with("springline:host/log@0.1")));
    let target = setup.runtime.describe(&setup.probe("probe-target")).unwrap();
    assert_eq!(target.capabilities[0].name, "directory");
}

#[test]
fn a_step_copies_files_with_their_modes_and_follows_links() {
    let Some(setup) = Setup::new() else { return };
    let call = setup.call(setup.probe("probe-step"), &json!({"mode": "copy"}));
    let input = setup.tree(&[("a.txt", "A"), ("bin/run*", "#!/bin/sh"), ("deep/er/b", "B"), ("link", "-> deep/er/b")]);
    let built = setup.runtime.build(&call, Arc::clone(&input)).unwrap();
    assert_eq!(built.value.summary, "4 files");
    let tree = &built.value.tree;
    assert_eq!(setup.file(tree, "deep/er/b"), "B");
    assert_eq!(setup.file(tree, "link"), "deep/er/b");
    let expected =
        setup.tree_digest(&[("a.txt", "A"), ("bin/run*", "#!/bin/sh"), ("deep/er/b", "B"), ("link", "deep/er/b")]);
    assert_eq!(*tree, expected);
    assert!(built.usage.memory >= 64 << 10);
}

#[test]
fn the_trace_names_what_was_read_and_nothing_else() {
    let Some(setup) = Setup::new() else { return };
    let call = setup.call(setup.probe("probe-step"), &json!({"mode": "read-one"}));
    let built = setup.runtime.build(&call, setup.tree(&[("read.txt", "12345"), ("unread.txt", "?")])).unwrap();
    assert_eq!(built.value.summary, "5 bytes");
    let paths = &built.value.trace.paths["in"];
    assert!(paths.iter().any(|(path, access)| path == "read.txt" && matches!(access, Access::Read(_))), "{paths:?}");
    assert!(paths.iter().all(|(path, _)| path == "read.txt"), "{paths:?}");
    assert!(built.value.trace.context.is_empty());

    let other = setup.tree(&[("read.txt", "12345"), ("unread.txt", "changed"), ("new.txt", "")]);
    let holds = |tree: &dyn springline_model::port::Tree| {
        built.value.trace.first_change(|mount| (mount == "in").then_some(tree), |_| None).unwrap().is_none()
    };
    assert!(holds(&*other));
    assert!(!holds(&*setup.tree(&[("read.txt", "1234")])));
}

#[test]
fn files_behave_as_files_do() {
    let Some(setup) = Setup::new() else { return };
    let call = setup.call(setup.probe("probe-step"), &json!({"mode": "files"}));
    let built = setup.runtime.build(&call, setup.tree(&[])).unwrap();
    assert_eq!(built.value.summary, "fine");
    assert_eq!(setup.file(&built.value.tree, "one/two/b.txt"), "hello\0\0!");
    let tree = springline_model::port::Blobs::tree(&*setup.blobs, &built.value.tree).unwrap();
    assert!(tree.directory("empty").unwrap().is_some(), "an empty directory stays");
}

#[test]
fn nothing_leads_out_of_what_was_given() {
    let Some(setup) = Setup::new() else { return };
    let call = setup.call(setup.probe("probe-step"), &json!({"mode": "escape"}));
    let input = setup.tree(&[("read.txt", "1"), ("out-of-here", "-> ../../etc/passwd")]);
    assert_eq!(setup.runtime.build(&call, input).unwrap().value.summary, "contained");
}

#[test]
fn the_world_is_the_same_in_every_call_and_process() {
    let Some(setup) = Setup::new() else { return };
    let call = setup.call(setup.probe("probe-step"), &json!({"mode": "world"}));
    let built = setup.runtime.build(&call, setup.tree(&[])).unwrap();
    let world = setup.file(&built.value.tree, "world.txt");
    for line in
        ["wall clock: 315532800s", "no time: 0ns", "slept: 30ms", "environment: []", "arguments: []", "input: Ok(0)"]
    {
        assert!(world.lines().any(|found| found == line), "`{line}` is not in:\n{world}");
    }
    assert!(world.contains("nan: 7ff8000000000000"), "{world}");
    assert!(built.usage.wall.as_millis() >= 30, "waiting is real");

    let other = Setup::new().unwrap();
    let again = other.runtime.build(&call, other.tree(&[]));
    assert!(matches!(fault(again), Fault::Lost { .. }), "the other one has not loaded it");
    other.probe("probe-step");
    let again = other.runtime.build(&call, other.tree(&[])).unwrap();
    assert_eq!(other.file(&again.value.tree, "world.txt"), world);
    let different = other.call(other.probe("probe-step"), &json!({"mode": "world", "count": 1}));
    let different = other.runtime.build(&different, other.tree(&[])).unwrap();
    assert_ne!(other.file(&different.value.tree, "world.txt"), world, "chance is seeded by the config as well");
}

#[test]
fn every_answer_of_the_context_is_traced() {
    let Some(setup) = Setup::new() else { return };
    let call = setup.call(setup.probe("probe-step"), &json!({"mode": "ask"}));
    let built = setup.runtime.build(&call, setup.tree(&[])).unwrap();
    assert!(built.value.summary.starts_with("shop Some(\"site\") 0123456789"), "{}", built.value.summary);
    let asked = &built.value.trace.context;
    let questions: Vec<_> = asked.keys().map(String::as_str).collect();
    assert_eq!(questions, ["application", "artifact-names", "artifact/none", "commit-time", "environment", "revision"]);
    for (question, digest) in asked {
        assert_eq!(call.context.answer(question), Some(*digest), "{question}");
    }
}

#[test]
fn the_log_has_every_stream_and_no_escapes() {
    let Some(setup) = Setup::new() else { return };
    let call = setup.call(setup.probe("probe-step"), &json!({"mode": "log"}));
    let log = setup.runtime.build(&call, setup.tree(&[])).unwrap().log;
    let lines: Vec<_> = log.iter().map(|line| (line.level, line.text.as_str())).collect();
    for line in [
        (Level::Info, "to standard output"),
        (Level::Info, "in pieces"),
        (Level::Warn, "to standard error \\u{1b}[31mred\\u{1b}[0m"),
        (Level::Info, "to the log"),
        (Level::Info, "in two lines"),
        (Level::Error, "badly"),
    ] {
        assert!(lines.contains(&line), "{line:?} is not in {lines:?}");
    }
}

#[test]
fn errors_keep_their_type() {
    let Some(setup) = Setup::new() else { return };
    let failing = |count: u64| {
        let call = setup.call(setup.probe("probe-step"), &json!({"mode": "fail", "count": count}));
        fault(setup.runtime.build(&call, setup.tree(&[])))
    };
    let Fault::Invalid { violations } = failing(0) else { panic!() };
    assert_eq!(violations[0].to_string(), "a.md:3: no title");
    assert_eq!(failing(1), Fault::Denied { message: "not mine".into() });
    assert_eq!(failing(2), Fault::Conflict { message: "moved".into() });
    let retry_after = Some(std::time::Duration::from_millis(1500));
    assert_eq!(failing(3), Fault::Transient { message: "busy".into(), retry_after });
    assert_eq!(failing(4), Fault::Failed { message: "gave up\n\\u{1b}[31mred".into() });
    assert!(matches!(failing(5), Fault::Contract { .. }));
}

#[test]
fn lost_input_is_told_from_a_plugins_failure() {
    let Some(setup) = Setup::new() else { return };
    let input = setup.tree(&[("read.txt", "12345")]);
    setup.blobs.damage(&springline_model::Digest::of("12345"));
    let call = setup.call(setup.probe("probe-step"), &json!({"mode": "read-one"}));
    let fault = fault(setup.runtime.build(&call, input));
    assert!(matches!(fault, Fault::Lost { .. }), "{fault:?}");
}

#[test]
fn many_calls_run_at_once() {
    let Some(setup) = Setup::new() else { return };
    let call = setup.call(setup.probe("probe-step"), &json!({"mode": "copy"}));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (setup, call) = (&setup, &call);
            scope.spawn(move || {
                for round in 0..20 {
                    let text = format!("{thread} {round}");
                    let built = setup.runtime.build(call, setup.tree(&[("a", &text)])).unwrap();
                    assert_eq!(setup.file(&built.value.tree, "a"), text);
                }
            });
        }
    });
}
