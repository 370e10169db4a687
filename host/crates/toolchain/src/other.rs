//! Any language: the project names the command that makes the component.

use std::fs;
use std::process::Command;

use crate::component;
use crate::{BuildError, Job, Missing, Toolchain, find, missing, run};

/// A command of the project's own.
pub struct Other;

impl Toolchain for Other {
    fn missing(&self, job: &Job<'_>) -> Vec<Missing> {
        let Some(program) = job.project.command.first() else { return Vec::new() };
        if program.contains('/') || find(program).is_some() {
            return Vec::new();
        }
        vec![missing(format!("`{program}`, which plugin.yaml names in `command`, on PATH"), &[])]
    }

    /// Runs the command in the project's directory. It must leave the component at its place, or a
    /// core module that is made a component: of the world that it names, else of its kind's.
    fn build(&self, job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
        let project = job.project;
        let Some((program, arguments)) = project.command.split_first() else {
            return Err(BuildError::Project("plugin.yaml names no command".into()));
        };
        project.work()?;
        run(Command::new(program).args(arguments).current_dir(&project.directory), job.say)?;
        let bytes = fs::read(&project.component).map_err(|error| {
            let command = project.command.join(" ");
            BuildError::Project(format!(
                "`{command}` succeeded, and left no component at {}: {error}",
                project.shown(&project.component)
            ))
        })?;
        if !bytes.starts_with(b"\0asm\x01\0\0\0") {
            return Ok(bytes);
        }
        match component::names_world(&bytes) {
            true => component::of_module(&bytes),
            false => component::of_module_for(&bytes, &project.wit(), &project.world()),
        }
    }
}
