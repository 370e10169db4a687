//! One sync: plan, apply in waves, wait for health, record. Whatever happens on the way, it ends
//! in one `finish`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use springline_model::application;
use springline_model::call::{Call, Context, TargetCall};
use springline_model::capability::{Ledger, Used};
use springline_model::history::{Counts, Done, Outcome, Record, Sealed};
use springline_model::manifest::{Action, Change, Object};
use springline_model::plugin::{CallError, Fault, LogLine, Pinned};
use springline_model::port::{Finish, Target};
use springline_model::run::{How, Inventory, Owned, Place, Release, Run, RunState, Stage, StepRecord, Timestamp};

use crate::Ports;
use crate::chain;
use crate::error::{Reason, StageError};
use crate::event::{Event, Point};
use crate::health::{nap, wait};
use crate::keep::{put_log, read_json, to_json};
use crate::plan::{Plan, Scope, due, failed, plan};
use crate::render::count;

/// How often a plan is made anew when live objects change under it.
const PLANS: usize = 4;
/// How often a change is tried that failed in a way that passes.
const TRIES: u32 = 4;
/// The pause before the second try, where the target names none; it doubles.
const PAUSE: Duration = Duration::from_millis(250);

/// What is synced, and to where.
pub(crate) struct Job<'a> {
    pub release: Release,
    pub desired: Arc<[Object]>,
    pub target: &'a chain::Target,
    pub context: Arc<Context>,
    pub policy: &'a application::Sync,
    pub only: Option<&'a str>,
    pub prune_all: bool,
    pub began: Timestamp,
    /// Whether the run ends with this sync if it succeeds.
    pub last: bool,
    /// Whether what is lost can be made again: then a sync that meets it is not the end.
    pub remakes: bool,
    /// What building and rendering used of powers in this run.
    pub used: Used,
    /// Stages before the sync that belong to its record.
    pub stages: Vec<(Stage, Duration)>,
}

/// A sync that ended, well or not.
#[derive(Debug)]
pub struct Synced {
    /// Its record.
    pub sealed: Sealed,
    /// What was tried.
    pub done: Vec<Done>,
    /// Live objects that are no longer desired and stay, because pruning is off.
    pub left: Vec<String>,
}

/// The place of a release.
pub(crate) fn place_of(release: &Release) -> Place {
    Place { application: release.application.clone(), environment: release.environment.clone() }
}

/// Opens the target of an environment.
pub(crate) fn open<'p>(
    ports: Ports<'p>,
    uses: &chain::Target,
    context: Arc<Context>,
    desired: Arc<[Object]>,
    ledger: &Ledger,
) -> Result<Box<dyn Target + 'p>, Reason> {
    let call = Call {
        plugin: uses.uses.plugin.clone(),
        config: uses.uses.config.clone(),
        context,
        limits: uses.uses.limits.clone(),
        grants: uses.uses.grants.clone(),
        ledger: ledger.clone(),
        cancel: ports.cancel.clone(),
    };
    let target = TargetCall { call, desired };
    ports.plugins.target(target).map_err(|error| failed(uses, error))
}

/// What this application owns here: from the store, or where the store knows nothing, from the
/// marks on the target itself.
pub(crate) fn inventory(
    ports: Ports<'_>,
    place: &Place,
    target: &dyn Target,
    uses: &chain::Target,
) -> Result<Inventory, Reason> {
    if let Some(digest) = ports.store.inventory(place)? {
        match read_json(ports, &digest) {
            Err(reason) if reason.is_lost() => {}
            read => return read,
        }
    }
    let called = target.owned().map_err(|error| failed(uses, error))?;
    let found = |live: String| (live, Owned { object: String::new(), version: None, prune_failed: None });
    Ok(Inventory { objects: called.value.into_iter().map(found).collect() })
}

/// Syncs, and writes down how it ended.
pub(crate) fn sync(ports: Ports<'_>, run: &mut Run, job: Job<'_>) -> Result<Synced, Box<(StageError, Option<Synced>)>> {
    let place = place_of(&job.release);
    let began = Instant::now();
    let mut progress = Progress { stages: job.stages.clone(), ..Progress::default() };
    let result = progress.through(ports, run, &job, &place);
    let used = progress.ledger.used();
    if !progress.log.is_empty() || !used.is_empty() {
        let log = put_log(ports, &progress.log).ok();
        run.steps.push(StepRecord {
            name: format!("{}/target", place.environment),
            plugin: job.target.uses.plugin.clone(),
            how: How::Executed(String::new()),
            summary: String::new(),
            took: began.elapsed(),
            log,
            used: used.clone(),
            output: None,
        });
    }
    let recording = Instant::now();
    let error = match result {
        Err(error) if job.remakes && error.reason.is_lost() => return Err(Box::new((error, None))),
        result => result.err(),
    };
    let ended = End {
        place,
        release: Some(job.release.clone()),
        plugins: plugins_of(&job.release),
        used: {
            let mut all = job.used.clone();
            all.add(&used);
            all
        },
        began: job.began,
        took: job.stages.iter().map(|(_, took)| *took).sum::<Duration>() + began.elapsed(),
        error: error.as_ref(),
        last: job.last || error.is_some(),
    };
    match finish(ports, run, ended, &progress) {
        Ok(sealed) => {
            let detail = format!("history {}, release {}", sealed.record.sequence, job.release.id.short());
            ports.observer.event(&Event::StageDone {
                stage: Stage::Record,
                environment: Some(&job.release.environment),
                detail: &detail,
                took: recording.elapsed(),
            });
            ports.observer.event(&Event::Passed(Point::Recorded));
            let synced = Synced { sealed, done: progress.done, left: progress.left };
            match error {
                None => Ok(synced),
                Some(error) => Err(Box::new((error, Some(synced)))),
            }
        }
        Err(reason) => {
            let unrecorded = reason.at(Stage::Record, Some(&job.release.environment));
            Err(Box::new((error.unwrap_or(unrecorded), None)))
        }
    }
}

/// How a sync ended, to be written down.
pub(crate) struct End<'a> {
    pub place: Place,
    pub release: Option<Release>,
    pub plugins: Vec<Pinned>,
    pub used: Used,
    pub began: Timestamp,
    pub took: Duration,
    pub error: Option<&'a StageError>,
    /// Whether the run ends with it.
    pub last: bool,
}

/// The one place where a sync is written down, however it ended: blobs first, then one
/// transaction.
pub(crate) fn finish(ports: Ports<'_>, run: &mut Run, end: End<'_>, progress: &Progress) -> Result<Sealed, Reason> {
    let changes = if progress.done.is_empty() { None } else { Some(ports.blobs.put(&to_json(&progress.done))?) };
    let inventory = match &progress.inventory {
        Some(inventory) => Some(ports.blobs.put(&to_json(inventory))?),
        None => None,
    };
    ports.blobs.sync()?;
    run.reached = Some((Some(end.place.environment.clone()), Stage::Record));
    if end.last {
        close(run, end.error, ports.clock.now());
    }
    let outcome = match end.error {
        None => Outcome::Succeeded,
        Some(StageError { stage, reason: Reason::Cancelled, .. }) => Outcome::Cancelled { stage: *stage },
        Some(StageError { stage, reason, .. }) => Outcome::Failed { stage: *stage, message: reason.to_string() },
    };
    let record = Record {
        sequence: 0,
        previous: springline_model::history::GENESIS,
        place: end.place,
        run: run.number,
        started: end.began,
        took: end.took,
        cause: run.cause.clone(),
        actor: run.actor.clone(),
        revision: end.release.as_ref().map_or_else(|| run.revision.clone(), |release| release.revision.clone()),
        release: end.release.as_ref().map(|release| release.id),
        plugins: end.plugins,
        used: end.used,
        counts: progress.counts,
        changes,
        inventory,
        outcome,
        stages: progress.stages.clone(),
    };
    Ok(ports.store.finish(Finish { run: run.clone(), record, release: end.release, inventory })?)
}

/// Says in the run that it ended, and how.
pub(crate) fn close(run: &mut Run, error: Option<&StageError>, now: Timestamp) {
    run.ended = Some(now);
    run.state = match error {
        None => RunState::Succeeded,
        Some(StageError { reason: Reason::Cancelled, .. }) => RunState::Cancelled,
        Some(_) => RunState::Failed,
    };
    run.error = error.map(ToString::to_string);
}

fn plugins_of(release: &Release) -> Vec<Pinned> {
    let mut plugins = release.plugins.clone();
    plugins.push(release.target_plugin.clone());
    plugins.sort();
    plugins.dedup();
    plugins
}

/// How far a sync is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// What is owned, as far as it is known; none before it is.
    pub inventory: Option<Inventory>,
    pub counts: Counts,
    pub done: Vec<Done>,
    pub left: Vec<String>,
    pub stages: Vec<(Stage, Duration)>,
    pub log: Vec<LogLine>,
    /// What the target used of its powers.
    pub ledger: Ledger,
}

/// What applying a plan came to.
enum Applied {
    /// All of it.
    All,
    /// Some changes wait for the waves that have landed now.
    Deferred(usize),
    /// Live was no longer what the plan was made on.
    Stale(String),
}

impl Progress {
    /// Runs a stage and takes its time.
    fn stage<T>(
        &mut self,
        ports: Ports<'_>,
        (stage, environment): (Stage, &str),
        units: Option<u64>,
        work: impl FnOnce(&mut Self) -> Result<(T, String), Reason>,
    ) -> Result<T, StageError> {
        ports.observer.event(&Event::StageBegun { stage, environment: Some(environment), units });
        let began = Instant::now();
        let result = if ports.cancel.is_cancelled() { Err(Reason::Cancelled) } else { work(self) };
        let took = began.elapsed();
        match self.stages.iter_mut().find(|(known, _)| *known == stage) {
            Some((_, total)) => *total += took,
            None => self.stages.push((stage, took)),
        }
        let (value, detail) = result.map_err(|reason| reason.at(stage, Some(environment)))?;
        ports.observer.event(&Event::StageDone { stage, environment: Some(environment), detail: &detail, took });
        Ok(value)
    }

    fn through(&mut self, ports: Ports<'_>, run: &mut Run, job: &Job<'_>, place: &Place) -> Result<(), StageError> {
        let environment = place.environment.as_str();
        let at = |stage| (stage, environment);
        let target = open(ports, job.target, job.context.clone(), job.desired.clone(), &self.ledger)
            .map_err(|reason| reason.at(Stage::Plan, Some(environment)))?;
        let target = target.as_ref();
        let mut plans = 0;
        let (mut deferred, mut intended) = (usize::MAX, false);
        let planned = loop {
            plans += 1;
            let planned = self.stage(ports, at(Stage::Plan), None, |progress| {
                let plan = progress.plan(ports, target, job, place)?;
                let detail = summarise(&plan);
                Ok((plan, detail))
            })?;
            ports.observer.event(&Event::Passed(Point::Planned));
            if planned.changes.is_empty() {
                break planned;
            }
            if !intended || plans > 1 {
                self.intend(ports, run, place, &planned)
                    .map_err(|reason| reason.at(Stage::Apply, Some(environment)))?;
                intended = true;
            }
            let units = Some(planned.changes.len() as u64);
            let applied = self.stage(ports, at(Stage::Apply), units, |progress| {
                let applied = progress.apply_all(ports, target, job.target, &planned)?;
                Ok((applied, progress.applied_so_far()))
            })?;
            match applied {
                Applied::All => break planned,
                Applied::Deferred(waiting) if waiting < deferred => deferred = waiting,
                Applied::Deferred(waiting) => return Err(Reason::Stuck(waiting).at(Stage::Apply, Some(environment))),
                Applied::Stale(message) if plans >= PLANS => {
                    return Err(Reason::Unsettled(message).at(Stage::Apply, Some(environment)));
                }
                Applied::Stale(_) => {}
            }
        };
        ports.observer.event(&Event::Passed(Point::Applied));
        self.left = planned.left;
        let live: Vec<String> = planned.identities.keys().cloned().collect();
        self.stage(ports, at(Stage::Health), Some(live.len() as u64), |progress| {
            let look = wait(ports, target, job.target, &live, job.policy.health_seconds)?;
            progress.log.extend(look.log);
            progress.settle(&planned.identities, &look.versions);
            Ok(((), format!("{} healthy", count(live.len(), "object"))))
        })?;
        ports.observer.event(&Event::Passed(Point::Healthy));
        Ok(())
    }

    fn plan(&mut self, ports: Ports<'_>, target: &dyn Target, job: &Job<'_>, place: &Place) -> Result<Plan, Reason> {
        let inventory = match &mut self.inventory {
            Some(inventory) => inventory,
            none => none.insert(inventory(ports, place, target, job.target)?),
        };
        let scope = Scope {
            environment: &place.environment,
            only: job.only,
            prune: job.policy.prune,
            prune_all: job.prune_all,
        };
        let mut plan = plan(target, job.target, &job.desired, inventory, scope)?;
        self.log.append(&mut plan.log);
        Ok(plan)
    }

    /// Writes down what is about to be owned, so that a crash can't orphan it.
    fn intend(&mut self, ports: Ports<'_>, run: &Run, place: &Place, plan: &Plan) -> Result<(), Reason> {
        let inventory = self.inventory.get_or_insert_default();
        let mut intended = inventory.clone();
        for change in plan.changes.iter().filter(|change| change.action != Action::Delete) {
            let object = change.object.clone();
            intended.objects.entry(change.live.clone()).or_insert(Owned { object, version: None, prune_failed: None });
        }
        let digest = ports.blobs.put(&to_json(&intended))?;
        ports.blobs.sync()?;
        ports.store.intend(run, place, &digest)?;
        ports.observer.event(&Event::Passed(Point::Intended));
        Ok(())
    }

    /// Applies a plan wave by wave. A wave is finished even if something in it fails; the next
    /// one is not begun then.
    fn apply_all(
        &mut self,
        ports: Ports<'_>,
        target: &dyn Target,
        uses: &chain::Target,
        plan: &Plan,
    ) -> Result<Applied, Reason> {
        let waiting = plan.changes.iter().filter(|change| change.action == Action::Deferred).count();
        let (mut tried, mut failures, mut stale) = (0, Vec::new(), None);
        let mut wave = None;
        for change in due(&plan.changes) {
            let this = (change.action == Action::Delete, change.wave);
            if wave.replace(this).is_some_and(|last| last != this) && (!failures.is_empty() || stale.is_some()) {
                break;
            }
            if ports.cancel.is_cancelled() {
                return Err(Reason::Cancelled);
            }
            tried += 1;
            match self.apply(ports, target, uses, change) {
                Ok(()) => {}
                Err(error) if error.fault == Fault::Cancelled => return Err(Reason::Cancelled),
                Err(CallError { fault: Fault::Conflict { message }, .. }) => stale = Some(message),
                Err(error) if matches!(error.fault, Fault::Lost { .. }) => return Err(failed(uses, error)),
                Err(error) => failures.push((change.live.clone(), error)),
            }
        }
        if let Some((live, error)) = failures.first() {
            let denied = matches!(error.fault, Fault::Denied { .. });
            let first = format!("{live}: {}", error.fault);
            return Err(Reason::Apply { failed: failures.len(), all: tried, first, denied });
        }
        Ok(match stale {
            Some(message) => Applied::Stale(message),
            None if waiting > 0 => Applied::Deferred(waiting),
            None => Applied::All,
        })
    }

    /// Applies one change, and again while it fails in a way that passes.
    fn apply(
        &mut self,
        ports: Ports<'_>,
        target: &dyn Target,
        uses: &chain::Target,
        change: &Change,
    ) -> Result<(), CallError> {
        let Change { live, action, .. } = change;
        ports.observer.event(&Event::Applying { live, action: *action });
        let mut pause = PAUSE;
        for attempt in 1.. {
            let error = match target.apply(change) {
                Ok(called) => {
                    self.log.extend(called.log);
                    let message = called.value.message;
                    let summary = if message.is_empty() { change.summary.clone() } else { message };
                    self.applied(ports, change, called.value.after, summary);
                    return Ok(());
                }
                Err(error) => error,
            };
            self.log.extend(error.log.iter().cloned());
            match &error.fault {
                Fault::Transient { retry_after, .. } if attempt < TRIES => {
                    let cancelled = |_| CallError { fault: Fault::Cancelled, ..error.clone() };
                    nap(ports, retry_after.unwrap_or(pause)).map_err(cancelled)?;
                    pause *= 2;
                }
                Fault::Conflict { .. } => return Err(error),
                Fault::Cancelled | Fault::Lost { .. } => {
                    self.unconfirmed(change);
                    return Err(error);
                }
                _ => {
                    self.failed(ports, change, &error);
                    return Err(error);
                }
            }
        }
        Err(CallError { plugin: uses.uses.plugin.clone(), fault: Fault::Cancelled, log: Vec::new() })
    }

    fn applied(&mut self, ports: Ports<'_>, change: &Change, after: Option<String>, summary: String) {
        let counter = match change.action {
            Action::Create => &mut self.counts.created,
            Action::Update => &mut self.counts.updated,
            Action::Delete => &mut self.counts.deleted,
            Action::Adopt | Action::Deferred => &mut self.counts.adopted,
        };
        *counter += 1;
        let inventory = self.inventory.get_or_insert_default();
        if change.action == Action::Delete {
            inventory.objects.remove(&change.live);
        } else {
            let owned = Owned { object: change.object.clone(), version: after.clone(), prune_failed: None };
            inventory.objects.insert(change.live.clone(), owned);
        }
        self.note(ports, change, after, summary, None);
        if self.counts.applied() == 1 {
            ports.observer.event(&Event::Passed(Point::AppliedOne));
        }
    }

    /// What was being made when the call was cut off may be there.
    fn unconfirmed(&mut self, change: &Change) {
        let inventory = self.inventory.get_or_insert_default();
        let object = change.object.clone();
        inventory.objects.entry(change.live.clone()).or_insert(Owned { object, version: None, prune_failed: None });
    }

    /// A prune that failed stays in the inventory and is tried again; what was to be made may be
    /// there in part, so it is owned as well.
    fn failed(&mut self, ports: Ports<'_>, change: &Change, error: &CallError) {
        self.counts.failed += 1;
        let inventory = self.inventory.get_or_insert_default();
        let pruning = change.action == Action::Delete;
        let owned = inventory.objects.entry(change.live.clone()).or_insert_with(|| Owned {
            object: change.object.clone(),
            version: None,
            prune_failed: None,
        });
        if pruning {
            owned.prune_failed = Some(error.fault.to_string());
        }
        self.note(ports, change, None, change.summary.clone(), Some(error.fault.to_string()));
    }

    fn note(
        &mut self,
        ports: Ports<'_>,
        change: &Change,
        after: Option<String>,
        summary: String,
        error: Option<String>,
    ) {
        let (live, action, before) = (change.live.clone(), change.action, change.before.clone());
        let done = Done { live, action, before, after, summary, error };
        ports.observer.event(&Event::Changed(&done));
        self.done.push(done);
    }

    /// Takes over what was observed in the end of what is owned.
    fn settle(&mut self, identities: &BTreeMap<String, String>, versions: &BTreeMap<String, Option<String>>) {
        let inventory = self.inventory.get_or_insert_default();
        for (live, object) in identities {
            let Some(version) = versions.get(live).cloned().flatten() else { continue };
            if let Some(owned) = inventory.objects.get_mut(live) {
                owned.version = Some(version);
                owned.object.clone_from(object);
                owned.prune_failed = None;
            }
        }
    }

    fn applied_so_far(&self) -> String {
        let Counts { created, updated, deleted, adopted, .. } = self.counts;
        let parts = [(created, "created"), (updated, "updated"), (deleted, "deleted"), (adopted, "adopted")];
        let said: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        if said.is_empty() { "nothing".into() } else { said.join(", ") }
    }
}

/// `3 to create, 1 to delete`.
pub(crate) fn summarise(plan: &Plan) -> String {
    let number = |action| plan.changes.iter().filter(|change| change.action == action).count();
    let parts = [
        (Action::Create, "to create"),
        (Action::Update, "to update"),
        (Action::Delete, "to delete"),
        (Action::Adopt, "to adopt"),
        (Action::Deferred, "to plan later"),
    ];
    let said = parts.iter().map(|(action, words)| (number(*action), words));
    let mut said: Vec<_> = said.filter(|(n, _)| *n > 0).map(|(n, words)| format!("{n} {words}")).collect();
    if said.is_empty() {
        said.push(format!("{} in sync", count(plan.identities.len(), "object")));
    }
    if !plan.left.is_empty() {
        said.push(format!("{} left, as pruning is off", plan.left.len()));
    }
    said.join(", ")
}
