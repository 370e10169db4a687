//! What nothing declares any more is removed, however often that takes.

use springline_model::plugin::Fault;
use springline_model::run::Cause;

use super::{World, files};
use crate::error::{Reason, StageError};
use crate::remove::{What, Word, ask, is_removal, remove, undeclared};
use crate::run::Report;
use crate::status::current;

fn removed(world: &World, word: Word<'_>) -> Result<Option<Report>, Box<StageError>> {
    remove(world.ports(), (&world.place(), &What::Deployed), ("somebody@somewhere", word))
}

#[test]
fn everything_goes_once() {
    let world = World::new();
    assert!(removed(&world, Word::Rule).unwrap().is_none());
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    assert!(removed(&world, Word::Rule).unwrap().is_some());
    assert!(world.live.objects().is_empty());
    let record = world.records().remove(0);
    assert!(is_removal(&record) && record.cause == Cause::Removal);
    assert!(removed(&world, Word::Rule).unwrap().is_none());
}

#[test]
fn what_is_left_of_a_removal_that_failed_goes_with_the_next() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb\nc")).unwrap();
    world.live.fail("apply", "b", Fault::Failed { message: "busy".into() });
    removed(&world, Word::Rule).unwrap_err();
    assert_eq!(world.live.objects().keys().collect::<Vec<_>>(), ["b"]);
    assert!(removed(&world, Word::Rule).unwrap().is_some());
    assert!(world.live.objects().is_empty());
    assert!(removed(&world, Word::Rule).unwrap().is_none());
}

#[test]
fn a_person_says_yes_to_what_goes() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    let Reason::Unconfirmed(waits) = removed(&world, Word::Person(None)).unwrap_err().reason else { panic!() };
    assert_eq!((waits.removals.len(), world.live.objects().len()), (2, 2));
    assert!(removed(&world, Word::Person(Some("2-00000000"))).is_err());
    assert!(removed(&world, Word::Person(Some(&waits.confirmation))).unwrap().is_some());
    assert!(world.live.objects().is_empty());
}

#[test]
fn what_was_removed_is_deployed_no_more() {
    let world = World::new();
    let is_deployed = || current(world.ports(), &world.place()).unwrap().is_some();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    assert!(is_deployed());
    removed(&world, Word::Rule).unwrap();
    assert!(!is_deployed());
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    assert!(is_deployed() && world.live.objects().len() == 2);
}

#[test]
fn a_question_leaves_no_trace() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a\nb")).unwrap();
    let waits = ask(world.ports(), (&world.place(), &What::Deployed), None).unwrap().unwrap();
    assert_eq!(waits.removals.len(), 2);
    let confirmed = waits.whole_confirmation();
    assert_eq!(ask(world.ports(), (&world.place(), &What::Deployed), Some(&confirmed)).unwrap(), None);
    assert_eq!(world.records().len(), 1);
    removed(&world, Word::Person(Some(&confirmed))).unwrap();
    assert_eq!(ask(world.ports(), (&world.place(), &What::Deployed), None).unwrap(), None);
}

#[test]
fn what_is_deployed_and_declared_no_more_is_known() {
    let world = World::new();
    world.run("r1", &files("x", "-", "a")).unwrap();
    let undeclared = |declared: &[&str]| undeclared(world.ports(), "handbook", declared).unwrap();
    assert_eq!((undeclared(&["site"]), undeclared(&["live"])), (vec![], vec![world.place()]));
    removed(&world, Word::Rule).unwrap();
    assert_eq!(undeclared(&["live"]), []);
}
