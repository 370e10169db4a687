//! What goes wrong ends the call, with a typed fault, and nothing else.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use springline_model::plugin::{CallError, Fault, Limit, Limits};
use springline_model::port::Plugins as _;

use crate::setup::{Setup, fault};

fn limits() -> Limits {
    Limits { wall_seconds: 20, compute_seconds: 10, memory_mib: 64, ..Limits::default() }
}

fn harm(config: Value, limits: Limits) -> Option<CallError> {
    let setup = Setup::new()?;
    let mut call = setup.call(setup.probe("probe-step"), &config);
    call.limits = limits;
    let input = || setup.tree(&[("read.txt", "1")]);
    let error = setup.runtime.build(&call, input()).expect_err("it does harm");
    let good = setup.call(setup.probe("probe-step"), &json!({"mode": "copy"}));
    setup.runtime.build(&good, input()).expect("the next call does not notice");
    Some(error)
}

#[track_caller]
fn expect_limit(error: &CallError, expected: Limit) {
    match &error.fault {
        Fault::Limit { limit, message } => {
            assert_eq!(*limit, expected, "{error}");
            assert!(limit.setting().is_none_or(|setting| message.contains(setting)), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_panic_is_a_trap_that_says_where() {
    let Some(error) = harm(json!({"mode": "panic"}), limits()) else { return };
    let Fault::Trap { message } = &error.fault else { panic!("{error:?}") };
    assert!(message.contains("unreachable"), "{message}");
    assert!(error.log.iter().any(|line| line.text.contains("as told")), "{:?}", error.log);
}

#[test]
fn an_endless_loop_ends_at_the_limit_of_computing() {
    let limits = Limits { compute_seconds: 1, ..limits() };
    let Some(error) = harm(json!({"mode": "loop"}), limits) else { return };
    expect_limit(&error, Limit::Compute);
}

#[test]
fn an_endless_loop_ends_at_the_limit_of_time() {
    let limits = Limits { wall_seconds: 1, ..limits() };
    let Some(error) = harm(json!({"mode": "loop"}), limits) else { return };
    expect_limit(&error, Limit::Wall);
}

#[test]
fn a_long_sleep_ends_at_the_limit_of_time() {
    let limits = Limits { wall_seconds: 1, ..limits() };
    let Some(error) = harm(json!({"mode": "sleep", "count": 3_600_000}), limits) else { return };
    expect_limit(&error, Limit::Wall);
}

#[test]
fn memory_is_limited() {
    let Some(error) = harm(json!({"mode": "memory"}), limits()) else { return };
    expect_limit(&error, Limit::Memory);
}

#[test]
fn the_stack_is_limited() {
    let Some(error) = harm(json!({"mode": "recurse"}), limits()) else { return };
    expect_limit(&error, Limit::Stack);
    // A guest has a second stack, in its memory, that runs out without wasmtime noticing.
    expect_limit(&harm(json!({"mode": "recurse", "count": 1}), limits()).unwrap(), Limit::Stack);
}

#[test]
fn what_is_written_is_limited_whatever_the_guest_makes_of_it() {
    let limits = Limits { output_mib: 2, ..limits() };
    let Some(error) = harm(json!({"mode": "fill", "count": 4}), limits.clone()) else { return };
    expect_limit(&error, Limit::Output);
    let limits = Limits { output_entries: 10, ..limits };
    expect_limit(&harm(json!({"mode": "litter", "count": 20}), limits).unwrap(), Limit::Entries);
}

#[test]
fn handles_are_limited() {
    let limits = Limits { handles: 100, ..limits() };
    let Some(error) = harm(json!({"mode": "open", "count": 200}), limits) else { return };
    expect_limit(&error, Limit::Handles);
}

#[test]
fn instances_are_limited() {
    let limits = Limits { instances: 1, ..limits() };
    let Some(error) = harm(json!({"mode": "copy"}), limits) else { return };
    expect_limit(&error, Limit::Instances);
}

#[test]
fn a_flood_of_lines_is_cut() {
    let Some(setup) = Setup::new() else { return };
    let mut call = setup.call(setup.probe("probe-step"), &json!({"mode": "flood", "count": 10_000}));
    call.limits = Limits { log_kib: 4, ..limits() };
    let log = setup.runtime.build(&call, setup.tree(&[])).unwrap().log;
    assert!(log.iter().map(|line| line.text.len()).sum::<usize>() < 5 << 10);
    assert!(log.last().unwrap().text.contains("more lines were dropped"), "{:?}", log.last());
}

#[test]
fn an_exit_is_a_failure() {
    let Some(error) = harm(json!({"mode": "exit", "count": 3}), limits()) else { return };
    let Fault::Failed { message } = &error.fault else { panic!("{error:?}") };
    assert!(message.contains("exit code"), "{message}");
}

#[test]
fn the_network_is_denied() {
    let Some(error) = harm(json!({"mode": "connect"}), limits()) else { return };
    let Fault::Denied { message } = &error.fault else { panic!("{error:?}") };
    assert!(message.contains("wasi:sockets"), "{message}");
}

#[test]
fn a_call_can_be_cancelled_while_it_computes_and_while_it_waits() {
    let Some(setup) = Setup::new() else { return };
    for config in [json!({"mode": "loop"}), json!({"mode": "sleep", "count": 3_600_000})] {
        let mut call = setup.call(setup.probe("probe-step"), &config);
        call.limits = Limits { wall_seconds: 300, compute_seconds: 300, ..limits() };
        let cancel = call.cancel.clone();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(300));
                cancel.cancel();
            });
            let started = Instant::now();
            assert_eq!(fault(setup.runtime.build(&call, setup.tree(&[]))), Fault::Cancelled);
            assert!(started.elapsed() < Duration::from_secs(200));
        });
    }
}
