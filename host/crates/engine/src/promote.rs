//! Moves a release of one environment on to the next: the same artifacts and plugins, never built again.

use std::mem::discriminant;
use std::sync::Arc;

use serde::Serialize;
use springline_model::Digest;
use springline_model::application::Gates;
use springline_model::capability::{Ledger, Used};
use springline_model::history::Outcome;
use springline_model::manifest::Object;
use springline_model::newest::Newest;
use springline_model::port::BlobError;
use springline_model::run::{Approval, Cause, Pin, Place, Release, Stage, Suspension, Timestamp};
use springline_model::soak::Soak;
use springline_model::tree::EntryKind;

use crate::Ports;
use crate::build::Artifacts;
use crate::chain::{Chain, Environment};
use crate::error::{Reason, StageError};
use crate::health::On;
use crate::keep::read_json;
use crate::past;
use crate::plan::failed;
use crate::redeploy;
use crate::release::{Made, release};
use crate::remove::is_removed;
use crate::render::context;
use crate::run::{Failure, Moved, Report, Request, Until, place_in, run};
use crate::standing::{self, RolledBack};
use crate::status::{Comparison, Differences, compare, current};
use crate::sync::open;

/// Something that a promotion waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Wait {
    /// Where it goes is held at a release.
    Pinned(Pin),
    /// Where it goes is to be left alone.
    Suspended(Suspension),
    /// Where it comes from is held at a release: it does not move on by itself.
    SourcePinned(Pin),
    /// Where it comes from is to be left alone: what is there does not move on by itself.
    SourceSuspended(Suspension),
    /// It was promoted before, failed and was rolled back: it does not move on by itself.
    RolledBack(RolledBack),
    /// It is not healthy where it comes from.
    NotHealthy {
        /// How it is.
        why: String,
    },
    /// It has not been healthy for long enough.
    Soaking {
        /// Since when it has been healthy.
        since: Timestamp,
        /// When it will have been for long enough, if it is looked at all the while.
        until: Timestamp,
    },
    /// Nobody has approved of it yet.
    Approval,
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pinned(_) => f.write_str("it is pinned"),
            Self::Suspended(_) => f.write_str("it is suspended"),
            Self::SourcePinned(_) => f.write_str("where it comes from is pinned"),
            Self::SourceSuspended(_) => f.write_str("where it comes from is suspended"),
            Self::RolledBack(_) => f.write_str("it was rolled back there"),
            Self::NotHealthy { why } => write!(f, "it is not healthy where it comes from: {why}"),
            Self::Soaking { .. } => f.write_str("it has not been healthy for long enough"),
            Self::Approval => f.write_str("nobody approves of it"),
        }
    }
}

impl Wait {
    /// Whether it keeps nobody who asks for the promotion from it.
    #[must_use]
    pub const fn yields_to_people(&self) -> bool {
        matches!(self, Self::Suspended(_) | Self::SourcePinned(_) | Self::SourceSuspended(_) | Self::RolledBack(_))
    }
}

/// A release that is to be promoted.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The release, of the environment that it comes from.
    pub release: Release,
    /// Whether it is what is deployed there.
    pub current: bool,
    /// What it waits for.
    pub waits: Vec<Wait>,
    /// What it has to pass.
    pub gates: Gates,
    /// Who has approved of it.
    pub approvals: Vec<Approval>,
    /// Since when it has been healthy, as far as looks tell.
    pub healthy_since: Option<Timestamp>,
}

impl Pending {
    /// What a request moves, as it was shown.
    #[must_use]
    pub fn moved(&self) -> Moved<'_> {
        let Self { release, current, waits, gates, approvals, .. } = self;
        Moved { release, current: *current, gates, waits, approvals }
    }

    /// What its record says of why: what somebody said, and who approved of it.
    #[must_use]
    pub fn note(&self, why: Option<&str>) -> Option<String> {
        let approved = self.approvals.iter().map(|Approval { by, why, .. }| match why.as_str() {
            "" => format!("approved by {by}"),
            why => format!("approved by {by}: {why}"),
        });
        let said: Vec<String> =
            why.filter(|why| !why.is_empty()).map(str::to_owned).into_iter().chain(approved).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

/// What there is to promote.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Nothing: nothing is deployed where it would come from, or the same is deployed here.
    Nothing,
    /// A release, which may wait for something.
    Pending(Box<Pending>),
}

impl Decision {
    /// The release that is to be promoted, if there is one.
    #[must_use]
    pub fn pending(self) -> Option<Box<Pending>> {
        match self {
            Self::Nothing => None,
            Self::Pending(pending) => Some(pending),
        }
    }
}

/// A way from one environment to the next.
#[derive(Debug, Clone, Copy)]
pub struct Route<'a> {
    /// Where releases come from.
    pub from: &'a Place,
    /// Where they go.
    pub to: &'a Place,
    /// What they have to pass.
    pub gates: &'a Gates,
}

/// Decides what there is to promote, and what it waits for; for a release that somebody names, whether it
/// is still deployed or not. Changes nothing but what is known of its health.
///
/// # Errors
/// What the store or the target reports.
pub fn decide(ports: Ports<'_>, route: Route<'_>, named: Option<&Release>) -> Result<Decision, Reason> {
    let deployed = current(ports, route.from)?;
    let Some(release) = named.cloned().or_else(|| deployed.clone()) else { return Ok(Decision::Nothing) };
    let there = current(ports, route.to)?.filter(|there| is_same(there, &release));
    if let Some(there) = there
        && past::is_deployed(ports, route.to, &there.id)?
        && !is_removed(ports, route.to)?
    {
        return Ok(Decision::Nothing);
    }
    let is_current = deployed.is_some_and(|deployed| deployed.id == release.id);
    let ill = match is_current {
        true => look_or_wait(ports, route.from, &release)?,
        false if past::was_healthy(ports, route.from, &release.id)? => None,
        false => Some("it was never seen healthy".to_owned()),
    };
    let soak = standing::soak(ports, route.from, &release.id)?.filter(|_| is_current);
    let standing = ports.store.standing(route.to)?;
    let mut waits = Vec::new();
    waits.extend(standing.pin.map(Wait::Pinned));
    waits.extend(standing.suspended.map(Wait::Suspended));
    let source = ports.store.standing(route.from)?;
    waits.extend(source.pin.map(Wait::SourcePinned));
    waits.extend(source.suspended.map(Wait::SourceSuspended));
    let back = standing::rolled_back(ports, route.to)?.filter(|back| back.is_of(&release.revision));
    waits.extend(back.map(Wait::RolledBack));
    match ill {
        Some(why) => waits.push(Wait::NotHealthy { why }),
        None => waits.extend(soaks(ports, route.gates, soak.as_ref())),
    }
    let approvals: Vec<Approval> =
        standing.approvals.into_iter().filter(|approval| approval.release == release.id).collect();
    if route.gates.approval && approvals.is_empty() {
        waits.push(Wait::Approval);
    }
    let (gates, healthy_since) = (route.gates.clone(), soak.map(|soak| soak.since));
    Ok(Decision::Pending(Box::new(Pending { release, current: is_current, waits, gates, approvals, healthy_since })))
}

/// Whether what is deployed is what was promoted from this release: the same revision and artifacts, made
/// for another environment.
fn is_same(there: &Release, release: &Release) -> bool {
    there.revision == release.revision && there.artifacts == release.artifacts
}

fn soaks(ports: Ports<'_>, gates: &Gates, soak: Option<&Soak>) -> Option<Wait> {
    if gates.soak_seconds == 0 {
        return None;
    }
    let Some(soak) = soak else {
        return Some(Wait::NotHealthy { why: "it is no longer deployed there, so it can't soak".into() });
    };
    let long = i64::try_from(gates.soak_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    let now = ports.clock.now();
    let left = long.saturating_sub(soak.at(now));
    (left > 0).then(|| Wait::Soaking { since: soak.since, until: now.saturating_add(left) })
}

/// As [`look`]; what can't be looked at is not known to be healthy, and that is all there is to it.
fn look_or_wait(ports: Ports<'_>, place: &Place, release: &Release) -> Result<Option<String>, Reason> {
    match look(ports, place, release) {
        Err(reason @ (Reason::Cancelled | Reason::Store(_))) => Err(reason),
        Err(reason) => Ok(Some(format!("it can't be looked at: {reason}"))),
        looked => looked,
    }
}

/// Looks at what is deployed where a promotion comes from; how it is, if it is not healthy.
fn look(ports: Ports<'_>, place: &Place, release: &Release) -> Result<Option<String>, Reason> {
    let record = past::newest(ports, place, Newest::Live)?;
    let is_hearsay = record.as_ref().is_some_and(|record| record.cause == Cause::Recovery);
    if let Some(Outcome::Failed { stage, .. } | Outcome::Cancelled { stage }) = record.map(|record| record.outcome) {
        standing::seen(ports, place, &release.id, false);
        return Ok(Some(format!("its last sync there did not get past {stage}")));
    }
    if is_hearsay {
        return Ok(Some("that it is deployed there is what git tells: run it there once from here".to_owned()));
    }
    let uses = ports.targets.of(release)?;
    let desired: Vec<Object> = read_json(ports, &release.objects)?;
    let desired: Arc<[Object]> = desired.into();
    let target = open(ports, &uses, Arc::new(redeploy::context(release)), (desired, None), &Ledger::default())?;
    let identities = target.identify().map_err(|error| failed(&uses, error))?.value;
    let live: Vec<String> = identities.into_iter().map(|identity| identity.live).collect();
    let look = On { ports, target: target.as_ref(), uses: &uses }.look(&live)?;
    standing::seen(ports, place, &release.id, look.unhealthy.is_empty());
    Ok(look.unhealthy.first().map(|(live, health)| match health.message.as_str() {
        "" => format!("{live} is {}", health.status),
        message => format!("{live} is {}: {message}", health.status),
    }))
}

/// What a promotion would do.
#[derive(Debug)]
pub struct Preview {
    /// The release that it would deploy.
    pub release: Release,
    /// What that differs in from what is live.
    pub differences: Differences,
}

/// Shows what a promotion would do. Changes nothing.
///
/// # Errors
/// What rendering or the target reports; artifacts that are lost.
pub fn preview(ports: Ports<'_>, request: Request<'_>) -> Result<Preview, Failure> {
    let request = Request { until: Until::Render, cause: &Cause::Diff, ..request };
    let report = run(ports, request)?;
    let compared = || -> Result<Preview, StageError> {
        let [environment] = request.environments else { return Err(nowhere()) };
        let Some((_, rendered)) = report.rendered.last() else { return Err(nowhere()) };
        let place = place_in(request.chain, environment);
        let comparison = Comparison {
            place: &place,
            target: &environment.target,
            context: Arc::new(context(request.chain, environment, request.source, &report.artifacts)),
            desired: rendered.objects.clone(),
            input: &environment.input,
            policy: &environment.sync,
            only: None,
        };
        let made = Made { used: Used::default(), run: report.run.number, at: ports.clock.now() };
        let release = release(request.chain, environment, request.source, &report.artifacts, rendered, made);
        Ok(Preview { release, differences: compare(ports, &comparison)? })
    };
    match compared() {
        Ok(preview) => Ok(preview),
        Err(error) => Err(Box::new((error, report))),
    }
}

fn nowhere() -> StageError {
    Reason::Earlier("a promotion goes to one environment".into()).at(Stage::Plan, None)
}

/// Carries a promotion out: a request that moves a release. Approvals are for one promotion: its record uses
/// them up.
///
/// # Errors
/// As [`run`]; what has moved on meanwhile where it comes from.
pub fn promote(ports: Ports<'_>, request: Request<'_>) -> Result<Report, Failure> {
    let request = Request { until: Until::Record, cause: &Cause::Promotion, ..request };
    run(ports, request)
}

/// Whether a promotion is still what was shown: of what is deployed where it comes from, past its gates,
/// with the same approvals.
pub(crate) fn check(ports: Ports<'_>, moved: Moved<'_>, to: &Place) -> Result<(), Reason> {
    check_source(ports, moved)?;
    let route = Route { from: &moved.release.place(), to, gates: moved.gates };
    let named = (!moved.current).then_some(moved.release);
    let Some(now) = decide(ports, route, named)?.pending() else { return Ok(()) };
    let was_shown = |wait: &Wait| moved.waits.iter().any(|shown| discriminant(shown) == discriminant(wait));
    let why = match now.waits.iter().find(|wait| !wait.yields_to_people() || !was_shown(wait)) {
        Some(wait) => wait.to_string(),
        None if now.approvals != moved.approvals => "others have approved of it".to_owned(),
        None => return Ok(()),
    };
    Err(Reason::NotAsShown { environment: to.environment.clone(), release: moved.release.id, why })
}

fn check_source(ports: Ports<'_>, moved: Moved<'_>) -> Result<(), Reason> {
    let place = moved.release.place();
    if moved.current && current(ports, &place)?.is_none_or(|release| release.id != moved.release.id) {
        return Err(Reason::SourceMoved { environment: place.environment, release: moved.release.id });
    }
    Ok(())
}

/// The artifacts of a release, which are all there, for a chain with the plugins that made it.
pub(crate) fn taken(
    ports: Ports<'_>,
    (chain, environments): (&Chain, &[&Environment]),
    release: &Release,
) -> Result<Artifacts, Reason> {
    check_plugins(chain, environments, release)?;
    for (artifact, digest) in &release.artifacts {
        if !is_whole(ports, digest)? {
            let (artifact, digest) = (artifact.clone(), *digest);
            return Err(Reason::ArtifactLost { artifact, digest, release: release.id });
        }
    }
    Ok(Artifacts { digests: release.artifacts.clone(), ..Artifacts::default() })
}

fn check_plugins(chain: &Chain, environments: &[&Environment], release: &Release) -> Result<(), Reason> {
    let renders = environments.iter().map(|environment| &environment.render.plugin);
    let steps = chain.artifacts.iter().flat_map(|artifact| &artifact.steps).map(|step| &step.uses.plugin);
    for pinned in renders.chain(steps) {
        let used = release.plugins.iter().find(|used| used.name == pinned.name && used.digest != pinned.digest);
        if let Some(used) = used {
            let (used, pinned) = (Box::new(used.clone()), Box::new(pinned.clone()));
            return Err(Reason::OtherPlugin { release: release.id, used, pinned });
        }
    }
    Ok(())
}

/// Whether all of a directory tree is in the blob store.
fn is_whole(ports: Ports<'_>, tree: &Digest) -> Result<bool, Reason> {
    let mut left = vec![*tree];
    while let Some(directory) = left.pop() {
        let children = match ports.blobs.children(&directory) {
            Err(BlobError::Missing(_) | BlobError::Damaged(_)) => return Ok(false),
            children => children?,
        };
        for (digest, kind) in children {
            match kind {
                EntryKind::Directory => left.push(digest),
                _ if !ports.blobs.contains(&digest) => return Ok(false),
                _ => {}
            }
        }
    }
    Ok(true)
}
