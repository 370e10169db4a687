//! How an attack is led, and what has to hold afterwards whatever it was.

use std::sync::Arc;

use serde_json::json;
use springline_model::call::{Built, Called};
use springline_model::plugin::{CallError, Fault, Limit, Limits};
use springline_model::port::{Plugins as _, Tree};

use crate::neighbour::beside_a_neighbour;
use crate::setup::Setup;

/// Limits under which every attack ends soon.
pub fn limits() -> Limits {
    Limits {
        wall_seconds: 30,
        compute_seconds: 20,
        memory_mib: 64,
        log_kib: 16,
        output_mib: 64,
        output_entries: 30_000,
        ..Limits::default()
    }
}

/// What an attack came to.
pub type Outcome = Result<Called<Built>, CallError>;

/// Leads an attack of a guest under [`limits`].
#[track_caller]
pub fn attack(guest: &str, name: &str, count: u64) -> Option<Outcome> {
    attack_under(guest, name, count, limits())
}

/// Leads an attack under these limits, on an input with links that lead out.
#[track_caller]
pub fn attack_under(guest: &str, name: &str, count: u64, limits: Limits) -> Option<Outcome> {
    let setup = Setup::new()?;
    let input = input(&setup);
    Some(beside_a_neighbour(&setup, || call(&setup, guest, name, count, limits, input)))
}

/// One call of a guest.
pub fn call(setup: &Setup, guest: &str, name: &str, count: u64, limits: Limits, input: Arc<dyn Tree>) -> Outcome {
    let mut call = setup.call(setup.probe(guest), &json!({"attack": name, "count": count}));
    call.limits = limits;
    setup.runtime.build(&call, input)
}

/// A file to read, and links of every kind out of the tree.
pub fn input(setup: &Setup) -> Arc<dyn Tree> {
    setup.tree(&[
        ("read.txt", "1"),
        ("out-file", "-> ../etc/passwd"),
        ("out-dir", "-> ../../etc"),
        ("absolute", "-> /etc"),
        ("loop", "-> loop"),
        ("deep/up", "-> ../../.."),
    ])
}

/// The attack ended at this limit, and the message names its setting.
#[track_caller]
pub fn hits(outcome: Option<Outcome>, expected: Limit) {
    let Some(outcome) = outcome else { return };
    match outcome.expect_err("the limit is reached").fault {
        Fault::Limit { limit, message } => {
            assert_eq!(limit, expected, "{message}");
            assert!(limit.setting().is_none_or(|setting| message.contains(setting)), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

/// The attack trapped, and the trap says this.
#[track_caller]
pub fn traps(outcome: Option<Outcome>, words: &str) {
    let Some(outcome) = outcome else { return };
    match outcome.expect_err("it traps").fault {
        Fault::Trap { message } => assert!(message.contains(words), "{message}"),
        other => panic!("{other:?}"),
    }
}

/// The attack broke the contract in this way.
#[track_caller]
pub fn breaks_the_contract(outcome: Option<Outcome>, words: &str) {
    let Some(outcome) = outcome else { return };
    match outcome.expect_err("it is refused").fault {
        Fault::Contract { message } => assert!(message.contains(words), "{message}"),
        other => panic!("{other:?}"),
    }
}

/// The attack came to nothing, and this is what the guest says of it.
#[track_caller]
pub fn comes_to(outcome: Option<Outcome>, summary: &str) {
    let Some(outcome) = outcome else { return };
    assert_eq!(outcome.expect("it comes to nothing").value.summary, summary);
}
