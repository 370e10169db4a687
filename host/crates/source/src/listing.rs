//! A git tree object as a directory.

use std::collections::HashSet;

use gix::bstr::{BStr, ByteSlice};
use gix::objs::tree::EntryMode;
use gix::objs::{TreeRefIter, tree};
use springline_model::tree::{Directory, Entry, EntryKind, TreeError};

use crate::message;
use crate::objects::{identity, lost};

/// The directory that a tree object lists. `path` is where it is, for messages.
///
/// Trees that git itself would never write are refused: names twice, or such that lead elsewhere.
pub(crate) fn parse(id: gix::ObjectId, data: &[u8], path: &str) -> Result<Directory, TreeError> {
    let mut entries = Vec::with_capacity(data.len() / 40);
    for entry in TreeRefIter::from_bytes(data, id.kind()) {
        let entry = entry.map_err(|error| lost(id, message(&error)))?;
        if !is_name(entry.filename) {
            return Err(lost(id, format!("the tree has an entry named {:?}", entry.filename)));
        }
        entries.push(Entry {
            name: utf8_name(entry.filename, path)?,
            kind: entry_kind(entry.mode),
            id: identity(entry.oid.to_owned()),
        });
    }
    let names: HashSet<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    if names.len() < entries.len() {
        return Err(lost(id, "the tree has a name twice"));
    }
    Ok(Directory::new(entries))
}

/// Whether this can be the name of an entry.
pub(crate) fn is_name(name: &BStr) -> bool {
    !matches!(name.as_bytes(), b"" | b"." | b"..") && !name.contains(&b'/')
}

/// The name as text; `directory` is where it is.
pub(crate) fn utf8_name(name: &BStr, directory: &str) -> Result<String, TreeError> {
    name.to_str().map(str::to_owned).map_err(|_| TreeError::NotUtf8 {
        directory: directory.to_owned(),
        name: name.as_bytes().escape_ascii().to_string(),
    })
}

pub(crate) fn entry_kind(mode: EntryMode) -> EntryKind {
    match mode.kind() {
        tree::EntryKind::Tree => EntryKind::Directory,
        tree::EntryKind::Blob => EntryKind::File,
        tree::EntryKind::BlobExecutable => EntryKind::Executable,
        tree::EntryKind::Link => EntryKind::Symlink,
        tree::EntryKind::Commit => EntryKind::Submodule,
    }
}

#[cfg(test)]
mod tests {
    use gix::ObjectId;

    use super::*;

    fn parsed(entries: &[(&str, &[u8])]) -> Result<Directory, TreeError> {
        let mut data = Vec::new();
        for (mode, name) in entries {
            data.extend_from_slice(mode.as_bytes());
            data.push(b' ');
            data.extend_from_slice(name);
            data.push(0);
            data.extend_from_slice(&[7; 20]);
        }
        parse(ObjectId::empty_tree(gix::hash::Kind::Sha1), &data, "some/where")
    }

    #[test]
    fn modes_become_kinds() {
        let directory = parsed(&[
            ("100644", b"file"),
            ("100664", b"group"),
            ("120000", b"link"),
            ("100755", b"run"),
            ("160000", b"sub"),
            ("40000", b"tree"),
        ])
        .unwrap();
        let kinds: Vec<_> = directory.entries().iter().map(|entry| entry.kind).collect();
        use EntryKind::{Directory, Executable, File, Submodule, Symlink};
        assert_eq!(kinds, [File, File, Symlink, Executable, Submodule, Directory]);
    }

    #[test]
    fn entries_are_sorted_by_the_bytes_of_their_names() {
        // Git sorts a directory as if its name ended in `/`.
        let directory = parsed(&[("100644", b"a.b"), ("40000", b"a"), ("100644", b"a0")]).unwrap();
        let names: Vec<_> = directory.entries().iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["a", "a.b", "a0"]);
        assert!(directory.get("a.b").is_some());
    }

    #[test]
    fn malformed_trees_are_refused() {
        for name in [&b".."[..], b".", b"", b"a/b", b"/"] {
            assert!(matches!(parsed(&[("100644", name)]), Err(TreeError::Lost { .. })), "{name:?}");
        }
        assert!(matches!(parsed(&[("100644", b"a"), ("40000", b"a")]), Err(TreeError::Lost { .. })));
        assert!(matches!(parsed(&[("10x644", b"a")]), Err(TreeError::Lost { .. })));
        let id = ObjectId::empty_tree(gix::hash::Kind::Sha1);
        assert!(matches!(parse(id, b"100644 a\0short", ""), Err(TreeError::Lost { .. })));
        let not_utf8 = parsed(&[("100644", b"a\xff\n")]);
        assert!(
            matches!(&not_utf8, Err(TreeError::NotUtf8 { directory, name })
                if directory == "some/where" && name == "a\\xff\\n"),
            "{not_utf8:?}"
        );
    }
}
