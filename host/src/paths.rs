//! Where things are on this machine.

use std::path::{Path, PathBuf};

use crate::cli::error::{CliError, Kind};

/// The directory at a repository's root that holds its state.
pub const STATE: &str = ".springline";
/// The operator's file in the state directory.
pub const OPERATOR: &str = "host.yaml";
/// The directory of the state that holds mirrors of repositories elsewhere.
pub const SOURCES: &str = "sources";
/// The fleet's file in the state directory.
pub const FLEET: &str = "fleet.yaml";
/// The application's file, at a repository's root or in the application's directory.
pub const APPLICATION: &str = "springline.yaml";
/// The lock file, beside the application's file and (for the operator's plugins) in the state directory.
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

/// Where toolchains for plugins are installed, beside the compiled plugins. Programs there are run,
/// so no directory stands in for it that others could fill first.
///
/// # Errors
/// If this user has no directory for a cache.
pub fn toolchains() -> Result<PathBuf, CliError> {
    let cache = cache().ok_or_else(|| {
        let message = "this user has no directory for toolchains: neither HOME nor XDG_CACHE_HOME is set";
        CliError::new(Kind::State, message).hint("name a directory with SPRINGLINE_CACHE_DIR")
    })?;
    Ok(cache.join("toolchains"))
}

fn cache() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("SPRINGLINE_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("springline")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/springline")))
}
