//! Go, plain, for `wasip1`: its core module says nothing of the contract, so the world is put into it
//! here.

use std::fs;
use std::process::Command;

use crate::{BuildError, Job, Missing, Toolchain, component, find, missing, run};

/// The oldest Go that exports functions from a module: 1.24.
const OLDEST: (u32, u32) = (1, 24);

/// Go.
pub struct Go;

impl Toolchain for Go {
    fn missing(&self, job: &Job<'_>) -> Vec<Missing> {
        let what = format!("Go {}.{} or newer (https://go.dev/dl has it)", OLDEST.0, OLDEST.1);
        if find("go").is_none() {
            return vec![missing(what, &[])];
        }
        // Go gets the version that go.mod asks for itself, if it may.
        match version(job) {
            Some(version) if version >= OLDEST => Vec::new(),
            Some((major, minor)) => vec![missing(format!("{what}: this is Go {major}.{minor}"), &[])],
            None => {
                vec![missing(format!("{what}: `go env GOVERSION` fails here, so this one is older, or broken"), &[])]
            }
        }
    }

    fn build(&self, job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
        let project = job.project;
        let module = project.work()?.join(format!("{}.core.wasm", project.name));
        let mut go = go(job);
        // Paths, the state of the repository and Go's own build id would differ from place to place.
        // Names of functions stay in (2% of the size) for the backtraces of traps.
        go.args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-buildid=", "-o"]);
        run(go.arg(&module).arg("."), job.say)?;
        let bytes = fs::read(&module).map_err(|error| BuildError::io(&module, &error))?;
        fs::remove_file(&module).map_err(|error| BuildError::io(&module, &error))?;
        component::of_module_for(&bytes, &project.wit(), &project.world())
    }
}

/// Go in the project, for the target.
fn go(job: &Job<'_>) -> Command {
    let mut go = Command::new("go");
    go.current_dir(&job.project.directory);
    // A workspace around the project would choose other versions than its own go.mod.
    go.env("GOOS", "wasip1").env("GOARCH", "wasm").env("GOWORK", "off").env_remove("GOWASM");
    go
}

fn version(job: &Job<'_>) -> Option<(u32, u32)> {
    parse(&run(go(job).args(["env", "GOVERSION"]), &|_| {}).ok()?)
}

/// The version in what `go env GOVERSION` prints, such as `go1.26.8`.
fn parse(text: &str) -> Option<(u32, u32)> {
    let digits = |part: &str| part.split(|c: char| !c.is_ascii_digit()).next().and_then(|part| part.parse().ok());
    // A development version: `devel go1.27-0123456789 …`.
    let (_, version) = text.split_once("go")?;
    let mut parts = version.split('.');
    Some((digits(parts.next()?)?, digits(parts.next()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(parse("go1.26.8\n"), Some((1, 26)));
        assert_eq!(parse("go1.25rc1"), Some((1, 25)));
        assert_eq!(parse("devel go1.27-0a1b2c Tue"), Some((1, 27)));
        assert_eq!(parse("go"), None);
        assert!(parse("go1.9").unwrap() < OLDEST);
    }
}
