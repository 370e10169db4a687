//! One directory, many owners, and a journal that survives them.

use std::io::Write as _;

use super::super::journal::Journal;
use super::super::marks::Line;
use super::*;

fn conflict(result: Result<(), DirectoryError>, part: &str) {
    match result {
        Err(DirectoryError::Conflict(message)) => assert!(message.contains(part), "{message}"),
        other => panic!("{part}: {other:?}"),
    }
}

#[test]
fn owners_see_each_other_and_keep_apart() {
    let directory = tempfile::tempdir().unwrap();
    let ours = Lent::open(directory.path(), OWNER).unwrap();
    let theirs = Lent::open(directory.path(), "shop/site").unwrap();
    ours.put_file("d/f", &Bytes(b"x"), false, "").unwrap();
    assert_eq!(one(&theirs, "d/f").unwrap().owner, OWNER);
    conflict(theirs.put_file("d/f", &Bytes(b"y"), false, &digest(b"x")), "belongs to handbook/site");
    conflict(theirs.put_symlink("d/f", "y", &digest(b"x")), "belongs to handbook/site");
    conflict(theirs.remove("d/f", &digest(b"x")), "belongs to handbook/site");
    conflict(theirs.adopt("d/f"), "belongs to handbook/site");
    theirs.put_file("d/g", &Bytes(b"x"), false, "").unwrap();
    assert_eq!((ours.owned().unwrap(), theirs.owned().unwrap()), (vec!["d/f".into()], vec!["d/g".into()]));
    ours.remove("d/f", &digest(b"x")).unwrap();
    theirs.put_file("d/f", &Bytes(b"y"), false, "").unwrap();
    assert_eq!(one(&ours, "d/f").unwrap().owner, "shop/site");
    theirs.remove("d/f", &digest(b"y")).unwrap();
    theirs.remove("d/g", &digest(b"x")).unwrap();
    assert_eq!(paths(directory.path()), [JOURNAL], "who leaves last removes what the other made");
}

#[test]
fn many_writers_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let directory = &directory;
            scope.spawn(move || {
                let lent = Lent::open(directory.path(), &format!("app/{writer}")).unwrap();
                for round in 0..15 {
                    lent.put_file(&format!("d{round}/{writer}"), &Bytes(b"x"), false, "").unwrap();
                    if round % 3 == 0 {
                        lent.remove(&format!("d{round}/{writer}"), &digest(b"x")).unwrap();
                    }
                }
            });
        }
    });
    for writer in 0..4 {
        let lent = Lent::open(directory.path(), &format!("app/{writer}")).unwrap();
        let owned = lent.owned().unwrap();
        assert_eq!(owned.len(), 10);
        assert!(lent.inspect(&owned).unwrap().iter().all(Option::is_some));
    }
    assert_eq!(paths(directory.path()).len(), 1 + 10 + 40);
}

#[test]
fn a_line_that_a_crash_cut_off_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join(JOURNAL);
    Lent::open(directory.path(), OWNER).unwrap().put_file("f", &Bytes(b"x"), false, "").unwrap();
    let good = std::fs::read(&journal).unwrap();
    std::fs::OpenOptions::new().append(true).open(&journal).unwrap().write_all(b"{\"own\":{\"path\":\"g").unwrap();
    let lent = Lent::open(directory.path(), OWNER).unwrap();
    assert_eq!(lent.owned().unwrap(), ["f"]);
    lent.put_file("h", &Bytes(b"x"), false, "").unwrap();
    let text = std::fs::read_to_string(&journal).unwrap();
    assert!(
        text.as_bytes().starts_with(&good)
            && text.ends_with("{\"own\":{\"path\":\"h\",\"owner\":\"handbook/site\"}}\n")
    );
    assert!(!text.contains("\"g"));
    assert_eq!(Lent::open(directory.path(), OWNER).unwrap().owned().unwrap(), ["f", "h"]);
}

#[test]
fn a_damaged_journal_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join(JOURNAL);
    for (text, part) in [("{\"format\":1}\nrubbish\n{\"free\":\"x\"}\n", "line 2"), ("{\"format\":2}\n", "newer")] {
        std::fs::write(&journal, text).unwrap();
        let error = Lent::open(directory.path(), OWNER).err().unwrap().to_string();
        assert!(error.contains(part) && error.contains(JOURNAL), "{error}");
        assert_eq!(std::fs::read_to_string(&journal).unwrap(), text);
    }
    std::fs::remove_file(&journal).unwrap();
    std::os::unix::fs::symlink("/dev/null", &journal).unwrap();
    assert!(Lent::open(directory.path(), OWNER).is_err());
}

#[test]
fn a_journal_of_old_lines_is_written_anew() {
    let directory = tempfile::tempdir().unwrap();
    let lent = Lent::open(directory.path(), OWNER).unwrap();
    let other = Lent::open(directory.path(), "shop/site").unwrap();
    lent.put_file("f", &Bytes(b"x"), false, "").unwrap();
    other.owned().unwrap();
    let mut journal = Journal::default();
    let lines = (0..2_000).map(|n| if n % 2 == 0 { Line::Made("d".into()) } else { Line::Unmade("d".into()) });
    journal.lock(&lent.root).unwrap().append(lines.collect()).unwrap();
    drop(journal);
    lent.put_file("g", &Bytes(b"x"), false, "").unwrap();
    let text = std::fs::read_to_string(directory.path().join(JOURNAL)).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert_eq!(one(&other, "g").unwrap().owner, OWNER);
    other.put_file("h", &Bytes(b"x"), false, "").unwrap();
    assert_eq!(one(&lent, "h").unwrap().owner, "shop/site");
    assert_eq!(paths(directory.path()), [JOURNAL, "f", "g", "h"]);
}

#[test]
fn the_journal_may_be_lost() {
    let directory = tempfile::tempdir().unwrap();
    let lent = Lent::open(directory.path(), OWNER).unwrap();
    lent.put_file("f", &Bytes(b"x"), false, "").unwrap();
    std::fs::remove_file(directory.path().join(JOURNAL)).unwrap();
    assert!(lent.owned().unwrap().is_empty());
    lent.put_file("g", &Bytes(b"x"), false, "").unwrap();
    lent.adopt("f").unwrap();
    assert_eq!(Lent::open(directory.path(), OWNER).unwrap().owned().unwrap(), ["f", "g"]);
}
