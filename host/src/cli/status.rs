//! `springline status`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use springline_engine::error::Reason;
use springline_engine::event::Silent;
use springline_engine::intact;
use springline_engine::promote::Pending;
use springline_engine::record;
use springline_engine::standing::{RolledBack, rolled_back};
use springline_engine::status::{self, Status as Found};
use springline_model::Cancel;
use springline_model::history::{Outcome, Record};
use springline_model::manifest::{Health, HealthStatus};
use springline_model::port::{Sources as _, Store as _};
use springline_model::run::{Cause, Pin, Place, Run, RunState, Standing, Suspension};

use super::error::CliError;
use super::run::{brought_by, known_environments};
use super::standing::{pending_json, pin_json, refused_json, release_text, rolled_back_json, wait_text};
use super::{Common, Output, claim, confirm, in_command};
use crate::app::{App, actor};
use crate::project::{Project, show_revision};
use crate::promotion;
use crate::resolve::{self, Resolver};
use crate::show::progress::Progress;
use crate::show::table::{Table, plain, styled};
use crate::show::tree::{self, style_of};
use crate::show::{self, BAD, FAINT, GOOD, NOTE, alone, paint, time};
use crate::{grants, handover};

/// Shows what is deployed, whether it drifted and how healthy it is.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline status\n  springline status --env prod --all\n  springline status -o json"
)]
pub struct Status {
    /// Only of this environment (may be given more than once)
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
    /// Show every object and all that belongs to it, also what is in sync and healthy
    #[arg(long)]
    all: bool,
}

struct Row {
    environment: String,
    suspended: Option<Suspension>,
    found: Found,
    /// Why it has no target that could be asked.
    unbound: Option<CliError>,
    pin: Option<Pin>,
    /// Why what is pinned can't be deployed, if it is not yet.
    lost: Option<CliError>,
    rolled_back: Option<RolledBack>,
    /// The verb that brings releases to it.
    brought_by: String,
    /// The one that takes a confirmation there, if something waits for one.
    confirmed_by: String,
    /// What is to be promoted to it.
    pending: Option<Box<Pending>>,
}

impl Status {
    /// Looks.
    ///
    /// # Errors
    /// Whatever fails.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let project = Project::find(common, None, cancel)?;
        let head = project.source()?.resolve(project.followed())?;
        let (declared, wrong) = project.last_declared()?;
        known_environments(&self.environments, declared.value.environments.keys().map(String::as_str))?;
        let app = App::open(common, project, "status", cancel)?;
        let mut operator = Resolver::of_operator(&app)?;
        let mut rows = Vec::new();
        for (name, environment) in &declared.value.environments {
            if !self.environments.is_empty() && !self.environments.contains(name) {
                continue;
            }
            let at = resolve::Place::new(&declared.document, format!("/environments/{name}"));
            let target = resolve::target(&app, &mut operator, environment, &at);
            let place = Place { application: declared.value.application.clone(), environment: name.clone() };
            // What is under way does that by itself.
            let recovered = app.try_turn(&place.application, false).map(|turn| {
                let progress = Progress::new(common);
                record::recover(app.ports_in(&turn, &progress), &place, &environment.record, &actor())
            });
            if let Some(Err(Reason::Repository(error))) = recovered {
                show::warn(format_args!("{place}: git can't be asked what is deployed: {error}"));
            }
            let (found, unbound) = match target {
                Ok(mut target) => {
                    grants::give_target(&app.operator.value, &mut target, &place.application, name);
                    (status::status(app.ports(&Silent), &place, &target, &environment.sync)?, None)
                }
                Err(error) => (status::without_target(app.ports(&Silent), &place)?, Some(error)),
            };
            let Standing { pin, suspended, .. } = app.store.standing(&place)?;
            let rolled_back = rolled_back(app.ports(&Silent), &place)?;
            let pending = match &environment.promote_from {
                Some(from) => {
                    promotion::decide(app.ports(&Silent), &place.application, (from, name, &environment.gates), None)?
                        .pending()
                }
                None => None,
            };
            let brought_by = brought_by(name, environment.promote_from.as_deref());
            let waits = found.alone.unconfirmed.as_ref();
            let confirmed_by = waits.map(|_| common.in_command(&confirm::taken_by(app.store.as_ref(), &place)));
            let lost = pin.as_ref().and_then(|pin| lost(&app, &place, pin));
            rows.push(Row {
                environment: name.clone(),
                suspended,
                found,
                unbound,
                pin,
                lost,
                rolled_back,
                brought_by,
                confirmed_by: confirmed_by.unwrap_or_default(),
                pending,
            });
        }
        operator.save()?;
        let outgoing = app.store.outgoing(Some(&declared.value.application))?;
        let deliveries = handover::last(&app, &declared.value)?;
        let environments = declared.value.environments.keys();
        let undeclared = claim::warn_of_left(common, &app, &declared.value.application, environments)?;
        if common.output == Output::Json {
            let rows: Vec<_> = rows.iter().map(|row| as_json(common, row, &head.id)).collect();
            show::json(&json!({
                "application": declared.value.application,
                "head": head.id,
                "wrong": wrong.as_ref().map(CliError::json),
                "environments": rows,
                "outgoing": outgoing,
                "deliveries": deliveries,
                "undeclared": undeclared,
            }))?;
        } else {
            show::line(format_args!(
                "{} {} {} {}",
                declared.value.application,
                app.project.followed(),
                show_revision(&head.id),
                head.subject
            ));
            print(common, (app.project.followed(), &head.id), &rows, self.all);
            handover::print(&deliveries);
            for outgoing in &outgoing {
                let why = outgoing.error.as_deref().unwrap_or("it was cut off");
                show::warn(format_args!(
                    "git does not tell yet what is deployed in {} (history {}): {why}; {}",
                    outgoing.place,
                    outgoing.sequence,
                    common.named("`springline run` tries again")
                ));
            }
            for run in app.store.unfinished()?.iter().filter(|run| run.state == RunState::Running) {
                if app.owner().turns.is_under_way(run.number) {
                    show::note(format_args!(
                        "run {} is under way: `springline {}` of {}",
                        run.number, run.cause, run.actor
                    ));
                    continue;
                }
                let way = goes_on(&app, run)?;
                show::warn(format_args!("run {} was cut off: `springline {way}` goes on with it", run.number));
            }
        }
        let failures: Vec<CliError> = rows.iter().filter_map(Row::failed).collect();
        if common.output == Output::Text {
            failures.iter().for_each(|failure| show::error(&failure.clone().in_app(common.app.as_deref()), false));
        }
        Ok(failures.first().map_or(ExitCode::SUCCESS, |failure| ExitCode::from(failure.kind.code())))
    }
}

impl Row {
    /// Why it can't be compared with what is live.
    fn failed(&self) -> Option<CliError> {
        self.unbound.clone().or_else(|| self.found.failed.clone().map(CliError::from))
    }

    fn health(&self) -> Health {
        match &self.unbound {
            Some(error) => Health { status: HealthStatus::Unknown, message: error.message.clone() },
            None => self.found.health(),
        }
    }
}

/// Why what is pinned can't be deployed where it is to be.
fn lost(app: &App, place: &Place, pin: &Pin) -> Option<CliError> {
    let checked = intact::check_pinned(app.ports(&Silent), place, pin);
    checked.err().map(CliError::from)
}

/// The verb that goes on with a run that was cut off, with its application where there are several.
///
/// # Errors
/// What the store reports.
pub fn goes_on(app: &App, run: &Run) -> Result<String, CliError> {
    let verb = match (&run.cause, &run.reached) {
        (Cause::Removal, _) => return Ok(format!("remove {} --env ENV", confirm::word(&run.application))),
        (Cause::Push | Cause::Drift | Cause::Rollback, _) => "watch".to_owned(),
        (Cause::Promotion, Some((Some(to), _))) => format!("promote --to {to}"),
        (Cause::Promotion, _) => "promote --to ENV".to_owned(),
        (Cause::Redeploy, _) => "redeploy --env ENV RELEASE".to_owned(),
        (cause, _) => cause.to_string(),
    };
    let is_one_of_several = app.store.places()?.iter().any(|place| place.application != run.application);
    Ok(in_command(&verb, is_one_of_several.then_some(&run.application)))
}

/// `head` is where what is followed is now.
fn print(common: &Common, (followed, head): (&str, &str), rows: &[Row], all: bool) {
    let mut table = Table::new(&["ENVIRONMENT", "SYNC", "HEALTH", "RELEASE", "REVISION", "OBJECTS"]);
    for row in rows {
        let Row { environment, found, unbound, .. } = row;
        let (sync, release, revision) = match &found.release {
            None if unbound.is_some() => (styled(BAD, "failed"), plain("-"), plain("-")),
            None => {
                let sync = if found.marked.is_some() { "unknown" } else { "not deployed" };
                (styled(NOTE, sync), plain("-"), plain("-"))
            }
            Some(release) => {
                let sync = match found.drifted.len() {
                    _ if unbound.is_some() || found.failed.is_some() => (BAD, "failed".to_owned()),
                    _ if found.is_unknown => (NOTE, "unknown".to_owned()),
                    0 => (GOOD, "in sync".to_owned()),
                    n => (BAD, format!("drifted ({n})")),
                };
                let ignored = match found.alone.ignored.len() {
                    0 => String::new(),
                    n => format!(", {n} ignored"),
                };
                let sync = styled(sync.0, format_args!("{}{ignored}", sync.1));
                let is_there = release.revision == head;
                let behind = if is_there { String::new() } else { format!(" ({followed} is another)") };
                (sync, plain(release.id.short()), plain(format_args!("{}{behind}", show_revision(&release.revision))))
            }
        };
        let health = row.health().status;
        let health = styled(style_of(health), health);
        table.row(vec![plain(environment), sync, health, release, revision, plain(found.number())]);
    }
    if !rows.is_empty() {
        table.print();
    }
    for Row { environment, suspended, .. } in rows {
        if let Some(Suspension { by, why, at }) = suspended {
            show::warn(format_args!(
                "{environment} is suspended by {by} since {}: {} ({})",
                time::moment(*at),
                show::visible(why),
                common.named(&format!("`springline resume --env {environment}` ends it"))
            ));
        }
    }
    rows.iter().for_each(|row| print_standing(common, row));
    rows.iter().for_each(print_refused);
    for Row { environment, found, confirmed_by, brought_by, .. } in rows {
        if let Some(marked) = &found.marked {
            let marked = show::visible(&marked.to_string());
            show::warn(format_args!(
                "{environment}: by the marks on them these are its own, of a release that is not known here: {marked} \
                 (`springline {brought_by}` takes them over)"
            ));
        }
        tree::print(environment, &found.objects, all);
        alone::print_status((environment, confirmed_by), found, all);
        if let Some(why) = &found.unexplained {
            show::warn(format_args!("{environment}: no closer look at its objects: {}", common.named(why)));
        }
    }
}

/// What became of the last try to deploy something else than what is deployed.
fn print_refused(Row { environment, found, .. }: &Row) {
    let Some(Record { release: Some(release), revision, started, outcome, .. }) = &found.refused else { return };
    let (word, why) = match outcome {
        _ if found.alone.unconfirmed.is_some() => ("waits", String::new()),
        Outcome::Failed { message, .. } => ("refused", format!(": {}", show::visible(message))),
        _ => ("cancelled", String::new()),
    };
    show::line(format_args!(
        "{} {environment}: release {} of {} on {}{why}",
        paint(BAD, word),
        release.short(),
        show_revision(revision),
        time::moment(*started),
    ));
}

/// What people said of an environment, and what it waits for.
fn print_standing(common: &Common, row: &Row) {
    let Row { environment, found, pin, lost, rolled_back, brought_by, pending, .. } = row;
    if let Some(pin) = pin {
        let deployed = found.release.as_ref().is_some_and(|release| release.id == pin.release);
        let not_yet = if deployed { "" } else { ", which is not deployed yet" };
        show::line(format_args!(
            "{} {environment} to release {}{not_yet}, by {} on {}{}",
            paint(NOTE, "pinned"),
            pin.release.short(),
            pin.by,
            time::moment(pin.at),
            if pin.why.is_empty() { String::new() } else { format!(": {}", show::visible(&pin.why)) },
        ));
        let until = format!("  nothing replaces it until `springline unpin --env {environment}`");
        show::line(paint(FAINT, common.named(&until)));
        if let Some(CliError { message, hint, .. }) = lost {
            show::line(format_args!("  {}: {}", paint(BAD, "can't be deployed"), show::visible(message)));
            hint.iter().for_each(|hint| show::line(paint(FAINT, format_args!("  {}", common.named(hint)))));
        }
    }
    if let Some(RolledBack { release, revision, at, why }) = rolled_back {
        let revision = show_revision(revision);
        show::line(format_args!(
            "{} {environment} from release {} of {revision} on {}: {}",
            paint(BAD, "rolled back"),
            release.short(),
            time::moment(*at),
            show::visible(why)
        ));
        let by_hand = format!("  {revision} is not deployed again by itself: `springline {brought_by}` tries it");
        show::line(paint(FAINT, common.named(&by_hand)));
    }
    let Some(pending) = pending else { return };
    let what = format!("{environment}: {} from {}", release_text(&pending.release), pending.release.environment);
    if pending.waits.is_empty() {
        show::line(format_args!("{what} {}", paint(GOOD, "can be promoted")));
    } else {
        show::line(format_args!("{what} {}", paint(NOTE, "is not promoted yet")));
    }
    for wait in &pending.waits {
        show::line(format_args!("  {}", common.named(&wait_text(pending, environment, wait))));
    }
    for approval in &pending.approvals {
        let why = if approval.why.is_empty() { String::new() } else { format!(": {}", show::visible(&approval.why)) };
        show::line(paint(FAINT, format_args!("  approved by {} on {}{why}", approval.by, time::moment(approval.at))));
    }
}

fn as_json(common: &Common, row: &Row, head: &str) -> Value {
    let error = |error: CliError| error.in_app(common.app.as_deref()).json();
    let Row { environment, suspended, found, pin, lost, rolled_back, pending, .. } = row;
    let unhealthy: Vec<_> =
        found.unhealthy.iter().map(|(live, health)| json!({ "object": live, "health": health })).collect();
    let worst = found.unhealthy.first().map(|(live, health)| {
        let node = found.objects.iter().find(|node| node.live == *live);
        json!({ "object": live, "health": health, "why": node.map(|node| &node.why) })
    });
    json!({
        "environment": environment,
        "release": found.release,
        "error": row.failed().map(error),
        "at-head": found.release.as_ref().map(|release| release.revision == head),
        "in-sync": found.release.as_ref().filter(|_| !found.is_unknown).map(|_| found.drifted.is_empty()),
        "drifted": found.drifted,
        "ignored": found.alone.ignored,
        "ignored-untold": found.alone.untold,
        "left": found.left,
        "protected": found.alone.protected,
        "stays": found.alone.stays,
        "marked": found.marked,
        "unconfirmed": found.alone.unconfirmed,
        "objects": found.number(),
        "health": row.health(),
        "unhealthy": unhealthy,
        "worst": worst,
        "refused": found.refused.as_ref().map(refused_json),
        "suspended": suspended,
        "tree": found.objects,
        "pin": pin.as_ref().map(pin_json),
        "pin-lost": lost.clone().map(error),
        "rolled-back": rolled_back.as_ref().map(rolled_back_json),
        "promotion": pending.as_deref().map(pending_json),
    })
}
