//! Where the programs of a control plane are.

use std::env;
use std::path::PathBuf;

/// What `cargo xtask test` sets.
const BUILT: &str = "SPRINGLINE_KUBE";
/// Where controller tests everywhere look.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// The directory with `etcd`, `kube-apiserver` and `kubectl`; none, with a word about it, where there
/// is none.
pub fn directory() -> Option<PathBuf> {
    let named = [ASSETS, BUILT].into_iter().filter_map(env::var_os).map(PathBuf::from);
    let directory = named.into_iter().find(|directory| directory.join("kube-apiserver").exists());
    if directory.is_none() {
        skip(&format!(
            "neither {ASSETS} nor {BUILT} names a directory with a kube-apiserver; \
             `cargo xtask test` builds one, for which it takes Go 1.26 or newer (https://go.dev/dl)"
        ));
    }
    directory?.canonicalize().ok()
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
