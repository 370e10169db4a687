//! Computing, waiting, memory, tables, the stack, handles that are none.

use serde_json::json;
use springline_model::plugin::{Fault, Limit, Limits};
use springline_model::port::Plugins as _;

use crate::attack::{attack, attack_under, call, comes_to, hits, input, limits, traps};
use crate::neighbour::beside_a_neighbour;
use crate::setup::{Setup, fault};

#[test]
fn computing_for_ever_ends_at_the_limit_of_computing() {
    let short = Limits { compute_seconds: 1, ..limits() };
    hits(attack_under("hostile", "loop", 0, short.clone()), Limit::Compute);
    hits(attack_under("hostile-c", "loop", 0, short.clone()), Limit::Compute);
    hits(attack_under("hostile", "wait-for-input", 0, short), Limit::Compute);
}

#[test]
fn sleeping_for_ever_ends_at_the_limit_of_time() {
    let short = Limits { wall_seconds: 1, ..limits() };
    hits(attack_under("hostile", "sleep", 0, short.clone()), Limit::Wall);
    hits(attack_under("hostile-c", "sleep", 0, short.clone()), Limit::Wall);
    hits(attack_under("hostile-c", "poll-one-often", 2_000, short.clone()), Limit::Wall);
    hits(attack_under("hostile-c", "poll-one-often", 1_000_000, short), Limit::Handles);
}

#[test]
fn waiting_for_nothing_is_a_trap() {
    traps(attack("hostile-c", "poll-nothing", 0), "poll");
}

#[test]
fn a_start_that_never_ends_is_a_call_that_never_ends() {
    let short = Limits { compute_seconds: 1, ..limits() };
    hits(attack_under("hostile-c-start", "good", 0, short.clone()), Limit::Compute);
    // Describing a plugin has limits of its own, so that nothing has to be configured for it.
    let Some(setup) = Setup::new() else { return };
    for guest in ["hostile-c-start", "hostile-c-describe"] {
        let found = beside_a_neighbour(&setup, || fault(setup.runtime.describe(&setup.probe(guest))));
        assert!(matches!(found, Fault::Limit { limit: Limit::Compute, .. }), "{guest}: {found:?}");
    }
    comes_to(attack_under("hostile-c-describe", "good", 0, short), "good");
}

#[test]
fn memory_is_limited_and_what_copes_with_it_goes_on() {
    hits(attack("hostile", "memory", 0), Limit::Memory);
    let Some(outcome) = attack("hostile-c", "memory-grow", 0) else { return };
    let called = outcome.unwrap();
    assert_eq!(called.value.summary, "memory is at its end");
    assert!(called.usage.memory <= 64 << 20, "{:?}", called.usage);
}

#[test]
fn tables_are_limited() {
    comes_to(attack("hostile-c", "table-grow", 0), "the table is at its end");
}

#[test]
fn the_stacks_are_limited() {
    for guest in ["hostile", "hostile-c"] {
        hits(attack(guest, "recurse", 1), Limit::Stack);
        hits(attack(guest, "recurse-in-memory", 1), Limit::Stack);
    }
}

#[test]
fn chance_is_limited() {
    let Some(outcome) = attack("hostile-c", "random", 0) else { return };
    let fault = outcome.unwrap_err().fault;
    assert!(matches!(&fault, Fault::Failed { message } if message.contains("random bytes")), "{fault:?}");
    traps_at_allocation();
}

/// What the host would give is more than the guest has memory for, so the guest itself gives up.
fn traps_at_allocation() {
    let small = Limits { memory_mib: 2, ..limits() };
    hits(attack_under("hostile-c", "random", 16 << 20, small), Limit::Memory);
}

#[test]
fn handles_that_are_none_are_traps() {
    traps(attack("hostile-c", "forged-handle", 1), "handle");
    traps(attack("hostile-c", "forged-handle", 70_000), "handle");
    traps(attack("hostile-c", "dropped-handle", 0), "handle");
    traps(attack("hostile-c", "dropped-twice", 0), "handle");
}

#[test]
fn nothing_is_left_for_the_next_call() {
    let Some(setup) = Setup::new() else { return };
    let calls = |guest, attack| call(&setup, guest, attack, 1, limits(), input(&setup));
    beside_a_neighbour(&setup, || {
        for guest in ["hostile", "hostile-c"] {
            for _ in 0..5 {
                comes_to(Some(calls(guest, "state")), "nothing was left");
            }
        }
        // Neither does a call that ends in a trap.
        for harm in ["recurse", "memory"] {
            calls("hostile", harm).unwrap_err();
            comes_to(Some(calls("hostile", "state")), "nothing was left");
        }
    });
}

#[test]
fn a_directory_that_was_not_lent_is_denied() {
    comes_to(attack("hostile-c", "directory", 0), "contained");
    let Some(setup) = Setup::new() else { return };
    let none = setup.call(setup.probe("hostile-c"), &json!({"attack": "none"}));
    let found = beside_a_neighbour(&setup, || fault(setup.runtime.build(&none, setup.tree(&[]))));
    assert_eq!(found, Fault::Failed { message: "there is no such attack".into() });
}
