use std::sync::Mutex;

use springline_model::port::{Revision, Store as _};
use springline_model::run::Cause;

use super::*;
use crate::run::{Request, run};
use crate::tests::{World, files};
use springline_testkit::MemoryTree;

const OURS: &str = "Springline-Delivery: shop/production";

fn author(name: &str) -> Author {
    Author { name: name.into(), email: format!("{name}@example.org"), seconds: 100 }
}

/// A commit by somebody; the robot's say what they deliver.
fn commit(id: &str, who: &str, revision: &str) -> Commit {
    let message = match who {
        "robot" => format!("Update\n\n{OURS}\nSpringline-Revision: {revision}\n"),
        _ => "Mend it\n".to_owned(),
    };
    Commit { id: id.into(), author: author(who), committer: author(who), message }
}

fn tip(commits: Vec<Commit>) -> Tip {
    let tree: Arc<dyn springline_model::port::Tree> = Arc::new(MemoryTree::of_files([("a", String::new())]));
    Tip { tree: (!commits.is_empty()).then_some(tree), commits }
}

fn whose(tip: &Tip, onto: &Tip) -> Option<String> {
    theirs(&proposed(tip, onto), OURS).map(|commit| commit.id.clone())
}

#[test]
fn what_reviewers_add_stays_however_many_updates_follow() {
    let main = tip(vec![commit("m", "ann", "")]);
    let [p1, p2, p3] = ["p1", "p2", "p3"].map(|id| commit(id, "robot", "r"));
    let (review, base) = (commit("r", "bob", ""), commit("m", "ann", ""));
    assert_eq!(whose(&tip(vec![p1.clone(), base.clone()]), &main), None, "ours alone is renewed");
    let one = vec![review.clone(), p1.clone(), base.clone()];
    assert_eq!(whose(&tip(one.clone()), &main).as_deref(), Some("r"));
    let two = [vec![p2.clone()], one].concat();
    assert_eq!(whose(&tip(two.clone()), &main).as_deref(), Some("r"), "after the first update");
    let three = [vec![p3], two].concat();
    assert_eq!(whose(&tip(three), &main).as_deref(), Some("r"), "and after the second");
    // Where the branch has gone on further than is looked at, what it was made from is nobody's commit.
    let far = tip(vec![commit("n", "ann", "")]);
    assert_eq!(whose(&tip(vec![p2, p1, base.clone()]), &far), None);
    assert_eq!(whose(&tip(vec![base]), &main), None, "all is merged");
}

#[test]
fn what_a_merge_brought_is_known() {
    let revision = Revision { id: "r1".into(), time: 50, subject: String::new() };
    let tree = MemoryTree::of_files([("a", String::new())]);
    let source = Source { revision: &revision, tree: &tree, is_before: &|id, _| id == "r2" };
    // As `git merge --no-ff` makes it: on top is the merge, and the proposal is its second parent.
    let (review, p2) = (commit("r", "bob", ""), commit("p2", "robot", "r2"));
    let main = tip(vec![commit("merge", "ann", ""), review.clone(), p2.clone(), commit("m", "ann", "")]);
    assert_eq!(newer_on(&main, OURS, source).as_deref(), Some("r2"));
    assert_eq!(whose(&tip(vec![review, p2, commit("m", "ann", "")]), &main), None, "all is merged");
    // A reviewer who brings the proposal up to date brings in what is nobody's proposal.
    let updated = vec![commit("u", "bob", ""), commit("merge", "ann", ""), commit("p3", "robot", "r3")];
    assert_eq!(whose(&tip(updated), &main).as_deref(), Some("u"));
}

#[test]
fn what_somebody_amended_is_theirs() {
    let main = tip(vec![commit("m", "ann", "")]);
    let amended = Commit { committer: author("bob"), ..commit("a", "robot", "r") };
    assert_eq!(whose(&tip(vec![amended.clone(), commit("m", "ann", "")]), &main).as_deref(), Some("a"));
    let later = tip(vec![commit("p2", "robot", "r"), amended, commit("p1", "robot", "r"), commit("m", "ann", "")]);
    assert_eq!(whose(&later, &main).as_deref(), Some("a"));
    let squashed = Commit { message: format!("Squash\n\n    {OURS}x\n"), ..commit("s", "bob", "") };
    assert_eq!(whose(&tip(vec![squashed]), &main).as_deref(), Some("s"));
}

#[test]
fn an_older_revision_is_not_put_over_a_newer_one() {
    let tree = MemoryTree::of_files([("a", String::new())]);
    let revision = Revision { id: "r1".into(), time: 50, subject: String::new() };
    let asked = Mutex::new(Vec::new());
    let is_before = |id: &str, seconds: i64| {
        asked.lock().unwrap().push((id.to_owned(), seconds));
        id == "r2"
    };
    let source = Source { revision: &revision, tree: &tree, is_before: &is_before };
    let there =
        |revision: &str| tip(vec![commit("x", "ann", ""), commit("p", "robot", revision), commit("q", "robot", "r2")]);
    assert_eq!(newer_on(&there("r2"), OURS, source).as_deref(), Some("r2"));
    assert_eq!(newer_on(&there("r0"), OURS, source), None, "what was handed over last counts");
    assert_eq!(newer_on(&there("r2"), "Springline-Delivery: shop/staging", source), None);
    assert_eq!(newer_on(&there("r2"), OURS, Source::chosen(&revision, &tree)), None, "somebody goes back");
    assert_eq!(*asked.lock().unwrap(), [("r2".to_owned(), 100), ("r0".to_owned(), 100)]);
}

#[test]
fn what_fails_again_and_again_is_recorded_once_for_each_commit() {
    let mut world = World::new();
    world.chain.deliveries = vec![Delivery {
        name: "id".into(),
        repository: "deployments".into(),
        branch: Some("main".into()),
        propose: false,
        what: Handed::Values(Vec::new()),
    }];
    let tree = MemoryTree::of_files(files("x", "-", "a").iter().map(|(path, text)| (*path, (*text).to_owned())));
    // There is no repository to hand it to.
    let hand_over = |id: &str, cause: &Cause| {
        let revision = Revision { id: id.into(), time: 50, subject: String::new() };
        let request = Request::new(&world.chain, Source::chosen(&revision, &tree), cause, "watcher@somewhere");
        run(world.ports(), Request { environments: &[], ..request }).unwrap_err();
    };
    for _ in 0..3 {
        hand_over("r1", &Cause::Push);
    }
    assert_eq!(world.records().len(), 1);
    hand_over("r2", &Cause::Push);
    assert_eq!(world.records().len(), 2, "it is another commit");
    hand_over("r1", &Cause::Push);
    assert_eq!(world.records().len(), 3, "and so is this, after that");
    assert!(world.store.unfinished().unwrap().is_empty(), "each of them is closed");
}
