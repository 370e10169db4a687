//! Which paths and link targets a plugin may name.

use springline_model::tree::is_clean_path;

use super::DirectoryError;

/// The journal's name, in the lent directory itself.
pub(super) const JOURNAL: &str = ".springline-owned";
/// What the name of a half-written file starts with; 16 hex digits follow.
pub(super) const TEMPORARY: &str = ".springline-tmp-";
/// The longest target of a symbolic link, in bytes.
const MAX_TARGET: usize = 1024;

/// Whether a name is that of a file which Springline left half-written.
pub(super) fn is_temporary(name: &str) -> bool {
    name.strip_prefix(TEMPORARY)
        .is_some_and(|end| end.len() == 16 && end.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

/// Whether a name is Springline's own, on file systems that ignore case as well.
fn is_reserved(name: &str) -> bool {
    let starts_with = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    name.eq_ignore_ascii_case(JOURNAL) || starts_with(TEMPORARY)
}

/// Refuses a path that a plugin may not name.
pub(super) fn check_path(path: &str) -> Result<(), DirectoryError> {
    if !is_clean_path(path) {
        return Err(DirectoryError::Denied(format!("{path:?} is no clean path below the directory")));
    }
    if path.split('/').any(is_reserved) {
        return Err(DirectoryError::Denied(format!("`{path}` is Springline's own")));
    }
    Ok(())
}

/// Refuses the target of a link at a path if it could lead out of the directory. `..` may stand
/// at its start only: after a name, which may be a link itself, it leads who knows where.
pub(super) fn check_target(path: &str, target: &str) -> Result<(), DirectoryError> {
    let denied = |why: &str| Err(DirectoryError::Denied(format!("the link `{path}` -> {target:?} {why}")));
    if target.is_empty() || target.len() > MAX_TARGET || target.chars().any(|c| c.is_control() || c == '\\') {
        return denied("has no clean target");
    }
    if target.starts_with('/') {
        return denied("leaves the directory: its target is absolute");
    }
    let mut above = path.matches('/').count();
    let mut named = false;
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if named => return denied("has `..` after a name, which could leave the directory"),
            ".." if above == 0 => return denied("leaves the directory"),
            ".." => above -= 1,
            name if is_reserved(name) => return denied("points to what is Springline's own"),
            _ => named = true,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_and_unclean_paths_are_denied() {
        for path in [
            "",
            "/a",
            "../a",
            "a/../b",
            "a//b",
            "a\nb",
            JOURNAL,
            "a/.Springline-Owned",
            ".springline-tmp-x",
            ".SPRINGLINE-TMP-/a",
        ] {
            assert!(matches!(check_path(path), Err(DirectoryError::Denied(_))), "{path}");
        }
        for path in ["a", ".springline", ".springline-owned-not", "a/b.springline-tmp-x"] {
            assert!(check_path(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn targets_stay_inside() {
        for (path, target) in
            [("l", "a"), ("l", "a/b/"), ("d/l", "../a"), ("d/e/l", "../../a/."), ("d/l", ".."), ("l", ".")]
        {
            assert!(check_target(path, target).is_ok(), "{path} -> {target}");
        }
        for (path, target) in [
            ("l", ""),
            ("l", ".."),
            ("l", "/etc/passwd"),
            ("d/l", "../../a"),
            ("l", "a/../b"),
            ("d/l", "../a/.."),
            ("l", "./../a"),
            ("l", "a\0b"),
            ("l", JOURNAL),
            ("d/l", "../.springline-owned"),
        ] {
            assert!(matches!(check_target(path, target), Err(DirectoryError::Denied(_))), "{path} -> {target}");
        }
    }

    #[test]
    fn only_exact_names_are_temporary() {
        assert!(is_temporary(".springline-tmp-0123456789abcdef"));
        for name in [".springline-tmp-", ".springline-tmp-0123456789ABCDEF", ".springline-tmp-0123456789abcdef0", "x"] {
            assert!(!is_temporary(name), "{name}");
        }
    }
}
