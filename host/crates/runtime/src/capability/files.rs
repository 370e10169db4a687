//! `springline:host/files`.

use crate::bindings::springline::host::files::{self, ModeError};
use crate::files::FileError;
use crate::state::CallState;
use crate::wasi::filesystem::At;

impl CallState {
    fn file_at(&mut self, path: &str) -> Result<At, ModeError> {
        let (root, rest) = self.split_root(path).ok_or(ModeError::NotPermitted)?;
        self.look_up(&root, rest, true).map_err(|error| mode_error(&error))
    }
}

fn mode_error(error: &FileError) -> ModeError {
    match error {
        FileError::NotFound | FileError::NotDirectory => ModeError::NotFound,
        _ => ModeError::NotPermitted,
    }
}

impl files::Host for CallState {
    fn is_executable(&mut self, path: String) -> wasmtime::Result<Result<bool, ModeError>> {
        let executable = self.file_at(&path).and_then(|at| {
            let asked = match &at {
                At::Artifacts => Err(FileError::NotPermitted),
                At::Mount { mount, path, .. } => self.files.mounts.is_executable(*mount, path),
                At::Out(node) => node.with(|out, node| out.is_executable(node)),
            };
            asked.map_err(|error| mode_error(&error))
        });
        Ok(executable)
    }

    fn set_executable(&mut self, path: String, executable: bool) -> wasmtime::Result<Result<(), ModeError>> {
        // What may not be written is not looked at either.
        let Some((At::Out(root), rest)) = self.split_root(&path) else { return Ok(Err(ModeError::NotPermitted)) };
        let set = root
            .find(rest, true)
            .and_then(|file| file.with(|out, file| out.set_executable(file, executable)))
            .map_err(|error| mode_error(&error));
        Ok(set)
    }
}
