//! Files of a directory that a call was given.
//!
//! They are ordinary files: `std::fs` serves as well. What is here adds errors that name the file.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::error::{AtPath as _, Error, Result, Violation};

/// A file or a symbolic link below a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its path below the directory, parts separated by `/`.
    pub path: String,
    /// Where it points, if it is a symbolic link.
    pub link: Option<String>,
}

/// Every file and symbolic link below this directory, sorted by path. Links are not followed.
///
/// # Errors
/// [`Error::Failed`] if a directory can't be listed, or a name is not UTF-8.
pub fn walk(directory: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    collect(directory, "", &mut entries)?;
    entries.sort_unstable();
    Ok(entries)
}

/// The path of every regular file below this directory, sorted.
///
/// # Errors
/// As [`walk`].
pub fn regular(directory: &Path) -> Result<Vec<String>> {
    let entries = walk(directory)?.into_iter();
    Ok(entries.filter(|entry| entry.link.is_none()).map(|entry| entry.path).collect())
}

fn collect(directory: &Path, prefix: &str, entries: &mut Vec<Entry>) -> Result<()> {
    for entry in fs::read_dir(directory).at(directory)? {
        let entry = entry.at(directory)?;
        let at = entry.path();
        let path = format!("{prefix}{}", text(Path::new(&entry.file_name()))?);
        let kind = entry.file_type().at(&at)?;
        if kind.is_dir() {
            collect(&at, &format!("{path}/"), entries)?;
        } else if kind.is_symlink() {
            let link = text(&fs::read_link(&at).at(&at)?)?;
            entries.push(Entry { path, link: Some(link) });
        } else {
            entries.push(Entry { path, link: None });
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| Error::failed(format!("{} is not UTF-8", path.display())))?;
    Ok(text.to_owned())
}

/// The bytes of the file at `path` below `directory`.
///
/// # Errors
/// [`Error::Invalid`], naming the file, if there is none; [`Error::Failed`] if it can't be read.
pub fn read(directory: &Path, path: &str) -> Result<Vec<u8>> {
    let at = below(directory, path)?;
    existing(fs::read(&at), &at, path)
}

/// What came of opening the file at `path`, which is [`Error::Invalid`] if there is none.
fn existing<T>(opened: io::Result<T>, at: &Path, path: &str) -> Result<T> {
    match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Violation::new("there is no such file").file(path).into())
        }
        other => other.at(at),
    }
}

/// The text of the file at `path` below `directory`.
///
/// # Errors
/// As [`read`]; [`Error::Invalid`], naming the file and the line, if it is not UTF-8.
pub fn read_text(directory: &Path, path: &str) -> Result<String> {
    String::from_utf8(read(directory, path)?).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        Violation::new("this is not UTF-8").file(path).line(u32::try_from(line).unwrap_or(u32::MAX)).into()
    })
}

/// Writes a file at `path` below `directory`; parents are made.
///
/// # Errors
/// [`Error::Failed`], naming the file, if it can't be written.
pub fn write(directory: &Path, path: &str, bytes: &[u8]) -> Result<()> {
    let at = writable(directory, path)?;
    fs::write(&at, bytes).at(&at)
}

/// Copies the bytes of the file at `from` below one directory to `to` below another; parents are made.
pub(crate) fn copy(directory: &Path, from: &str, into: &Path, to: &str) -> Result<()> {
    let source = below(directory, from)?;
    let mut opened = existing(File::open(&source), &source, from)?;
    let target = writable(into, to)?;
    // `fs::copy` sets a mode, which WASI has none of.
    io::copy(&mut opened, &mut File::create(&target).at(&target)?).at(&source)?;
    Ok(())
}

/// `path` below `directory`, its parents made.
fn writable(directory: &Path, path: &str) -> Result<PathBuf> {
    let at = below(directory, path)?;
    if let Some(parent) = at.parent() {
        fs::create_dir_all(parent).at(parent)?;
    }
    Ok(at)
}

/// `path` below `directory`.
///
/// # Errors
/// [`Error::Invalid`] if the path has a part that is empty, `.` or `..`, and so might lead out.
pub fn below(directory: &Path, path: &str) -> Result<PathBuf> {
    if is_clean(path) {
        return Ok(directory.join(path));
    }
    Err(Error::invalid(format!("`{path}` is no path below a directory: its parts may not be empty, `.` or `..`")))
}

/// Whether this is a path below a root: parts separated by `/`, none empty, `.` or `..`, without
/// control characters and backslashes, at most 1,024 bytes.
pub fn is_clean(path: &str) -> bool {
    path.len() <= 1024
        && !path.chars().any(|c| c.is_control() || c == '\\')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Whether a symbolic link at `path` to `target` would lead out of the root that `path` is below.
pub fn leads_out(path: &str, target: &str) -> bool {
    let mut depth = path.matches('/').count();
    for part in target.split('/') {
        match part {
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            "." | "" => {}
            _ => depth += 1,
        }
    }
    target.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_sorted_by_path_and_does_not_follow_links() {
        let directory = tempfile::tempdir().unwrap();
        for path in ["b/x", "b.txt", "a"] {
            write(directory.path(), path, b"").unwrap();
        }
        std::os::unix::fs::symlink("../..", directory.path().join("b/up")).unwrap();
        let walked = walk(directory.path()).unwrap();
        let paths: Vec<_> = walked.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["a", "b.txt", "b/up", "b/x"]);
        assert_eq!(walked[2].link.as_deref(), Some("../.."));
        assert_eq!(regular(directory.path()).unwrap(), ["a", "b.txt", "b/x"]);
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "bad.md", b"one\ntwo \xff").unwrap();
        let not_text = read_text(directory.path(), "bad.md").unwrap_err();
        assert_eq!(not_text.to_string(), "bad.md:2: this is not UTF-8");
        let missing = read(directory.path(), "gone.md").unwrap_err();
        assert_eq!(missing.to_string(), "gone.md: there is no such file");
    }

    #[test]
    fn links_that_lead_out_are_told_from_those_that_do_not() {
        for (path, target) in [("a", ".."), ("a/b", "../../c"), ("a", "/etc"), ("a/b", "c/../../../d")] {
            assert!(leads_out(path, target), "{path} -> {target}");
        }
        for (path, target) in [("a", "b"), ("a/b", "../c"), ("a/b", "c/.././../d")] {
            assert!(!leads_out(path, target), "{path} -> {target}");
        }
    }

    #[test]
    fn no_path_leads_out() {
        let directory = tempfile::tempdir().unwrap();
        for path in ["../x", "/etc/passwd", "a/../../x", "", "a//b"] {
            assert!(matches!(write(directory.path(), path, b""), Err(Error::Invalid(_))), "{path:?}");
        }
    }
}
