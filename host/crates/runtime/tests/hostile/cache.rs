//! Compiled code that somebody forged, swapped or spoiled: it is never executed, and compiled again.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::sync::Arc;

use springline_model::plugin::Fault;
use springline_model::port::Plugins as _;

use crate::attack::{call, comes_to, limits};
use crate::neighbour::beside_a_neighbour;
use crate::setup::{Setup, fault};

const GUESTS: [&str; 2] = ["hostile-c", "hostile-c-describe"];

/// A setup with two compiled plugins, and where their code is.
struct Poisoned {
    setup: Setup,
    files: [PathBuf; 2],
}

impl Poisoned {
    fn new() -> Option<Self> {
        let setup = Setup::cold()?;
        let mut known: Vec<PathBuf> = Vec::new();
        for guest in GUESTS {
            works(&setup, guest);
            let new: Vec<_> = compiled(&setup).into_iter().filter(|path| !known.contains(path)).collect();
            known.extend(new);
        }
        let poisoned = Self { files: known.try_into().unwrap(), setup };
        // The neighbour is compiled before anything is poisoned.
        beside_a_neighbour(&poisoned.setup, || ());
        Some(poisoned)
    }

    /// The first plugin still does what it does, in a new process, and its code was made again; beside a
    /// neighbour of the process that was there before.
    #[track_caller]
    fn recovers(&self, what: &str) {
        let other = Setup::in_directory(Arc::clone(&self.setup.directory)).unwrap();
        beside_a_neighbour(&self.setup, || works(&other, GUESTS[0]));
        let code = fs::symlink_metadata(&self.files[0]).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(code.is_file() && code.len() > 10_000, "{what}");
    }
}

#[track_caller]
fn works(setup: &Setup, guest: &str) {
    comes_to(Some(call(setup, guest, "good", 0, limits(), setup.tree(&[]))), "good");
}

fn compiled(setup: &Setup) -> Vec<PathBuf> {
    let files = fs::read_dir(setup.directory.path().join("cache")).unwrap().flatten().map(|file| file.path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect()
}

#[test]
fn a_file_that_was_changed_anywhere_is_not_executed() {
    let Some(poisoned) = Poisoned::new() else { return };
    let [file, _] = &poisoned.files;
    let good = fs::read(file).unwrap();
    for at in [0, 7, 8, 39, 40, 100, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(file, bad).unwrap();
        poisoned.recovers(&format!("byte {at} was flipped"));
        assert_eq!(fs::read(file).unwrap().len(), good.len());
    }
    for length in [0, 1, 39, 40, 41, good.len() - 1] {
        fs::write(file, &good[..length]).unwrap();
        poisoned.recovers(&format!("it was cut to {length} bytes"));
    }
    fs::write(file, [good.as_slice(), b"more"].concat()).unwrap();
    poisoned.recovers("something was appended");
}

#[test]
fn anothers_code_does_not_stand_in() {
    let Some(poisoned) = Poisoned::new() else { return };
    let [file, other] = &poisoned.files;
    fs::copy(other, file).unwrap();
    poisoned.recovers("another plugin's code");
    // Code of the same plugin, by the same compiler, but sealed with the key of another directory.
    let foreign = Poisoned::new().unwrap();
    assert_eq!(foreign.files[0].file_name(), file.file_name());
    fs::copy(&foreign.files[0], file).unwrap();
    poisoned.recovers("code of another directory");
    fs::copy(&foreign.files[0], file).unwrap();
    let key = poisoned.setup.directory.path().join("cache/key");
    fs::copy(foreign.setup.directory.path().join("cache/key"), &key).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    poisoned.recovers("code and key of another directory, readable by all");
}

#[test]
fn a_link_or_a_pipe_is_no_code() {
    let Some(poisoned) = Poisoned::new() else { return };
    let [file, other] = &poisoned.files;
    let outside = poisoned.setup.directory.path().join("outside.cwasm");
    fs::rename(file, &outside).unwrap();
    symlink(&outside, file).unwrap();
    poisoned.recovers("a link to the good code");
    for target in [other.as_path(), "/dev/zero".as_ref(), "/nowhere".as_ref(), file.as_path()] {
        fs::remove_file(file).unwrap();
        symlink(target, file).unwrap();
        poisoned.recovers(&format!("a link to {}", target.display()));
    }
    fs::remove_file(file).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, file, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    poisoned.recovers("a pipe that nobody writes to");
}

#[test]
fn a_directory_that_is_not_this_users_alone_is_made_so_or_refused() {
    let Some(poisoned) = Poisoned::new() else { return };
    let cache = poisoned.setup.directory.path().join("cache");
    let key = fs::read(cache.join("key")).unwrap();
    for mode in [0o777, 0o750, 0o705] {
        fs::set_permissions(&cache, Permissions::from_mode(mode)).unwrap();
        poisoned.recovers(&format!("mode {mode:o}"));
        assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
        assert_ne!(fs::read(cache.join("key")).unwrap(), key, "others could read it");
    }
    let moved = poisoned.setup.directory.path().join("moved");
    fs::rename(&cache, &moved).unwrap();
    symlink(&moved, &cache).unwrap();
    let other = Setup::in_directory(Arc::clone(&poisoned.setup.directory)).unwrap();
    let found = beside_a_neighbour(&poisoned.setup, || fault(other.runtime.describe(&other.probe(GUESTS[0]))));
    assert!(matches!(&found, Fault::Host { message } if message.contains("no directory of this user")), "{found:?}");
}
