//! What `step-archive` writes, read back: every name is below the archive, and every file is what it was.
//! Each line of the input is a file, `f NAME CONTENT` or `x NAME CONTENT`, or a link, `l NAME TARGET`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Component, Path};

use springline_sdk::fake::Host;
use springline_sdk::files::is_clean;
use springline_sdk::serde_json::json;

/// Packs the files, and unpacks them again.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let host = Host::new();
    let mut given = BTreeMap::new();
    for (at, line) in text.lines().take(20).enumerate() {
        let mut words = line.splitn(3, ' ');
        let (Some(kind), Some(name), Some(content)) = (words.next(), words.next(), words.next()) else { continue };
        // Each in a directory of its own, so that none is below another.
        let path = format!("{at}/{name}");
        if !is_clean(&path) || path.split('/').any(|part| part.len() > 255) {
            continue;
        }
        match kind {
            "f" => host.add_input(&path, content),
            "x" => host.add_executable_input(&path, content),
            "l" if !content.is_empty() && content.len() < 4_000 && !content.contains('\0') => {
                host.add_input_link(&path, content)
            }
            _ => continue,
        };
        given.insert(path, content.to_owned());
    }
    host.run::<step_archive::Plugin>(json!({ "format": "tar" })).expect("clean names are packed");
    let archive = host.output("archive.tar").expect("there is an archive");
    let found = unpacked(&archive);
    assert!(found.keys().eq(given.keys()), "{:?} is not {:?}", found.keys(), given.keys());
    for (path, content) in &given {
        // A target loses what has no meaning in it, such as `./`.
        let same = found[path] == *content || Path::new(&found[path]).components().eq(Path::new(content).components());
        assert!(same, "{path}: {:?} is not {content:?}", found[path]);
    }
}

/// What an archive has, by path: the bytes of a file, or the target of a link.
fn unpacked(archive: &[u8]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries().expect("it is an archive") {
        let mut entry = entry.expect("it is whole");
        let path = entry.path().expect("it has a path").into_owned();
        assert!(path.components().all(|part| matches!(part, Component::Normal(_))), "{path:?} leads out");
        let content = match entry.link_name_bytes() {
            Some(target) => String::from_utf8(target.into_owned()).expect("it is text"),
            None => {
                let mut content = String::new();
                entry.read_to_string(&mut content).expect("it is text");
                content
            }
        };
        let path = path.into_os_string().into_string().expect("it is text");
        assert!(found.insert(path, content).is_none(), "a path is twice in it");
    }
    found
}
