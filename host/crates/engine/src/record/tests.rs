use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use springline_model::Cancel;
use springline_model::capability::Used;
use springline_model::plugin::Pinned;
use springline_model::port::{Blobs as _, Clock as _, Store as _, Tree};
use springline_model::repository::Make;
use springline_testkit::{MemoryTree, sample};

use super::*;
use crate::tests::World;

fn account(environment: &str, sequence: u64) -> Account {
    let plugin = |name: &str| Pinned { name: name.into(), digest: Digest::of(name) };
    let mut release = Release {
        id: Digest::of(""),
        application: "shop".into(),
        environment: environment.into(),
        revision: "1f".repeat(20),
        artifacts: BTreeMap::from([("site".into(), Digest::of("site"))]),
        manifest: Digest::of("manifest"),
        objects: Digest::of("objects"),
        plugins: vec![plugin("render-template"), plugin("step-site")],
        target: "läden: 1".into(),
        target_plugin: plugin("oci://example.org/target:1.2"),
        target_with: serde_json::Map::from_iter([("a".to_owned(), serde_json::json!({ "b": [1] }))]),
        sync: springline_model::application::Sync { prune: false, ..Default::default() },
        used: Used::default(),
        run: 0,
        at: 1_767_323_045_000,
    };
    release.id = release::id(&release);
    Account {
        release,
        directories: Vec::new(),
        at: 1_767_323_045_000,
        history: (sequence, Digest::of(sequence.to_string())),
        cause: "run by ann@host".into(),
    }
}

fn read(bytes: &[u8]) -> Vec<Account> {
    note::accounts(&String::from_utf8_lossy(bytes))
}

#[test]
fn a_note_has_a_block_for_each_environment_and_keeps_what_people_wrote() {
    let by_hand = b"Reviewed by Bob.\n\nsprintline: a slip\n".to_vec();
    let one = note::with(&by_hand, &account("live", 3));
    let two = note::with(&one, &account("test", 7));
    assert_eq!(read(&two), [account("live", 3), account("test", 7)]);
    let mut amended = two.clone();
    amended.extend_from_slice(b"\nAnd by Carol.\n");
    let three = note::with(&amended, &account("live", 4));
    let text = String::from_utf8(three.clone()).unwrap();
    assert!(text.starts_with("Reviewed by Bob.\n\nsprintline: a slip\n\nspringline: shop/live\n"), "{text}");
    assert!(text.ends_with("\nAnd by Carol.\n"), "{text}");
    assert_eq!(read(&three), [account("live", 4), account("test", 7)]);
    assert_eq!(note::with(&three, &account("live", 4)), three, "the same again is the same");
}

#[test]
fn notes_are_looked_for_where_git_puts_them_and_no_deeper() {
    let place = |levels: usize| format!("{}{}", "ab/".repeat(levels), "c".repeat(40 - 2 * levels));
    let tree = MemoryTree::of_files((0..6).map(|levels| (&*place(levels).leak(), levels.to_string())));
    let mut found = Vec::new();
    note::all(&tree, &Cancel::new(), &mut |text| found.push(text.to_owned())).unwrap();
    found.sort_unstable();
    assert_eq!(found, ["0", "1", "2", "3"]);
    let cancel = Cancel::new();
    cancel.cancel();
    note::all(&tree, &cancel, &mut |text| panic!("{text}")).unwrap();
}

#[test]
fn bytes_that_are_no_text_and_blocks_that_are_none_stay() {
    let garbage = b"\xff\xfe\0springline: shop/live\n  release: nonsense\nspringline: x".to_vec();
    let after = note::with(&garbage, &account("live", 1));
    assert!(after.windows(3).any(|part| part == b"\xff\xfe\0"));
    assert_eq!(read(&after), [account("live", 1)]);
    let twice = [note::with(b"", &account("live", 1)), b"\n".to_vec(), note::with(b"", &account("live", 2))].concat();
    assert_eq!(read(&twice).len(), 2);
    assert_eq!(read(&note::with(&twice, &account("live", 3))), [account("live", 3)], "one block is left of two");
}

#[test]
fn a_commit_tells_what_it_holds() {
    let account = Account { directories: vec!["www".into(), "a b/c".into()], ..account("live", 9) };
    let message = branch::message(&account);
    assert_eq!(branch::account(&message), Some(account.clone()));
    assert_eq!(release::id(&branch::account(&message).unwrap().release), account.release.id);
    for word in ["Deploy shop/live at 1f1f1f1", "Springline-Plugin: step-site sha256:", "Springline-History: 9 sha256:"]
    {
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(branch::account("Fix a typo\n\nSpringline-Place: shop/live\n"), None);
}

#[test]
fn the_pause_between_attempts_outlasts_no_clock() {
    let tried = |at| Outgoing {
        place: Place { application: "shop".into(), environment: "live".into() },
        sequence: 1,
        hash: Digest::of("record"),
        release: Digest::of("release"),
        to: RecordIn::Notes,
        at: 0,
        cause: String::new(),
        attempts: 3,
        tried: at,
        error: None,
    };
    let (now, pause) = (1_767_323_045_000, FIRST_PAUSE * 8);
    let pauses = |one: &Outgoing, now| pause_left(one, now).is_some();
    assert!(!pauses(&tried(None), now));
    assert!(pauses(&tried(Some(now)), now) && pauses(&tried(Some(now)), now + pause - 1));
    assert!(!pauses(&tried(Some(now)), now + pause));
    for jump in [-1, -3_600_000, i64::MIN / 4, LONGEST_PAUSE, i64::MAX / 4] {
        assert!(!pauses(&tried(Some(now)), now + jump), "{jump}");
    }
}

/// Notes whose writing always succeeds, or does not; what is asked is counted.
#[derive(Default)]
struct Notes {
    asked: AtomicUsize,
    holds: Vec<springline_model::repository::Commit>,
    fails: Option<Trouble>,
    /// Which reference only fails.
    only: Option<String>,
}

impl Notes {
    fn tip(&self) -> Tip {
        let tree: Arc<dyn Tree> = Arc::new(MemoryTree::of_files([("a", String::new())]));
        Tip { tree: (!self.holds.is_empty()).then_some(tree), commits: self.holds.clone() }
    }
}

impl Repositories for Notes {
    fn tip(&self, _at: &At) -> Result<Tip, RepositoryError> {
        Ok(self.tip())
    }

    fn default_branch(&self, _repository: Option<&str>) -> Result<String, RepositoryError> {
        Ok("main".into())
    }

    fn update(&self, at: &At, _beside: Option<&str>, make: Make<'_>) -> Result<Written, RepositoryError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let is_meant = self.only.as_ref().is_none_or(|only| *only == at.reference);
        if let Some(trouble) = self.fails.filter(|_| is_meant) {
            return Err(RepositoryError::new(trouble, "no"));
        }
        make(&self.tip(), None)?;
        Ok(Written { commit: Some("c".into()), before: None, again: 0 })
    }
}

/// Writes down a sync that git is to be told of.
fn due_to(world: &World, seed: &str, to: &RecordIn, is_known: bool) {
    due_at(world, &world.place(), (seed, to, is_known));
}

fn due_at(world: &World, place: &Place, (seed, to, is_known): (&str, &RecordIn, bool)) {
    let run = sample::run(&place.application, 0);
    let run = Run { number: world.store.begin(&run).unwrap(), ..run };
    let finish = sample::finish(place, &run, seed);
    let mut release = finish.release.clone().filter(|_| is_known);
    release.iter_mut().for_each(|release| release.objects = world.blobs.put(b"[]").unwrap());
    world.store.finish(Finish { tells: Some(to.clone()), release, ..finish }).unwrap();
}

#[test]
fn what_is_lost_is_given_up_and_later_ones_are_told() {
    let world = World::new();
    due_to(&world, "lost", &RecordIn::Notes, false);
    due_to(&world, "known", &RecordIn::Notes, true);
    due_to(&world, "lost at last", &RecordIn::Notes, false);
    let notes = Notes::default();
    let ports = Ports { repositories: Some(&notes), ..world.ports() };
    settle(ports, &world.place().application).unwrap();
    assert_eq!(notes.asked.load(Ordering::SeqCst), 1);
    assert!(world.store.outgoing(None).unwrap().is_empty());
    let last = world.store.settled(&world.place()).unwrap().unwrap();
    assert!(last.error.is_some_and(|error| error.contains("release")), "it is known that it was given up");
}

/// Another place of the same application, and a sync at each that git is to be told of.
fn two_due(world: &World) -> Place {
    let other = Place { environment: "other".into(), ..world.place() };
    due_at(world, &world.place(), ("here", &RecordIn::Notes, true));
    due_at(world, &other, ("there", &RecordIn::Notes, true));
    other
}

#[test]
fn the_pause_of_one_place_holds_up_no_other() {
    let world = World::new();
    let other = two_due(&world);
    let waiting = world.store.outgoing(None).unwrap().into_iter().find(|one| one.place == other).unwrap();
    world.store.attempted(&Outgoing { attempts: 9, tried: Some(world.clock.now()), ..waiting }).unwrap();
    let notes = Notes::default();
    let ports = Ports { repositories: Some(&notes), ..world.ports() };
    let left = settle_when_due(ports, &other.application).unwrap();
    assert!(left.is_some_and(|left| left > Duration::from_secs(600)), "{left:?}");
    assert_eq!(notes.asked.load(Ordering::SeqCst), 1);
    let places: Vec<_> = world.store.outgoing(None).unwrap().into_iter().map(|one| one.place).collect();
    assert_eq!(places, [other]);
}

#[test]
fn what_is_refused_of_one_place_holds_up_no_other() {
    let world = World::new();
    let other = Place { environment: "other".into(), ..world.place() };
    let to = RecordIn::Branch("env/other".into());
    // It comes first, and is refused: its branch is protected.
    due_at(&world, &other, ("there", &to, true));
    due_at(&world, &world.place(), ("here", &RecordIn::Notes, true));
    let notes = Notes { fails: Some(Trouble::Other), only: to.reference(), ..Notes::default() };
    let ports = Ports { repositories: Some(&notes), ..world.ports() };
    assert!(settle_when_due(ports, &other.application).unwrap().is_some());
    let places: Vec<_> = world.store.outgoing(None).unwrap().into_iter().map(|one| one.place).collect();
    assert_eq!(places, [other]);
}

#[test]
fn a_repository_that_is_unreachable_is_asked_once_for_all_places() {
    let world = World::new();
    let other = two_due(&world);
    let notes = Notes { fails: Some(Trouble::Unreachable), ..Notes::default() };
    let ports = Ports { repositories: Some(&notes), ..world.ports() };
    // After the first failure it is left alone for ten seconds.
    for (after, asked) in [(0, 1), (9_999, 1), (1, 2)] {
        world.clock.set(world.clock.now() + after);
        assert!(settle_when_due(ports, &other.application).unwrap().is_some());
        assert_eq!(notes.asked.load(Ordering::SeqCst), asked, "{after}");
    }
    assert!(world.store.outgoing(None).unwrap().iter().all(|one| one.attempts == 2 && one.error.is_some()));
}

/// A branch on which another place is told to have this deployed.
fn branch_of_another(manifest: Digest) -> Notes {
    let mut another = account("elsewhere", 1);
    another.release.manifest = manifest;
    let who = Author { name: "Robot".into(), email: String::new(), seconds: 0 };
    let message = branch::message(&another);
    let there = Commit { id: "c".into(), author: who.clone(), committer: who, message };
    Notes { holds: vec![there], ..Notes::default() }
}

#[test]
fn the_branch_of_another_place_is_not_written_to() {
    let world = World::new();
    let place = world.place();
    due_to(&world, "here", &RecordIn::Branch("env/live".into()), true);
    let notes = branch_of_another(Digest::of("something"));
    let ports = Ports { repositories: Some(&notes), ..world.ports() };
    settle(ports, &place.application).unwrap();
    let left = world.store.outgoing(None).unwrap();
    let error = left[0].error.clone().unwrap();
    assert!(error.contains("is the record of shop/elsewhere"), "{error}");
    assert!(error.contains("'env/{application}/{environment}'") && !error.contains("delete"), "{error}");
}

#[test]
fn the_branch_of_what_was_removed_is_free() {
    let world = World::new();
    due_to(&world, "here", &RecordIn::Branch("env/live".into()), true);
    let notes = branch_of_another(manifest_digest(&[]));
    settle(Ports { repositories: Some(&notes), ..world.ports() }, &world.place().application).unwrap();
    assert!(world.store.outgoing(None).unwrap().is_empty());
    assert_eq!(world.store.settled(&world.place()).unwrap().unwrap().error, None);
}

#[test]
fn a_removal_does_not_wait_for_the_branch_of_another_place() {
    let world = World::new();
    let (place, objects) = (world.place(), world.blobs.put(b"[]").unwrap());
    let run = sample::run(&place.application, 0);
    let run = Run { number: world.store.begin(&run).unwrap(), ..run };
    let mut finish = sample::finish(&place, &run, "gone");
    let release = finish.release.as_mut().unwrap();
    (release.objects, release.manifest) = (objects, manifest_digest(&[]));
    world.store.finish(Finish { tells: Some(RecordIn::Branch("env/live".into())), ..finish }).unwrap();
    let notes = branch_of_another(Digest::of("something"));
    settle(Ports { repositories: Some(&notes), ..world.ports() }, &place.application).unwrap();
    assert!(world.store.outgoing(None).unwrap().is_empty());
    assert!(world.store.settled(&place).unwrap().unwrap().error.is_some(), "it is known that it was given up");
}

/// Notes that are kept in memory, and what was told of edits by hand.
#[derive(Default)]
struct Book {
    commits: Mutex<Vec<Commit>>,
    note: Mutex<Vec<u8>>,
    meddled: Mutex<Vec<String>>,
}

impl Book {
    fn commit(&self, name: &str, message: &str, note: Vec<u8>) {
        let mut commits = self.commits.lock().unwrap();
        let who = Author { name: name.into(), email: format!("{name}@here"), seconds: 0 };
        let id = format!("{:040}", commits.len());
        commits.insert(0, Commit { id, author: who.clone(), committer: who, message: message.into() });
        *self.note.lock().unwrap() = note;
    }

    /// Somebody replaces something in the note.
    fn edit(&self, from: &str, to: &str) {
        let text = self.text();
        assert!(text.contains(from), "{text}");
        self.commit("bob", "Notes added by 'git notes add'", text.replace(from, to).into_bytes());
    }

    fn text(&self) -> String {
        String::from_utf8(self.note.lock().unwrap().clone()).unwrap()
    }
}

impl crate::event::Observer for Book {
    fn event(&self, event: &Event<'_>) {
        if let Event::Meddled { what, .. } = event {
            self.meddled.lock().unwrap().push((*what).to_owned());
        }
    }
}

impl Repositories for Book {
    fn tip(&self, _at: &At) -> Result<Tip, RepositoryError> {
        let commits = self.commits.lock().unwrap().clone();
        let tree: Arc<dyn Tree> = Arc::new(MemoryTree::of_files([("1f".repeat(20).leak() as &str, self.text())]));
        Ok(Tip { tree: (!commits.is_empty()).then_some(tree), commits })
    }

    fn default_branch(&self, _repository: Option<&str>) -> Result<String, RepositoryError> {
        Ok("main".into())
    }

    fn update(&self, at: &At, _beside: Option<&str>, make: Make<'_>) -> Result<Written, RepositoryError> {
        if let Next::Commit(draft) = make(&self.tip(at)?, None)? {
            let Some(Edit::Put { bytes, .. }) = draft.edits.first() else { panic!("no note is written") };
            self.commit("springline", &draft.message, bytes.clone());
        }
        let commit = self.commits.lock().unwrap().first().map(|commit| commit.id.clone());
        Ok(Written { commit, before: None, again: 0 })
    }
}

/// A host deploys the same revision, and tells of it.
fn deployed(world: &World, book: &Book) {
    let place = world.place();
    let run = sample::run(&place.application, 0);
    let run = Run { number: world.store.begin(&run).unwrap(), ..run };
    let mut finish = sample::finish(&place, &run, "here");
    let release = finish.release.as_mut().unwrap();
    release.revision = "1f".repeat(20);
    release.id = release::id(release);
    finish.record.release = Some(release.id);
    world.store.finish(Finish { tells: Some(RecordIn::Notes), ..finish }).unwrap();
    settle(Ports { repositories: Some(book), observer: book, ..world.ports() }, &place.application).unwrap();
    assert!(world.store.outgoing(None).unwrap().is_empty());
}

#[test]
fn a_block_that_a_person_edited_is_not_overwritten_silently() {
    let release = |text: &str| note::accounts(text)[0].release.id.to_string();
    for (from, to) in [
        ("  cause: ", "  cause: not "),
        ("  target: ", "  target: another "),
        ("  history: ", "  reviewed: by bob\n  history: "),
        ("  release: sha256:", "  release: "),
        ("RELEASE", "sha256:1111111111111111111111111111111111111111111111111111111111111111"),
    ] {
        let (world, book) = (World::new(), Book::default());
        deployed(&world, &book);
        let as_written = book.text();
        book.edit(&from.replace("RELEASE", &release(&as_written)), to);
        deployed(&world, &book);
        let told = std::mem::take(&mut *book.meddled.lock().unwrap());
        let [told] = &told[..] else { panic!("{to}: {told:?}") };
        assert!(told.starts_with("the note of 1f1f1f1 was edited by hand where it tells of "), "{told}");
        assert!(told.contains("commit 0000000 by bob <bob@here> at 1970-01-01"), "{told}");
        // Once: then it is as it was written.
        deployed(&world, &book);
        assert!(book.meddled.lock().unwrap().is_empty(), "{to}");
    }
}

#[test]
fn what_others_write_besides_or_another_host_has_written_is_no_edit() {
    let (world, book, elsewhere) = (World::new(), Book::default(), World::new());
    deployed(&world, &book);
    deployed(&world, &book);
    let more = format!("Above.\n\n{}\nBelow.\n", book.text());
    book.commit("bob", "Notes added by 'git notes append'", more.into_bytes());
    for host in [&world, &elsewhere, &world, &elsewhere, &elsewhere] {
        deployed(host, &book);
        let text = book.text();
        assert!(text.starts_with("Above.\n\nspringline: ") && text.ends_with("\nBelow.\n"), "{text}");
    }
    assert_eq!(*book.meddled.lock().unwrap(), Vec::<String>::new());
}
