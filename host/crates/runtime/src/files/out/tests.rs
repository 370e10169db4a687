use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use springline_model::port::Blobs;
use springline_model::tree::join_path;
use springline_testkit::MemoryBlobs;

use super::*;

const NEW: Open = Open { write: true, create: true, exclusive: false, truncate: true, directory: false, follow: true };

fn out() -> Out {
    Out::new(std::env::temp_dir(), 1 << 20, 100)
}

fn write(out: &mut Out, path: &str, content: &[u8]) -> Result<(), FileError> {
    let file = out.open(Out::ROOT, path, NEW)?;
    let result = out.write_at(file, 0, content);
    out.close(file);
    result
}

fn read(out: &mut Out, path: &str) -> Result<Vec<u8>, FileError> {
    let file = out.lookup(Out::ROOT, path, true)?;
    let mut bytes = vec![0; out.stat(file)?.size as usize];
    out.read_at(file, 0, &mut bytes)?;
    Ok(bytes)
}

#[test]
fn a_descriptor_outlives_rename_and_unlink() {
    let mut out = out();
    out.mkdir(Out::ROOT, "d").unwrap();
    write(&mut out, "d/f", b"one").unwrap();
    let directory = out.open(Out::ROOT, "d", Open::default()).unwrap();
    let file = out.open(directory, "f", Open { write: true, ..Open::default() }).unwrap();
    out.rename(Out::ROOT, "d", Out::ROOT, "e").unwrap();
    assert_eq!(out.append(file, b" two").unwrap(), 7);
    assert_eq!(read(&mut out, "e/f").unwrap(), b"one two");
    out.unlink(directory, "f").unwrap();
    assert!(matches!(read(&mut out, "e/f"), Err(FileError::NotFound)));
    assert_eq!(out.append(file, b"!").unwrap(), 8);
    out.rmdir(Out::ROOT, "e").unwrap();
    assert!(matches!(out.mkdir(directory, "x"), Err(FileError::NotFound)));
    assert!(matches!(out.lookup(directory, "..", true), Err(FileError::NotFound)));
    assert_eq!(out.quota.entries, 2);
    out.close(file);
    out.close(directory);
    assert_eq!((out.quota.entries, out.quota.bytes), (0, 0));
    assert!(matches!(out.stat(file), Err(FileError::NotFound)));
}

#[test]
fn open_keeps_its_promises() {
    let mut out = out();
    write(&mut out, "f", b"content").unwrap();
    out.symlink(Out::ROOT, "to-f", "f").unwrap();
    out.symlink(Out::ROOT, "dangling", "made").unwrap();
    out.mkdir(Out::ROOT, "d").unwrap();
    let mut open = |path: &str, how: Open| out.open(Out::ROOT, path, how);
    let exclusive = Open { exclusive: true, ..NEW };
    assert!(matches!(open("f", exclusive), Err(FileError::Exists)));
    assert!(matches!(open("dangling", exclusive), Err(FileError::Exists)));
    assert!(matches!(open("to-f", Open { follow: false, ..Open::default() }), Err(FileError::Loop)));
    assert!(matches!(open("d", NEW), Err(FileError::IsDirectory)));
    assert!(matches!(open("f", Open { directory: true, ..Open::default() }), Err(FileError::NotDirectory)));
    assert!(matches!(open("new/", NEW), Err(FileError::IsDirectory)));
    assert!(matches!(open("f/", Open::default()), Err(FileError::NotDirectory)));
    assert!(matches!(open("missing", Open::default()), Err(FileError::NotFound)));
    assert!(matches!(open("missing/x", NEW), Err(FileError::NotFound)));
    open("dangling", NEW).unwrap();
    open("to-f", NEW).unwrap();
    assert_eq!(read(&mut out, "made").unwrap(), b"");
    assert_eq!(read(&mut out, "f").unwrap(), b"");
}

#[test]
fn nothing_leads_out_of_the_root() {
    let mut out = out();
    out.mkdir(Out::ROOT, "d").unwrap();
    for (path, target) in [("l", ".."), ("l", "/etc"), ("d/l", "../.."), ("l", "d/../../x")] {
        assert!(matches!(out.symlink(Out::ROOT, path, target), Err(FileError::NotPermitted)), "{path} -> {target}");
    }
    out.symlink(Out::ROOT, "d/up", "..").unwrap();
    out.symlink(Out::ROOT, "d/sneaky", "up/../x").unwrap();
    assert!(matches!(out.lookup(Out::ROOT, "d/sneaky", true), Err(FileError::NotPermitted)), "links resolved for real");
    for path in ["..", "/", "/x", "d/../.."] {
        assert!(matches!(out.lookup(Out::ROOT, path, true), Err(FileError::NotPermitted)), "{path}");
        assert!(out.mkdir(Out::ROOT, path).is_err() && out.rename(Out::ROOT, "d", Out::ROOT, path).is_err());
    }
    assert!(matches!(out.rename(Out::ROOT, "d/up", Out::ROOT, "up"), Err(FileError::NotPermitted)));
    out.mkdir(Out::ROOT, "deep").unwrap();
    out.rename(Out::ROOT, "d", Out::ROOT, "deep/d").unwrap();
    out.symlink(Out::ROOT, "deep/d/far", "../..").unwrap();
    assert!(matches!(out.rename(Out::ROOT, "deep/d", Out::ROOT, "d"), Err(FileError::NotPermitted)));
}

#[test]
fn names_that_no_clean_path_has_are_refused() {
    let mut out = out();
    for name in ["a\nb", "a\\b", "\u{7f}"] {
        assert!(matches!(write(&mut out, name, b""), Err(FileError::Invalid)), "{name:?}");
        assert!(matches!(out.mkdir(Out::ROOT, name), Err(FileError::Invalid)), "{name:?}");
    }
    let long = "n".repeat(500);
    out.mkdir(Out::ROOT, &long).unwrap();
    out.mkdir(Out::ROOT, &format!("{long}/{long}")).unwrap();
    assert!(matches!(out.mkdir(Out::ROOT, &format!("{long}/{long}/{long}")), Err(FileError::Invalid)));
    out.mkdir(Out::ROOT, "d").unwrap();
    out.mkdir(Out::ROOT, "d/e").unwrap();
    write(&mut out, &format!("d/e/{long}"), b"").unwrap();
    assert!(matches!(out.rename(Out::ROOT, "d/e", Out::ROOT, &format!("{long}/{long}/e")), Err(FileError::Invalid)));
}

#[test]
fn quotas_are_kept_and_remembered() {
    let mut out = Out::new(std::env::temp_dir(), 10, 2);
    write(&mut out, "a", b"12345678").unwrap();
    let file = out.open(Out::ROOT, "a", Open { write: true, ..Open::default() }).unwrap();
    out.set_size(file, 4).unwrap();
    out.write_at(file, 9, b"x").unwrap();
    assert_eq!(read(&mut out, "a").unwrap(), b"1234\0\0\0\0\0x");
    assert_eq!(out.limit_hit(), None);
    assert!(matches!(out.write_at(file, u64::MAX, b"x"), Err(FileError::QuotaBytes)));
    assert!(matches!(out.append(file, b"x"), Err(FileError::QuotaBytes)));
    assert!(matches!(out.set_size(file, 1 << 60), Err(FileError::QuotaBytes)));
    assert!(matches!(out.symlink(Out::ROOT, "l", "a"), Err(FileError::QuotaBytes)));
    assert_eq!(out.stat(file).unwrap().size, 10);
    assert_eq!(out.limit_hit(), Some(Limit::Output));
    assert!(matches!(out.commit(&MemoryBlobs::new()), Err(OutError::Limit(Limit::Output))));

    let mut out = Out::new(std::env::temp_dir(), 10, 2);
    out.mkdir(Out::ROOT, "a").unwrap();
    out.mkdir(Out::ROOT, "b").unwrap();
    out.rmdir(Out::ROOT, "b").unwrap();
    out.mkdir(Out::ROOT, "b").unwrap();
    assert_eq!(out.limit_hit(), None);
    assert!(matches!(out.mkdir(Out::ROOT, "c"), Err(FileError::QuotaEntries)));
    assert_eq!(out.limit_hit(), Some(Limit::Entries));
}

#[test]
fn a_failing_scratch_directory_spoils_the_output() {
    let mut out = Out::new("/nonexistent/scratch".into(), 1 << 20, 10);
    write(&mut out, "small", b"x").unwrap();
    assert!(matches!(write(&mut out, "large", &vec![1; 300 << 10]), Err(FileError::Io(_))));
    out.unlink(Out::ROOT, "large").unwrap();
    assert!(matches!(out.commit(&MemoryBlobs::new()), Err(OutError::Io(_))));
}

#[test]
fn commit_writes_everything_down() {
    let blobs = MemoryBlobs::new();
    let mut out = Out::new(std::env::temp_dir(), 1 << 20, 100);
    let large: Vec<u8> = (0..600_000_u32).map(|n| n as u8).collect();
    out.mkdir(Out::ROOT, "d").unwrap();
    out.mkdir(Out::ROOT, "empty").unwrap();
    write(&mut out, "d/large", &large).unwrap();
    write(&mut out, "d/run", b"#!").unwrap();
    let run = out.lookup(Out::ROOT, "d/run", true).unwrap();
    out.set_executable(run, true).unwrap();
    assert!(out.is_executable(run).unwrap());
    out.symlink(Out::ROOT, "latest", "d/large").unwrap();
    let open_and_unlinked = out.open(Out::ROOT, "gone", NEW).unwrap();
    out.unlink(Out::ROOT, "gone").unwrap();
    out.append(open_and_unlinked, b"x").unwrap();

    let tree = blobs.tree(&out.commit(&blobs).unwrap()).unwrap();
    let kinds = |path: &str| -> Vec<_> {
        let directory = tree.directory(path).unwrap().unwrap();
        directory.entries().iter().map(|entry| (entry.name.clone(), entry.kind)).collect()
    };
    let named = |list: &[(&str, EntryKind)]| -> Vec<_> { list.iter().map(|(n, k)| (n.to_string(), *k)).collect() };
    assert_eq!(
        kinds(""),
        named(&[("d", EntryKind::Directory), ("empty", EntryKind::Directory), ("latest", EntryKind::Symlink)])
    );
    assert_eq!(kinds("d"), named(&[("large", EntryKind::File), ("run", EntryKind::Executable)]));
    assert_eq!(kinds("empty"), []);
    let bytes = |directory: &str, name: &str| {
        let directory = tree.directory(directory).unwrap().unwrap();
        tree.read(directory.get(name).unwrap()).unwrap()
    };
    assert!(bytes("d", "large") == large);
    assert_eq!(bytes("", "latest"), "d/large");
}

/// Everything below a directory of the machine, as [`picture`] shows it.
fn picture_of_disk(root: &std::path::Path, path: &str, lines: &mut Vec<String>) {
    let mut names: Vec<_> = std::fs::read_dir(root.join(path)).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    for name in names {
        let path = join_path(path, name.to_str().unwrap());
        let kind = std::fs::symlink_metadata(root.join(&path)).unwrap().file_type();
        if kind.is_dir() {
            lines.push(format!("{path}/"));
            picture_of_disk(root, &path, lines);
        } else if kind.is_symlink() {
            lines.push(format!("{path} -> {}", std::fs::read_link(root.join(&path)).unwrap().display()));
        } else {
            lines.push(format!("{path}: {:?}", std::fs::read(root.join(&path)).unwrap()));
        }
    }
}

fn picture(out: &mut Out, path: &str, lines: &mut Vec<String>) {
    let directory = if path.is_empty() { Out::ROOT } else { out.lookup(Out::ROOT, path, false).unwrap() };
    let mut last = None;
    while let Some((name, kind)) = out.next_entry(directory, last.as_deref()).unwrap() {
        last = Some(name.clone());
        let path = join_path(path, &name);
        let node = out.lookup(directory, &name, false).unwrap();
        match kind {
            EntryKind::Directory => {
                lines.push(format!("{path}/"));
                picture(out, &path, lines);
            }
            EntryKind::Symlink => lines.push(format!("{path} -> {}", out.readlink(node).unwrap())),
            _ => lines.push(format!("{path}: {:?}", read(out, &path).unwrap())),
        }
    }
}

fn name_of(error: &FileError) -> &'static str {
    match error {
        FileError::NotFound => "ENOENT",
        FileError::NotDirectory => "ENOTDIR",
        FileError::IsDirectory => "EISDIR",
        FileError::Exists => "EEXIST",
        FileError::NotEmpty => "ENOTEMPTY",
        FileError::Invalid => "EINVAL",
        FileError::Loop => "ELOOP",
        _ => "other",
    }
}

fn name_of_os(error: &io::Error) -> &'static str {
    match rustix::io::Errno::from_io_error(error) {
        Some(rustix::io::Errno::NOENT) => "ENOENT",
        Some(rustix::io::Errno::NOTDIR) => "ENOTDIR",
        Some(rustix::io::Errno::ISDIR) => "EISDIR",
        Some(rustix::io::Errno::EXIST) => "EEXIST",
        Some(rustix::io::Errno::NOTEMPTY) => "ENOTEMPTY",
        Some(rustix::io::Errno::INVAL) => "EINVAL",
        Some(rustix::io::Errno::LOOP) => "ELOOP",
        _ => "other",
    }
}

/// Random operations come out as they do on the machine's own file system.
#[test]
fn behaves_like_a_file_system() {
    for seed in 0..150 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |limit: usize| (random.next_u64() % limit as u64) as usize;
        let disk = tempfile::tempdir().unwrap();
        let mut out = Out::new(std::env::temp_dir(), 1 << 20, 1_000);
        for step in 0..80 {
            let mut path = || {
                let parts: Vec<_> = (0..1 + below(3)).map(|_| ["a", "b", "c"][below(3)]).collect();
                parts.join("/")
            };
            let (path, other) = (path(), path());
            let (here, there) = (disk.path().join(&path), disk.path().join(&other));
            let operation = below(7);
            let (ours, theirs) = match operation {
                0 | 1 => (out.mkdir(Out::ROOT, &path), std::fs::create_dir(&here)),
                2 => (write(&mut out, &path, path.as_bytes()), std::fs::write(&here, &path)),
                3 => (out.rename(Out::ROOT, &path, Out::ROOT, &other), std::fs::rename(&here, &there)),
                4 => (out.unlink(Out::ROOT, &path), std::fs::remove_file(&here)),
                5 => (out.rmdir(Out::ROOT, &path), std::fs::remove_dir(&here)),
                _ => {
                    let target = ["a", "b/c", "c", "./b"][below(4)];
                    (out.symlink(Out::ROOT, &path, target), std::os::unix::fs::symlink(target, &here))
                }
            };
            let context = format!("seed {seed}, step {step}, operation {operation}, {path}, {other}");
            assert_eq!(ours.is_ok(), theirs.is_ok(), "{context}: {ours:?} {theirs:?}");
            if let (Err(ours), Err(theirs)) = (&ours, &theirs)
                && operation != 3
            {
                assert_eq!(name_of(ours), name_of_os(theirs), "{context}");
            }
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        picture(&mut out, "", &mut ours);
        picture_of_disk(disk.path(), "", &mut theirs);
        assert_eq!(ours, theirs, "seed {seed}");
    }
}
