//! `springline plugin build`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use springline_model::Digest;
use springline_toolchain::{BuildError, Job, Missing, Project, shell_line};

use crate::cli::Common;
use crate::cli::error::{CliError, Kind};
use crate::desk::project;
use crate::paths;
use crate::show::{self, FAINT, paint, time};

/// Builds a plugin project.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline plugin build\n  springline plugin build my-step --install")]
pub struct Build {
    /// The project's directory, the one with plugin.yaml
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    #[command(flatten)]
    how: How,
}

/// How a project is built.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct How {
    /// Get what is missing of the toolchain, by the commands that are shown
    #[arg(long)]
    install: bool,
    /// Put debug information into the component: a trap then shows lines of the source
    #[arg(long)]
    debug: bool,
}

/// What was built.
pub struct Built {
    /// The digest of the component.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: usize,
}

impl Build {
    /// Builds.
    ///
    /// # Errors
    /// No project; a toolchain that is missing; source that does not compile.
    pub fn run(&self, common: &Common) -> Result<ExitCode, CliError> {
        let declaration = project::read(&self.directory)?;
        let began = Instant::now();
        let built = build(&declaration.project, self.how)?;
        let component = shown(&declaration.project.component);
        let value = json!({ "component": component, "digest": built.digest, "size": built.size });
        show::data(common, &value, |_| {
            let size = time::bytes(built.size as u64);
            show::line(format_args!("built {component}: {size}, {} {}", built.digest, time::duration(began.elapsed())));
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A path as people read it: from the current directory on, if it is below it.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

/// Builds a project, and says what it does on standard error.
///
/// # Errors
/// What the toolchain reports; no directory for it.
pub fn build(project: &Project, how: How) -> Result<Built, CliError> {
    let cache = paths::toolchains()?;
    let say = |command: &str| show::note(paint(FAINT, format_args!("$ {command}")));
    let job = Job { project, cache: &cache, debug: how.debug, say: &say };
    if how.install {
        let missing = springline_toolchain::look(&job);
        springline_toolchain::install(&job, &missing)?;
    }
    let bytes = springline_toolchain::build(&job)?;
    Ok(Built { digest: Digest::of(&bytes), size: bytes.len() })
}

impl From<BuildError> for CliError {
    fn from(error: BuildError) -> Self {
        let message = error.to_string();
        match error {
            BuildError::Missing(missing) => Self::new(Kind::Usage, message).hint(ways(&missing)),
            BuildError::Start { .. } => Self::new(Kind::Usage, message),
            BuildError::Failed { .. } | BuildError::Component(_) | BuildError::Project(_) => {
                Self::new(Kind::Plugin, message)
            }
            BuildError::Io { .. } => Self::new(Kind::State, message),
        }
    }
}

/// The commands that get what is missing.
fn ways(missing: &[Missing]) -> String {
    let commands: Vec<String> = missing
        .iter()
        .flat_map(|missing| &missing.commands)
        .map(|command| format!("\n  {}", shell_line(command)))
        .collect();
    if commands.is_empty() {
        return "get it, and build again".into();
    }
    format!("`springline plugin build --install` gets it, by{}", commands.concat())
}
