//! The tar archive.

use std::fs::File;
use std::io::Write;

use springline_sdk::files::Entry;
use springline_sdk::prelude::*;
use tar::{Builder, EntryType, Header};

/// How entries stand in the archive.
pub struct Layout {
    /// What stands before every path; empty, or with a `/` at its end.
    pub prefix: String,
    /// The time that each bears, in seconds since 1970.
    pub mtime: u64,
}

/// What was packed.
#[derive(Default)]
pub struct Packed {
    /// Files and symbolic links.
    pub entries: u64,
    /// The bytes of the files.
    pub bytes: u64,
}

/// Writes the input as a tar archive: sorted, every file owned by 0:0 and of mode 644 or 755, its
/// directories implied.
pub fn pack(step: &Step, layout: &Layout, out: impl Write) -> Result<Packed> {
    let mut builder = Builder::new(out);
    let mut packed = Packed::default();
    let entries = step.walk()?;
    for (done, entry) in entries.iter().enumerate() {
        step.progress(done as u64, entries.len() as u64);
        packed.bytes += append(step, layout, entry, &mut builder)?;
        packed.entries += 1;
    }
    builder.finish().at(&layout.prefix)?;
    Ok(packed)
}

/// Appends one file or link, and tells the length of the file.
fn append(step: &Step, layout: &Layout, entry: &Entry, builder: &mut Builder<impl Write>) -> Result<u64> {
    let path = format!("{}{}", layout.prefix, entry.path);
    let mut header = Header::new_gnu();
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(layout.mtime);
    if let Some(link) = &entry.link {
        header.set_entry_type(EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        builder.append_link(&mut header, &path, link).at(&entry.path)?;
        return Ok(0);
    }
    let at = step.input().join(&entry.path);
    let file = File::open(&at).at(&at)?;
    let size = file.metadata().at(&at)?.len();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(if step.is_executable(&entry.path)? { 0o755 } else { 0o644 });
    header.set_size(size);
    builder.append_data(&mut header, &path, file).at(&at)?;
    Ok(size)
}
