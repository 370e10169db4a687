//! Files that are half-written: their names, and what a crash left of them.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::{AtFlags, Dir, unlinkat};
use springline_model::tree::split_path;

use super::beneath::{Found, Root};
use super::journal::Journal;
use super::names::{TEMPORARY, is_temporary};

/// A name for a file that is being written, which no other has.
pub(super) fn temporary_name() -> String {
    // The standard library's hash keys are random, and differ for each state.
    format!("{TEMPORARY}{:016x}", RandomState::new().build_hasher().finish())
}

/// Removes what a crash left half-written, wherever something is owned. Somebody who is writing
/// right now goes first; what can't be removed stays for the next time.
pub(super) fn clean(root: &Root, journal: &mut Journal) {
    if journal.marks().paths().next().is_none() {
        return;
    }
    let Ok(Some(locked)) = journal.lock_within(root, Duration::ZERO) else { return };
    let directories: BTreeSet<&str> =
        locked.marks().paths().map(|path| split_path(path).0).chain(std::iter::once("")).collect();
    for path in directories {
        if let Ok(Found::Directory(directory)) = root.directory(path) {
            clean_directory(&directory);
        }
    }
}

fn clean_directory(directory: &OwnedFd) {
    let Ok(entries) = Dir::read_from(directory) else { return };
    for entry in entries {
        let Ok(entry) = entry else { return };
        if entry.file_name().to_str().is_ok_and(is_temporary) {
            // A directory of that name is not ours, and is not removed by this.
            let _ = unlinkat(directory, entry.file_name(), AtFlags::empty());
        }
    }
}
