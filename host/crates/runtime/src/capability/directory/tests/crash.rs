//! Killed at any moment, the directory has whole files only, each of them marked.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::*;

/// Where the killed process works; without it, its part of the test does nothing.
const WORKPLACE: &str = "SPRINGLINE_TEST_CRASH";
const SIZE: usize = 20_000;

#[test]
fn leftovers_are_removed_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    Lent::open(root, OWNER).unwrap().put_file("d/f", &Bytes(b"x"), false, "").unwrap();
    for name in ["d/.springline-tmp-0123456789abcdef", ".springline-tmp-ffffffffffffffff", "d/.springline-tmp-mine"] {
        std::fs::write(root.join(name), "half").unwrap();
    }
    let busy = Lent::open(root, OWNER).unwrap();
    assert_eq!(paths(root), [JOURNAL, "d", "d/.springline-tmp-mine", "d/f"]);

    // While somebody writes, what looks like a leftover may be theirs.
    std::fs::write(root.join("d/.springline-tmp-0123456789abcdef"), "half").unwrap();
    let mut journal = busy.lock();
    let locked = journal.lock(&busy.root).unwrap();
    Lent::open(root, OWNER).unwrap();
    assert_eq!(paths(root).len(), 5);
    drop(locked);
    Lent::open(root, OWNER).unwrap();
    assert_eq!(paths(root).len(), 4);
}

/// The process that is killed: puts and removes for ever.
#[test]
fn worker() {
    let Some(root) = std::env::var_os(WORKPLACE) else { return };
    let lent = Lent::open(Path::new(&root), OWNER).unwrap();
    println!("ready");
    for round in 0_usize.. {
        let path = format!("d{}/e/f{}", round % 3, round % 5);
        let expected = one(&lent, &path).and_then(|node| node.digest).map(|digest| digest.to_string());
        let expected = expected.unwrap_or_default();
        if round % 4 == 3 {
            lent.remove(&path, &expected).unwrap();
        } else {
            lent.put_file(&path, &Bytes(&[round as u8; SIZE]), round % 2 == 0, &expected).unwrap();
        }
    }
}

#[test]
fn a_kill_leaves_whole_files_and_all_of_them_marked() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for kill in 0..12_u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", &format!("{}::worker", module_path!().split_once("::").unwrap().1)])
            .env(WORKPLACE, root)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut text = String::new();
        while !text.contains("ready") {
            let mut byte = [0];
            assert_eq!(output.read(&mut byte).unwrap(), 1, "the worker started: {text}");
            text.push(byte[0].into());
        }
        let wait = seed.wrapping_mul(2_654_435_761).wrapping_add(kill.wrapping_mul(40_503)) % 60_000;
        std::thread::sleep(Duration::from_micros(wait.into()));
        child.kill().unwrap();
        child.wait().unwrap();

        let context = format!("seed {seed}, kill {kill} after {wait} µs");
        let lent = Lent::open(root, OWNER).unwrap();
        let owned: BTreeSet<_> = lent.owned().unwrap().into_iter().collect();
        for path in paths(root) {
            assert!(!path.contains(".springline-tmp-"), "{context}: {path}");
            if root.join(&path).is_file() && path != JOURNAL {
                let content = std::fs::read(root.join(&path)).unwrap();
                assert!(content.len() == SIZE && content.iter().all(|byte| *byte == content[0]), "{context}: {path}");
                assert!(owned.contains(&path), "{context}: {path} is marked");
            }
        }
    }
    let lent = Lent::open(root, OWNER).unwrap();
    for path in lent.owned().unwrap() {
        let expected = one(&lent, &path).map(|node| node.digest.unwrap().to_string()).unwrap_or_default();
        lent.remove(&path, &expected).unwrap();
    }
    assert_eq!(paths(root), [JOURNAL], "seed {seed}: the last removal leaves nothing");
}
