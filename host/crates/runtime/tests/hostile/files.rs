//! Ways out of the files that a call is given.

use springline_model::plugin::Limits;
use springline_model::port::Blobs as _;
use springline_model::tree::EntryKind;

use crate::attack::{Outcome, attack, attack_under, call, comes_to, input, limits};
use crate::neighbour::beside_a_neighbour;
use crate::setup::Setup;

#[test]
fn no_link_leads_out() {
    for name in ["links", "moved-link"] {
        comes_to(attack("hostile-c", name, 0), "contained");
    }
    comes_to(attack("hostile", "links", 0), "contained");
}

#[test]
fn no_name_leads_out() {
    comes_to(attack("hostile-c", "names", 0), "contained");
    comes_to(attack("hostile", "names", 0), "contained");
}

#[test]
fn what_may_be_read_can_not_be_changed() {
    comes_to(attack("hostile-c", "read-only", 0), "contained");
    comes_to(attack("hostile", "read-only", 0), "contained");
}

#[test]
fn directories_are_only_so_deep() {
    comes_to(attack("hostile-c", "nest", 20_000), "too deep");
    // Moving a directory checks all that is below it, which takes its time where nothing is optimised.
    let long = Limits { wall_seconds: 240, compute_seconds: 240, ..limits() };
    let Some(outcome) = attack_under("hostile", "nest", 20_000, long) else { return };
    let depth = outcome.unwrap().value.summary;
    assert!(depth.trim_end_matches(" deep").parse::<u32>().unwrap() < 1_024, "{depth}");
}

#[test]
fn a_tree_that_was_kept_has_only_clean_names_and_links_that_stay_inside() {
    let Some(setup) = Setup::new() else { return };
    let built = |name: &str| {
        let harm = || call(&setup, "hostile", name, 0, limits(), input(&setup));
        beside_a_neighbour(&setup, harm)
    };
    let names = listed(&setup, built("odd-names"));
    assert!(names.iter().all(|(name, _)| !name.contains(char::is_control)), "{names:?}");
    let entries = listed(&setup, built("archive"));
    assert_eq!(entries.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["deep", "inside"]);
    assert_eq!(entries[1].1, EntryKind::Symlink);
}

fn listed(setup: &Setup, outcome: Outcome) -> Vec<(String, EntryKind)> {
    let tree = setup.blobs.tree(&outcome.unwrap().value.tree).unwrap();
    let root = tree.directory("").unwrap().unwrap();
    root.entries().iter().map(|entry| (entry.name.clone(), entry.kind)).collect()
}
