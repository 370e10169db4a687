//! Floods: more handles, blobs, streams, questions than a call may have.

use springline_model::plugin::{Fault, Limit, Limits};

use crate::attack::{attack, attack_under, call, comes_to, hits, limits, traps};
use crate::neighbour::beside_a_neighbour;
use crate::setup::Setup;

#[test]
fn handles_of_every_kind_are_counted_together() {
    for name in ["sinks", "pollables", "descriptors", "stdout-streams", "open-blobs"] {
        hits(attack("hostile-c", name, 0), Limit::Handles);
    }
    let few = Limits { handles: 100, ..limits() };
    hits(attack_under("hostile", "open-files", 0, few.clone()), Limit::Handles);
    hits(attack_under("hostile", "listings", 0, few), Limit::Handles);
}

#[test]
fn what_is_written_to_blobs_is_counted_before_it_is_kept() {
    hits(attack("hostile-c", "writers", 0), Limit::Output);
    hits(
        attack_under("hostile-c", "writers", 0, Limits { output_mib: 4096, handles: 256, ..limits() }),
        Limit::Handles,
    );
    hits(attack_under("hostile-c", "blobs", 0, Limits { output_entries: 1_000, ..limits() }), Limit::Entries);
}

#[test]
fn streams_that_nobody_reads_are_handles() {
    hits(attack("hostile-c", "listings", 0), Limit::Handles);
}

#[test]
fn streams_that_have_begun_to_read_are_handles() {
    let Some(setup) = Setup::new() else { return };
    let few = Limits { handles: 100, ..limits() };
    let files = setup.tree(&[("large-a.bin", "a"), ("large-b.bin", "b")]);
    let harm = || call(&setup, "hostile-c", "streams", 0, few, files);
    hits(Some(beside_a_neighbour(&setup, harm)), Limit::Handles);
}

#[test]
fn zeroes_are_written_as_they_are_allowed_and_no_more() {
    traps(attack("hostile-c", "zeroes", 0), "zeroes");
    comes_to(attack("hostile-c", "zeroes", 100_000), "all zeroes are written");
}

#[test]
fn questions_without_end_are_refused() {
    let Some(outcome) = attack("hostile-c", "questions", 0) else { return };
    let fault = outcome.unwrap_err().fault;
    assert!(matches!(&fault, Fault::Failed { message } if message.contains("kept track of")), "{fault:?}");
    // Looks at paths take longer, and may come to another limit first on a slow machine.
    match attack("hostile-c", "paths", 0).unwrap().unwrap_err().fault {
        Fault::Failed { message } => assert!(message.contains("kept track of"), "{message}"),
        Fault::Limit { limit: Limit::Compute, .. } => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_step_writes_is_limited_whatever_it_makes_of_it() {
    let few = Limits { output_mib: 2, output_entries: 10, ..limits() };
    hits(attack_under("hostile", "large-file", 4, few.clone()), Limit::Output);
    hits(attack_under("hostile", "many-files", 20, few.clone()), Limit::Entries);
    hits(attack_under("hostile-c", "write-far", 0, few.clone()), Limit::Output);
    hits(attack_under("hostile-c", "write-far", 1 << 62, few.clone()), Limit::Output);
    hits(attack_under("hostile-c", "size-far", 0, few), Limit::Output);
}
