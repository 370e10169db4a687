//! Compares desired objects with live ones, and checks what the target plans against what it may.

use std::collections::{BTreeMap, BTreeSet};

use springline_model::application::Sync;
use springline_model::manifest::{Action, Change, Hook, Object};
use springline_model::plugin::LogLine;
use springline_model::port::Target;
use springline_model::run::Inventory;

use crate::chain;
use crate::error::Reason;
use crate::render::count;
use crate::restraint::{self, Protected};

/// What a plan may touch.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The environment.
    pub environment: &'a str,
    /// Only this desired or live object.
    pub only: Option<&'a str>,
    /// What is removed, and what is left alone.
    pub policy: &'a Sync,
    /// Whether an empty render may remove everything.
    pub prune_all: bool,
    /// Whether hooks are run as well.
    pub hooks: bool,
}

impl Scope<'_> {
    /// Refuses to remove everything if that was not asked for: what leaves only hooks, or what the target
    /// skips, is as empty as what leaves nothing.
    pub(crate) fn check(self, plan: &Plan, inventory: &Inventory) -> Result<(), Reason> {
        let removed = plan.changes.iter().filter(|change| !inventory.is_going(change)).count();
        if plan.identities.is_empty() && removed > 0 && !self.prune_all && self.policy.prune {
            return Err(Reason::EmptyRender { owned: removed });
        }
        Ok(())
    }
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
    /// Live objects that are no longer desired and stay, as something protects them.
    pub protected: Vec<Protected>,
    /// The updates that are left undone, as a rule ignores them.
    pub ignored: Vec<Change>,
    /// The hooks, in the order in which they are run; none if there is nothing to do besides.
    pub hooks: Vec<Hook>,
    /// Live objects that were owned and are made by hooks now: they are owned no more.
    pub released: Vec<String>,
    /// What the target logged.
    pub log: Vec<LogLine>,
}

impl Plan {
    /// Whether it changes anything, besides deleting again what was deleted already.
    pub(crate) fn does_more(&self, inventory: &Inventory) -> bool {
        self.changes.iter().any(|change| !inventory.is_going(change))
    }

    /// Takes out the deletes of what was deleted already and has gone since, and of what is held still
    /// unless that is told.
    pub(crate) fn take_out_going(&mut self, inventory: &Inventory, held: Held) {
        let is_told = |change: &Change| held == Held::Told && change.before.is_some();
        self.changes.retain(|change| is_told(change) || !inventory.is_going(change));
    }
}

/// What becomes of the deletes of what was deleted already and is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// They are told: it should be gone.
    Told,
    /// They are taken out: it goes when it is let go.
    LetBe,
}

/// Plans, and refuses a plan that goes beyond its scope.
pub(crate) fn plan(
    target: &dyn Target,
    uses: &chain::Target,
    desired: &[Object],
    inventory: &Inventory,
    scope: Scope<'_>,
) -> Result<Plan, Reason> {
    let mut plan = Plan::default();
    identify(target, uses, desired, &mut plan)?;
    let owned: Vec<String> = inventory.objects.keys().cloned().collect();
    let called = target.plan(&owned).map_err(|error| failed(uses, error))?;
    plan.log.extend(called.log);
    plan.changes = called.value;
    restraint::ignore(&mut plan, scope.policy);
    if !plan.changes.is_empty() || inventory.unfinished {
        hooks(target, uses, desired, &mut plan)?;
    }
    restraint::protect(&mut plan, inventory, scope.policy);
    scope.check(&plan, inventory)?;
    let is_desired = |live: &str| plan.identities.contains_key(live);
    if let Some(what) = not_allowed(&plan.changes, is_desired, |live| inventory.objects.contains_key(live)) {
        return Err(refused(uses, what));
    }
    if let Some(only) = scope.only {
        narrow(&mut plan, inventory, scope.environment, only)?;
    }
    if !scope.policy.prune {
        let (kept, left) = plan.changes.into_iter().partition(|change| !restraint::removes(change));
        plan.changes = kept;
        let left: Vec<Change> = left;
        plan.left = left.into_iter().map(|change| change.live).collect();
    }
    if uses.uses.grants.directory.is_some()
        && let Some((live, stays)) = restraint::in_the_way(&plan, inventory)
    {
        return Err(Reason::InTheWay { live, stays });
    }
    if !scope.hooks || !(plan.does_more(inventory) || inventory.unfinished) {
        plan.hooks.clear();
    }
    order(&mut plan.changes);
    Ok(plan)
}

/// Asks for the hooks. What is one now is not removed, though it is desired no more.
fn hooks(target: &dyn Target, uses: &chain::Target, desired: &[Object], plan: &mut Plan) -> Result<(), Reason> {
    let called = target.hooks().map_err(|error| failed(uses, error))?;
    plan.log.extend(called.log);
    let known: BTreeSet<&str> = desired.iter().map(|object| object.id.as_str()).collect();
    let mut made: BTreeMap<&str, &str> = BTreeMap::new();
    let mut runs = BTreeSet::new();
    for hook in &called.value {
        if !known.contains(hook.object.as_str()) {
            return Err(refused(uses, format!("run `{}` as a hook for an object that is not desired", hook.live)));
        }
        if !runs.insert((hook.phase, hook.live.as_str())) {
            return Err(refused(uses, format!("run the {} hook `{}` twice", hook.phase, hook.live)));
        }
        let kept = plan.identities.get(&hook.live).map(String::as_str);
        let other = made.insert(&hook.live, &hook.object).filter(|first| *first != hook.object);
        if let Some(first) = kept.or(other) {
            let (live, first, second) = (hook.live.clone(), first.to_owned(), hook.object.clone());
            return Err(Reason::OneLiveTwice { live, first, second });
        }
    }
    let is_hook = |change: &mut Change| change.action == Action::Delete && made.contains_key(change.live.as_str());
    plan.released = plan.changes.extract_if(.., is_hook).map(|change| change.live).collect();
    plan.hooks = called.value;
    plan.hooks.sort_by_key(|hook| (hook.phase, hook.wave));
    Ok(())
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

/// What is not allowed of changes, in a few words: a delete must be of what is owned and no longer
/// desired, anything else of what is desired, and nothing may change twice.
pub fn not_allowed(
    changes: &[Change],
    is_desired: impl Fn(&str) -> bool,
    is_owned: impl Fn(&str) -> bool,
) -> Option<String> {
    let mut seen = BTreeSet::new();
    changes.iter().find_map(|Change { live, action, .. }| match (action, is_desired(live)) {
        (Action::Delete, true) => Some(format!("delete `{live}`, which is desired")),
        (Action::Delete, false) if !is_owned(live) => {
            Some(format!("delete `{live}`, which this application does not own"))
        }
        (Action::Create | Action::Update | Action::Adopt | Action::Deferred, false) => {
            Some(format!("write `{live}`, which is not desired"))
        }
        _ => (!seen.insert(live)).then(|| format!("change `{live}` twice")),
    })
}

fn narrow(plan: &mut Plan, inventory: &Inventory, environment: &str, only: &str) -> Result<(), Reason> {
    let known = plan.identities.iter().any(|(live, object)| live == only || object == only)
        || inventory.objects.iter().any(|(live, owned)| live == only || owned.object == only);
    if !known {
        return Err(Reason::UnknownObject { object: only.to_owned(), environment: environment.to_owned() });
    }
    plan.identities.retain(|live, object| live == only || object == only);
    plan.hooks.clear();
    plan.released.clear();
    plan.ignored.retain(|change| change.live == only || change.object == only);
    let comes_from = |live: &String| inventory.objects.get(live).map(|owned| owned.object.as_str());
    plan.protected.retain(|kept| kept.live == only || comes_from(&kept.live) == Some(only));
    plan.changes.retain(|change| {
        let came_from = inventory.objects.get(&change.live).map(|owned| owned.object.as_str());
        change.live == only || change.object == only || (change.action == Action::Delete && came_from == Some(only))
    });
    Ok(())
}

/// Puts changes in the order in which they are applied: waves ascending, deletes last and in
/// descending waves. Within a wave it is the target's own order, in reverse for deletes.
pub fn order(changes: &mut Vec<Change>) {
    let (mut deletes, mut order): (Vec<Change>, Vec<Change>) =
        std::mem::take(changes).into_iter().partition(|change| change.action == Action::Delete);
    deletes.reverse();
    deletes.sort_by_key(|change| std::cmp::Reverse(change.wave));
    order.sort_by_key(|change| change.wave);
    order.append(&mut deletes);
    *changes = order;
}

/// What can be applied of ordered changes before it is planned again: while some are deferred, the
/// waves before theirs, and no delete.
pub fn due(changes: &[Change]) -> &[Change] {
    let deferred = changes.iter().filter(|change| change.action == Action::Deferred);
    let Some(barrier) = deferred.map(|change| change.wave).min() else { return changes };
    let waits = |change: &Change| change.action == Action::Delete || change.wave >= barrier;
    &changes[..changes.iter().position(waits).unwrap_or(changes.len())]
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
    if !plan.hooks.is_empty() {
        said.push(format!("{} to run", count(plan.hooks.len(), "hook")));
    }
    if !plan.left.is_empty() {
        said.push(format!("{} left, as pruning is off", plan.left.len()));
    }
    if !plan.protected.is_empty() {
        said.push(format!("{} protected", plan.protected.len()));
    }
    if !plan.ignored.is_empty() {
        said.push(format!("{} ignored", plan.ignored.len()));
    }
    said.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(live: &str, action: Action, wave: i32) -> Change {
        let (live, object, summary) = (live.to_owned(), String::new(), String::new());
        Change { live, object, action, wave, summary, before: None, after: None, state: Vec::new() }
    }

    fn names(changes: &[Change]) -> Vec<&str> {
        changes.iter().map(|change| change.live.as_str()).collect()
    }

    #[test]
    fn the_targets_order_is_kept_and_what_is_deferred_holds_back_later_waves_and_deletes() {
        let mut changes = vec![
            change("old", Action::Delete, 0),
            change("old/deep", Action::Delete, 0),
            change("late", Action::Create, 2),
            change("b", Action::Update, 0),
            change("a", Action::Create, 0),
        ];
        order(&mut changes);
        assert_eq!(names(due(&changes)), ["b", "a", "late", "old/deep", "old"]);
        changes.push(change("waits", Action::Deferred, 1));
        order(&mut changes);
        assert_eq!(names(due(&changes)), ["b", "a"]);
    }

    #[test]
    fn only_what_is_desired_is_written_and_only_what_is_owned_goes() {
        let told = |changes: &[Change]| not_allowed(changes, |live| live == "mine", |live| live == "old");
        assert_eq!(told(&[change("mine", Action::Update, 0), change("old", Action::Delete, 0)]), None);
        for (changes, words) in [
            (vec![change("mine", Action::Delete, 0)], "delete `mine`, which is desired"),
            (vec![change("theirs", Action::Delete, 0)], "delete `theirs`, which this application does not own"),
            (vec![change("theirs", Action::Deferred, 0)], "write `theirs`, which is not desired"),
            (vec![change("mine", Action::Create, 0), change("mine", Action::Update, 1)], "change `mine` twice"),
        ] {
            assert_eq!(told(&changes).as_deref(), Some(words));
        }
    }
}
