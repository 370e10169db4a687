//! Objects in files, as `kubectl -f` takes them.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use springline_yaml::kubernetes::items;
use springline_yaml::{Node, Schema};

/// Bytes of a file.
const LARGEST: u64 = 64 << 20;
/// How deep directories may be nested.
const DEEPEST: usize = 32;

/// An object of a file.
pub struct Input {
    /// The file.
    pub file: String,
    /// Which of its documents, from 1.
    pub document: usize,
    /// The object.
    pub object: Value,
}

/// What can't be read.
pub struct Unreadable {
    /// The file or directory.
    pub file: String,
    /// Why.
    pub message: String,
}

/// Everything that was read, and what could not be.
#[derive(Default)]
pub struct Read {
    /// The objects.
    pub objects: Vec<Input>,
    /// The rest.
    pub unreadable: Vec<Unreadable>,
}

impl Read {
    fn fail(&mut self, file: &str, message: impl Into<String>) {
        self.unreadable.push(Unreadable { file: file.to_owned(), message: message.into() });
    }
}

/// Reads files, directories with all that is below, and standard input.
pub fn read(paths: &[PathBuf]) -> Read {
    let mut read = Read::default();
    for path in paths {
        match path.to_str() {
            Some("-") => {
                let mut bytes = Vec::new();
                match std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes) {
                    Ok(_) => text("-", bytes, &mut read),
                    Err(error) => read.fail("-", error.to_string()),
                }
            }
            _ if path.is_dir() => directory(path, DEEPEST, &mut read),
            _ => file(path, &mut read),
        }
    }
    read
}

/// The YAML and JSON files of a directory. Links to directories are not followed: they may lead round.
fn directory(path: &Path, deeper: usize, read: &mut Read) {
    let name = path.display().to_string();
    let entries = fs::read_dir(path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let mut entries = match entries {
        Ok(_) if deeper == 0 => return read.fail(&name, "the directories are nested too deep"),
        Ok(entries) => entries,
        Err(error) => return read.fail(&name, error.to_string()),
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => directory(&path, deeper - 1, read),
            _ if ["yaml", "yml", "json"].contains(&ending) && path.is_file() => file(&path, read),
            _ => {}
        }
    }
}

fn file(path: &Path, read: &mut Read) {
    let name = path.display().to_string();
    let bytes = fs::File::open(path).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes).map(|_| bytes)
    });
    match bytes {
        Ok(bytes) => text(&name, bytes, read),
        Err(error) => read.fail(&name, error.to_string()),
    }
}

fn text(file: &str, bytes: Vec<u8>, read: &mut Read) {
    if bytes.len() as u64 > LARGEST {
        return read.fail(file, format!("it has more than {} MiB", LARGEST >> 20));
    }
    let Ok(text) = String::from_utf8(bytes) else { return read.fail(file, "it is not UTF-8") };
    let documents = match springline_yaml::read(&text, Schema::Kubernetes) {
        Ok(documents) => documents,
        Err(error) => return read.fail(file, error.to_string()),
    };
    for (at, node) in documents.into_iter().enumerate().filter(|(_, node)| !node.is_null()) {
        objects(file, at + 1, node, read);
    }
}

/// The object of a document, or the items of a list.
fn objects(file: &str, document: usize, node: Node, read: &mut Read) {
    if let Some(items) = items(&node) {
        for item in items {
            objects(file, document, item, read);
        }
    } else if node.get("kind").and_then(Node::as_text).is_none() {
        read.fail(file, format!("line {}: this is no Kubernetes object: it has no `kind`", node.line));
    } else {
        read.objects.push(Input { file: file.to_owned(), document, object: node.into_json() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &str) -> Read {
        let mut read = Read::default();
        text("f", given.as_bytes().to_vec(), &mut read);
        read
    }

    #[test]
    fn documents_and_lists_become_objects() {
        let read = of("kind: A\n---\n---\nkind: List\nitems: [{ kind: B }, { kind: C }]\n---\n\
                       apiVersion: apps/v1\nkind: DeploymentList\nitems: [{ metadata: { name: d } }]\n");
        let found: Vec<_> = read.objects.iter().map(|one| (one.document, one.object["kind"].clone())).collect();
        assert_eq!(found, [(1, "A".into()), (3, "B".into()), (3, "C".into()), (4, "Deployment".into())]);
        assert_eq!(read.objects[3].object["apiVersion"], "apps/v1");
        assert!(read.unreadable.is_empty());
    }

    #[test]
    fn json_and_what_no_list_is_are_objects_as_well() {
        let read = of(r#"{ "kind": "PriceList", "items": 3, "n": 18446744073709551615 }"#);
        assert_eq!(read.objects[0].object, serde_json::json!({ "kind": "PriceList", "items": 3, "n": u64::MAX }));
    }

    #[test]
    fn what_has_a_name_is_no_list() {
        let read = of("apiVersion: x.io/v1\nkind: AllowList\nmetadata: { name: a }\nitems: [{ kind: B }]\n");
        let kinds: Vec<_> = read.objects.iter().map(|one| one.object["kind"].clone()).collect();
        assert_eq!(kinds, ["AllowList"]);
    }

    #[test]
    fn what_is_no_object_is_told_with_its_line() {
        let read = of("kind: A\n---\nname: b\n---\nkind: List\nitems:\n- 1\n- kind: B\n");
        assert_eq!(read.objects.len(), 2);
        let messages: Vec<_> = read.unreadable.iter().map(|one| one.message.as_str()).collect();
        assert!(messages[0].starts_with("line 3: ") && messages[1].starts_with("line 7: "), "{messages:?}");
        assert_eq!(of("a: [").unreadable.len(), 1);
        assert_eq!(of("\u{0}").objects.len(), 0);
    }
}
