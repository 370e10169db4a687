//! Tools of others that tests run, and what is got from package registries for them.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::skip;

/// What a command printed, if it succeeded; else that and why.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    if output.status.success() { Ok(stdout) } else { Err(format!("{command:?}\n{stdout}{stderr}")) }
}

/// What a command printed that must succeed.
#[track_caller]
pub fn succeeds(command: &mut Command) -> String {
    output(command).unwrap_or_else(|why| panic!("{why}"))
}

/// Makes what is in a directory, unless it was made of just this. One test at a time.
pub fn kept(directory: &Path, of: &[u8], make: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    fs::create_dir_all(directory).unwrap();
    let lock = File::create(directory.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let stamp = directory.join("installed");
    if fs::read(&stamp).is_ok_and(|made| made == of) {
        return Ok(());
    }
    make()?;
    fs::write(stamp, of).unwrap();
    Ok(())
}

/// A Python with a package, kept in the cache that all clones share until what it is made of
/// changes; none, with a word about it, where there is no Python or no package registry.
pub fn python_with(name: &str, package: &str, of: &[u8]) -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.unwrap_or_else(|| env::home_dir().unwrap().join(".cache"));
    let venv = cache.join("springline/venvs").join(name);
    let python = venv.join("bin/python");
    let made = kept(&venv, of, || {
        output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        output(Command::new(&python).args(["-m", "pip", "install", "--quiet", package])).map(drop)
    });
    match made {
        Ok(()) => Some(python),
        Err(why) => {
            skip(&format!("`python3 -m venv` and a package registry get what this takes: {why}"));
            None
        }
    }
}
