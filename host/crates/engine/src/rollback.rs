//! What becomes of a sync that failed: it is held as far as it came, or what was healthy before it comes
//! back.
//!
//! Whether something is to come back is told from the history alone, so that a crash in between loses
//! nothing: whoever looks next, a run that goes on or a look for drift, carries it out.

use springline_model::application::{self, OnFailure};
use springline_model::history::{Outcome, Record};
use springline_model::newest::Newest;
use springline_model::run::{Cause, Place, Release, Stage};

use crate::Ports;
use crate::error::{Reason, StageError};
use crate::past;
use crate::progress::Progress;
use crate::redeploy::{self, Stored};
use crate::run::{Failure, Report, begin, end, not_begun};
use crate::sync::{Because, End, Manner, Synced, finish, plugins_of};

/// How much of a failure a note tells.
const LONGEST_NOTE: usize = 300;

/// A sync that failed, and what is to come back.
#[derive(Debug, Clone)]
pub struct Due {
    /// The record of the sync.
    pub failed: Record,
    /// The release that was healthy before it.
    pub to: Release,
}

/// What became of a sync that failed, where the policy is to roll back.
#[derive(Debug)]
pub enum Aftermath {
    /// What was healthy before is live again.
    RolledBack {
        /// The release.
        to: Box<Release>,
    },
    /// That failed as well: all stays as far as it came.
    Failed {
        /// The release that was to come back.
        to: Box<Release>,
        /// Why it did not.
        error: Box<StageError>,
    },
    /// Nothing was healthy before: all stays as far as it came.
    NothingBefore,
    /// The environment is held at what failed.
    Pinned,
}

/// The rollback that is due in an environment: its last sync failed after it had changed something, the
/// policy is to roll back, nobody holds it at what failed, and something else was healthy before.
///
/// # Errors
/// What the store reports.
pub fn due(ports: Ports<'_>, place: &Place, policy: &application::Sync) -> Result<Option<Due>, Reason> {
    if policy.on_failure != OnFailure::Rollback {
        return Ok(None);
    }
    let Some(failed) = past::newest(ports, place, Newest::Attempt)?.filter(calls_for_it) else { return Ok(None) };
    if ports.store.standing(place)?.pin.is_some() {
        return Ok(None);
    }
    let Some(id) = failed.release else { return Ok(None) };
    Ok(past::last_healthy(ports, place, &id)?.map(|to| Due { failed, to }))
}

/// Whether a sync failed in a way that is rolled back: where nothing was changed, there is nothing to
/// bring back.
fn calls_for_it(record: &Record) -> bool {
    let Outcome::Failed { stage, .. } = &record.outcome else { return false };
    let at_apply = || record.counts.applied() > 0 || record.resumed;
    let changed = *stage == Stage::Health || (*stage == Stage::Apply && at_apply());
    record.cause != Cause::Rollback && changed
}

/// After a sync that failed: rolls back if that is due, and says in the report what became of it. What
/// failed first is what is told.
pub(crate) fn after(
    ports: Ports<'_>,
    (place, policy): (&Place, &application::Sync),
    failed: StageError,
    report: &mut Report,
) -> StageError {
    // The run has ended with it: the policy is to hold, or nothing was changed.
    let is_recorded = report.synced.last().is_some_and(|synced| calls_for_it(&synced.sealed.record));
    if policy.on_failure != OnFailure::Rollback || report.run.ended.is_some() || !is_recorded {
        return failed;
    }
    report.aftermath = match due(ports, place, policy) {
        Ok(Some(due)) => Some(go_back(ports, (due, policy), &failed, report)),
        Ok(None) => match ports.store.standing(place) {
            Ok(standing) if standing.pin.is_some() => Some(Aftermath::Pinned),
            _ => Some(Aftermath::NothingBefore),
        },
        // The next look finds it due again.
        Err(_) => None,
    };
    failed
}

/// Carries out a rollback that a crash kept a run from, which goes on now; what the sync before it
/// failed with.
pub(crate) fn cut_off(
    ports: Ports<'_>,
    (place, policy): (&Place, &application::Sync),
    report: &mut Report,
) -> Option<StageError> {
    let due = due(ports, place, policy).ok()?.filter(|due| due.failed.run == report.run.number)?;
    let failed = earlier(&due.failed);
    report.aftermath = Some(go_back(ports, (due, policy), &failed, report));
    Some(failed)
}

/// Rolls back in a run of its own.
///
/// # Errors
/// As [`run`](crate::run::run).
pub fn roll_back(ports: Ports<'_>, due: Due, policy: &application::Sync, actor: &str) -> Result<Report, Failure> {
    let run = match begin(ports, &Cause::Rollback, (&due.to.application, &due.to.revision), actor) {
        Ok(run) => run,
        Err(failed) => return Err(not_begun(*failed)),
    };
    let mut report = Report::of(run);
    let result = bring_back(ports, &due, policy, None, &mut report);
    end(ports, report, result)
}

fn go_back(
    ports: Ports<'_>,
    (due, policy): (Due, &application::Sync),
    failed: &StageError,
    report: &mut Report,
) -> Aftermath {
    let result = bring_back(ports, &due, policy, Some(failed), report);
    let to = Box::new(due.to);
    match result {
        Ok(()) => Aftermath::RolledBack { to },
        Err(error) => Aftermath::Failed { to, error: Box::new(error) },
    }
}

/// The sync that brings a release back. One that can't even begin is recorded too, as it is not tried
/// again for ever.
fn bring_back(
    ports: Ports<'_>,
    due: &Due,
    policy: &application::Sync,
    failed: Option<&StageError>,
    report: &mut Report,
) -> Result<(), StageError> {
    let Due { failed: record, to } = due;
    let because = Because { cause: Cause::Rollback, note: Some(note(record)), from: record.release };
    let synced = report.synced.len();
    // The yes was to what the sync that failed removes, and not to what goes with the way back.
    let mut policy = policy.clone();
    policy.confirm_prune.confirmed = None;
    let policy = &policy;
    let result = match ports.targets.of(to) {
        Ok(target) => {
            let manner = Manner::Back;
            let stored = Stored {
                release: to,
                target: &target,
                policy,
                manner,
                because: because.clone(),
                planned: None,
                prune_all: false,
            };
            redeploy::deploy(ports, stored, failed, report)
        }
        Err(reason) => Err(reason.at(Stage::Plan, Some(&to.environment))),
    };
    if let Err(error) = &result
        && report.synced.len() == synced
        && !matches!(error.reason, Reason::Cancelled | Reason::Store(_))
    {
        let end = End {
            place: record.place.clone(),
            release: Some(to.clone()),
            plugins: plugins_of(to),
            used: Default::default(),
            began: ports.clock.now(),
            took: Default::default(),
            error: Some(error),
            failed,
            because,
            last: true,
        };
        if let Ok(sealed) = finish(ports, &mut report.run, end, &Progress::default()) {
            report.synced.push(Synced::untried(sealed));
        }
    }
    result
}

/// What failed, in a line.
fn note(record: &Record) -> String {
    let Outcome::Failed { stage, message } = &record.outcome else { return String::new() };
    let release = record.release.map(|id| id.short()).unwrap_or_default();
    let line = message.lines().next().unwrap_or_default();
    let short: String = line.chars().take(LONGEST_NOTE).collect();
    let more = if short.len() < line.len() { " ..." } else { "" };
    format!("release {release} failed at {stage}: {short}{more}")
}

/// A sync that failed before, as its record tells it.
fn earlier(record: &Record) -> StageError {
    let (stage, message) = match &record.outcome {
        Outcome::Failed { stage, message } => (*stage, message.clone()),
        _ => (Stage::Record, String::new()),
    };
    Reason::Earlier(message).at(stage, Some(&record.place.environment))
}
