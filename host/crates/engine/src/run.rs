//! One execution of the chain.

use std::sync::Arc;
use std::time::{Duration, Instant};

use springline_model::application::{Gates, RecordIn};
use springline_model::capability::Used;
use springline_model::run::{Approval, Cause, How, Place, Release, Run, RunState, Stage, StepRecord, Timestamp};

use crate::Ports;
use crate::build::{Artifacts, Source, build};
use crate::chain::{Chain, Delivery, Environment};
use crate::deliver::{From, deliver};
use crate::error::{Reason, StageError};
use crate::event::{Event, Point};
pub use crate::keep::{Observed, Trust};
use crate::progress::Progress;
use crate::promote::{self, Wait};
use crate::record;
use crate::release::{Made, release};
use crate::render::{Rendered, Rendering, context, count, render};
use crate::rollback::{self, Aftermath};
use crate::standing::{self, Obstacle};
use crate::sync::{Because, End, Job, Manner, Synced, close, finish, sync};

/// How far down the chain to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// To the artifacts.
    Build,
    /// To the desired objects.
    Render,
    /// To reality.
    Record,
}

/// What to run.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// What the revision declares.
    pub chain: &'a Chain,
    /// The revision.
    pub source: Source<'a>,
    /// In which environments, in this order.
    pub environments: &'a [&'a Environment],
    /// How far.
    pub until: Until,
    /// Why.
    pub cause: &'a Cause,
    /// Who.
    pub actor: &'a str,
    /// How far kept results are believed.
    pub trust: Trust,
    /// What observed calls made that are not to be executed again.
    pub observed: Observed<'a>,
    /// Only this object.
    pub only: Option<&'a str>,
    /// Whether an empty render may remove everything.
    pub prune_all: bool,
    /// Why, in the words of whoever asked for it.
    pub note: Option<&'a str>,
    /// What is moved onward: its artifacts are taken as they are, and nothing is built.
    pub moved: Option<Moved<'a>>,
}

impl<'a> Request<'a> {
    /// All the way in no environment yet, with no wish about how.
    pub fn new(chain: &'a Chain, source: Source<'a>, cause: &'a Cause, actor: &'a str) -> Self {
        Self {
            chain,
            source,
            environments: &[],
            until: Until::Record,
            cause,
            actor,
            trust: Trust::Kept,
            observed: Observed::default(),
            only: None,
            prune_all: false,
            note: None,
            moved: None,
        }
    }
}

/// A release of another environment that is promoted.
#[derive(Debug, Clone, Copy)]
pub struct Moved<'a> {
    /// The release.
    pub release: &'a Release,
    /// Whether it has to be what is deployed where it comes from, up to the end.
    pub current: bool,
    /// What it has to pass.
    pub gates: &'a Gates,
    /// What it waited for when it was shown; nothing else may come up until it is carried out.
    pub waits: &'a [Wait],
    /// Who had approved of it then.
    pub approvals: &'a [Approval],
}

/// What a run came to.
#[derive(Debug)]
pub struct Report {
    /// The run.
    pub run: Run,
    /// The artifacts.
    pub artifacts: Artifacts,
    /// What was rendered, by environment.
    pub rendered: Vec<(String, Rendered)>,
    /// The syncs, in their order.
    pub synced: Vec<Synced>,
    /// The environments that were left alone, and why.
    pub skipped: Vec<(String, Obstacle)>,
    /// What became of the last sync if it failed, where the policy wants more than to hold it.
    pub aftermath: Option<Aftermath>,
}

/// A run that failed: why, and how far it came.
pub type Failure = Box<(StageError, Report)>;

/// Runs the chain.
///
/// # Errors
/// The stage that failed and why, with what was done before it. The run is written down in either
/// case.
pub fn run(ports: Ports<'_>, request: Request<'_>) -> Result<Report, Failure> {
    let of = (request.chain.application.as_str(), request.source.revision.id.as_str());
    let resumed = match begin(ports, request.cause, of, request.actor) {
        Ok(resumed) => resumed,
        Err(failed) => return Err(not_begun(*failed)),
    };
    let mut report = Report::of(resumed);
    let mut result = through(ports, request, &mut report);
    if let Err(error) = &result
        && error.reason.is_lost()
        && request.trust == Trust::Kept
    {
        ports.observer.event(&Event::Remaking { what: &error.reason.to_string() });
        report.rendered.clear();
        report.skipped.clear();
        result = through(ports, Request { trust: Trust::Checked, ..request }, &mut report);
    }
    end(ports, report, result)
}

pub(crate) fn not_begun((reason, run): (Reason, Run)) -> Failure {
    Box::new((reason.at(Stage::Fetch, None), Report::of(run)))
}

impl Report {
    pub(crate) fn of(run: Run) -> Self {
        let artifacts = Artifacts::default();
        Self { run, artifacts, rendered: Vec::new(), synced: Vec::new(), skipped: Vec::new(), aftermath: None }
    }
}

/// A run that is not written down yet.
pub(crate) fn fresh(ports: Ports<'_>, cause: &Cause, (application, revision): (&str, &str), actor: &str) -> Run {
    Run {
        number: 0,
        application: application.to_owned(),
        cause: cause.clone(),
        actor: actor.to_owned(),
        revision: revision.to_owned(),
        started: ports.clock.now(),
        ended: None,
        state: RunState::Running,
        reached: None,
        error: None,
        steps: Vec::new(),
    }
}

/// Begins a run, or goes on with one of the same revision and cause that a crash cut off. Other
/// ones that were cut off are closed.
pub(crate) fn begin(ports: Ports<'_>, cause: &Cause, of: (&str, &str), actor: &str) -> Result<Run, Box<(Reason, Run)>> {
    let mut run = fresh(ports, cause, of, actor);
    let begun = || -> Result<Option<Run>, Reason> {
        let mut same = None;
        for mut old in ports.store.unfinished()? {
            // Runs that deploy and runs that do not may be under way at the same time.
            if old.application != run.application || old.cause.deploys() != run.cause.deploys() {
                continue;
            }
            if old.revision == run.revision && old.cause == run.cause && same.is_none() {
                same = Some(old);
            } else {
                old.state = RunState::Interrupted;
                old.ended = Some(ports.clock.now());
                ports.store.close(&old)?;
            }
        }
        Ok(same)
    };
    match begun() {
        Ok(Some(old)) => run = old,
        Ok(None) => match ports.store.begin(&run) {
            Ok(number) => run.number = number,
            Err(error) => return Err(Box::new((error.into(), run))),
        },
        Err(reason) => return Err(Box::new((reason, run))),
    }
    let resumed = (!run.steps.is_empty() || run.reached.is_some())
        .then(|| run.reached.as_ref().map_or(Stage::Fetch, |(_, stage)| *stage));
    ports.observer.event(&Event::Begun { run: run.number, resumed });
    ports.observer.event(&Event::Passed(Point::Begun));
    Ok(run)
}

/// Writes down how a run ended, unless its last sync did.
pub(crate) fn end(ports: Ports<'_>, mut report: Report, result: Result<(), StageError>) -> Result<Report, Failure> {
    if report.run.ended.is_some() && !report.synced.is_empty() {
        return match result {
            Ok(()) => Ok(report),
            Err(error) => Err(Box::new((error, report))),
        };
    }
    close(&mut report.run, result.as_ref().err(), ports.clock.now());
    let closed = ports.blobs.sync().map_err(Reason::from).and_then(|()| Ok(ports.store.close(&report.run)?));
    match (result, closed) {
        (Ok(()), Ok(())) => Ok(report),
        (Ok(()), Err(reason)) => Err(Box::new((reason.at(Stage::Record, None), report))),
        (Err(error), _) => Err(Box::new((error, report))),
    }
}

/// The pipe itself.
fn through(ports: Ports<'_>, request: Request<'_>, report: &mut Report) -> Result<(), StageError> {
    if request.until == Until::Record {
        tell_what_is_left(ports, request)?;
    }
    let building = build_stage(ports, request, report)?;
    if request.until == Until::Build {
        return Ok(());
    }
    let deliveries = deliveries(request);
    for (at, environment) in request.environments.iter().enumerate() {
        if request.until == Until::Record && !is_clear(ports, request, environment, report)? {
            continue;
        }
        if report.run.ended.is_some() {
            // Nothing was left to do when the sync before was its last one.
            break;
        }
        let began = ports.clock.now();
        let mut used = used_of(&report.artifacts.steps);
        let (rendered, rendering) = match render_stage(ports, request, environment, report, &mut used) {
            Ok(rendered) => rendered,
            Err(error) if request.until == Until::Record && !error.reason.is_lost() => {
                return Err(record_failure(ports, request, environment, (began, used), error, report));
            }
            Err(error) => return Err(error),
        };
        if request.until == Until::Render {
            continue;
        }
        if let Some(moved) = request.moved {
            let to = place_in(request.chain, environment);
            promote::check(ports, moved, &to).map_err(|reason| reason.at(Stage::Plan, Some(&environment.name)))?;
        }
        if let RecordIn::Branch(branch) = &environment.record {
            let checked = record::secrets::check(ports, &rendered.objects, branch);
            if let Err(error) = checked.map_err(|reason| reason.at(Stage::Render, Some(&environment.name))) {
                return Err(record_failure(ports, request, environment, (began, used), error, report));
            }
        }
        let made = Made { used: used.clone(), run: report.run.number, at: ports.clock.now() };
        let is_open = |later: &&Environment| matches!(in_the_way(ports, request, later), Ok(None));
        let job = Job {
            release: release(request.chain, environment, request.source, &report.artifacts, &rendered, made),
            desired: rendered.objects.clone(),
            input: Some(&environment.input),
            target: &environment.target,
            context: Arc::new(context(request.chain, environment, request.source, &report.artifacts)),
            policy: &environment.sync,
            only: request.only,
            prune_all: request.prune_all,
            manner: Manner::New,
            because: because(ports, request, environment),
            failed: None,
            planned: None,
            began,
            last: deliveries.is_empty() && !request.environments[at + 1..].iter().any(is_open),
            remakes: request.trust == Trust::Kept,
            used,
            stages: vec![(Stage::Build, building), (Stage::Render, rendering)],
        };
        let recorded = report.synced.len();
        let synced = take(report, |run| sync(ports, run, job));
        let place = place_in(request.chain, environment);
        if report.synced.len() > recorded {
            standing::unpinned_is_told(ports, &place);
        }
        synced.map_err(|failed| rollback::after(ports, (&place, &environment.sync), failed, report))?;
    }
    for (at, delivery) in deliveries.iter().enumerate() {
        let artifacts = std::mem::take(&mut report.artifacts);
        let how = (report.run.number, request.trust, request.observed);
        let from = From { chain: request.chain, source: request.source, artifacts: &artifacts, how };
        let last = at + 1 == deliveries.len();
        let delivered = take(report, |run| deliver(ports, run, from, (delivery, last)));
        report.artifacts = artifacts;
        delivered?;
    }
    Ok(())
}

/// What this run hands over: all of it, if it is about all of the application, or about nothing else.
fn deliveries<'a>(request: Request<'a>) -> &'a [Delivery] {
    let is_meant = match request.cause {
        Cause::Run => request.environments.len() == request.chain.environments.len() && request.only.is_none(),
        // Environments are deployed one by one, and what is handed over waits for all of them.
        Cause::Push => request.environments.is_empty(),
        _ => false,
    };
    if is_meant && request.until == Until::Record { &request.chain.deliveries } else { &[] }
}

/// Tells git what it was not told before, and writes down where it is told what from now on.
fn tell_what_is_left(ports: Ports<'_>, request: Request<'_>) -> Result<(), StageError> {
    let at = |reason: Reason| reason.at(Stage::Fetch, None);
    for environment in request.environments {
        let place = place_in(request.chain, environment);
        let set = ports.store.set_standing(&place, &mut |standing| standing.record.clone_from(&environment.record));
        set.map_err(|error| at(error.into()))?;
        match record::recover(ports, &place, &environment.record, request.actor) {
            Ok(_) => {}
            // It is told what keeps it, and what is deployed now is known in any case.
            Err(Reason::Repository(error)) => ports.observer.event(&Event::Untold { place: &place, error: &error }),
            Err(reason) => return Err(at(reason)),
        }
    }
    record::settle(ports, &request.chain.application).map_err(at)?;
    Ok(())
}

/// Why a request is made, as its record says it. The first one after a pin tells of that as well.
fn because(ports: Ports<'_>, request: Request<'_>, environment: &Environment) -> Because {
    let note = standing::told(ports, &place_in(request.chain, environment), request.note);
    Because { cause: request.cause.clone(), note, from: request.moved.map(|moved| moved.release.id) }
}

pub(crate) fn place_in(chain: &Chain, environment: &Environment) -> Place {
    Place { application: chain.application.clone(), environment: environment.name.clone() }
}

fn in_the_way(
    ports: Ports<'_>,
    request: Request<'_>,
    environment: &Environment,
) -> Result<Option<Obstacle>, StageError> {
    let place = place_in(request.chain, environment);
    let revision = &request.source.revision.id;
    let found = standing::obstacle(ports, &place, environment, (request.cause, revision));
    found.map_err(|reason| reason.at(Stage::Plan, Some(&environment.name)))
}

/// Whether an environment may be synced. One that may not is passed over, unless it is the one that is
/// meant; and where a crash cut off what came after a sync that failed, that is carried to its end.
fn is_clear(
    ports: Ports<'_>,
    request: Request<'_>,
    environment: &Environment,
    report: &mut Report,
) -> Result<bool, StageError> {
    if let Some(obstacle) = in_the_way(ports, request, environment)? {
        if *request.cause == Cause::Promotion {
            let held = Reason::Held { environment: environment.name.clone(), obstacle: Box::new(obstacle) };
            return Err(held.at(Stage::Plan, Some(&environment.name)));
        }
        ports.observer.event(&Event::Skipped { environment: &environment.name, obstacle: &obstacle });
        report.skipped.push((environment.name.clone(), obstacle));
        return Ok(false);
    }
    let place = place_in(request.chain, environment);
    match rollback::cut_off(ports, (&place, &environment.sync), report) {
        Some(failed) => Err(failed),
        None => Ok(true),
    }
}

/// Puts a sync into the report, whether it succeeded or not.
pub(crate) fn take(
    report: &mut Report,
    work: impl FnOnce(&mut Run) -> Result<Synced, Box<(StageError, Option<Synced>)>>,
) -> Result<(), StageError> {
    match work(&mut report.run) {
        Ok(synced) => {
            report.synced.push(synced);
            Ok(())
        }
        Err(failure) => {
            let (error, synced) = *failure;
            report.synced.extend(synced);
            Err(error)
        }
    }
}

fn build_stage(ports: Ports<'_>, request: Request<'_>, report: &mut Report) -> Result<Duration, StageError> {
    let stage = Stage::Build;
    if let Some(moved) = request.moved {
        report.artifacts = promote::taken(ports, (request.chain, request.environments), moved.release)
            .map_err(|reason| reason.at(stage, None))?;
        ports.observer.event(&Event::Passed(Point::Built));
        let number = report.artifacts.digests.len();
        if number > 0 {
            let detail = format!("{} of release {}, as built", count(number, "artifact"), moved.release.id.short());
            ports.observer.event(&Event::StageDone { stage, environment: None, detail: &detail, took: Duration::ZERO });
        }
        return Ok(Duration::ZERO);
    }
    let steps: usize = request.chain.artifacts.iter().map(|artifact| artifact.steps.len()).sum();
    ports.observer.event(&Event::StageBegun { stage, environment: None, units: Some(steps as u64) });
    let began = Instant::now();
    let how = (report.run.number, request.trust, request.observed);
    let built = build(ports, request.chain, request.source, how);
    let took = began.elapsed();
    match built {
        Ok(artifacts) => {
            merge(&mut report.run.steps, &artifacts.steps);
            report.artifacts = artifacts;
        }
        Err(failure) => {
            merge(&mut report.run.steps, &failure.steps);
            return Err(failure.reason.at(stage, None));
        }
    }
    let executed = report.artifacts.executed;
    if executed > 0 {
        checkpoint(ports, &mut report.run, None, stage)?;
    }
    ports.observer.event(&Event::Passed(Point::Built));
    let detail = match (steps, executed) {
        (0, _) => "nothing to build".to_owned(),
        (_, 0) => format!("{} up to date", count(steps, "step")),
        (_, _) => format!("{} executed, {} up to date", count(executed, "step"), steps - executed),
    };
    ports.observer.event(&Event::StageDone { stage, environment: None, detail: &detail, took });
    Ok(took)
}

/// What these calls used of their powers.
fn used_of(steps: &[StepRecord]) -> Used {
    let mut used = Used::default();
    steps.iter().for_each(|step| used.add(&step.used));
    used
}

/// Adds the steps of this attempt to those of an earlier one, in whose records an executed step
/// stays executed.
fn merge(all: &mut Vec<Arc<StepRecord>>, new: &[StepRecord]) {
    for step in new {
        match all.iter_mut().find(|known| known.name == step.name) {
            Some(_) if matches!(step.how, How::Reused(_) | How::Observed(_)) => {}
            Some(known) => *known = Arc::new(step.clone()),
            None => all.push(Arc::new(step.clone())),
        }
    }
}

fn render_stage(
    ports: Ports<'_>,
    request: Request<'_>,
    environment: &Environment,
    report: &mut Report,
    used: &mut Used,
) -> Result<(Rendered, Duration), StageError> {
    let (stage, name) = (Stage::Render, Some(environment.name.as_str()));
    let at = |reason: Reason| reason.at(stage, name);
    if ports.cancel.is_cancelled() {
        return Err(at(Reason::Cancelled));
    }
    ports.observer.event(&Event::StageBegun { stage, environment: name, units: None });
    let began = Instant::now();
    let context = Arc::new(context(request.chain, environment, request.source, &report.artifacts));
    let mut steps = Vec::new();
    let how = (report.run.number, request.trust, request.observed);
    let what = Rendering { name: &environment.name, uses: &environment.render, input: &environment.input };
    let rendered = render(ports, what, request.source, &context, how, &mut steps);
    used.add(&used_of(&steps));
    merge(&mut report.run.steps, &steps);
    let rendered = rendered.map_err(at)?;
    let executed = steps.iter().any(|step| matches!(step.how, How::Executed(_)));
    if executed {
        checkpoint(ports, &mut report.run, Some(&environment.name), stage)?;
    }
    report.rendered.push((environment.name.clone(), rendered.clone()));
    ports.observer.event(&Event::Passed(Point::Rendered));
    let took = began.elapsed();
    let mut detail = count(rendered.objects.len(), "object");
    if !executed {
        detail.push_str(", up to date");
    }
    ports.observer.event(&Event::StageDone { stage, environment: name, detail: &detail, took });
    Ok((rendered, took))
}

fn checkpoint(ports: Ports<'_>, run: &mut Run, environment: Option<&str>, stage: Stage) -> Result<(), StageError> {
    run.reached = Some((environment.map(str::to_owned), stage));
    ports.store.checkpoint(run).map_err(|error| Reason::from(error).at(stage, environment))
}

/// A render that failed is a sync that failed: the history says so.
fn record_failure(
    ports: Ports<'_>,
    request: Request<'_>,
    environment: &Environment,
    (began, used): (Timestamp, Used),
    error: StageError,
    report: &mut Report,
) -> StageError {
    let place = place_in(request.chain, environment);
    let took = u64::try_from(ports.clock.now().saturating_sub(began)).unwrap_or_default();
    let ended = End {
        place,
        release: None,
        plugins: vec![environment.render.plugin.clone()],
        used,
        began,
        took: Duration::from_millis(took),
        error: Some(&error),
        failed: None,
        because: because(ports, request, environment),
        last: true,
    };
    if let Ok(sealed) = finish(ports, &mut report.run, ended, &Progress::default()) {
        report.synced.push(Synced::untried(sealed));
    }
    error
}
