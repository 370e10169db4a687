//! Resolving paths part by part, as POSIX does, without ever leaving a root.

use super::FileError;

/// Symbolic links that one resolution may follow.
const MAX_LINKS: u32 = 40;
/// The longest path or link target that is looked at, in bytes.
const MAX_PATH: usize = 4096;

/// What is left of a path while it is resolved.
pub(super) struct Remaining {
    /// The parts still to go, the next one last.
    parts: Vec<String>,
    links: u32,
}

impl Remaining {
    /// All of a path. A trailing slash counts as a last part `.`, which only a directory has.
    ///
    /// # Errors
    /// [`FileError::NotFound`] for an empty path, [`FileError::NotPermitted`] for an absolute
    /// one, [`FileError::Invalid`] for one that is too long or has a zero byte.
    pub(super) fn new(path: &str) -> Result<Self, FileError> {
        let mut remaining = Self { parts: Vec::new(), links: 0 };
        remaining.push(path)?;
        Ok(remaining)
    }

    fn push(&mut self, path: &str) -> Result<(), FileError> {
        if path.is_empty() {
            return Err(FileError::NotFound);
        }
        if path.len() > MAX_PATH || path.contains('\0') {
            return Err(FileError::Invalid);
        }
        if path.starts_with('/') {
            return Err(FileError::NotPermitted);
        }
        if path.ends_with('/') {
            self.parts.push(".".to_owned());
        }
        self.parts.extend(path.rsplit('/').filter(|part| !part.is_empty()).map(str::to_owned));
        Ok(())
    }

    /// Takes the next part.
    pub(super) fn next(&mut self) -> Option<String> {
        self.parts.pop()
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether nothing is left but the `.` of a trailing slash.
    pub(super) fn is_trailing_slash(&self) -> bool {
        matches!(self.parts.as_slice(), [part] if part == ".")
    }

    /// Goes on with a link's target, then with what was left.
    ///
    /// # Errors
    /// [`FileError::Loop`] after 40 links; else as for a path.
    pub(super) fn follow(&mut self, target: &str) -> Result<(), FileError> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(FileError::Loop);
        }
        self.push(target)
    }
}

/// Whether a path needs no resolution part by part unless a symbolic link is on its way.
pub(super) fn is_plain(path: &str) -> bool {
    path.len() <= MAX_PATH && !path.contains('\0') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Whether a link's target, read as text, stays below the root. `depth` counts the directories
/// from the root down to the one the link is in.
pub(super) fn stays_inside(depth: usize, target: &str) -> bool {
    if target.starts_with('/') {
        return false;
    }
    let mut depth = Some(depth);
    for part in target.split('/') {
        depth = match (part, depth) {
            ("" | ".", depth) => depth,
            ("..", Some(depth)) => depth.checked_sub(1),
            (_, Some(depth)) => Some(depth + 1),
            (_, None) => return false,
        };
    }
    depth.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_in_order_and_a_trailing_slash_is_a_dot() {
        let mut remaining = Remaining::new("a//b/").unwrap();
        assert_eq!(remaining.next().as_deref(), Some("a"));
        remaining.follow("../c").unwrap();
        for part in ["..", "c", "b"] {
            assert_eq!(remaining.next().as_deref(), Some(part));
        }
        assert!(remaining.is_trailing_slash());
        assert_eq!(remaining.next().as_deref(), Some("."));
        assert!(remaining.is_empty());
    }

    #[test]
    fn forty_links_are_followed_and_no_more() {
        let mut remaining = Remaining::new("a").unwrap();
        for _ in 0..40 {
            remaining.follow("b").unwrap();
        }
        assert!(matches!(remaining.follow("b"), Err(FileError::Loop)));
    }

    #[test]
    fn targets_are_judged_by_their_lowest_point() {
        for (depth, target) in [(0, "a"), (1, "../a"), (2, "../../a/b/.."), (0, "."), (0, "a/../b"), (1, "..")] {
            assert!(stays_inside(depth, target), "{depth} {target}");
        }
        for (depth, target) in [(0, ".."), (0, "/a"), (1, "../../a"), (0, "a/../../out"), (1, "../..")] {
            assert!(!stays_inside(depth, target), "{depth} {target}");
        }
    }
}
