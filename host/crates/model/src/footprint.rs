//! What an application depends on in a source, so small that ten thousand are kept at hand, and what
//! of a source changes from one commit to the next.
//!
//! Paths stand as numbers. Two paths that share one make an application run for nothing; none is ever
//! forgotten by it.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use crate::call::question;
use crate::trace::{Access, Trace};
use crate::tree::join_path;

/// What is at a path: a file's bytes and mode, or that a directory is one.
pub fn path_of(path: &[u8]) -> u64 {
    number(b'p', path)
}

/// Which names of which kinds a directory has.
pub fn listing_of(directory: &[u8]) -> u64 {
    number(b'l', directory)
}

fn number(sort: u8, path: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write_u8(sort);
    hasher.write(path);
    hasher.finish()
}

/// Hands numbers on that are hashes already.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// How maps with such numbers hash them.
pub type ByNumber = BuildHasherDefault<AsItIs>;

/// What differs between two commits.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    numbers: HashSet<u64, ByNumber>,
    unknown: bool,
}

impl Changes {
    /// Everything, as far as is known.
    pub fn unknown() -> Self {
        Self { unknown: true, ..Self::default() }
    }

    /// What has this number differs.
    pub fn add(&mut self, number: u64) {
        self.numbers.insert(number);
    }

    /// Something differs that has no number.
    pub const fn set_unknown(&mut self) {
        self.unknown = true;
    }

    /// Whether more may differ than there are numbers of.
    pub const fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// Whether what has this number may differ.
    pub fn contains(&self, number: u64) -> bool {
        self.unknown || self.numbers.contains(&number)
    }

    /// Whether nothing differs at all.
    pub fn is_empty(&self) -> bool {
        !self.unknown && self.numbers.is_empty()
    }

    /// The numbers of what differs.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.numbers.iter().copied()
    }
}

/// What an application depends on in its source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footprint {
    numbers: Vec<u64>,
    /// Whether every commit concerns it.
    every: bool,
}

impl Footprint {
    /// Of one that every commit concerns.
    pub fn of_everything() -> Self {
        Self { numbers: Vec::new(), every: true }
    }

    /// Adds a path whose content matters, or that there is nothing.
    pub fn add_path(&mut self, path: &str) {
        self.numbers.push(path_of(path.as_bytes()));
        // What is above it may become a link or a file, and then nothing below it differs by itself.
        for (at, _) in path.match_indices('/') {
            self.numbers.push(path_of(&path.as_bytes()[..at]));
        }
    }

    /// Adds which names of which kinds a directory has.
    pub fn add_listing(&mut self, directory: &str) {
        self.numbers.push(listing_of(directory.as_bytes()));
        if !directory.is_empty() {
            self.add_path(directory);
        }
    }

    /// Adds what a call on the directory at `root` depended on.
    pub fn add_trace(&mut self, root: &str, mount: &str, trace: &Trace) {
        self.add_questions(trace);
        if !root.is_empty() {
            self.add_path(root);
        }
        for (path, access) in trace.paths.get(mount).into_iter().flatten() {
            let path = match (root, path.as_str()) {
                (root, "") => root.to_owned(),
                (root, path) => join_path(root, path),
            };
            if matches!(access, Access::Listed(_)) {
                self.add_listing(&path);
            } else if !path.is_empty() {
                self.add_path(&path);
            }
        }
    }

    /// Adds what a call asked that every commit answers anew.
    pub fn add_questions(&mut self, trace: &Trace) {
        let asks = |question: &str| trace.context.contains_key(question);
        self.every |= asks(question::REVISION) || asks(question::COMMIT_TIME);
    }

    /// Makes it as small as it can be.
    #[must_use]
    pub fn packed(mut self) -> Self {
        if self.every {
            return Self::of_everything();
        }
        self.numbers.sort_unstable();
        self.numbers.dedup();
        self.numbers.shrink_to_fit();
        self
    }

    /// Whether every commit concerns it.
    pub const fn is_everything(&self) -> bool {
        self.every
    }

    /// Its numbers; none say nothing if it [is everything](Self::is_everything).
    pub fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    /// Whether what changed concerns it.
    pub fn meets(&self, changes: &Changes) -> bool {
        let all = || self.numbers.iter().any(|number| changes.contains(*number));
        self.every || changes.is_unknown() || all()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Digest;

    fn trace(accesses: Vec<(&str, Access)>) -> Trace {
        let accesses = accesses.into_iter().map(|(path, access)| (path.to_owned(), access)).collect();
        Trace { paths: BTreeMap::from([("in".to_owned(), accesses)]), context: BTreeMap::new() }
    }

    fn changes(paths: &[&str], listings: &[&str]) -> Changes {
        let mut changes = Changes::default();
        paths.iter().for_each(|path| changes.add(path_of(path.as_bytes())));
        listings.iter().for_each(|path| changes.add(listing_of(path.as_bytes())));
        changes
    }

    #[test]
    fn it_meets_what_was_looked_at_and_nothing_else() {
        let looked =
            trace(vec![("", Access::Listed(Digest::of("l"))), ("a/b/c", Access::Missing), ("d", Access::IsFile)]);
        let mut footprint = Footprint::default();
        footprint.add_trace("apps/one", "in", &looked);
        let footprint = footprint.packed();
        for (paths, listings, meets) in [
            (&["apps/one/d"][..], &[][..], true),
            (&["apps/one/a/b/c"], &[], true),
            // It becomes a link, or the file that it was goes.
            (&["apps/one/a"], &[], true),
            (&["apps"], &[], true),
            (&[], &["apps/one"], true),
            (&[], &["apps/one/a"], false),
            (&["apps/one/e", "apps/two/d", "d"], &["", "apps"], false),
        ] {
            assert_eq!(footprint.meets(&changes(paths, listings)), meets, "{paths:?} {listings:?}");
        }
        assert!(footprint.meets(&Changes::unknown()) && !footprint.meets(&Changes::default()));
    }

    #[test]
    fn one_that_asks_for_the_revision_is_met_by_every_commit() {
        for (asked, every) in [(question::REVISION, true), (question::COMMIT_TIME, true), (question::VALUES, false)] {
            let mut asking = trace(Vec::new());
            asking.context.insert(asked.to_owned(), Digest::of("answer"));
            let mut footprint = Footprint::default();
            footprint.add_trace("", "in", &asking);
            assert_eq!(footprint.packed().meets(&Changes::default()), every, "{asked}");
        }
    }
}
