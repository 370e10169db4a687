use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use springline_testkit::MemoryTree;

use super::*;

fn tree(items: &[(&str, &str, EntryKind)]) -> Arc<MemoryTree> {
    Arc::new(MemoryTree::new(items.iter().map(|(path, content, kind)| (*path, content.to_string(), *kind))))
}

fn mounts(tree: &Arc<MemoryTree>) -> Mounts {
    Mounts::new(vec![("in".to_owned(), Arc::clone(tree) as Arc<dyn Tree>)])
}

fn facts(mounts: &Mounts) -> Vec<(String, Access)> {
    mounts.trace().paths.remove("in").unwrap_or_default()
}

fn fact(path: &str, access: Access) -> (String, Access) {
    (path.to_owned(), access)
}

const FILE: EntryKind = EntryKind::File;
const LINK: EntryKind = EntryKind::Symlink;

fn sample() -> Arc<MemoryTree> {
    tree(&[
        ("docs/a.md", "alpha", FILE),
        ("docs/run", "#!", EntryKind::Executable),
        ("docs/up", "../top", LINK),
        ("top", "top", FILE),
        ("current", "docs", LINK),
        ("out", "../secret", LINK),
        ("deep/out", "../../secret", LINK),
        ("absolute", "/etc/passwd", LINK),
        ("loop", "loop", LINK),
        ("dangling", "nowhere", LINK),
        ("slashed", "docs/", LINK),
        ("sub", "", EntryKind::Submodule),
    ])
}

#[test]
fn reads_follow_links_inside_the_mount() {
    let mounts = mounts(&sample());
    let node = mounts.lookup(0, "", "current/up", true).unwrap();
    assert_eq!((node.path.as_str(), node.kind), ("top", FILE));
    assert_eq!(mounts.read(0, &node.path).unwrap(), "top");
    assert_eq!(mounts.lookup(0, "docs", "../slashed/./a.md", true).unwrap().path, "docs/a.md");
    assert_eq!(mounts.lookup(0, "", "current", false).unwrap().kind, LINK);
    assert_eq!(mounts.lookup(0, "", "current/", false).unwrap().path, "docs");
    assert_eq!(mounts.lookup(0, "docs", ".", false).unwrap().path, "docs");
    assert_eq!(mounts.lookup(0, "docs", "..", false).unwrap().path, "");
    assert_eq!(mounts.readlink(0, "docs/up").unwrap(), "../top");
    assert_eq!(mounts.size(0, "docs/up").unwrap(), 6);
    assert!(mounts.is_executable(0, "docs/run").unwrap());
    assert!(!mounts.is_executable(0, "docs/a.md").unwrap());
    assert!(mounts.failure().is_none());
}

#[test]
fn nothing_leads_out_of_the_mount() {
    let mounts = mounts(&sample());
    for path in ["..", "../x", "/etc/passwd", "/", "out", "deep/out", "absolute", "docs/../..", "current/../../x"] {
        let error = mounts.lookup(0, "", path, true).unwrap_err();
        assert!(matches!(error, FileError::NotPermitted), "{path}: {error:?}");
    }
}

#[test]
fn errors_are_those_of_posix() {
    let mounts = mounts(&sample());
    let error = |path: &str| mounts.lookup(0, "", path, true).unwrap_err();
    assert!(matches!(error("top/x"), FileError::NotDirectory));
    assert!(matches!(error("top/"), FileError::NotDirectory));
    assert!(matches!(error("top/.."), FileError::NotDirectory));
    assert!(matches!(error("nowhere/.."), FileError::NotFound));
    assert!(matches!(error("dangling"), FileError::NotFound));
    assert!(matches!(error(""), FileError::NotFound));
    assert!(matches!(error("loop"), FileError::Loop));
    assert!(matches!(error("a\0b"), FileError::Invalid));
    assert!(matches!(mounts.read(0, "docs"), Err(FileError::IsDirectory)));
    assert!(matches!(mounts.list(0, "top"), Err(FileError::NotDirectory)));
    assert!(matches!(mounts.readlink(0, "top"), Err(FileError::Invalid)));
    assert!(matches!(mounts.read(7, "top"), Err(FileError::NotFound)));
    assert!(mounts.failure().is_none());
}

#[test]
fn a_submodule_spoils_the_call() {
    let mounts = mounts(&sample());
    for path in ["sub", "sub/x"] {
        let error = mounts.lookup(0, "", path, true).unwrap_err();
        assert!(matches!(error, FileError::Tree(TreeError::Submodule { .. })), "{path}: {error:?}");
    }
    assert!(mounts.failure().unwrap().to_string().contains("`sub` is a git submodule"));
}

#[test]
fn the_trace_has_the_finest_facts_and_each_once() {
    let tree = sample();
    let mounts = mounts(&tree);
    assert!(facts(&mounts).is_empty());
    for _ in 0..2 {
        let node = mounts.lookup(0, "", "docs/a.md", true).unwrap();
        mounts.size(0, &node.path).unwrap();
        mounts.read(0, &node.path).unwrap();
        mounts.size(0, &node.path).unwrap();
        mounts.lookup(0, "", "docs/nothing/x", true).unwrap_err();
        mounts.lookup(0, "", "current/run", true).unwrap();
        mounts.lookup(0, "", "top/x", true).unwrap_err();
    }
    let id = tree.directory("docs").unwrap().unwrap().get("a.md").unwrap().id.clone();
    assert_eq!(
        facts(&mounts),
        [
            fact("current", Access::Link("docs".to_owned())),
            fact("docs", Access::IsDirectory),
            fact("docs/a.md", Access::Read(id)),
            fact("docs/nothing", Access::Missing),
            fact("docs/run", Access::IsFile),
            fact("top", Access::IsFile),
        ]
    );
    mounts.list(0, "docs").unwrap();
    assert!(facts(&mounts).iter().any(|(path, fact)| path == "docs" && matches!(fact, Access::Listed(_))));
    assert!(!facts(&mounts).contains(&fact("docs", Access::IsDirectory)));
}

#[test]
fn reading_piece_by_piece_fetches_a_file_once() {
    let tree = sample();
    let mounts = mounts(&tree);
    for _ in 0..10 {
        mounts.read(0, "docs/a.md").unwrap();
        mounts.read(0, "top").unwrap();
    }
    assert_eq!(tree.reads(), 2);
}

#[test]
fn a_link_that_is_not_text_spoils_the_call() {
    let tree = Arc::new(MemoryTree::new([("l", vec![0xff, 0xfe], LINK)]));
    let mounts = mounts(&tree);
    assert!(matches!(mounts.lookup(0, "", "l", true), Err(FileError::Io(_))));
    assert!(mounts.failure().is_some());
}

/// A tree to change: what is at each path.
type Sketch = BTreeMap<String, (String, EntryKind)>;

struct Dice(ChaCha8Rng);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        (self.0.next_u64() % limit as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    fn path(&mut self) -> String {
        let count = 1 + self.below(4);
        let parts: Vec<_> = (0..count).map(|_| self.one_of(&["a", "b", "c", "a", "b", ".", ".."])).collect();
        let slash = if self.below(6) == 0 { "/" } else { "" };
        parts.join("/") + slash
    }

    /// Puts something, or nothing, at a path.
    fn plant(&mut self, sketch: &mut Sketch, path: String, depth: usize) {
        match self.below(if depth < 3 { 9 } else { 6 }) {
            0 | 1 => {}
            2 | 3 => drop(sketch.insert(path, (self.one_of(&["x", "y", "zz"]).to_owned(), FILE))),
            4 => drop(sketch.insert(path, (self.one_of(&["x", "y"]).to_owned(), EntryKind::Executable))),
            5 => drop(sketch.insert(path, (self.path(), LINK))),
            _ => {
                sketch.insert(path.clone(), (String::new(), EntryKind::Directory));
                for name in ["a", "b", "c"] {
                    self.plant(sketch, join_path(&path, name), depth + 1);
                }
            }
        }
    }

    /// Replaces one thing of a sketch by another.
    fn mutate(&mut self, sketch: &mut Sketch) {
        let paths: Vec<_> = sketch.keys().cloned().collect();
        let path = match self.below(3) {
            0 => self.one_of(&["a", "b", "c"]).to_owned(),
            _ if paths.is_empty() => "a".to_owned(),
            _ => paths[self.below(paths.len())].clone(),
        };
        let below = format!("{path}/");
        sketch.retain(|other, _| *other != path && !other.starts_with(&below));
        let depth = path.split('/').count();
        self.plant(sketch, path, depth);
    }
}

fn grown(sketch: &Sketch) -> Arc<MemoryTree> {
    Arc::new(MemoryTree::new(sketch.iter().map(|(path, (content, kind))| (path.clone(), content.clone(), *kind))))
}

#[derive(Debug, Clone)]
struct Look {
    base: String,
    path: String,
    follow: bool,
    operation: usize,
}

/// What a guest sees that does these looks one after the other; `base` is used only where the
/// guest has opened that very directory before.
fn observe(mounts: &Mounts, looks: &[Look]) -> Vec<String> {
    let seen = |look: &Look| -> Result<String, FileError> {
        let base = if look.base.is_empty() {
            look.base.clone()
        } else {
            let base = mounts.lookup(0, "", &look.base, true)?;
            if base.kind == EntryKind::Directory { base.path } else { return Err(FileError::NotDirectory) }
        };
        let node = mounts.lookup(0, &base, &look.path, look.follow)?;
        let more = match look.operation {
            0 => String::new(),
            1 => format!("{:?}", mounts.read(0, &node.path)?),
            2 => format!("{:?}", mounts.size(0, &node.path)?),
            3 => mounts.readlink(0, &node.path)?,
            4 => format!("{:?}", mounts.is_executable(0, &node.path)?),
            _ => {
                let directory = mounts.list(0, &node.path)?;
                directory.entries().iter().map(|entry| format!("{} {:?},", entry.name, entry.kind)).collect()
            }
        };
        Ok(format!("{} {:?} {more}", node.path, node.kind))
    };
    looks.iter().map(|look| seen(look).unwrap_or_else(|error| format!("{error:?}"))).collect()
}

/// The property that makes kept results safe: wherever a trace holds, the guest sees the same.
#[test]
fn where_the_trace_holds_the_guest_sees_the_same() {
    let (mut held, mut differed) = (0, 0);
    for seed in 0..3_000 {
        let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
        let mut sketch = Sketch::new();
        for name in ["a", "b", "c"] {
            dice.plant(&mut sketch, name.to_owned(), 1);
        }
        let looks: Vec<_> = (0..1 + dice.below(5))
            .map(|_| Look {
                base: if dice.below(2) == 0 { String::new() } else { dice.path() },
                path: dice.path(),
                follow: dice.below(3) > 0,
                operation: dice.below(6),
            })
            .collect();
        let first = grown(&sketch);
        let mounts_of_first = mounts(&first);
        let seen = observe(&mounts_of_first, &looks);
        let trace = mounts_of_first.trace();
        let change = |tree: &Arc<MemoryTree>| {
            trace.first_change(|name| (name == "in").then_some(tree.as_ref() as &dyn Tree), |_| None).unwrap()
        };
        assert_eq!(change(&first), None, "seed {seed}: a trace holds where it was made; {looks:?}");
        for _ in 0..8 {
            dice.mutate(&mut sketch);
            let other = grown(&sketch);
            let seen_there = observe(&mounts(&other), &looks);
            match change(&other) {
                None => {
                    assert_eq!(seen_there, seen, "seed {seed}\n{looks:#?}\n{trace:#?}\n{sketch:#?}");
                    held += usize::from(other.id() != first.id());
                }
                Some(_) => differed += 1,
            }
        }
    }
    assert!(held > 2_000 && differed > 2_000, "the test says something: {held} held, {differed} did not");
}
