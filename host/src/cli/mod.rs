//! The command line: one file a verb.

pub mod approve;
pub mod apps;
pub mod artifact;
pub mod build;
pub mod cancel;
mod claim;
pub mod completion;
pub mod confirm;
pub mod diff;
pub mod error;
pub mod failure;
pub mod gc;
pub mod health;
pub mod history;
pub mod init;
pub mod key;
pub mod logs;
mod meant;
pub mod notify;
pub mod pin;
pub mod plugin;
pub mod promote;
pub mod redeploy;
pub mod remove;
pub mod render;
pub mod review;
pub mod run;
mod session;
pub mod standing;
pub mod status;
pub mod suspend;
pub mod update;
pub mod verify;
pub mod watch;
pub mod why;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use clap::{Args, Parser, Subcommand, ValueEnum};
use springline_model::Cancel;

use error::{CliError, Kind};
pub use meant::{Meant, check_known, in_command, named, unknown};
use session::Session;

use crate::app::{BEGINNING, TRY_EVERY};
use crate::project::Project;
use crate::socket;

/// From a git revision to reality: builds what is missing, renders, deploys, records and removes
/// drift. Every step is a sandboxed WebAssembly plugin.
#[derive(Debug, Parser)]
#[command(name = "springline", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Start with `springline init`, then `springline run`. Exit codes: 0 done, 1 differs, \
                        2 wrong usage, 3 config, 4 source, 5 plugin, 6 deploy, 7 state, 8 denied, 9 busy, \
                        10 no space, 11 unconfirmed, 130 stopped.")]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// The repository: a path (bare ones too) or a URL [default: where --app comes from, or the working directory's]
    #[arg(long, global = true, value_name = "PATH|URL")]
    pub repo: Option<String>,
    /// The application's directory in the repository: springline.yaml is read there [default: its root]
    #[arg(long, global = true, value_name = "DIR")]
    pub path: Option<String>,
    /// The application, by its name in the state: where it comes from is known there
    #[arg(long, global = true, value_name = "NAME")]
    pub app: Option<String>,
    /// Where Springline keeps its state [default: .springline at the repository's root]
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// How data is printed
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "text")]
    pub output: Output,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// If another process owns the state directory and does not answer, wait for it to end
    #[arg(long, global = true)]
    pub wait: bool,
    /// From where the verb is called, and what executes it.
    #[arg(skip)]
    pub session: Session,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// In a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which state of the source is meant.
#[derive(Debug, Clone, Default, Args)]
pub struct RevisionArgs {
    /// A branch, a tag, a commit or anything `git rev-parse` understands [default: HEAD]
    #[arg(long, value_name = "REV", conflicts_with = "worktree")]
    pub revision: Option<String>,
    /// The uncommitted state of the work tree, ignored files left out
    #[arg(long)]
    pub worktree: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a first springline.yaml and host.yaml
    Init(init::Init),
    /// Build what is missing, render, deploy and record, in every environment
    Run(run::Run),
    /// Make live what the revision says, in one environment or for one object
    Sync(run::Sync),
    /// Build what is missing, and no more
    Build(build::Build),
    /// Print the desired objects
    Render(render::Render),
    /// Show what differs between desired and live: exit code 0 if nothing does, 1 if something does
    Diff(diff::Diff),
    /// Show what is deployed, whether it drifted and how healthy it is
    Status(status::Status),
    /// Judge Kubernetes objects in files as a deploy to a cluster would, without a cluster
    Health(health::Health),
    /// Deploy new commits as they come, and remove drift as soon as it is there
    Watch(watch::Watch),
    /// List what a running watch looks after
    Apps(apps::Apps),
    /// Tell a running watch that something is new: it looks at once
    Notify(notify::Notify),
    /// Stop a run that is under way
    Cancel(cancel::CancelArgs),
    /// Leave an application alone until it is resumed: a watch deploys and repairs nothing of it
    Suspend(suspend::Suspend),
    /// End what suspend began
    Resume(suspend::Resume),
    /// Deploy an earlier release exactly as it was: no commit, no rebuild, no re-render
    Redeploy(redeploy::Redeploy),
    /// Let go of the release that an environment is pinned to
    Unpin(pin::Unpin),
    /// Remove what is deployed of an application that nothing declares any more
    Remove(remove::Remove),
    /// Move what is deployed in one environment on to the next: never a rebuild
    Promote(promote::Promote),
    /// Approve of a release that waits to be promoted
    Approve(approve::Approve),
    /// List every sync, or prove the list
    History(history::History),
    /// Show which commit, file and plugin made a deployed value what it is
    Why(why::Why),
    /// Show what plugins logged in a run
    Logs(logs::Logs),
    /// List, show and export artifacts
    Artifact(artifact::ArtifactArgs),
    /// Write, build, test, look at and share plugins
    Plugin(plugin::PluginArgs),
    /// Make and show the keys that sign plugins
    Key(key::KeyArgs),
    /// Pin what plugin names stand for today in springline.lock
    Update(update::Update),
    /// Execute everything pure once more and compare the bytes with what was kept
    Verify(verify::Verify),
    /// Remove what nothing refers to
    Gc(gc::Gc),
    /// Print a completion script for a shell
    Completion(completion::Completion),
}

impl Verb {
    /// Whether it may write blobs that nothing refers to yet, as of plugins that are being pinned.
    pub fn writes_blobs(&self) -> bool {
        !matches!(
            self,
            Self::Gc(_)
                | Self::Apps(_)
                | Self::Notify(_)
                | Self::Cancel(_)
                | Self::Suspend(_)
                | Self::Resume(_)
                | Self::History(_)
                | Self::Logs(_)
        )
    }

    /// Whether it is always executed by the process that was called: it needs no state, or it is to own
    /// one. All others are executed by whoever owns the state.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Init(_) | Self::Health(_) | Self::Watch(_) | Self::Key(_) | Self::Completion(_) => true,
            Self::Plugin(verb) => verb.is_local(),
            Self::History(verb) => verb.is_local(),
            _ => false,
        }
    }
}

/// Runs a verb, or has it run by the process that owns the state directory, if there is one.
///
/// # Errors
/// What the verb says; an owner that can't execute it.
pub fn here_or_by_the_owner(mut cli: Cli, cancel: &Cancel) -> Result<ExitCode, CliError> {
    // What is wrong with the repository, the verb itself says best.
    let state = if cli.verb.is_local() { None } else { Project::state_of(&cli.common).ok() };
    let Some(state) = state.filter(|state| state.is_dir()) else { return run(&cli, cancel) };
    let answered = Arc::new(AtomicBool::new(false));
    cli.common.session.answered = Some(Arc::clone(&answered));
    let mut left = BEGINNING;
    loop {
        if let Some(owner) = socket::reach(&state)?
            && let Some(code) = owner.execute(cancel)?
        {
            return Ok(ExitCode::from(code));
        }
        match run(&cli, cancel) {
            // It began meanwhile; if it ends again, it is this process's turn.
            Err(busy) if busy.kind == Kind::Busy && answered.swap(false, Ordering::SeqCst) && !left.is_zero() => {
                left = left.saturating_sub(TRY_EVERY);
                thread::sleep(TRY_EVERY);
            }
            ended => return ended,
        }
    }
}

/// Runs a verb.
///
/// # Errors
/// What the verb says.
pub fn run(cli: &Cli, cancel: &Cancel) -> Result<ExitCode, CliError> {
    let ended = cli.common.of_app(&cli.verb, cancel).and_then(|common| execute(&cli.verb, &common, cancel));
    ended.map_err(|error| error.in_app(cli.common.app.as_deref()))
}

fn execute(verb: &Verb, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Init(verb) => verb.run(common, cancel),
        Verb::Run(verb) => verb.run(common, cancel),
        Verb::Sync(verb) => verb.run(common, cancel),
        Verb::Build(verb) => verb.run(common, cancel),
        Verb::Render(verb) => verb.run(common, cancel),
        Verb::Diff(verb) => verb.run(common, cancel),
        Verb::Status(verb) => verb.run(common, cancel),
        Verb::Health(verb) => verb.run(common, cancel),
        Verb::Watch(verb) => verb.run(common, cancel),
        Verb::Apps(verb) => verb.run(common),
        Verb::Notify(verb) => verb.run(common),
        Verb::Cancel(verb) => verb.run(common),
        Verb::Suspend(verb) => verb.run(common, cancel),
        Verb::Resume(verb) => verb.run(common, cancel),
        Verb::Redeploy(verb) => verb.run(common, cancel),
        Verb::Unpin(verb) => verb.run(common, cancel),
        Verb::Remove(verb) => verb.run(common, cancel),
        Verb::Promote(verb) => verb.run(common, cancel),
        Verb::Approve(verb) => verb.run(common, cancel),
        Verb::History(verb) => verb.run(common, cancel),
        Verb::Why(verb) => verb.run(common, cancel),
        Verb::Logs(verb) => verb.run(common, cancel),
        Verb::Artifact(verb) => verb.run(common, cancel),
        Verb::Plugin(verb) => verb.run(common, cancel),
        Verb::Key(verb) => verb.run(common),
        Verb::Update(verb) => verb.run(common, cancel),
        Verb::Verify(verb) => verb.run(common, cancel),
        Verb::Gc(verb) => verb.run(common, cancel),
        Verb::Completion(verb) => Ok(verb.run()),
    }
}
