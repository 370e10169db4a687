//! One sync: plan, run the hooks before it, apply in waves, wait for health, run the hooks after it,
//! record. Whatever happens on the way, it ends in one `finish`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use springline_model::Digest;
use springline_model::application;
use springline_model::call::{Call, Context, TargetCall};
use springline_model::capability::{Ledger, Used};
use springline_model::history::{Done, Outcome, Record, Sealed};
use springline_model::manifest::{Action, Change, Object, Phase};
use springline_model::plugin::{Level, LogLine, Pinned};
use springline_model::port::{Finish, Page, Target};
use springline_model::run::{
    Cause, How, Inventory, Owned, Place, Release, Run, RunState, Stage, StepRecord, Timestamp,
};

use crate::Ports;
use crate::apply::Applied;
use crate::chain;
use crate::error::{Reason, StageError};
use crate::event::{Awaited, Event, Point};
use crate::health::{On, Wait};
use crate::keep::{put_log, read_unless_lost, to_json};
use crate::origin::Origins;
use crate::owned::{Stays, inventory, written};
use crate::past;
use crate::patient::Patient;
use crate::plan::{Held, Plan, Scope, failed, plan, summarise};
use crate::progress::Progress;
use crate::record;
use crate::render::count;
use crate::restraint::{Protected, joined, leaving};

/// What is between why a sync was made and what stays on another target, in the note of its record.
pub(crate) const BETWEEN: &str = "; ";
/// How often a plan is made anew when live objects change under it.
const PLANS: usize = 4;

/// What is synced, and to where.
pub(crate) struct Job<'a> {
    pub release: Release,
    pub desired: Arc<[Object]>,
    /// The directory of the source that they were rendered from; none for what was rendered before.
    pub input: Option<&'a str>,
    pub target: &'a chain::Target,
    pub context: Arc<Context>,
    pub policy: &'a application::Sync,
    pub only: Option<&'a str>,
    pub prune_all: bool,
    pub began: Timestamp,
    pub manner: Manner,
    pub because: Because,
    /// What the run failed with before.
    pub failed: Option<&'a StageError>,
    /// What was planned already, with nothing done since.
    pub planned: Option<Planned<'a>>,
    /// Whether the run ends with this sync if it succeeds.
    pub last: bool,
    /// Whether what is lost can be made again: then a sync that meets it is not the end.
    pub remakes: bool,
    /// What building and rendering used of powers in this run.
    pub used: Used,
    /// Stages before the sync that belong to its record.
    pub stages: Vec<(Stage, Duration)>,
}

/// What a sync is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// To deploy a release, with its hooks.
    New,
    /// To make live again what was deployed before, without hooks: they are for what is new. It is not
    /// waited for.
    Repair,
    /// To bring back what was deployed before, as what came after it failed: without hooks, and waited for.
    Back,
    /// To remove what stayed on a target that the place is on no more: what is deployed is another.
    Aside,
}

/// Why a sync is made, as its record says it.
#[derive(Debug, Clone)]
pub(crate) struct Because {
    pub cause: Cause,
    pub note: Option<String>,
    pub from: Option<Digest>,
}

impl Because {
    pub const fn of(cause: Cause) -> Self {
        Self { cause, note: None, from: None }
    }
}

impl Job<'_> {
    /// What holds in this sync: for what is made from the source what that says, for what was made before
    /// what was said then as well.
    fn joined(&self) -> application::Sync {
        match self.input {
            Some(_) => self.policy.clone(),
            None => joined(self.policy, &self.release),
        }
    }

    /// Whether what was healthy before may come back when it has failed so.
    fn may_go_back(&self, error: &StageError) -> bool {
        self.manner == Manner::New
            && self.policy.on_failure == application::OnFailure::Rollback
            && matches!(error.stage, Stage::Apply | Stage::Health)
            && !matches!(error.reason, Reason::Cancelled)
    }
}

/// What was planned on a target before it is known whether there is a sync.
pub(crate) struct Planned<'a> {
    pub target: Box<dyn Target + 'a>,
    pub desired: Arc<[Object]>,
    pub inventory: Inventory,
    pub plan: Plan,
    /// What that used of powers.
    pub ledger: Ledger,
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
    /// Live objects that are no longer desired and stay, as something protects them.
    pub protected: Vec<Protected>,
    /// Updates that were left undone, as a rule ignores them.
    pub ignored: Vec<Change>,
    /// What stays on other targets, where the place was before.
    pub stays: Vec<Stays>,
}

impl Synced {
    /// A sync that did not get as far as to try something.
    pub(crate) const fn untried(sealed: Sealed) -> Self {
        let done = Vec::new();
        Self { sealed, done, left: Vec::new(), protected: Vec::new(), ignored: Vec::new(), stays: Vec::new() }
    }
}

/// Opens the target of an environment. The objects come with the directory of the source that they
/// were rendered from, if it is known.
pub(crate) fn open<'p>(
    ports: Ports<'p>,
    uses: &chain::Target,
    context: Arc<Context>,
    (desired, input): (Arc<[Object]>, Option<&str>),
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
    let origins = Origins { desired: desired.clone(), input: input.map(str::to_owned) };
    let target = TargetCall { call, desired };
    let target = ports.plugins.target(target).map_err(|error| failed(uses, error))?;
    Ok(Box::new(Patient { ports, target, origins }))
}

/// Syncs, and writes down how it ended.
pub(crate) fn sync(
    ports: Ports<'_>,
    run: &mut Run,
    mut job: Job<'_>,
) -> Result<Synced, Box<(StageError, Option<Synced>)>> {
    let place = job.release.place();
    let began = Instant::now();
    let mut progress = Progress { stages: job.stages.clone(), ..Progress::default() };
    let opened = job.planned.take().map(|planned| progress.go_on_from(planned));
    let result = progress.through(ports, run, (&job, &place), opened);
    let used = progress.ledger.used();
    if !progress.log.is_empty() || !used.is_empty() {
        let log = put_log(ports, &progress.log).ok();
        run.steps.push(Arc::new(StepRecord {
            name: format!("{}/target", place.environment),
            plugin: job.target.uses.plugin.clone(),
            how: How::Executed(String::new()),
            summary: String::new(),
            took: began.elapsed(),
            log,
            used: used.clone(),
            output: None,
        }));
    }
    let recording = Instant::now();
    let error = match result {
        Err(error) if job.remakes && error.reason.is_lost() => return Err(Box::new((error, None))),
        Err(error) if is_known(ports, &place, &job.release, &error) => return Err(Box::new((error, None))),
        result => result.err(),
    };
    let ended = End {
        place,
        release: (job.manner != Manner::Aside).then(|| job.release.clone()),
        plugins: plugins_of(&job.release),
        used: {
            let mut all = job.used.clone();
            all.add(&used);
            all
        },
        began: job.began,
        took: job.stages.iter().map(|(_, took)| *took).sum::<Duration>() + began.elapsed(),
        error: error.as_ref(),
        failed: job.failed,
        because: job.because.clone(),
        last: match &error {
            Some(error) => !job.may_go_back(error),
            None => job.last,
        },
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
            // What keeps git from being told is told, and kept: the deployment stands.
            if let Err(reason) = record::settle(ports, &sealed.record.place.application) {
                return Err(Box::new((reason.at(Stage::Record, Some(&job.release.environment)), None)));
            }
            let stays = progress.owned().as_ref().map(Stays::of).unwrap_or_default();
            let Progress { done, left, protected, ignored, .. } = progress;
            let synced = Synced { sealed, done, left, protected, ignored, stays };
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

/// Whether it waits for a confirmation, and history says so already.
fn is_known(ports: Ports<'_>, place: &Place, release: &Release, error: &StageError) -> bool {
    matches!(error.reason, Reason::Unconfirmed(_))
        && is_said(ports, place, error, |record| record.release == Some(release.id))
}

/// Whether the newest record of a place is of the same failure of the same thing: whoever tries again and again
/// does not fill the history.
pub(crate) fn is_said(
    ports: Ports<'_>,
    place: &Place,
    error: &StageError,
    is_same: impl FnOnce(&Record) -> bool,
) -> bool {
    let newest = ports.store.history(&Page::of(place, 1)).ok().and_then(|found| found.records.into_iter().next());
    newest.is_some_and(|Sealed { record, .. }| {
        let failed = Outcome::Failed { stage: error.stage, message: error.reason.to_string() };
        record.outcome == failed && is_same(&record)
    })
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
    /// What the run failed with before.
    pub failed: Option<&'a StageError>,
    pub because: Because,
    /// Whether the run ends with it.
    pub last: bool,
}

/// The one place where a sync is written down, however it ended: blobs first, then one
/// transaction.
pub(crate) fn finish(ports: Ports<'_>, run: &mut Run, end: End<'_>, progress: &Progress) -> Result<Sealed, Reason> {
    let touched = progress.done.iter().map(|done| done.live.clone()).collect();
    let changes = if progress.done.is_empty() { None } else { Some(ports.blobs.put(&to_json(&progress.done))?) };
    // A place is on another target when something was to be changed there, or nothing had to be.
    let is_there = end.error.is_none() || progress.resumed.is_some();
    let owned = progress.owned().filter(|owned| is_there || owned.came_from.is_none());
    let inventory = owned.as_ref().map(|owned| ports.blobs.put(&to_json(owned))).transpose()?;
    let stays = owned.as_ref().and_then(|owned| Some((owned.came_from.as_ref()?, Stays::of(owned))));
    let stays = stays.and_then(|(from, stays)| stays.into_iter().find(|stays| stays.target == *from));
    let stays = stays.map(|stays| format!("stays: {stays}"));
    let note = end.because.note.into_iter().chain(stays).reduce(|why, stays| format!("{why}{BETWEEN}{stays}"));
    ports.blobs.sync()?;
    run.reached = Some((Some(end.place.environment.clone()), Stage::Record));
    if end.last {
        close(run, end.failed.or(end.error), ports.clock.now());
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
        cause: end.because.cause,
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
        note,
        from: end.because.from,
        healthy: Some(progress.healthy),
        resumed: progress.resumed.unwrap_or_default(),
    };
    let tells = record::due(ports, &record.place, (&record.cause, &record.outcome, record.release.as_ref()))?;
    let (run, at) = (run.clone(), ports.clock.now());
    Ok(ports.store.finish(Finish { run, record, release: end.release, inventory, touched, tells, at })?)
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

pub(crate) fn plugins_of(release: &Release) -> Vec<Pinned> {
    let mut plugins = release.plugins.clone();
    plugins.push(release.target_plugin.clone());
    plugins.sort();
    plugins.dedup();
    plugins
}

/// What a sync works with.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub on: On<'a>,
    pub job: &'a Job<'a>,
    pub place: &'a Place,
}

impl Work<'_> {
    /// How long live objects may take, each time that they are waited for. What a sync can't do
    /// without, such as hooks, is waited for even if the policy waits for nothing else.
    pub fn seconds(&self) -> u64 {
        match self.job.policy.health_seconds {
            0 => application::Sync::default().health_seconds,
            seconds => seconds,
        }
    }

    /// What was owned when what comes back was healthy last, if that is known.
    fn owned_before(&self) -> Result<Option<Inventory>, Reason> {
        if self.job.manner != Manner::Back {
            return Ok(None);
        }
        match past::owned_by(self.on.ports, self.place, &self.job.release.id)? {
            Some(digest) => read_unless_lost(self.on.ports, &digest),
            None => Ok(None),
        }
    }

    /// Whether objects that are applied have to become healthy.
    pub fn waits(&self) -> bool {
        self.job.policy.health_seconds > 0
    }
}

impl Progress {
    /// Takes over what was planned, and returns the target.
    fn go_on_from<'a>(&mut self, planned: Planned<'a>) -> Box<dyn Target + 'a> {
        self.ledger = planned.ledger;
        self.inventory = Some(planned.inventory);
        self.planned = Some(planned.plan);
        planned.target
    }

    /// The whole sync; if it fails, the hooks for that are run.
    fn through<'a>(
        &mut self,
        ports: Ports<'a>,
        run: &mut Run,
        (job, place): (&Job<'_>, &Place),
        opened: Option<Box<dyn Target + 'a>>,
    ) -> Result<(), StageError> {
        let policy = job.joined();
        let target = match opened {
            Some(target) => target,
            None => leaving(job.target, &policy)
                .and_then(|target| {
                    open(ports, &target, job.context.clone(), (job.desired.clone(), job.input), &self.ledger)
                })
                .map_err(|reason| reason.at(Stage::Plan, Some(&place.environment)))?,
        };
        let work = Work { on: On { ports, target: target.as_ref(), uses: job.target }, job, place };
        let result = self.bring(work, run);
        if let Err(error) = &result
            && !matches!(error.reason, Reason::Cancelled)
            && !error.reason.is_lost()
        {
            // What is told is what failed first.
            if let Err(error) = self.remove_spent(work) {
                let text = format!("what is left of hooks that succeeded: {error}");
                self.log.push(LogLine { level: Level::Error, text });
            }
            if let Err(error) = self.phase(work, Phase::Failure) {
                let text = format!("the hooks for a sync that failed: {error}");
                self.log.push(LogLine { level: Level::Error, text });
            }
        }
        if !self.going.is_empty() {
            self.keep_what_stays(work.on);
        }
        result
    }

    fn bring(&mut self, work: Work<'_>, run: &mut Run) -> Result<(), StageError> {
        let ports = work.on.ports;
        let planned = self.converge(work, run)?;
        ports.observer.event(&Event::Passed(Point::Applied));
        (self.left, self.protected, self.ignored) = (planned.left, planned.protected, planned.ignored);
        let live: Vec<String> = planned.identities.keys().cloned().collect();
        self.stage(work, Stage::Health, Some(live.len() as u64), |progress| {
            // What is repaired came up before; whoever repairs has others to look after.
            if !work.waits() || work.job.manner == Manner::Repair {
                return progress.glance(work, &planned.identities, &live);
            }
            let wait = Wait { on: work.on, live: &live, awaited: Awaited::Everything, seconds: work.seconds() };
            let mut waited = wait.wait()?;
            progress.log.append(&mut waited.look.log);
            progress.prove(&live, &waited.look.unhealthy);
            if let Some(failure) = waited.failure() {
                return Err(failure);
            }
            progress.settle(&planned.identities, &waited.look.versions);
            progress.healthy = work.job.only.is_none();
            let detail = match live.len() {
                0 => "no objects".to_owned(),
                number => format!("{} healthy", count(number, "object")),
            };
            Ok(((), detail))
        })?;
        ports.observer.event(&Event::Passed(Point::Healthy));
        self.phase(work, Phase::After)?;
        if work.job.only.is_none() && !matches!(work.job.manner, Manner::Repair | Manner::Aside) {
            self.inventory.get_or_insert_default().unfinished = false;
        }
        Ok(())
    }

    /// Looks at live objects once, whatever it finds.
    fn glance(
        &mut self,
        work: Work<'_>,
        identities: &BTreeMap<String, String>,
        live: &[String],
    ) -> Result<((), String), Reason> {
        let mut look = work.on.look(live)?;
        self.log.append(&mut look.log);
        self.prove(live, &look.unhealthy);
        self.settle(identities, &look.versions);
        let healthy = live.len() - look.unhealthy.len();
        self.healthy = look.unhealthy.is_empty() && work.job.only.is_none();
        Ok(((), format!("{healthy} of {} healthy, not waited for", count(live.len(), "object"))))
    }

    /// Plans and applies until nothing is left to do.
    fn converge(&mut self, work: Work<'_>, run: &mut Run) -> Result<Plan, StageError> {
        let ports = work.on.ports;
        let at_apply = |reason: Reason| reason.at(Stage::Apply, Some(&work.place.environment));
        let (mut plans, mut deferred) = (0, usize::MAX);
        loop {
            plans += 1;
            let planned = self.stage(work, Stage::Plan, None, |progress| {
                let plan = progress.plan(work)?;
                let detail = summarise(&plan);
                Ok((plan, detail))
            })?;
            ports.observer.event(&Event::Passed(Point::Planned));
            if planned.changes.is_empty() && planned.hooks.is_empty() {
                return Ok(planned);
            }
            self.intend(work, run, &planned).map_err(at_apply)?;
            self.phase(work, Phase::Before)?;
            let units = Some(planned.changes.len() as u64);
            let applied = self.stage(work, Stage::Apply, units, |progress| {
                let applied = progress.apply_all(work, &planned)?;
                if let Applied::All = applied {
                    progress.remove_spent(work)?;
                }
                Ok((applied, progress.applied_so_far()))
            })?;
            match applied {
                Applied::All => return Ok(planned),
                Applied::Deferred(waiting) if waiting < deferred => deferred = waiting,
                Applied::Deferred(waiting) => return Err(at_apply(Reason::Stuck(waiting))),
                Applied::Stale(message) if plans >= PLANS => return Err(at_apply(Reason::Unsettled(message))),
                Applied::Stale(_) => {}
            }
        }
    }

    fn plan(&mut self, work: Work<'_>) -> Result<Plan, Reason> {
        let Work { on, job, place } = work;
        let inventory = match &mut self.inventory {
            Some(inventory) => inventory,
            none => none.insert(inventory(on.ports, place, on.target, on.uses)?),
        };
        if job.manner == Manner::Aside && self.home.is_none() {
            self.home = written(on.ports, place)?.and_then(|known| known.target);
        }
        let repairs = job.manner == Manner::Repair;
        let policy = job.joined();
        let scope = Scope {
            environment: &place.environment,
            only: job.only,
            policy: &policy,
            prune_all: job.prune_all,
            hooks: job.manner == Manner::New,
        };
        let mut plan = match self.planned.take() {
            Some(plan) => scope.check(&plan, inventory).map(|()| plan)?,
            None => plan(on.target, on.uses, &job.desired, inventory, scope)?,
        };
        if repairs {
            plan.take_out_going(inventory, Held::LetBe);
        }
        let before = work.owned_before()?;
        self.confirm(&plan, &policy, before.as_ref())?;
        let inventory = self.inventory.get_or_insert_default();
        plan.released.iter().for_each(|live| drop(inventory.objects.remove(live)));
        self.log.append(&mut plan.log);
        self.hooks.clone_from(&plan.hooks);
        Ok(plan)
    }

    /// Writes down what is about to be owned, so that a crash can't orphan it.
    fn intend(&mut self, work: Work<'_>, run: &Run, plan: &Plan) -> Result<(), Reason> {
        let ports = work.on.ports;
        if self.resumed.is_none() {
            self.resumed = Some(past::is_cut_off(ports, work.place)?);
        }
        let inventory = self.inventory.get_or_insert_default();
        // To delete again what is going is nothing new, and a repair neither: hooks are not run for it.
        inventory.unfinished |= work.job.only.is_none() && work.job.manner == Manner::New && plan.does_more(inventory);
        let mut intended = inventory.clone();
        for change in plan.changes.iter().filter(|change| change.action != Action::Delete) {
            let owned = intended.objects.entry(change.live.clone());
            let owned = owned.or_insert_with(|| Owned { object: change.object.clone(), ..Owned::default() });
            owned.unproven = Some(change.wave);
        }
        if let Some(home) = &self.home {
            intended.turn_to(home);
        }
        let digest = ports.blobs.put(&to_json(&intended))?;
        ports.blobs.sync()?;
        ports.store.intend(run, work.place, &digest)?;
        ports.observer.event(&Event::Passed(Point::Intended));
        Ok(())
    }
}
