//! Compares desired objects with live ones, and checks what the target plans against what it may.

use std::collections::{BTreeMap, BTreeSet};

use springline_model::manifest::{Action, Change, Object};
use springline_model::plugin::LogLine;
use springline_model::port::Target;
use springline_model::run::Inventory;

use crate::chain;
use crate::error::Reason;

/// What a plan may touch.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The environment.
    pub environment: &'a str,
    /// Only this desired or live object.
    pub only: Option<&'a str>,
    /// Whether what is no longer desired is removed.
    pub prune: bool,
    /// Whether an empty render may remove everything.
    pub prune_all: bool,
}

/// What has to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// Every desired live object, with the desired object it comes from.
    pub identities: BTreeMap<String, String>,
    /// The changes, in the order in which they are applied.
    pub changes: Vec<Change>,
    /// Live objects that are no longer desired and stay, because pruning is off.
    pub left: Vec<String>,
    /// What the target logged.
    pub log: Vec<LogLine>,
}

/// Plans, and refuses a plan that goes beyond its scope.
pub(crate) fn plan(
    target: &dyn Target,
    uses: &chain::Target,
    desired: &[Object],
    inventory: &Inventory,
    scope: Scope<'_>,
) -> Result<Plan, Reason> {
    if desired.is_empty() && !inventory.objects.is_empty() && !scope.prune_all && scope.prune {
        return Err(Reason::EmptyRender { owned: inventory.objects.len() });
    }
    let mut plan = Plan::default();
    identify(target, uses, desired, &mut plan)?;
    let owned: Vec<String> = inventory.objects.keys().cloned().collect();
    let called = target.plan(&owned).map_err(|error| failed(uses, error))?;
    plan.log.extend(called.log);
    plan.changes = called.value;
    check(uses, inventory, &plan)?;
    if let Some(only) = scope.only {
        narrow(&mut plan, inventory, scope.environment, only)?;
    }
    if !scope.prune {
        let (kept, left) = plan.changes.into_iter().partition(|change| change.action != Action::Delete);
        plan.changes = kept;
        let left: Vec<Change> = left;
        plan.left = left.into_iter().map(|change| change.live).collect();
    }
    order(&mut plan.changes);
    Ok(plan)
}

/// A call of a target that failed.
pub(crate) fn failed(uses: &chain::Target, error: springline_model::plugin::CallError) -> Reason {
    Reason::Plugin { what: format!("target {}", uses.name), pointer: uses.uses.pointer.clone(), error: Box::new(error) }
}

fn identify(target: &dyn Target, uses: &chain::Target, desired: &[Object], plan: &mut Plan) -> Result<(), Reason> {
    let called = target.identify().map_err(|error| failed(uses, error))?;
    plan.log.extend(called.log);
    let known: BTreeSet<&str> = desired.iter().map(|object| object.id.as_str()).collect();
    for identity in called.value {
        if !known.contains(identity.object.as_str()) {
            return Err(refused(uses, format!("own `{}` for an object that is not desired", identity.live)));
        }
        if let Some(first) = plan.identities.insert(identity.live.clone(), identity.object.clone())
            && first != identity.object
        {
            return Err(Reason::OneLiveTwice { live: identity.live, first, second: identity.object });
        }
    }
    Ok(())
}

fn refused(uses: &chain::Target, what: String) -> Reason {
    Reason::RefusedChange { plugin: uses.uses.plugin.to_string(), what }
}

/// A delete must be of what is owned and no longer desired; anything else of what is desired.
fn check(uses: &chain::Target, inventory: &Inventory, plan: &Plan) -> Result<(), Reason> {
    let mut seen = BTreeSet::new();
    for change in &plan.changes {
        let live = &change.live;
        let desired = plan.identities.contains_key(live);
        if change.action == Action::Delete {
            if desired {
                return Err(refused(uses, format!("delete `{live}`, which is desired")));
            }
            if !inventory.objects.contains_key(live) {
                return Err(refused(uses, format!("delete `{live}`, which this application does not own")));
            }
        } else if !desired {
            return Err(refused(uses, format!("write `{live}`, which is not desired")));
        }
        if !seen.insert(live) {
            return Err(refused(uses, format!("change `{live}` twice")));
        }
    }
    Ok(())
}

fn narrow(plan: &mut Plan, inventory: &Inventory, environment: &str, only: &str) -> Result<(), Reason> {
    let known = plan.identities.iter().any(|(live, object)| live == only || object == only)
        || inventory.objects.iter().any(|(live, owned)| live == only || owned.object == only);
    if !known {
        return Err(Reason::UnknownObject { object: only.to_owned(), environment: environment.to_owned() });
    }
    plan.identities.retain(|live, object| live == only || object == only);
    plan.changes.retain(|change| {
        let came_from = inventory.objects.get(&change.live).map(|owned| owned.object.as_str());
        change.live == only || change.object == only || (change.action == Action::Delete && came_from == Some(only))
    });
    Ok(())
}

/// Waves ascending; deletes last, in descending waves; within a wave by name, deletes deepest
/// first.
fn order(changes: &mut [Change]) {
    changes.sort_by(|a, b| {
        let delete = |change: &Change| change.action == Action::Delete;
        delete(a).cmp(&delete(b)).then_with(|| {
            if delete(a) {
                b.wave.cmp(&a.wave).then_with(|| b.live.cmp(&a.live))
            } else {
                a.wave.cmp(&b.wave).then_with(|| a.live.cmp(&b.live))
            }
        })
    });
}
