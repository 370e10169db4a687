//! What hostile calls leave in the host's memory, and how much they take of it while they run. Measured
//! in a process of its own, where nothing else runs.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use springline_model::ObjectId;
use springline_model::plugin::Limits;
use springline_model::port::Tree;
use springline_model::tree::{Directory, Entry, TreeError};

use crate::attack::{call, input, limits};
use crate::setup::Setup;

/// Set in the process that measures.
const ALONE: &str = "SPRINGLINE_MEASURES_ALONE";
/// How much more the host may hold after many hostile calls than after the first few, in MiB.
const LEFT: u64 = 24;

/// Each attack with its count, and how much the host may hold at its height in MiB, the guest's own memory
/// (64 MiB) included.
const ATTACKS: [(&str, &str, u64, u64); 27] = [
    ("hostile", "recurse", 1, 96),
    ("hostile", "memory", 0, 128),
    ("hostile", "open-files", 0, 128),
    ("hostile", "log-flood", 20_000, 96),
    ("hostile", "violations", 3_000, 192),
    ("hostile", "large-file", 1_000, 192),
    ("hostile", "many-files", 40_000, 192),
    ("hostile", "nest", 20_000, 96),
    ("hostile-c", "memory-grow", 0, 128),
    ("hostile-c", "table-grow", 0, 96),
    ("hostile-c", "poll-nothing", 0, 96),
    ("hostile-c", "sinks", 0, 96),
    ("hostile-c", "pollables", 0, 96),
    ("hostile-c", "descriptors", 0, 96),
    ("hostile-c", "stdout-streams", 0, 96),
    ("hostile-c", "writers", 0, 192),
    ("hostile-c", "open-blobs", 0, 192),
    ("hostile-c", "listings", 0, 192),
    ("hostile-c", "streams", 50, 512),
    ("hostile-c", "questions", 0, 256),
    ("hostile-c", "paths", 0, 640),
    ("hostile-c", "zeroes", 0, 96),
    ("hostile-c", "log-long", 32, 192),
    ("hostile-c", "log-breaks", 32, 192),
    ("hostile-c", "topic-long", 32, 192),
    ("hostile-c", "error-long", 32, 192),
    ("hostile-c", "log-surrogate", 0, 96),
];

#[test]
fn memory_is_bounded_during_hostile_calls_and_given_back_after_them() {
    let Some(setup) = Setup::new() else { return };
    if std::env::var_os(ALONE).is_none() {
        return measure_alone();
    }
    // Few descriptors: handles of a guest must not be descriptors of the process.
    let few = rustix::process::Rlimit { current: Some(100), maximum: Some(100) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
    let limits = Limits { wall_seconds: 60, compute_seconds: 40, ..limits() };
    let large = large_input(&setup);
    let lead = |guest: &str, name: &str, count: u64| {
        let input = if name == "streams" { Arc::clone(&large) } else { input(&setup) };
        // Writers come to the limit of handles only if they may write more than memory holds.
        let output_mib = if name == "writers" { 2_048 } else { limits.output_mib };
        let outcome = call(&setup, guest, name, count, Limits { output_mib, ..limits.clone() }, input);
        if let Err(error) = &outcome {
            assert!(!matches!(error.fault, springline_model::plugin::Fault::Host { .. }), "{guest} {name}: {error}");
        }
    };
    for (guest, name, count, most) in ATTACKS {
        let before = resident();
        fs::write("/proc/self/clear_refs", "5").unwrap();
        lead(guest, name, count);
        let height = peak().saturating_sub(before);
        eprintln!("{guest} {name}: {height} MiB at its height");
        assert!(height <= most, "{guest} {name} took {height} MiB of the host's memory, and {most} are the most");
    }
    let quick = ATTACKS.iter().filter(|(_, name, ..)| !["streams", "paths", "listings", "writers"].contains(name));
    let before = resident();
    for _ in 0..5 {
        quick.clone().for_each(|(guest, name, count, _)| lead(guest, name, *count));
    }
    let after = resident();
    eprintln!("{before} MiB before 5 times all, {after} MiB after");
    assert!(after <= before + LEFT, "{before} MiB before, {after} MiB after: they left something");
}

/// Runs this test again, alone in its process.
fn measure_alone() {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "--test-threads=1"]);
    command.arg("memory::memory_is_bounded_during_hostile_calls_and_given_back_after_them");
    let output = command.env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    eprintln!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stdout));
}

fn resident() -> u64 {
    status("VmRSS:")
}

fn peak() -> u64 {
    status("VmHWM:")
}

/// A line of this process's status, in MiB.
fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Two files of 48 MiB, which are fetched anew whenever they are read: as a store on a disk does.
fn large_input(setup: &Setup) -> Arc<dyn Tree> {
    let text = "x".repeat(48 << 20);
    let other = "y".repeat(48 << 20);
    Arc::new(Fresh(setup.tree(&[("read.txt", "1"), ("large-a.bin", &text), ("large-b.bin", &other)])))
}

struct Fresh(Arc<dyn Tree>);

impl Tree for Fresh {
    fn id(&self) -> ObjectId {
        self.0.id()
    }

    fn directory(&self, path: &str) -> Result<Option<Arc<Directory>>, TreeError> {
        self.0.directory(path)
    }

    fn read(&self, entry: &Entry) -> Result<Bytes, TreeError> {
        self.0.read(entry).map(|bytes| Bytes::copy_from_slice(&bytes))
    }

    fn size(&self, entry: &Entry) -> Result<u64, TreeError> {
        self.0.size(entry)
    }

    fn subtree(&self, path: &str) -> Result<Option<Arc<dyn Tree>>, TreeError> {
        self.0.subtree(path)
    }
}
