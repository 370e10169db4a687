//! Where things are on this machine.

use std::path::{Path, PathBuf};

/// The directory at a repository's root that holds its state.
pub const STATE: &str = ".springline";
/// The operator's file in the state directory.
pub const OPERATOR: &str = "host.yaml";
/// The application's file at a repository's root.
pub const APPLICATION: &str = "springline.yaml";
/// The lock file, at a repository's root and (for the operator's plugins) in the state directory.
pub const LOCK: &str = "springline.lock";

/// The directory of the state that holds what vouches for plugins from registries.
pub const PROOFS: &str = "registry";

/// Where the keys of this user are: `SPRINGLINE_CONFIG_DIR`, else the user's directory for
/// configuration; none where the user has no home.
pub fn keys() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("SPRINGLINE_CONFIG_DIR")
        .or_else(|| set("XDG_CONFIG_HOME").map(|dir| dir.join("springline")))
        .or_else(|| set("HOME").map(|dir| dir.join(".config/springline")));
    config.map(|dir| dir.join("keys"))
}

/// Where compiled plugins are kept: `SPRINGLINE_CACHE_DIR`, else the user's cache directory, else
/// the state directory.
pub fn compiled(state: &Path) -> PathBuf {
    cache().unwrap_or_else(|| state.to_owned()).join("compiled")
}

/// Where toolchains for plugins are installed, beside the compiled plugins.
pub fn toolchains() -> PathBuf {
    cache().unwrap_or_else(|| std::env::temp_dir().join("springline")).join("toolchains")
}

fn cache() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("SPRINGLINE_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("springline")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/springline")))
}
