//! What is acknowledged is on disk: SIGKILL never tests the disk, so the order of the system calls
//! is looked at.

use std::fs;
use std::process::Command;

use crate::sandbox::{Sandbox, skip};

#[test]
fn the_sync_calls_come_before_the_acknowledgement() {
    let Some(sandbox) = Sandbox::site() else { return };
    if Command::new("strace").arg("-V").output().is_err() {
        skip("strace is missing; `cargo xtask test` installs it");
        return;
    }
    sandbox.springline(&["run"]).ok();
    sandbox.write("docs/guide.md", "# Guide\n\nOnce more.\n");
    sandbox.commit("Change");
    let trace = sandbox.path("trace");
    let inner = sandbox.command(&["run", "-o", "json"]);
    let mut command = Command::new("strace");
    command.args([
        "-f",
        "-y",
        "-e",
        "trace=fsync,fdatasync,syncfs,sync_file_range,write,pwrite64,rename,renameat,renameat2",
    ]);
    command.arg("-o").arg(&trace).arg(inner.get_program()).args(inner.get_args());
    sandbox.finish(command).ok();

    let trace = fs::read_to_string(trace).unwrap();
    let lines: Vec<&str> = trace.lines().collect();
    // The acknowledgement is what standard output says: the report.
    let acknowledged = lines.iter().position(|line| line.contains("write(1<") && line.contains('{')).unwrap();
    let before = &lines[..acknowledged];
    let last = |what: &dyn Fn(&str) -> bool| before.iter().rposition(|line| what(line));
    let writes_store = |line: &str| line.contains("pwrite64(") && line.contains(".springline") && line.contains("/db>");
    let syncs_store = |line: &str| (line.contains("fdatasync(") || line.contains("fsync(")) && line.contains("/db>");
    let writes_blob = |line: &str| line.contains("rename") && line.contains("blobs/");
    let syncs_blob = |line: &str| {
        line.contains("syncfs(")
            || ((line.contains("fsync(") || line.contains("fdatasync(")) && line.contains("/blobs"))
    };
    let written = last(&writes_store).expect("the store was written");
    let synced = last(&syncs_store).expect("the store's file was synced");
    assert!(synced > written, "the store's file is synced after the last write to it\n{trace}");
    let blob = last(&writes_blob).expect("blobs were written");
    let blobs_synced = last(&syncs_blob).expect("blobs were synced");
    assert!(blobs_synced > blob, "blobs and their directories are synced after the last one was named\n{trace}");
    assert!(blobs_synced < synced, "blobs are durable before the record that refers to them\n{trace}");
}
