//! What hostile calls leave in the host's memory, and how much they take of it while they run. Measured
//! in a process of its own, where nothing else runs.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use springline_model::ObjectId;
use springline_model::capability::Grants;
use springline_model::plugin::{Fault, Limit, Limits};
use springline_model::port::{Plugins as _, Tree};
use springline_model::tree::{Directory, Entry, TreeError};

use crate::attack::{call, input, limits};
use crate::bombs::{BOMBS, bomb, goes_off, short, type_chain};
use crate::server::{Server, grant};
use crate::setup::{Setup, fault};

/// Set in the process that measures.
const ALONE: &str = "SPRINGLINE_MEASURES_ALONE";
/// How much more the host may hold after many hostile calls than after the first few, in MiB.
const LEFT: u64 = 24;

/// Each attack with its count, and how much the host may hold at its height in MiB, the guest's own memory
/// (64 MiB) included.
const ATTACKS: [(&str, &str, u64, u64); 71] = [
    ("hostile", "loop", 0, 96),
    ("hostile", "sleep", 0, 96),
    ("hostile", "wait-for-input", 0, 96),
    ("hostile", "memory", 0, 128),
    ("hostile", "recurse", 1, 96),
    ("hostile", "recurse-in-memory", 1, 128),
    ("hostile", "state", 0, 96),
    ("hostile", "log-long", 8, 192),
    ("hostile", "log-flood", 20_000, 96),
    ("hostile", "log-poison", 0, 96),
    ("hostile", "panic-poison", 0, 96),
    ("hostile", "error-long", 20, 192),
    ("hostile", "violations", 3_000, 192),
    ("hostile", "summary-poison", 0, 96),
    ("hostile", "open-files", 0, 128),
    ("hostile", "listings", 0, 192),
    ("hostile", "large-file", 1_000, 192),
    ("hostile", "many-files", 40_000, 192),
    ("hostile", "nest", 20_000, 96),
    ("hostile", "links", 0, 96),
    ("hostile", "names", 0, 96),
    ("hostile", "read-only", 0, 96),
    ("hostile", "odd-names", 0, 96),
    ("hostile", "archive", 0, 96),
    ("hostile-c", "loop", 0, 96),
    ("hostile-c", "recurse", 1, 96),
    ("hostile-c", "recurse-in-memory", 1, 128),
    ("hostile-c", "memory-grow", 0, 128),
    ("hostile-c", "table-grow", 0, 96),
    ("hostile-c", "state", 0, 96),
    ("hostile-c", "sleep", 0, 96),
    ("hostile-c", "poll-nothing", 0, 96),
    ("hostile-c", "poll-one-often", 2_000, 96),
    ("hostile-c", "random", 0, 128),
    ("hostile-c", "forged-handle", 1, 96),
    ("hostile-c", "dropped-handle", 0, 96),
    ("hostile-c", "dropped-twice", 0, 96),
    ("hostile-c", "sinks", 0, 96),
    ("hostile-c", "pollables", 0, 96),
    ("hostile-c", "descriptors", 0, 96),
    ("hostile-c", "stdout-streams", 0, 96),
    ("hostile-c", "zeroes", 0, 96),
    ("hostile-c", "writers", 0, 192),
    ("hostile-c", "blobs", 0, 192),
    ("hostile-c", "open-blobs", 0, 192),
    ("hostile-c", "listings", 0, 192),
    ("hostile-c", "streams", 50, 512),
    ("hostile-c", "questions", 0, 256),
    ("hostile-c", "paths", 0, 640),
    ("hostile-c", "log-long", 32, 192),
    ("hostile-c", "log-breaks", 32, 192),
    ("hostile-c", "topic-long", 32, 192),
    ("hostile-c", "log-flood", 100_000, 96),
    ("hostile-c", "log-poison", 0, 96),
    ("hostile-c", "fail-poison", 0, 96),
    ("hostile-c", "log-no-text", 0, 96),
    ("hostile-c", "log-surrogate", 0, 96),
    ("hostile-c", "log-beyond", 0, 96),
    ("hostile-c", "return-beyond", 0, 96),
    ("hostile-c", "summary-long", 32, 192),
    ("hostile-c", "error-long", 32, 192),
    ("hostile-c", "links", 0, 96),
    ("hostile-c", "moved-link", 0, 96),
    ("hostile-c", "names", 0, 96),
    ("hostile-c", "read-only", 0, 96),
    ("hostile-c", "nest", 20_000, 96),
    ("hostile-c", "write-far", 0, 96),
    ("hostile-c", "size-far", 0, 96),
    ("hostile-c", "directory", 0, 96),
    ("hostile-c", "good", 0, 96),
    ("hostile-c-start", "good", 0, 96),
];

#[test]
fn memory_is_bounded_during_hostile_calls_and_given_back_after_them() {
    if !is_alone() {
        return measure_alone("memory_is_bounded_during_hostile_calls_and_given_back_after_them");
    }
    let Some(setup) = Setup::new() else { return };
    // Few descriptors: handles of a guest must not be descriptors of the process.
    let few = rustix::process::Rlimit { current: Some(100), maximum: Some(100) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
    let large = large_input(&setup);
    let lead = |guest: &str, name: &str, count: u64| {
        let input = if name == "streams" { Arc::clone(&large) } else { input(&setup) };
        let outcome = call(&setup, guest, name, count, limits_of(guest, name), input);
        if let Err(error) = &outcome {
            assert!(!matches!(error.fault, Fault::Host { .. }), "{guest} {name}: {error}");
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
    // These take a while; once more is enough of them.
    let slow = ["streams", "paths", "listings", "writers"];
    is_given_back("all attacks", || {
        for round in 0..5 {
            for (guest, name, count, _) in ATTACKS.iter().filter(|(_, name, ..)| round == 0 || !slow.contains(name)) {
                lead(guest, name, *count);
            }
        }
    });
}

/// The limits under which an attack is led here.
fn limits_of(guest: &str, name: &str) -> Limits {
    let long = Limits { wall_seconds: 60, compute_seconds: 40, ..limits() };
    match (guest, name) {
        ("hostile-c-start", _) | (_, "loop" | "sleep" | "wait-for-input" | "poll-one-often") => {
            Limits { wall_seconds: 1, compute_seconds: 1, ..long }
        }
        // They come to the limit of handles only if they may write more than memory holds.
        (_, "writers") => Limits { output_mib: 2_048, ..long },
        _ => long,
    }
}

#[test]
fn what_bombs_and_servers_take_is_given_back() {
    if !is_alone() {
        return measure_alone("what_bombs_and_servers_take_is_given_back");
    }
    let Some(setup) = Setup::cold() else { return };
    let dripping = Server::new(|stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            stream.write_all(b".")?;
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let huge = Server::new(|stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            stream.write_all(&[b'x'; 65536])?;
        }
    });
    // Making them takes memory of this process too, which is none of the host's.
    let bombs = BOMBS.map(|name| (name, bomb(name)));
    let round = || {
        for (name, bytes) in &bombs {
            goes_off(&setup, name, bytes.clone(), short());
        }
        for depth in [1_000, 100_000] {
            goes_off(&setup, &format!("type-chain of {depth}"), type_chain(depth), Limits::default());
        }
        let found = asks(&setup, &dripping);
        assert!(matches!(found, Fault::Transient { .. } | Fault::Failed { .. }), "{found:?}");
        let found = asks(&setup, &huge);
        assert!(matches!(found, Fault::Limit { limit: Limit::HttpReceived, .. }), "{found:?}");
    };
    round();
    is_given_back("bombs and answers", round);
}

/// What a request to this server comes to.
fn asks(setup: &Setup, server: &Server) -> Fault {
    let ops = json!([{ "request": { "url": server.url("127.0.0.1", "/") } }]);
    let mut call = setup.call(setup.probe("probe-net"), &json!({ "ops": ops }));
    call.grants = Grants { http: vec![grant("127.0.0.1", server)], ..Grants::default() };
    // So little that the guest, which keeps it all, does not come to the end of its own memory before.
    call.limits = Limits { http_total_seconds: 2, http_received_mib: 4, ..limits() };
    fault(setup.runtime.build(&call, setup.tree(&[])))
}

/// After this the process holds what it held before, give or take [`LEFT`].
#[track_caller]
fn is_given_back(what: &str, harm: impl FnOnce()) {
    let before = resident();
    harm();
    let after = resident();
    eprintln!("{what}: {before} MiB before, {after} MiB after");
    assert!(after <= before + LEFT, "{what}: {before} MiB before, {after} MiB after: they left something");
}

fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

/// Runs a test of this module again, alone in its process.
fn measure_alone(test: &str) {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "--test-threads=1", &format!("memory::{test}")]);
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
