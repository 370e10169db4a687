//! Where things are: the workspace, the cache and the target directory.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// Where things are, and the lock that keeps other xtasks away from them.
pub struct Context {
    /// The root of the workspace.
    pub root: PathBuf,
    /// What may be deleted at any time and is shared by all clones.
    pub cache: PathBuf,
    /// Where cargo compiles to.
    pub target: PathBuf,
    /// Held until the verb is done.
    _lock: File,
}

impl Context {
    /// Finds everything, says once where it compiles to, and waits for another xtask to end.
    pub fn locked() -> Result<Self> {
        let root = workspace_root()?;
        let cache = cache_dir()?.join("springline");
        let own_target = env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty());
        let target = match &own_target {
            Some(dir) => env::current_dir()?.join(dir),
            None => cache.join(target_name(&root)),
        };
        fs::create_dir_all(&target).with_context(|| format!("can't make {}", target.display()))?;
        let lock = lock(&target.join(".xtask.lock"))?;
        let why = if own_target.is_some() { "CARGO_TARGET_DIR" } else { "set CARGO_TARGET_DIR for another place" };
        println!("Compiling into {} ({why})", target.display());
        Ok(Self { root, cache, target, _lock: lock })
    }

    /// Where the project's plugins are put, one `NAME.wasm` each.
    pub fn plugins_dir(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// Where the tests' guests are put, one `NAME.wasm` each.
    pub fn guests_dir(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// The program, as the dev profile builds it.
    pub fn program(&self) -> PathBuf {
        self.target.join("debug").join(format!("springline{}", env::consts::EXE_SUFFIX))
    }

    /// Test data that lies beside the checkout, if this one has any.
    pub fn fixtures_dir(&self) -> Option<PathBuf> {
        let dir = self.root.parent()?.join("shared").join("fixtures");
        dir.is_dir().then_some(dir)
    }
}

/// One target directory a clone. Cargo tells a workspace's own crates apart by their place in the
/// workspace and by the age of their files, so that in a shared one a clone would be given what
/// another one compiled, with that one's paths in it.
fn target_name(root: &Path) -> String {
    let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
    let name: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("target-{name}")
}

fn workspace_root() -> Result<PathBuf> {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = manifest.ancestors().nth(2).context("xtask is not at host/xtask of the workspace")?;
    Ok(root.to_owned())
}

fn cache_dir() -> Result<PathBuf> {
    if let Some(dir) = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute()) {
        return Ok(dir);
    }
    let home =
        env::home_dir().context("neither XDG_CACHE_HOME nor HOME is set; set CARGO_TARGET_DIR and one of them")?;
    Ok(home.join(".cache"))
}

fn lock(path: &Path) -> Result<File> {
    let file = File::options().create(true).append(true).open(path);
    let file = file.with_context(|| format!("can't open {}", path.display()))?;
    if file.try_lock().is_err() {
        println!("Waiting for another xtask that uses {} …", path.display());
        file.lock().with_context(|| format!("can't lock {}", path.display()))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clones_do_not_share_a_target_directory() {
        let name = |root: &str| target_name(Path::new(root));
        assert_ne!(name("/a/springline"), name("/b/springline"));
        assert_eq!(name("/a/springline"), name("/a/springline"));
        assert!(name("/a").starts_with("target-"));
    }
}
