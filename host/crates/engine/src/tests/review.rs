//! What two sets of desired objects differ in.

use springline_model::manifest::{Action, Body, Object};
use springline_model::port::{Blobs as _, NewEntry};
use springline_model::tree::EntryKind;
use springline_testkit::MemoryBlobs;

use crate::review::{changes, text};

fn blob(blobs: &MemoryBlobs, id: &str, text: &str) -> Object {
    Object { id: id.into(), body: Body::Blob(blobs.put(text.as_bytes()).unwrap()) }
}

fn tree(blobs: &MemoryBlobs, id: &str, files: &[(&str, EntryKind, &str)]) -> Object {
    let entry = |(path, kind, text): &(&str, EntryKind, &str)| NewEntry {
        path: (*path).into(),
        kind: *kind,
        digest: blobs.put(text.as_bytes()).unwrap(),
    };
    Object { id: id.into(), body: Body::Tree(blobs.put_tree(files.iter().map(entry).collect()).unwrap()) }
}

#[test]
fn objects_and_the_files_in_them_are_compared() {
    use EntryKind::{Executable, File, Symlink};
    let blobs = MemoryBlobs::new();
    let from = [
        blob(&blobs, "same.txt", "same"),
        blob(&blobs, "edited.txt", "one"),
        blob(&blobs, "gone.txt", "gone"),
        tree(&blobs, "www", &[("a.html", File, "a"), ("b/c.html", File, "c"), ("run", File, "run")]),
        blob(&blobs, "was/a/file", "x"),
    ];
    let to = [
        blob(&blobs, "same.txt", "same"),
        blob(&blobs, "edited.txt", "two"),
        blob(&blobs, "new.txt", "new"),
        tree(&blobs, "www", &[("a.html", File, "a"), ("b/d.html", File, "d"), ("run", Executable, "run")]),
        tree(&blobs, "was/a/file", &[("link", Symlink, "../x")]),
    ];
    let (found, same) = changes(&blobs, &from, &to).unwrap();
    let told: Vec<(Action, &str)> = found.iter().map(|changed| (changed.action(), changed.name.as_str())).collect();
    assert_eq!(
        told,
        [
            (Action::Update, "edited.txt"),
            (Action::Delete, "gone.txt"),
            (Action::Create, "new.txt"),
            (Action::Delete, "was/a/file"),
            (Action::Create, "was/a/file/link"),
            (Action::Delete, "www/b/c.html"),
            (Action::Create, "www/b/d.html"),
            (Action::Update, "www/run"),
        ]
    );
    assert_eq!(same, 1);
    let link = found[4].after.unwrap();
    assert_eq!(text(&blobs, link).unwrap().as_deref(), Some("-> ../x\n"));
    assert_eq!(text(&blobs, found[0].before.unwrap()).unwrap().as_deref(), Some("one"));
    let binary = blob(&blobs, "x", "a\0b");
    let (found, _) = changes(&blobs, &[], &[binary]).unwrap();
    assert_eq!(text(&blobs, found[0].after.unwrap()).unwrap(), None);
    assert_eq!(changes(&blobs, &to, &to).unwrap(), (Vec::new(), 5));
}
