//! `springline:host/secrets`: values that are read when a plugin asks for them, and kept nowhere.

use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;

use springline_model::capability::{SECRETS, SecretGrant, Whose};

use crate::bindings::springline::host::secrets::{self, SecretError};
use crate::state::CallState;

/// The longest value, in bytes.
const LONGEST: usize = 64 << 10;
/// The shortest value, in bytes: a shorter one can't be masked without masking everything.
const SHORTEST: usize = 6;
/// The longest name that is repeated in a message, in bytes.
const NAME: usize = 64;

impl secrets::Host for CallState {
    fn get(&mut self, name: String) -> wasmtime::Result<Result<Vec<u8>, SecretError>> {
        let powers = &self.powers;
        if let Some(refusal) = powers.refusal(SECRETS) {
            return Ok(Err(SecretError::Denied(powers.deny(SECRETS, &refusal))));
        }
        let Some(grant) = powers.grants().secrets.get(&name) else {
            let name = powers.masks().mask_cut(&name, NAME);
            let line = powers.line(|whose: Whose<'_>| whose.secret_line(&name));
            let whose = powers.whose();
            let message = format!("the secret `{name}` is not granted to {whose}; this in host.yaml would: `{line}`");
            return Ok(Err(SecretError::Denied(powers.deny(SECRETS, &message))));
        };
        powers.note(|used| used.secret(&name));
        let masked = value(grant).and_then(|value| match powers.masks().add(&name, &value) {
            Ok(()) => Ok(value),
            Err(error) => Err(format!("it can't be masked: {error}")),
        });
        Ok(masked.map_err(|why| SecretError::Unavailable(format!("the secret `{name}` is granted, but {why}"))))
    }
}

/// The value of a secret. What goes wrong is told without any of it.
fn value(grant: &SecretGrant) -> Result<Vec<u8>, String> {
    let value = match (&grant.env, &grant.file) {
        (Some(variable), None) => {
            let value = std::env::var_os(variable)
                .ok_or_else(|| format!("Springline's environment has no variable `{variable}`"))?;
            value.as_bytes().to_vec()
        }
        (None, Some(path)) => {
            let failed = |error: std::io::Error| format!("its file {} can't be read: {error}", path.display());
            let mut value = Vec::new();
            let file = std::fs::File::open(path).map_err(failed)?;
            if !file.metadata().map_err(failed)?.is_file() {
                return Err(format!("{} is no regular file", path.display()));
            }
            file.take(LONGEST as u64 + 3).read_to_end(&mut value).map_err(failed)?;
            if value.ends_with(b"\n") {
                value.pop();
                value.pop_if(|last| *last == b'\r');
            }
            value
        }
        _ => return Err("host.yaml names neither a variable nor a file for it, or both".into()),
    };
    match value.len() {
        0 => Err("it is empty".into()),
        length if length < SHORTEST => {
            Err(format!("it is shorter than {SHORTEST} bytes, too short to be masked in logs"))
        }
        length if length > LONGEST => Err(format!("it is longer than {} KiB", LONGEST >> 10)),
        _ => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn of_file(path: PathBuf) -> Result<Vec<u8>, String> {
        value(&SecretGrant { file: Some(path), ..SecretGrant::default() })
    }

    #[test]
    fn a_file_is_read_without_its_last_line_break() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        for (bytes, expected) in [
            ("hunter2", "hunter2"),
            ("hunter2\n", "hunter2"),
            ("hunter2\r\n", "hunter2"),
            ("two\nlines\n\n", "two\nlines\n"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(of_file(path.clone()).unwrap(), expected.as_bytes());
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_without_showing_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "x".repeat(LONGEST + 1)).unwrap();
        assert!(of_file(path.clone()).unwrap_err().contains("64 KiB"));
        std::fs::write(&path, "12345\n").unwrap();
        let short = of_file(path.clone()).unwrap_err();
        assert!(short.contains("6 bytes") && !short.contains("12345"));
        std::fs::write(&path, "\n").unwrap();
        assert!(of_file(path).unwrap_err().contains("empty"));
        assert!(of_file(directory.path().to_owned()).unwrap_err().contains("no regular file"));
        let variable = SecretGrant { env: Some("SPRINGLINE_NO_SUCH_VARIABLE".into()), ..SecretGrant::default() };
        assert!(value(&variable).unwrap_err().contains("no variable"));
        assert!(value(&SecretGrant::default()).is_err());
    }
}
