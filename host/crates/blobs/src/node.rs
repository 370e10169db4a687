//! The one encoding of a directory.
//!
//! A header line, then a line an entry, sorted by the bytes of the names:
//!
//! ```text
//! springline-directory/1
//! d 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef assets
//! f ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad index.html
//! ```
//!
//! `f` is a file, `x` an executable one, `l` a symbolic link whose target is the blob, `d` a
//! directory whose node is the blob. Every line ends with a line feed. Whatever differs from this
//! in any byte is refused, so that equal directories have equal digests and the other way round.

use springline_model::Digest;
use springline_model::tree::{EntryKind, is_clean_path};

const HEADER: &str = "springline-directory/1\n";
const DIGITS: usize = 64;

/// One entry of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEntry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its bytes, or the node of the directory.
    pub digest: Digest,
}

/// Encodes entries that are sorted by the bytes of their names, each name once.
pub fn encode(entries: &[NodeEntry]) -> Vec<u8> {
    let mut text =
        String::with_capacity(HEADER.len() + entries.iter().map(|e| DIGITS + 4 + e.name.len()).sum::<usize>());
    text.push_str(HEADER);
    for entry in entries {
        text.push_str(match entry.kind {
            EntryKind::File => "f ",
            EntryKind::Executable => "x ",
            EntryKind::Symlink => "l ",
            EntryKind::Directory => "d ",
            EntryKind::Submodule => unreachable!("a submodule is refused before it is encoded"),
        });
        text.push_str(&entry.digest.hex());
        text.push(' ');
        text.push_str(&entry.name);
        text.push('\n');
    }
    text.into_bytes()
}

/// The entries of a node; none if these bytes are not the encoding of a directory.
pub fn decode(bytes: &[u8]) -> Option<Vec<NodeEntry>> {
    let mut rest = std::str::from_utf8(bytes).ok()?.strip_prefix(HEADER)?;
    let mut entries: Vec<NodeEntry> = Vec::with_capacity(rest.len() / (DIGITS + 12));
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n')?;
        let entry = decode_line(line)?;
        if entries.last().is_some_and(|last| last.name >= entry.name) {
            return None;
        }
        entries.push(entry);
        rest = after;
    }
    Some(entries)
}

fn decode_line(line: &str) -> Option<NodeEntry> {
    let kind = match line.get(..2)? {
        "f " => EntryKind::File,
        "x " => EntryKind::Executable,
        "l " => EntryKind::Symlink,
        "d " => EntryKind::Directory,
        _ => return None,
    };
    let (digits, name) = line[2..].split_once(' ')?;
    if digits.bytes().any(|byte| byte.is_ascii_uppercase()) || name.contains('/') || !is_clean_path(name) {
        return None;
    }
    let mut raw = [0; 32];
    hex::decode_to_slice(digits, &mut raw).ok()?;
    Some(NodeEntry { name: name.to_owned(), kind, digest: Digest::from_bytes(raw) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, kind: EntryKind) -> NodeEntry {
        NodeEntry { name: name.to_owned(), kind, digest: Digest::of(name) }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let entries = [
            entry("a b", EntryKind::File),
            entry("b", EntryKind::Directory),
            entry("link", EntryKind::Symlink),
            entry("ü.sh", EntryKind::Executable),
        ];
        assert_eq!(decode(&encode(&entries)).unwrap(), entries);
        assert_eq!(encode(&[]), HEADER.as_bytes());
        assert_eq!(decode(HEADER.as_bytes()).unwrap(), []);
    }

    #[test]
    fn the_encoding_never_changes() {
        let text = encode(&[entry("abc", EntryKind::File)]);
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "springline-directory/1\nf ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad abc\n"
        );
    }

    #[test]
    fn anything_else_is_refused() {
        let hex = Digest::of("x").hex();
        let line = |kind: &str, hex: &str, name: &str| format!("{HEADER}{kind} {hex} {name}\n");
        let (a, b) = (format!("f {hex} a\n"), format!("f {hex} b\n"));
        for text in [
            String::new(),
            "springline-directory/2\n".to_owned(),
            "springline-directory/1".to_owned(),
            format!("{HEADER}\n"),
            line("m", &hex, "a"),
            line("", &hex, "a"),
            line("f", &hex.to_uppercase(), "a"),
            line("f", &hex[1..], "a"),
            line("f", &hex, ""),
            line("f", &hex, ".."),
            line("f", &hex, "a/b"),
            line("f", &hex, "a\tb"),
            line("f", &hex, "a").trim_end().to_owned(),
            format!("{HEADER}{b}{a}"),
            format!("{HEADER}{a}{a}"),
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(decode(&[HEADER.as_bytes(), b"f \xff"].concat()), None);
    }
}
