//! `springline plugin run`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value, json};
use springline_config::Document;
use springline_model::Cancel;
use springline_model::plugin::Fault;
use springline_model::tree::{EntryKind, is_clean_path};

use super::build::{self, How};
use crate::cli::Common;
use crate::cli::error::{CliError, Kind};
use crate::desk::case::{Case, Given, Places};
use crate::desk::compare;
use crate::desk::perform::{Outcome, perform};
use crate::desk::snapshot::{self, Snapshot};
use crate::desk::{Desk, project};
use crate::show::{self, FAINT, STRONG, paint, time};

/// Calls a plugin once, by hand: a build step on a directory, a renderer on a directory and
/// artifacts, a deploy target on desired objects and a directory.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline plugin run my-step --in docs --with '{ \"name\": \"Ada\" }' --out made\n  \
                        springline plugin run my-renderer.wasm --in deploy --artifact site=made --with @config.yaml\n  \
                        springline plugin run my-target --desired made --live shelf"
)]
pub struct Run {
    /// A project's directory, which is built first, or a component
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    plugin: PathBuf,
    /// The plugin's config, as JSON or YAML, or @FILE with it
    #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
    with: String,
    /// The directory that a build step or a renderer reads
    #[arg(long = "in", value_name = "DIR")]
    input: Option<PathBuf>,
    /// An artifact for a renderer (may be given more than once)
    #[arg(long = "artifact", value_name = "NAME=DIR")]
    artifacts: Vec<String>,
    /// The directory with a deploy target's desired objects: each file is one, its path the id
    #[arg(long, value_name = "DIR")]
    desired: Option<PathBuf>,
    /// The directory that is lent to a deploy target, which writes to it [default: an empty one]
    #[arg(long, value_name = "DIR")]
    live: Option<PathBuf>,
    /// Where a step's output or a renderer's objects are put: a new or an empty directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The application's name
    #[arg(long, value_name = "NAME", default_value = "example")]
    application: String,
    /// The environment's name
    #[arg(long, value_name = "NAME", default_value = "test")]
    environment: String,
    /// The environment's values, as JSON or YAML, or @FILE with them
    #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
    values: String,
    #[command(flatten)]
    how: How,
}

impl Run {
    /// Calls.
    ///
    /// # Errors
    /// Input that can't be read; how the plugin failed.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        if let Some(out) = self.out.as_deref().filter(|out| out.read_dir().is_ok_and(|mut all| all.next().is_some())) {
            return Err(
                CliError::new(Kind::Usage, format!("{} is not empty", out.display())).hint("name a new directory")
            );
        }
        let case = self.case()?;
        let component = if self.plugin.is_dir() {
            let project = project::read(&self.plugin)?.project;
            build::build(&project, self.how)?;
            project.component
        } else {
            self.plugin.clone()
        };
        let desk = Desk::open()?;
        let plugin = desk.load(&component)?;
        let config = Value::Object(case.given.config.clone());
        let of = format!("plugin `{}`", plugin.description.name);
        plugin.schema.check(&case.document, "", &config, Some(&of), None)?;
        let outcome = perform(&desk, &plugin, &case, cancel)?;
        self.show(common, outcome)
    }

    fn case(&self) -> Result<Case, CliError> {
        let (config, document) = object("--with", &self.with)?;
        let mut given = Given { config, ..Given::default() };
        given.context.application = self.application.clone();
        given.context.environment = self.environment.clone();
        given.context.values = object("--values", &self.values)?.0;
        let mut artifacts = BTreeMap::new();
        for artifact in &self.artifacts {
            let (name, directory) = artifact
                .split_once('=')
                .filter(|(name, _)| is_clean_path(name))
                .ok_or_else(|| CliError::new(Kind::Usage, format!("`--artifact {artifact}` is not NAME=DIR")))?;
            artifacts.insert(name.to_owned(), there(Path::new(directory))?);
        }
        let given_or_none = |path: &Option<PathBuf>| path.as_deref().map_or(Ok(PathBuf::new()), there);
        let live = match &self.live {
            None => PathBuf::new(),
            Some(live) => std::path::absolute(live)
                .map_err(|error| CliError::new(Kind::Usage, format!("{}: {error}", live.display())))?,
        };
        let places = Places {
            input: given_or_none(&self.input)?,
            artifacts,
            desired: given_or_none(&self.desired)?,
            live,
            live_itself: self.live.is_some(),
        };
        Ok(Case { name: "run".into(), directory: PathBuf::new(), given, document, places })
    }

    fn show(&self, common: &Common, outcome: Outcome) -> Result<ExitCode, CliError> {
        if let Some(error) = outcome.error {
            let is_trap = matches!(error.fault, Fault::Trap { .. });
            let mut shown = CliError::from(error);
            shown.log = outcome.log;
            if is_trap {
                shown.hint = Some("built with `--debug`, a plugin shows the files and lines of its source here".into());
            }
            return Err(shown);
        }
        if let Some(failure) = &outcome.failure {
            return Err(CliError::new(Kind::Plugin, failure.message.clone().unwrap_or_default()));
        }
        for line in compare::log(&outcome.log).lines() {
            show::note(paint(FAINT, format_args!("| {line}")));
        }
        if let Some(out) = &self.out {
            snapshot::write(out, outcome.out.as_ref().or(outcome.objects.as_ref()).unwrap_or(&Snapshot::new()))?;
        }
        show::data(common, &as_json(&outcome), |_| print(&outcome))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A directory that is there.
fn there(directory: &Path) -> Result<PathBuf, CliError> {
    fs::canonicalize(directory)
        .ok()
        .filter(|path| path.is_dir())
        .ok_or_else(|| CliError::new(Kind::Usage, format!("there is no directory {}", directory.display())))
}

/// An object given on the command line, or in a file that is named there.
fn object(option: &str, text: &str) -> Result<(Map<String, Value>, Document), CliError> {
    let (name, text) = match text.strip_prefix('@') {
        None => (option, text.to_owned()),
        Some(path) => {
            let read = fs::read_to_string(path);
            (path, read.map_err(|error| CliError::new(Kind::Usage, format!("{option}: {path}: {error}")))?)
        }
    };
    let document = Document::parse(name, &text)?;
    let value = if document.is_empty() { Value::Object(Map::new()) } else { document.to_json() };
    match value {
        Value::Object(object) => Ok((object, document)),
        _ => Err(document.error(vec![document.issue("", "expected an object, `{ KEY: VALUE }`", None)]).into()),
    }
}

fn print(outcome: &Outcome) {
    if let Some(summary) = &outcome.summary {
        show::line(paint(STRONG, summary));
    }
    for (path, leaf) in outcome.out.iter().chain(&outcome.objects).flatten() {
        let sign = match leaf.kind {
            EntryKind::Executable => "*",
            EntryKind::Symlink => "@",
            _ => "",
        };
        show::line(format_args!("  {path}{sign} {}", paint(FAINT, time::bytes(leaf.bytes.len() as u64))));
    }
    for (id, digest) in outcome.trees.iter().flatten() {
        show::line(format_args!("  {id}/ {}", paint(FAINT, format_args!("(tree {})", digest.short()))));
    }
    if let Some(plan) = outcome.plan.as_ref().filter(|plan| plan.is_empty()) {
        show::line(if plan.is_empty() { "nothing to change" } else { "" });
    }
    for line in outcome.plan.iter().flatten() {
        show::line(format_args!("  {line}"));
    }
    for line in outcome.health.iter().flatten().filter(|line| !line.starts_with("healthy")) {
        show::line(format_args!("  {line}"));
    }
    show::note(paint(FAINT, format_args!("in {}", time::duration(outcome.took))));
}

fn as_json(outcome: &Outcome) -> Value {
    let files = |snapshot: &Option<Snapshot>| {
        snapshot.as_ref().map(|snapshot| {
            let file = |(path, leaf): (&String, &snapshot::Leaf)| json!({ "path": path, "kind": leaf.kind, "size": leaf.bytes.len() });
            snapshot.iter().map(file).collect::<Vec<_>>()
        })
    };
    json!({
        "summary": outcome.summary,
        "out": files(&outcome.out),
        "objects": files(&outcome.objects),
        "trees": outcome.trees,
        "plan": outcome.plan,
        "health": outcome.health,
        "log": outcome.log,
        "micros": u64::try_from(outcome.took.as_micros()).unwrap_or(u64::MAX),
    })
}
