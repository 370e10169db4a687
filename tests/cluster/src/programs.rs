//! Where the programs of a control plane are.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// What `cargo xtask test` sets.
const BUILT: &str = "SPRINGLINE_KUBE";
/// Where controller tests everywhere look.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// What is in a control plane's directory at the least.
const PROGRAMS: [&str; 3] = ["etcd", "kube-apiserver", "kubectl"];

/// The directory with `etcd`, `kube-apiserver` and `kubectl`; none, with a word about it, where there
/// is none.
pub fn directory() -> Option<PathBuf> {
    let directory = named(|variable| env::var_os(variable));
    if directory.is_none() {
        skip(&format!(
            "neither {ASSETS} nor {BUILT} names a directory with {}; \
             `cargo xtask test` builds one, for which it takes Go 1.26 or newer (https://go.dev/dl)",
            PROGRAMS.join(", ")
        ));
    }
    directory?.canonicalize().ok()
}

/// The first directory that a variable names and that has all the programs.
fn named(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let named = [ASSETS, BUILT].into_iter().filter_map(variable).map(PathBuf::from);
    named.into_iter().find(|directory| PROGRAMS.iter().all(|program| directory.join(program).exists()))
}

/// Says why something is not tested here, and how it would be; in CI nothing may be skipped.
///
/// # Panics
/// In CI.
#[track_caller]
pub fn skip(why: &str) {
    assert!(env::var_os("CI").is_none(), "CI must not skip: {why}");
    eprintln!("skipped: {why}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_directory_of_controller_tests_goes_before_the_one_that_was_built() {
        let (assets, built) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let found = |variables: &[&str]| {
            named(|variable| {
                let directory = if variable == ASSETS { &assets } else { &built };
                variables.contains(&variable).then(|| directory.path().into())
            })
        };
        let fill = |directory: &Path, programs: &[&str]| {
            programs.iter().for_each(|program| std::fs::write(directory.join(program), "").unwrap());
        };
        assert_eq!(found(&[ASSETS, BUILT]), None, "nothing is in them");
        fill(built.path(), &PROGRAMS);
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[ASSETS, BUILT]).as_deref(), Some(built.path()));
        fill(assets.path(), &PROGRAMS[..2]);
        assert_eq!(found(&[ASSETS, BUILT]).as_deref(), Some(built.path()), "one without a kubectl is none");
        assert_eq!(found(&[ASSETS]), None);
        fill(assets.path(), &PROGRAMS);
        assert_eq!(found(&[ASSETS, BUILT]).as_deref(), Some(assets.path()));
        assert_eq!(found(&[BUILT]).as_deref(), Some(built.path()));
    }
}
