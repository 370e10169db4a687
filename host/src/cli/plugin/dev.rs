//! `springline plugin dev`.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use clap::Args;
use notify::{EventKind, RecursiveMode, Watcher as _};
use springline_model::Cancel;
use springline_toolchain::Project;

use super::build::{self, How};
use super::test::{self, Ran};
use crate::cli::error::{CliError, Kind};
use crate::desk::case;
use crate::desk::{Desk, project};
use crate::show::{self, BAD, FAINT, STRONG, paint, time};

/// How long nothing must change before a build starts: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(150);
/// How often is looked whether to end.
const LOOK: Duration = Duration::from_millis(100);
/// Directories whose changes mean nothing: what tools make.
const IGNORED: [&str; 8] = ["target", "build", "node_modules", "dist", ".git", "__pycache__", ".venv", ".expected.new"];

/// Watches a plugin project: builds it and runs its cases again whenever a file changes. Ctrl-C ends
/// it.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline plugin dev my-step")]
pub struct Dev {
    /// The project's directory, the one with plugin.yaml
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    #[command(flatten)]
    how: How,
}

impl Dev {
    /// Watches until it is stopped.
    ///
    /// # Errors
    /// No project; a directory that can't be watched.
    pub fn run(&self, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let project = project::read(&self.directory)?.project;
        let (sender, changes) = channel();
        let failed = |error: notify::Error| {
            CliError::new(Kind::State, format!("{} can't be watched: {error}", project.directory.display()))
                .hint("on Linux `sysctl fs.inotify.max_user_watches` may be too low")
        };
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Whoever no longer listens has ended.
            if let Ok(event) = event
                && !matches!(event.kind, EventKind::Access(_))
            {
                let _ = sender.send(event.paths);
            }
        })
        .map_err(failed)?;
        watcher.watch(&project.directory, RecursiveMode::Recursive).map_err(failed)?;
        let desk = Desk::open()?;
        let mut changed = BTreeSet::new();
        while !cancel.is_cancelled() {
            self.round(&desk, &changed, cancel);
            changed = next(&changes, &project, cancel);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Builds and tests once, on one screen. A failure is shown, and mended by the next change.
    fn round(&self, desk: &Desk, changed: &BTreeSet<String>, cancel: &Cancel) {
        if std::io::stdout().is_terminal() {
            // Clears the screen; that it may not work changes nothing.
            let _ = write!(anstream::stdout(), "\x1b[2J\x1b[H");
        }
        if !changed.is_empty() {
            let names: Vec<_> = changed.iter().map(String::as_str).take(4).collect();
            let more = if changed.len() > 4 { " …" } else { "" };
            show::line(paint(FAINT, format_args!("changed: {}{more}", names.join(", "))));
        }
        match self.build_and_test(desk, cancel) {
            _ if cancel.is_cancelled() => return,
            Ok(()) => {}
            Err(error) => {
                show::line(format_args!("{} {}", paint(BAD, "error:"), error.message));
                if let Some(hint) = error.hint {
                    show::line(format_args!("help: {hint}"));
                }
            }
        }
        show::line(paint(FAINT, "watching; Ctrl-C ends"));
    }

    fn build_and_test(&self, desk: &Desk, cancel: &Cancel) -> Result<(), CliError> {
        let project = project::read(&self.directory)?.project;
        let began = Instant::now();
        let built = build::build(&project, self.how)?;
        let size = time::bytes(built.size as u64);
        let took = paint(FAINT, time::duration(began.elapsed()));
        show::line(format_args!("{} {size} {took}", paint(STRONG, &project.name)));
        let cases = match project::cases(&self.directory) {
            directory if directory.is_dir() => case::all(&directory, &[])?,
            _ => Vec::new(),
        };
        let plugin = desk.load(&project.component)?;
        let all = test::run_all(desk, &plugin, &cases, false, cancel, test::print)?;
        show::line(test::total(all.iter().filter(|ran| Ran::is_good(ran)).count(), all.len()));
        Ok(())
    }
}

/// Waits for changes, and for the quiet after them. Returns what changed, from the project on; empty
/// if it is to end.
fn next(changes: &Receiver<Vec<PathBuf>>, project: &Project, cancel: &Cancel) -> BTreeSet<String> {
    let mut changed = BTreeSet::new();
    while !cancel.is_cancelled() {
        match changes.recv_timeout(if changed.is_empty() { LOOK } else { QUIET }) {
            Ok(paths) => changed.extend(paths.iter().filter_map(|path| shown(path, project))),
            Err(RecvTimeoutError::Timeout) if changed.is_empty() => {}
            Err(_) => break,
        }
    }
    changed
}

/// A path that matters, from the project's directory on.
fn shown(path: &Path, project: &Project) -> Option<String> {
    let inside = path.strip_prefix(&project.directory).ok()?;
    let mut parts = inside.iter().map(|part| part.to_string_lossy());
    let matters = path != project.component
        && !inside.as_os_str().is_empty()
        && !parts.any(|part| {
            IGNORED.contains(&part.as_ref()) || part.ends_with('~') || part.starts_with(".#") || part.ends_with(".swp")
        });
    matters.then(|| inside.display().to_string())
}

#[cfg(test)]
mod tests {
    use springline_toolchain::Language;

    use super::*;

    #[test]
    fn what_tools_make_is_no_change() {
        let directory = PathBuf::from("/p");
        let project = Project {
            component: directory.join("out.wasm"),
            directory,
            name: "p".into(),
            language: Language::Rust,
            kind: "renderer".into(),
            command: Vec::new(),
        };
        for path in ["/p/target/x", "/p/build/p.wasm", "/p/out.wasm", "/p", "/q/x", "/p/src/.lib.rs.swp", "/p/a~"] {
            assert_eq!(shown(Path::new(path), &project), None, "{path}");
        }
        assert_eq!(shown(Path::new("/p/src/lib.rs"), &project).as_deref(), Some("src/lib.rs"));
    }
}
