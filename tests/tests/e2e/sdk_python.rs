//! The SDK for Python: its own tests, with the Python that is here.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("sdk/python")
}

/// A Python with what the package says that its tests take, kept in the cache; none, with a word
/// about it, where there is no Python or no package registry.
fn python() -> Option<PathBuf> {
    let wanted = fs::read(sdk().join("pyproject.toml")).unwrap();
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.unwrap_or_else(|| env::home_dir().unwrap().join(".cache")).join("springline");
    fs::create_dir_all(&cache).unwrap();
    let lock = File::create(cache.join("sdk-python.lock")).unwrap();
    lock.lock().unwrap();
    let (venv, stamp) = (cache.join("sdk-python"), cache.join("sdk-python/pyproject.toml"));
    let python = venv.join("bin/python");
    if fs::read(&stamp).is_ok_and(|got| got == wanted) {
        return Some(python);
    }
    let made = output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv)).and_then(|_| {
        let package = format!("{}[build,test]", sdk().display());
        output(Command::new(&python).args(["-m", "pip", "install", "--quiet", &package]))
    });
    match made {
        Ok(_) => fs::write(&stamp, wanted).unwrap(),
        Err(why) => {
            assert!(env::var_os("CI").is_none(), "CI must not skip: {why}");
            eprintln!("skipped: `python3 -m venv` and a package registry get what this takes: {why}");
            return None;
        }
    }
    Some(python)
}

/// What a command printed, if it succeeded; else that and why.
fn output(command: &mut Command) -> Result<String, String> {
    let Output { status, stdout, stderr } = command.output().map_err(|error| error.to_string())?;
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    if status.success() { Ok(text) } else { Err(text) }
}

#[test]
fn its_own_tests_pass_and_none_is_skipped() {
    let Some(python) = python() else { return };
    let mut command = Command::new(python);
    command.current_dir(sdk()).args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONPATH");
    let told = output(&mut command).unwrap_or_else(|told| panic!("{told}"));
    let summary = told.lines().last().unwrap_or_default();
    assert!(summary.contains(" passed") && !told.contains("skipped"), "{told}");
}
