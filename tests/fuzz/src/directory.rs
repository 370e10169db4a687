//! The encoding of directories in the store, from which artifacts are exported: no name leads out, and
//! there is one encoding of each directory.

use springline_blobs::node::{decode, encode};
use springline_model::tree::is_clean_path;

/// Decodes the bytes.
pub fn check(data: &[u8]) {
    let Some(entries) = decode(data) else { return };
    assert!(entries.is_sorted_by(|a, b| a.name < b.name), "names are sorted, and none is twice");
    for entry in &entries {
        let name = &entry.name;
        assert!(is_clean_path(name) && !name.contains('/'), "{name:?}");
        assert!(!matches!(name.as_str(), "." | "..") && !name.contains(char::is_control), "{name:?}");
    }
    assert_eq!(encode(&entries), data, "another encoding of the same directory");
}
