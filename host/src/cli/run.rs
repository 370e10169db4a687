//! `springline run` and `springline sync`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use springline_engine::chain::{Chain, Environment};
use springline_engine::deliver;
use springline_engine::error::{Reason, StageError};
use springline_engine::event::Silent;
use springline_engine::restraint::Unconfirmed;
use springline_engine::run::{Failure, Observed, Report, Request, Trust, Until, run};
use springline_engine::standing::{Obstacle, beneath_pin, obstacle};
use springline_model::call::Context;
use springline_model::history::Done;
use springline_model::manifest::Action;
use springline_model::run::{Cause, How, Place, StepRecord};
use springline_model::{Cancel, application};

use super::confirm::{self, ConfirmArgs};
use super::error::{CliError, Kind};
use super::failure::explain;
use super::logs::{self, Warning};
use super::plugin::grants;
use super::{Common, Output, RevisionArgs};
use super::{claim, pin, standing};
use crate::app::{App, actor};
use crate::project::{Configured, Picked, Project, show_revision};
use crate::show::progress::{Progress, how_text};
use crate::show::{self, FAINT, GOOD, paint};

/// So many environments are worth lists of whole clusters.
const MANY: usize = 16;

/// Builds what is missing, renders, plans, applies and records, in every environment.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline run\n  springline run --env site --revision v1.2 -o json\n  springline run --worktree"
)]
pub struct Run {
    /// Only in this environment (may be given more than once)
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
    /// Let go of the releases that these environments are pinned to, and deploy
    #[arg(long)]
    unpin: bool,
    /// Why they are let go of, for the history
    #[arg(long, value_name = "TEXT", requires = "unpin")]
    why: Option<String>,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    revision: RevisionArgs,
}

impl Run {
    /// Runs the whole chain.
    ///
    /// # Errors
    /// Whatever fails in it.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let ready = Ready::open(common, &self.revision, "run", cancel, &self.environments)?;
        ready.refuse(&self.environments, &Cause::Run, |obstacle| {
            // What is pinned and promoted besides is refused before it is let go of.
            !(self.unpin && matches!(obstacle, Obstacle::Pinned(_)))
        })?;
        if self.unpin {
            self.let_go(common, &ready)?;
        }
        let how = Manner { cause: Cause::Run, until: Until::Record, trust: Trust::Kept, only: None, prune_all: false };
        let Self { environments, revision, confirm, .. } = self;
        ready.deploy(common, &how, &Said { verb: "run", environments, revision, confirm })
    }

    /// Lets go of what this run deploys then; of nothing, if one that was named is not among them.
    fn let_go(&self, common: &Common, ready: &Ready) -> Result<(), CliError> {
        let ports = ready.app.ports(&Silent);
        let mut open = Vec::new();
        for environment in ready.environments(&self.environments)? {
            let (place, of) = (ready.place(environment), (&Cause::Run, ready.picked.revision.id.as_str()));
            match beneath_pin(ports, &place, environment, of)? {
                None => open.push(place),
                Some(obstacle) if self.environments.contains(&environment.name) => {
                    let environment = environment.name.clone();
                    return Err(Reason::Held { environment, obstacle: Box::new(obstacle) }.into());
                }
                Some(_) => {}
            }
        }
        for place in open {
            pin::let_go(common, &ready.app, &place, self.why.as_deref())?;
        }
        Ok(())
    }
}

/// Makes live what the revision says.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline sync --env site\n  springline sync --env site --only guide/index.html\n  springline sync --env site --prune-all"
)]
pub struct Sync {
    /// Only in this environment (may be given more than once)
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
    /// Only this object: a desired one's id or a live one's name
    #[arg(long, value_name = "OBJECT")]
    only: Option<String>,
    /// If nothing is rendered, remove everything that is deployed; without this it is refused
    #[arg(long)]
    prune_all: bool,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    revision: RevisionArgs,
}

impl Sync {
    /// Syncs.
    ///
    /// # Errors
    /// Whatever fails.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let ready = Ready::open(common, &self.revision, "sync", cancel, &self.environments)?;
        ready.refuse(&self.environments, &Cause::Sync, |_| true)?;
        let how = Manner {
            cause: Cause::Sync,
            until: Until::Record,
            trust: Trust::Kept,
            only: self.only.as_deref(),
            prune_all: self.prune_all,
        };
        let Self { environments, revision, confirm, .. } = self;
        ready.deploy(common, &how, &Said { verb: "sync", environments, revision, confirm })
    }
}

/// What the command line says of a deployment.
struct Said<'a> {
    verb: &'a str,
    environments: &'a [String],
    revision: &'a RevisionArgs,
    confirm: &'a ConfirmArgs,
}

/// The command, without a confirmation. Of several environments, the one that waits for it is named later.
fn command(Said { verb, environments, revision, .. }: &Said<'_>, how: &Manner<'_>) -> String {
    let mut command = (*verb).to_owned();
    let one = if let [environment] = *environments { Some(environment.as_str()) } else { None };
    for (flag, value) in [("--env", one), ("--revision", revision.revision.as_deref()), ("--only", how.only)] {
        if let Some(value) = value {
            command += &format!(" {flag} {}", confirm::word(value));
        }
    }
    for (flag, is_set) in [(" --worktree", revision.worktree), (" --prune-all", how.prune_all)] {
        command += if is_set { flag } else { "" };
    }
    command
}

/// How the chain is run.
pub struct Manner<'a> {
    /// Why.
    pub cause: Cause,
    /// How far.
    pub until: Until,
    /// How far kept results are believed.
    pub trust: Trust,
    /// Only this object.
    pub only: Option<&'a str>,
    /// Whether an empty render may remove everything.
    pub prune_all: bool,
}

/// Checks that springline.yaml declares the environments of these names.
///
/// # Errors
/// A name that is not there.
pub fn known_environments<'k>(names: &[String], known: impl IntoIterator<Item = &'k str>) -> Result<(), CliError> {
    let known: Vec<&str> = known.into_iter().collect();
    let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
    let error = CliError::new(Kind::Usage, format!("springline.yaml declares no environment `{name}`"));
    Err(match springline_config::nearest(name, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => error.hint("it declares none at all"),
        None => error.hint(format!("it declares {}", known.join(", "))),
    })
}

/// The verb that brings releases to an environment, which may be promoted from another one.
pub fn brought_by(environment: &str, from: Option<&str>) -> String {
    match from {
        Some(from) => format!("promote --from {from} --to {environment}"),
        None => format!("sync --env {environment}"),
    }
}

/// All that a run needs.
pub struct Ready {
    /// The parts.
    pub app: App,
    /// The revision.
    pub picked: Picked,
    /// springline.yaml.
    pub declared: Configured<application::Application>,
    /// What it declares.
    pub chain: Chain,
}

impl Ready {
    /// Opens everything and reads what the revision declares. `environments` are those that are meant, all of them for
    /// none: others need no target here, as another host may have it.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn open(
        common: &Common,
        revision: &RevisionArgs,
        verb: &str,
        cancel: &Cancel,
        environments: &[String],
    ) -> Result<Self, CliError> {
        let (project, picked, declared) = declare(common, revision, cancel)?;
        let app = match declared.value.environments.len() {
            0..MANY => App::open(common, project, verb, cancel)?,
            MANY.. => App::open_for_many(common, project, verb, cancel)?,
        };
        Self::of(app, picked, declared, environments)
    }

    /// As [`Ready::open`], of these environments alone, as far as the revision declares them: what is wrong
    /// with another one is no concern of theirs.
    ///
    /// # Errors
    /// As [`Ready::open`].
    pub fn open_for(
        common: &Common,
        revision: &RevisionArgs,
        verb: &str,
        cancel: &Cancel,
        environments: &[String],
    ) -> Result<Self, CliError> {
        let (project, picked, mut declared) = declare(common, revision, cancel)?;
        let all = declared.value.environments.clone();
        declared.value.environments.retain(|name, _| environments.contains(name));
        let app = App::open(common, project, verb, cancel)?;
        let mut ready = Self::of(app, picked, declared, &[])?;
        ready.declared.value.environments = all;
        Ok(ready)
    }

    fn of(
        app: App,
        picked: Picked,
        declared: Configured<application::Application>,
        meant: &[String],
    ) -> Result<Self, CliError> {
        let (chain, mut unbound) = crate::resolve::chain_where_bound(&app, &picked, &declared)?;
        let mut all = declared.value.environments.keys().filter(|name| meant.is_empty() || meant.contains(name));
        match all.find_map(|name| unbound.remove(name)) {
            Some(error) => Err(error),
            None => Ok(Self { app, picked, declared, chain }),
        }
    }

    /// The environments of these names, all of them for none, in the order of springline.yaml.
    ///
    /// # Errors
    /// A name that is not there.
    pub fn environments(&self, names: &[String]) -> Result<Vec<&Environment>, CliError> {
        known_environments(names, self.declared.value.environments.keys().map(String::as_str))?;
        let wanted = |environment: &&Environment| names.is_empty() || names.contains(&environment.name);
        Ok(self.chain.environments.iter().filter(wanted).collect())
    }

    /// What plugins are told of an environment that a run has rendered.
    pub fn context(&self, environment: &Environment, report: &Report) -> Context {
        Context {
            application: self.chain.application.clone(),
            environment: Some(environment.name.clone()),
            revision: self.picked.revision.id.clone(),
            commit_time: self.picked.revision.time,
            values: environment.values.clone(),
            artifacts: report.artifacts.digests.clone(),
        }
    }

    /// The place of an environment.
    pub fn place(&self, environment: &Environment) -> Place {
        Place { application: self.chain.application.clone(), environment: environment.name.clone() }
    }

    /// The verb that brings releases to an environment.
    pub fn brought_by(&self, environment: &str) -> String {
        brought_by(environment, self.declared.value.environments[environment].promote_from.as_deref())
    }

    /// Refuses environments that another repository has, and to pass over one that somebody named, for obstacles of this
    /// sort.
    fn refuse(&self, named: &[String], cause: &Cause, sort: impl Fn(&Obstacle) -> bool) -> Result<(), CliError> {
        let environments = self.environments(named)?;
        let places: Vec<Place> = environments.iter().map(|environment| self.place(environment)).collect();
        claim::check(&self.app, &places)?;
        if named.is_empty() {
            return Ok(());
        }
        let ports = self.app.ports(&Silent);
        for environment in environments {
            let found = obstacle(ports, &self.place(environment), environment, (cause, &self.picked.revision.id))?;
            if let Some(obstacle) = found.filter(&sort) {
                return Err(Reason::Held { environment: environment.name.clone(), obstacle: Box::new(obstacle) }.into());
            }
        }
        Ok(())
    }

    /// Runs the chain, showing what happens.
    ///
    /// # Errors
    /// Whatever fails in it, with its place in springline.yaml.
    pub fn go(&self, common: &Common, environments: &[String], how: &Manner<'_>) -> Result<Report, CliError> {
        self.go_again(common, environments, how, Observed::default())
    }

    /// Deploys, and shows what came of it, and what that leaves behind.
    fn deploy(mut self, common: &Common, how: &Manner<'_>, said: &Said<'_>) -> Result<ExitCode, CliError> {
        let report = self.go_confirmed(common, said.environments, how, (said.confirm, &command(said, how)));
        // Another revision than the newest one says nothing of what is declared today.
        let RevisionArgs { revision, worktree } = said.revision;
        let declared = self.declared.value.environments.keys();
        let left = match revision.is_none() && !worktree {
            true => claim::warn_of_left(common, &self.app, &self.chain.application, declared).map(drop),
            false => Ok(()),
        };
        finish(common, &self, &report?)?;
        left.map(|()| ExitCode::SUCCESS)
    }

    /// As [`Ready::go`], with what was confirmed of removals. In a terminal it is asked for what was not.
    ///
    /// # Errors
    /// As [`Ready::go`]; a confirmation that is not for one environment.
    fn go_confirmed(
        &mut self,
        common: &Common,
        environments: &[String],
        how: &Manner<'_>,
        (confirm, command): (&ConfirmArgs, &str),
    ) -> Result<Report, CliError> {
        let confirmed = confirm.confirmed(self.environments(environments)?.len())?;
        let names: Vec<String> =
            self.environments(environments)?.iter().map(|environment| environment.name.clone()).collect();
        for environment in self.chain.environments.iter_mut().filter(|known| names.contains(&known.name)) {
            environment.sync.confirm_prune.confirmed.clone_from(&confirmed);
        }
        loop {
            let failure = match self.attempt(common, environments, how, Observed::default()) {
                Ok(report) => return Ok(report),
                Err(Attempt::NotBegun(error)) => return Err(error),
                Err(Attempt::Failed(failure)) => failure,
            };
            let way_out = confirm::way_out(&failure.0, command);
            let Some((name, unconfirmed)) = waits(&failure.0).filter(|(_, waits)| waits.confirmed.is_none()) else {
                return Err(self.explain(failure).hint_if_any(way_out));
            };
            let environment = self.chain.environments.iter_mut().find(|environment| environment.name == name);
            let Some(environment) = environment.filter(|_| confirm::ask(common, name, unconfirmed)) else {
                return Err(self.explain(failure).hint_if_any(way_out));
            };
            environment.sync.confirm_prune.confirmed = Some(unconfirmed.whole_confirmation());
        }
    }

    /// As [`Ready::go`], but observed calls are not executed again.
    ///
    /// # Errors
    /// As [`Ready::go`].
    pub fn go_again(
        &self,
        common: &Common,
        environments: &[String],
        how: &Manner<'_>,
        observed: Observed<'_>,
    ) -> Result<Report, CliError> {
        self.attempt(common, environments, how, observed).map_err(|failed| match failed {
            Attempt::NotBegun(error) => error,
            Attempt::Failed(failure) => self.explain(failure),
        })
    }

    fn attempt(
        &self,
        common: &Common,
        environments: &[String],
        how: &Manner<'_>,
        observed: Observed<'_>,
    ) -> Result<Report, Attempt> {
        let progress = Progress::new(common);
        let environments = self.environments(environments)?;
        if common.output == Output::Text {
            grants::announce(self)?;
        }
        let actor = actor();
        let turn = self.app.turn(&self.chain.application, how.until != Until::Record)?;
        let observer = turn.observe(&progress);
        let request = Request {
            environments: &environments,
            until: how.until,
            trust: how.trust,
            observed,
            only: how.only,
            prune_all: how.prune_all,
            ..Request::new(&self.chain, self.picked.source(), &how.cause, &actor)
        };
        run(self.app.ports_in(&turn, &observer), request).map_err(Attempt::Failed)
    }

    fn explain(&self, failure: Failure) -> CliError {
        explain(&self.chain, &self.declared.document, failure)
    }
}

/// How a run came to nothing.
enum Attempt {
    NotBegun(CliError),
    Failed(Failure),
}

impl From<CliError> for Attempt {
    fn from(error: CliError) -> Self {
        Self::NotBegun(error)
    }
}

/// The environment that waits for a confirmation, if that is what a run failed of.
fn waits(error: &StageError) -> Option<(&str, &Unconfirmed)> {
    match &error.reason {
        Reason::Unconfirmed(unconfirmed) => Some((error.environment.as_deref()?, unconfirmed)),
        _ => None,
    }
}

/// The repository, the revision that is meant, and what it declares.
fn declare(
    common: &Common,
    revision: &RevisionArgs,
    cancel: &Cancel,
) -> Result<(Project, Picked, Configured<application::Application>), CliError> {
    let project = Project::find(common, revision.revision.as_deref(), cancel)?;
    let picked = project.pick(revision)?;
    let declared = picked.application()?;
    Ok((project, picked, declared))
}

fn finish(common: &Common, ready: &Ready, report: &Report) -> Result<(), CliError> {
    let warnings = logs::warnings(&ready.app, &report.run)?;
    logs::warn(&warnings, &report.run);
    match common.output {
        Output::Json => show::json(&as_json(report, &warnings))?,
        Output::Text => {
            let revision = show_revision(&report.run.revision);
            for synced in &report.synced {
                let record = &synced.sealed.record;
                let release = record.release.map(|release| release.short()).unwrap_or_default();
                let place = &record.place.environment;
                if let Some(name) = deliver::delivery(&record.place) {
                    let what = record.note.as_deref().unwrap_or_default();
                    show::line(format_args!("{} {name}: {what}", paint(GOOD, "delivered")));
                    continue;
                }
                let what = match record.counts.applied() {
                    0 => "already as desired".to_owned(),
                    n => standing::applied(n),
                };
                let what = what + &hooks_run(&synced.done);
                show::line(format_args!(
                    "{} {place}: {what}, release {release} of {revision} {}",
                    paint(GOOD, "synced"),
                    paint(FAINT, &ready.picked.revision.subject),
                ));
                if !record.used.is_empty() {
                    show::note(format_args!("used powers: {}", record.used));
                }
                for left in &synced.left {
                    show::warn(format_args!("{left} is no longer desired and stays, as pruning is off"));
                }
                synced.protected.iter().for_each(show::warn);
                show::alone::warn_of_stays(&record.place, &synced.stays);
                if !synced.ignored.is_empty() {
                    let number = synced.ignored.len();
                    let note = format!("{place}: {number} ignored (`springline diff --env {place}` shows what)");
                    show::note(paint(FAINT, common.named(&note)));
                }
            }
            if report.synced.is_empty() && report.skipped.is_empty() {
                let number = report.artifacts.digests.len();
                show::line(format_args!("{} {number} artifacts of {revision}", paint(GOOD, "built")));
            }
        }
    }
    Ok(())
}

/// `, 2 hooks run`.
fn hooks_run(done: &[Done]) -> String {
    match done.iter().filter(|done| done.hook.is_some() && done.action == Action::Create).count() {
        0 => String::new(),
        1 => ", 1 hook run".to_owned(),
        n => format!(", {n} hooks run"),
    }
}

/// A run as JSON, with what its targets warned of.
pub fn as_json(report: &Report, warnings: &[Warning]) -> Value {
    let environments: Vec<Value> = report
        .synced
        .iter()
        .map(|synced| {
            let mut value = super::history::as_json(&synced.sealed);
            value["changes"] = json!(synced.done);
            value["left"] = json!(synced.left);
            value["protected"] = json!(synced.protected);
            value["stays"] = json!(synced.stays);
            value["ignored"] = json!(synced.ignored);
            let name = &synced.sealed.record.place.environment;
            let its = warnings.iter().filter(|(environment, _)| environment == name);
            value["warnings"] = its.map(|(_, text)| text.as_str()).collect();
            value
        })
        .collect();
    let skipped = report.skipped.iter().map(|(environment, obstacle)| {
        json!({ "environment": environment, "why": obstacle.to_string(), "obstacle": standing::obstacle_json(obstacle) })
    });
    json!({
        "run": report.run.number,
        "application": report.run.application,
        "revision": report.run.revision,
        "artifacts": report.artifacts.digests,
        "steps": report.run.steps.iter().map(|step| step_json(step)).collect::<Vec<_>>(),
        "environments": environments,
        "skipped": skipped.collect::<Vec<_>>(),
    })
}

/// A call of a run as JSON.
pub fn step_json(step: &StepRecord) -> Value {
    let how = match &step.how {
        How::Executed(_) => "executed",
        How::Reused(_) => "reused",
        How::Observed(_) => "observed",
        How::Failed => "failed",
    };
    let mut value = json!({
        "name": step.name,
        "plugin": { "name": step.plugin.name, "digest": step.plugin.digest },
        "how": how,
        "why": how_text(&step.how),
        "summary": step.summary,
        "milliseconds": step.took.as_secs_f64() * 1000.0,
    });
    if !step.used.is_empty() {
        value["used"] = json!(step.used);
    }
    value
}
