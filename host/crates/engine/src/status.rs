//! Looks at reality without touching it: what differs, and how it is.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use springline_model::application;
use springline_model::call::Context;
use springline_model::capability::Ledger;
use springline_model::history::{Outcome, Record};
use springline_model::manifest::{Action, Change, Child, Difference, Health, HealthStatus, Hook, Object};
use springline_model::newest::Newest;
use springline_model::plugin::CallError;
use springline_model::port::Target as Port;
use springline_model::run::{Place, Release, Stage};

use crate::Ports;
use crate::chain::Target;
use crate::error::{Reason, StageError};
use crate::health::{ACCOUNTS, BATCH, Look, On, shorten};
use crate::intact;
use crate::keep::read_json;
use crate::owned::{Stays, inventory, target_of, written};
use crate::past;
use crate::plan::{Held, Plan, Scope, failed, plan};
use crate::redeploy;
use crate::remove;
use crate::restraint::{Protected, Unconfirmed, joined, leaving, telling, unconfirmed};
use crate::standing;
use crate::sync::{Planned, open};

/// Deeper than this, nothing is told of what belongs to what.
const DEEPEST: usize = 16;
/// What is said of a release whose objects are not here.
const NOT_HERE: &str = "its desired objects are not here; `springline run` renders them again";

/// A change that would be made, and what it would do as text.
#[derive(Debug)]
pub struct Explained {
    /// The change.
    pub change: Change,
    /// What it would do.
    pub difference: Difference,
}

/// What live and desired differ in.
#[derive(Debug)]
pub struct Differences {
    /// The changes, in the order in which they would be applied.
    pub changes: Vec<Explained>,
    /// Live objects that are no longer desired and stay, because pruning is off.
    pub left: Vec<String>,
    /// The hooks that would be run, in their order.
    pub hooks: Vec<Hook>,
    /// How many live objects are desired.
    pub desired: usize,
    /// What is left alone.
    pub alone: Alone<Explained>,
}

/// What a look finds and nobody does anything about.
#[derive(Debug)]
pub struct Alone<T> {
    /// What differs and is ignored: of whole objects, or of some of their fields.
    pub ignored: Vec<T>,
    /// Why it can't be told which fields are ignored, if it can't.
    pub untold: Option<String>,
    /// Live objects that are no longer desired and stay, as something protects them.
    pub protected: Vec<Protected>,
    /// What would be removed, if that needs a confirmation.
    pub unconfirmed: Option<Unconfirmed>,
    /// What stays on other targets, where the place was before.
    pub stays: Vec<Stays>,
}

impl<T> Default for Alone<T> {
    fn default() -> Self {
        let (ignored, protected, stays) = (Vec::new(), Vec::new(), Vec::new());
        Self { ignored, untold: None, protected, unconfirmed: None, stays }
    }
}

/// What is compared.
#[derive(Clone)]
pub struct Comparison<'a> {
    /// Where.
    pub place: &'a Place,
    /// The target.
    pub target: &'a Target,
    /// What its calls may ask.
    pub context: Arc<Context>,
    /// The desired objects.
    pub desired: Arc<[Object]>,
    /// The directory of the source that they were rendered from.
    pub input: &'a str,
    /// What is removed, and what is left alone.
    pub policy: &'a application::Sync,
    /// Only this object.
    pub only: Option<&'a str>,
}

/// Compares desired objects with live ones. Changes nothing.
///
/// # Errors
/// The stage is always [`Stage::Plan`].
pub fn compare(ports: Ports<'_>, comparison: &Comparison<'_>) -> Result<Differences, StageError> {
    let Comparison { place, target: uses, policy, only, .. } = comparison;
    let work = || -> Result<Differences, Reason> {
        let desired = (comparison.desired.clone(), Some(comparison.input));
        let leaving = leaving(uses, policy)?;
        let target = open(ports, &leaving, comparison.context.clone(), desired, &Ledger::default())?;
        let inventory = inventory(ports, place, target.as_ref(), uses)?;
        // An empty render is shown for what it would do; only a sync refuses it.
        let scope = Scope { environment: &place.environment, only: *only, policy, prune_all: true, hooks: true };
        let mut plan = plan(target.as_ref(), uses, &comparison.desired, &inventory, scope)?;
        plan.take_out_going(&inventory, Held::Told);
        let unconfirmed = unconfirmed(&plan, &inventory, policy);
        let explain = |target: &dyn Port, change: Change| {
            if ports.cancel.is_cancelled() {
                return Err(Reason::Cancelled);
            }
            let difference = match change.action {
                Action::Adopt | Action::Deferred => Difference::default(),
                _ => target.explain(&change).map_err(|error| failed(uses, error))?.value,
            };
            Ok(Explained { change, difference })
        };
        let of_target = |changes: Vec<Change>| changes.into_iter().map(|change| explain(target.as_ref(), change));
        let changes = of_target(plan.changes).collect::<Result<_, _>>()?;
        let mut ignored = of_target(plan.ignored).collect::<Result<Vec<_>, _>>()?;
        let desired = (&comparison.desired, Some(comparison.input));
        let (fields, untold) =
            fields(ports, telling(uses, &policy.ignore), comparison.context.clone(), desired, |teller, change| {
                let is_told = ignored.iter().any(|whole| whole.change.live == change.live);
                let is_meant = only.is_none_or(|only| change.live == only || change.object == only);
                if is_told || !is_meant { Ok(None) } else { explain(teller, change).map(Some) }
            })?;
        ignored.extend(fields);
        let alone = Alone { ignored, untold, protected: plan.protected, unconfirmed, stays: Stays::of(&inventory) };
        Ok(Differences { changes, left: plan.left, hooks: plan.hooks, desired: plan.identities.len(), alone })
    };
    work().map_err(|reason| reason.at(Stage::Plan, Some(&place.environment)))
}

/// Has the target tell which fields differ and are ignored, and makes something of each; or why it can't
/// be told. What is told of an object is what would be changed besides if nothing of it were ignored.
fn fields<T>(
    ports: Ports<'_>,
    teller: Option<Target>,
    context: Arc<Context>,
    (desired, input): (&Arc<[Object]>, Option<&str>),
    mut make: impl FnMut(&dyn Port, Change) -> Result<Option<T>, Reason>,
) -> Result<(Vec<T>, Option<String>), Reason> {
    let Some(teller) = teller else { return Ok((Vec::new(), None)) };
    let told = || -> Result<_, Reason> {
        let target = open(ports, &teller, context, (desired.clone(), input), &Ledger::default())?;
        let changes = target.plan(&[]).map_err(|error| failed(&teller, error))?.value;
        Ok((target, changes))
    };
    let (target, changes) = match told() {
        Ok(told) => told,
        Err(Reason::Cancelled) => return Err(Reason::Cancelled),
        Err(reason) => return Ok((Vec::new(), Some(reason.to_string()))),
    };
    let updates = changes.into_iter().filter(|change| change.action == Action::Update);
    let made = updates.filter_map(|change| make(target.as_ref(), change).transpose());
    Ok((made.collect::<Result<_, _>>()?, None))
}

/// How an environment is.
#[derive(Debug, Default)]
pub struct Status {
    /// What is deployed; none if nothing ever was.
    pub release: Option<Release>,
    /// How many live objects differ from the release.
    pub drifted: Vec<Change>,
    /// The live objects that are not healthy, worst first.
    pub unhealthy: Vec<(String, Health)>,
    /// The live objects: first those that are not healthy, worst first, then those that drifted.
    pub objects: Vec<Node>,
    /// Live objects that are no longer desired and stay, because pruning is off.
    pub left: Vec<String>,
    /// What is left alone.
    pub alone: Alone<Change>,
    /// Whether nothing of the release but its name is known here, so that nothing can be compared.
    pub is_unknown: bool,
    /// Why the target could not be compared with it, if that is it.
    pub failed: Option<StageError>,
    /// Why the target could not be asked for more than health, if it could not.
    pub unexplained: Option<String>,
    /// The last try to deploy something else, if it never got to the target.
    pub refused: Option<Record>,
    /// What is there by the marks on it, where no release is known that it is of.
    pub marked: Option<Stays>,
}

impl Status {
    /// How many live objects there should be; where no release is known, how many are there.
    #[must_use]
    pub fn number(&self) -> usize {
        let desired = || self.objects.iter().filter(|node| node.health.is_some()).count();
        self.marked.as_ref().map_or_else(desired, |marked| marked.live.len())
    }

    /// The worst health of all, and why.
    #[must_use]
    pub fn health(&self) -> Health {
        match self.unhealthy.first() {
            _ if self.is_unknown => {
                let failed = self.failed.as_ref().map(|error| error.reason.to_string());
                Health { status: HealthStatus::Unknown, message: failed.unwrap_or_else(|| NOT_HERE.into()) }
            }
            _ if self.marked.is_some() => {
                Health { status: HealthStatus::Unknown, message: "no release is known that it is of".into() }
            }
            _ if self.release.is_none() => {
                Health { status: HealthStatus::Missing, message: "nothing was deployed yet".into() }
            }
            Some((live, health)) => Health { status: health.status, message: format!("{live}: {}", health.message) },
            None => Health { status: HealthStatus::Healthy, message: String::new() },
        }
    }
}

/// A live object that is ours, and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Node {
    /// The live object.
    pub live: String,
    /// The desired object that it comes from; empty for what is no longer desired.
    pub object: String,
    /// What a sync would do with it; none if it is in sync.
    pub change: Option<Action>,
    /// What differs, in a line.
    pub summary: String,
    /// How it is; none for what is no longer desired.
    pub health: Option<Health>,
    /// The target's account of it, if it was asked for one and gave one.
    pub why: Vec<String>,
    /// What belongs to it.
    pub children: Vec<Branch>,
}

/// A live object that belongs to another one, and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Branch {
    /// The live object.
    pub live: String,
    /// How it is.
    pub health: Health,
    /// What belongs to it.
    pub children: Vec<Branch>,
}

/// What is deployed in this place: the last release that got there, at least in part; none if all of it was
/// removed since.
///
/// # Errors
/// What the store reports.
pub fn current(ports: Ports<'_>, place: &Place) -> Result<Option<Release>, Reason> {
    match remove::live(ports, place)?.and_then(|record| record.release) {
        Some(id) => past::release(ports, place, &id),
        None => Ok(None),
    }
}

/// Plans what would make live equal to a release.
pub(crate) fn planned<'p>(
    ports: Ports<'p>,
    place: &Place,
    release: &Release,
    (target, policy): (&Target, &application::Sync),
) -> Result<Planned<'p>, Reason> {
    let desired = read_json::<Vec<Object>>(ports, &release.objects);
    let desired: Arc<[Object]> = desired.map_err(|reason| intact::lost_of(release, reason))?.into();
    let ledger = Ledger::default();
    // On another target, what was left alone on the first one is not there.
    let policy = &if release.target == target.name { joined(policy, release) } else { policy.clone() };
    let leaving = leaving(target, policy)?;
    let opened = open(ports, &leaving, Arc::new(redeploy::context(release)), (desired.clone(), None), &ledger)?;
    let inventory = inventory(ports, place, opened.as_ref(), target)?;
    let scope = Scope { environment: &place.environment, only: None, policy, prune_all: true, hooks: false };
    let plan = plan(opened.as_ref(), target, &desired, &inventory, scope)?;
    Ok(Planned { target: opened, desired, inventory, plan, ledger })
}

/// What a try that never got to the target would remove, if that is what it waits for.
pub(crate) fn waits(
    ports: Ports<'_>,
    place: &Place,
    refused: &Record,
    (target, policy): (&Target, &application::Sync),
) -> Result<Option<Unconfirmed>, Reason> {
    let release = refused.release.map(|id| past::release(ports, place, &id)).transpose()?.flatten();
    let Some(release) = release else { return Ok(None) };
    let target = target_of(ports, &release, target)?;
    let planned = planned(ports, place, &release, (&target, policy))?;
    Ok(unconfirmed(&planned.plan, &planned.inventory, policy))
}

/// Looks at an environment: what is deployed, whether it drifted, how healthy it is, and what belongs
/// to its objects. What can't be planned is told as it is known without.
///
/// # Errors
/// What the store reports, and being cancelled. The stage is always [`Stage::Plan`].
pub fn status(
    ports: Ports<'_>,
    place: &Place,
    target: &Target,
    policy: &application::Sync,
) -> Result<Status, StageError> {
    let at = |reason: Reason| reason.at(Stage::Plan, Some(&place.environment));
    let refused = past::refused(ports, place).map_err(at)?;
    let Some(release) = current(ports, place).map_err(at)? else {
        let found = written_down(ports, place, (None, refused)).map_err(at)?;
        let (marked, unexplained) = match marked(ports, place, target) {
            Err(reason @ (Reason::Cancelled | Reason::Store(_))) => return Err(at(reason)),
            Err(reason) => (None, Some(reason.to_string())),
            Ok(marked) => (marked, None),
        };
        return Ok(Status { marked, unexplained, ..found });
    };
    if !ports.blobs.contains(&release.objects) {
        let found = written_down(ports, place, (Some(release), refused)).map_err(at)?;
        return Ok(Status { unexplained: Some(NOT_HERE.to_owned()), ..found });
    }
    match look(ports, (place, &release, refused.as_ref()), (target, policy)) {
        Ok(found) => Ok(Status { release: Some(release), refused, ..found }),
        Err(reason @ (Reason::Cancelled | Reason::Store(_))) => Err(at(reason)),
        Err(reason) => {
            let found = written_down(ports, place, (Some(release), refused)).map_err(at)?;
            Ok(Status { failed: Some(at(reason)), ..found })
        }
    }
}

/// As [`status`], as far as that is known without a target to ask.
///
/// # Errors
/// As [`status`].
pub fn without_target(ports: Ports<'_>, place: &Place) -> Result<Status, StageError> {
    let known = || written_down(ports, place, (current(ports, place)?, past::refused(ports, place)?));
    known().map_err(|reason| reason.at(Stage::Plan, Some(&place.environment)))
}

/// What the store tells of an environment. What can't be read of a release is among what is not known.
fn written_down(
    ports: Ports<'_>,
    place: &Place,
    (release, refused): (Option<Release>, Option<Record>),
) -> Result<Status, Reason> {
    let is_unknown = release.is_some();
    let stays = match written(ports, place) {
        Err(reason) if !is_unknown => return Err(reason),
        known => known.ok().flatten().as_ref().map(Stays::of).unwrap_or_default(),
    };
    Ok(Status { release, refused, is_unknown, alone: Alone { stays, ..Alone::default() }, ..Status::default() })
}

/// What the marks on a target say of a place of which nothing is written down.
fn marked(ports: Ports<'_>, place: &Place, target: &Target) -> Result<Option<Stays>, Reason> {
    if written(ports, place)?.is_some() {
        return Ok(None);
    }
    let context = Context {
        application: place.application.clone(),
        environment: Some(place.environment.clone()),
        revision: String::new(),
        commit_time: 0,
        values: "{}".into(),
        artifacts: BTreeMap::new(),
    };
    let opened = open(ports, target, Arc::new(context), (Arc::default(), None), &Ledger::default())?;
    let live = inventory(ports, place, opened.as_ref(), target)?.objects.into_keys().collect::<Vec<_>>();
    Ok((!live.is_empty()).then(|| Stays { target: target.name.clone(), live }))
}

/// Looks at a release that is deployed.
fn look(
    ports: Ports<'_>,
    (place, release, refused): (&Place, &Release, Option<&Record>),
    (target, policy): (&Target, &application::Sync),
) -> Result<Status, Reason> {
    let (declared, target) = (target, &*target_of(ports, release, target)?);
    let Planned { target: opened, mut plan, inventory, desired, .. } =
        planned(ports, place, release, (target, policy))?;
    plan.take_out_going(&inventory, Held::Told);
    let unconfirmed = match (unconfirmed(&plan, &inventory, policy), refused) {
        // What can't be planned again is told as it was refused.
        (None, Some(refused)) => waits(ports, place, refused, (declared, policy)).unwrap_or_default(),
        (unconfirmed, _) => unconfirmed,
    };
    let live: Vec<String> = plan.identities.keys().cloned().collect();
    let look = On { ports, target: opened.as_ref(), uses: target }.look(&live)?;
    // What is healthy here may be what was there before.
    let newest = past::newest(ports, place, Newest::Live)?;
    let is_live = plan.changes.is_empty() && newest.is_some_and(|record| record.outcome == Outcome::Succeeded);
    if is_live || !look.unhealthy.is_empty() {
        standing::seen(ports, place, &release.id, look.unhealthy.is_empty());
    }
    let mut objects = nodes(&plan, &look);
    let unexplained = insight(opened.as_ref(), &live, &look, &mut objects).err();
    let mut ignored = std::mem::take(&mut plan.ignored);
    let context = Arc::new(redeploy::context(release));
    let teller = telling(target, &joined(policy, release).ignore);
    let (fields, untold) = fields(ports, teller, context, (&desired, None), |_, change| {
        Ok((!ignored.iter().any(|whole| whole.live == change.live)).then_some(change))
    })?;
    ignored.extend(fields);
    Ok(Status {
        drifted: plan.changes,
        left: plan.left,
        alone: Alone { ignored, untold, protected: plan.protected, unconfirmed, stays: Stays::of(&inventory) },
        unhealthy: look.unhealthy,
        objects,
        unexplained: unexplained.map(|error| error.to_string()),
        ..Status::default()
    })
}

/// Every object, those that want a look first.
fn nodes(plan: &Plan, look: &Look) -> Vec<Node> {
    let changes: BTreeMap<&str, &Change> = plan.changes.iter().map(|change| (change.live.as_str(), change)).collect();
    let node = |live: &String, object: &String, health: Option<&Health>| {
        let change = changes.get(live.as_str());
        Node {
            live: live.clone(),
            object: object.clone(),
            change: change.map(|change| change.action),
            summary: change.map(|change| change.summary.clone()).unwrap_or_default(),
            health: health.cloned(),
            why: Vec::new(),
            children: Vec::new(),
        }
    };
    let mut nodes: Vec<Node> =
        plan.identities.iter().map(|(live, object)| node(live, object, look.health.get(live))).collect();
    let gone = plan.changes.iter().filter(|change| change.action == Action::Delete);
    nodes.extend(gone.map(|change| node(&change.live, &change.object, None)));
    let rank = |node: &Node| {
        let status = node.health.as_ref().map_or(HealthStatus::Healthy, |health| health.status);
        (Reverse(status), node.change.is_none())
    };
    nodes.sort_by_key(rank);
    nodes
}

/// Asks for what belongs to the objects, and why the worst of them are not healthy.
fn insight(target: &dyn Port, live: &[String], look: &Look, nodes: &mut [Node]) -> Result<(), CallError> {
    let worst: Vec<String> = look.unhealthy.iter().take(ACCOUNTS).map(|(live, _)| live.clone()).collect();
    if !worst.is_empty() {
        for account in target.explain_health(&worst)?.value {
            if let Some(node) = nodes.iter_mut().find(|node| node.live == account.live) {
                node.why = shorten(account.lines);
            }
        }
    }
    let mut children: BTreeMap<String, Vec<Child>> = BTreeMap::new();
    for batch in live.chunks(BATCH) {
        for child in target.children(batch)?.value {
            children.entry(child.parent.clone()).or_default().push(child);
        }
    }
    for node in nodes {
        node.children = branches(&node.live, &mut children, DEEPEST);
    }
    Ok(())
}

/// What belongs to an object, worst first, down to some depth. Each object is in the tree once.
fn branches(parent: &str, children: &mut BTreeMap<String, Vec<Child>>, depth: usize) -> Vec<Branch> {
    let mut found = children.remove(parent).unwrap_or_default();
    if depth == 0 {
        return Vec::new();
    }
    found.sort_by(|a, b| b.health.status.cmp(&a.health.status).then_with(|| a.live.cmp(&b.live)));
    let branch = |Child { live, health, .. }| {
        let children = branches(&live, children, depth - 1);
        Branch { live, health, children }
    };
    found.into_iter().map(branch).collect()
}
