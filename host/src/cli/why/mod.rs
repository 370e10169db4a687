//! `springline why`: which commit, file and plugin made a value what it is.

mod search;
mod turn;
mod value;

use std::cell::RefCell;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use springline_engine::event::Silent;
use springline_engine::status::current;
use springline_engine::trial::Trial;
use springline_model::Cancel;
use springline_model::port::{Blobs as _, Store as _};
use springline_model::run::{Inventory, Place, Release};

use self::search::{Finding, Read, Reader, Search, State, Subject};
use self::value::Field;
use super::error::{CliError, Kind};
use super::{Common, Output, RevisionArgs};
use crate::app::{App, actor};
use crate::project::{Project, show_revision};
use crate::show::{self, FAINT, GOOD, NOTE, STRONG, paint, time, visible};

/// Shows which commit, file and plugin made a value of a deployed object what it is. It is proven by
/// rendering the deployed revision again with single files as they were before; what that can't tell
/// apart is called a candidate. Nothing is deployed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline why production deployment.yaml /spec/replicas\n  springline why production deployment.yaml spec.replicas -o json\n  springline why site robots.txt 2"
)]
pub struct Why {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// The object: a desired one's id (and the path of a file below it), or a live one's name
    #[arg(value_name = "OBJECT")]
    object: String,
    /// The value: a JSON pointer into YAML or JSON (or a path with dots), or the number of a line
    #[arg(value_name = "FIELD")]
    field: String,
    /// How often to render at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    renders: usize,
}

impl Why {
    /// Looks for it.
    ///
    /// # Errors
    /// No such object or value; a revision that can't be rendered any more.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let app = App::open(common, Project::find(common, None, cancel)?, "why", cancel)?;
        let place = self.place(&app, common.app.as_deref())?;
        let release = current(app.ports(&Silent), &place)?.ok_or_else(|| {
            CliError::new(Kind::Usage, format!("nothing was deployed to {place} yet"))
                .hint("`springline run` deploys it")
        })?;
        if release.revision.starts_with("worktree") {
            let message = format!("{place} was deployed from uncommitted state, which no commit made");
            return Err(CliError::new(Kind::Usage, message).hint("commit, deploy, and ask again"));
        }
        let field = Field::parse(&self.field)?;
        let objects = value::objects(&app, &release)?;
        let mask = RefCell::default();
        let object = self.object(&app, &place, |id| value::body_of(&objects, id).is_some())?;
        let found = value::read(&app, &objects, (&object, &field), &mask)?;
        let value::Seen { value, shown } = found.ok_or_else(|| {
            CliError::new(Kind::Usage, format!("`{object}` has no value at {field}"))
                .hint(format!("`springline render --env {} --object {object}` shows the object", self.environment))
        })?;
        let wanted = RevisionArgs { revision: Some(release.revision.clone()), worktree: false };
        let mut picked = app.project.pick_any(&wanted)?;
        let is_other = picked.application()?.value.application != place.application;
        if is_other && common.path.is_none() {
            let declared = picked.application()?.value.application;
            let message = format!("the repository declares `{declared}` here, and {place} is asked for");
            return Err(CliError::new(Kind::Usage, message)
                .hint(format!("name the directory of `{}` in the repository with `--path DIR`", place.application)));
        }
        // A fleet may call an application otherwise than its file does. Then all has to be as it was deployed.
        picked.name = Some(place.application.clone());
        let _turn = app.turn(&place.application, true)?;
        let trial = Trial::begin(app.ports(&Silent), &place.application, &release.revision, &actor())?;
        let subject = Subject {
            environment: &self.environment,
            object: &object,
            field: &field,
            value: &value,
            release: &release,
            whole: is_other.then_some(objects.as_slice()),
            mask: &mask,
        };
        let searched = Search::new(&app, &trial, picked, subject, (self.renders, cancel)).run();
        trial.end()?;
        let searched = searched?;
        match common.output {
            Output::Json => show::json(&json!({
                "application": place.application,
                "environment": place.environment,
                "object": object,
                "field": field.to_string(),
                "value": shown,
                "release": release.id.hex(),
                "revision": release.revision,
                "findings": searched.findings.iter().map(as_json).collect::<Vec<_>>(),
                "reads-unknown": searched.unknown,
                "left-out": searched.left_out,
                "renders": searched.renders,
            }))?,
            Output::Text => {
                head(&place, (&object, &field, &shown), &release);
                searched.findings.iter().for_each(print);
                if searched.findings.is_empty() {
                    show::note(
                        "no single file makes it: it may come from the plugin itself, its config, or the commit",
                    );
                }
                for call in &searched.unknown {
                    show::note(format_args!("{call} used powers: what it read is not known"));
                }
                if searched.left_out > 0 {
                    show::note(format_args!(
                        "{} files were not looked at: `--renders` allows more than {}",
                        searched.left_out, self.renders
                    ));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Where it is deployed: of the application that is named, or else of the one that the repository declares.
    fn place(&self, app: &App, named: Option<&str>) -> Result<Place, CliError> {
        let mut places = app.store.places()?;
        places.retain(|place| place.environment == self.environment);
        let declared = || app.project.declared().ok().map(|declared| declared.value.application);
        if let Some(wanted) = named.map(str::to_owned).or_else(|| declared().filter(|_| places.len() > 1)) {
            places.retain(|place| place.application == wanted);
        }
        match places.as_slice() {
            [place] => Ok(place.clone()),
            [] => Err(CliError::new(Kind::Usage, format!("nothing was deployed to `{}` yet", self.environment))
                .hint("`springline history` lists where something was, and `--app` names the application")),
            [first, ..] => Err(CliError::new(
                Kind::Usage,
                format!("{} applications have an environment `{}`", places.len(), self.environment),
            )
            .hint(format!("say which one: `--app {}`", first.application))),
        }
    }

    /// The desired object that is meant, which may be named by the live one that it became.
    fn object(&self, app: &App, place: &Place, is_desired: impl Fn(&str) -> bool) -> Result<String, CliError> {
        if is_desired(&self.object) {
            return Ok(self.object.clone());
        }
        let inventory = app.store.inventory(place)?.and_then(|digest| app.blobs.get(&digest).ok());
        let inventory: Inventory = inventory.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        match inventory.objects.get(&self.object) {
            Some(owned) if is_desired(&owned.object) => Ok(owned.object.clone()),
            _ => Err(CliError::new(Kind::Usage, format!("{place} has no object `{}`", self.object))
                .hint(format!("`springline render --env {}` lists the objects", place.environment))),
        }
    }
}

fn head(place: &Place, (object, field, value): (&str, &Field, &Value), release: &Release) {
    show::line(format_args!(
        "{} {field} {} {}",
        paint(STRONG, format_args!("{}/{object}", place.environment)),
        paint(FAINT, "is"),
        visible(&value::short(value))
    ));
    let revision = show_revision(&release.revision);
    show::line(paint(FAINT, format_args!("in release {} of {revision}", release.id.short())));
}

fn print(finding: &Finding) {
    let (style, word) = match finding.state {
        State::Proven => (GOOD, "proven   "),
        State::Candidate => (NOTE, "candidate"),
    };
    let change = &finding.change;
    show::line(format_args!(
        "{} {} {} {}",
        paint(style, word),
        show_revision(&change.commit.id),
        visible(&change.commit.subject),
        paint(FAINT, format_args!("({}, {})", visible(&change.author), time::moment(change.commit.time * 1000)))
    ));
    for file in &finding.files {
        let line = file.line.map(|line| format!(":{line}")).unwrap_or_default();
        let Read { path, by } = &file.read;
        let by_whom = match by {
            Reader::Host => "read by the host",
            Reader::Plugin { call, .. } => call,
        };
        show::line(format_args!("          {}{line} {}", visible(path), paint(FAINT, by_whom)));
        if let Reader::Plugin { plugin, .. } = by {
            show::line(paint(FAINT, format_args!("          {} {}", plugin.name, plugin.digest)));
        }
    }
    show::line(format_args!("          {} {}", paint(FAINT, "without it:"), visible(&finding.without.to_string())));
}

fn as_json(finding: &Finding) -> Value {
    let change = &finding.change;
    let files = finding.files.iter().map(|file| {
        let (call, plugin) = match &file.read.by {
            Reader::Host => (None, None),
            Reader::Plugin { call, plugin } => (Some(call), Some(plugin)),
        };
        json!({ "path": file.read.path, "line": file.line, "call": call, "plugin": plugin })
    });
    json!({
        "state": match finding.state { State::Proven => "proven", State::Candidate => "candidate" },
        "commit": change.commit.id,
        "subject": change.commit.subject,
        "author": change.author,
        "time": time::rfc3339(change.commit.time * 1000),
        "files": files.collect::<Vec<_>>(),
        "without": finding.without,
    })
}
