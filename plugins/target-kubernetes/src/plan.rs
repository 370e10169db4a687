//! What has to change.

use std::collections::{BTreeMap, BTreeSet};

use springline_sdk::kubernetes::{ApiKind, Cluster, Freshness, ObjectName, fingerprint, recall, remember};
use springline_sdk::prelude::*;

use crate::config::Config;
use crate::content::{conditions, held_by, hide_secrets, meaningful, metadata, text as field, version};
use crate::desired::{Desired, Everything, read, text};
use crate::difference::summary;
use crate::ignore::Ignored;
use crate::live::{get, get_reachable};
use crate::notes::Notes;
use crate::options::{Options, unknown};
use crate::order::{LAST_PRUNE, rank, wave};
use crate::owner::{Owner, is_marked_alike, is_owned, without_marks};
use crate::reference::{Kind, Ref};
use crate::refusal::{Sent, reading};
use crate::scope::defines;
use crate::told;
use crate::trial::{Outcome, Trial};

/// What is in the way of a plan.
#[derive(Debug, Default)]
struct Problems {
    /// Objects that can't be applied as they are.
    violations: Vec<Violation>,
    /// Objects of other applications.
    conflicts: Vec<String>,
    /// Objects that are on their way out.
    blocked: Vec<String>,
}

impl Problems {
    /// Takes up an error that is about one object; any other ends the plan.
    fn add(&mut self, error: Error) -> Result<()> {
        match error {
            Error::Invalid(violations) => self.violations.extend(violations),
            Error::Conflict(message) => self.conflicts.push(message),
            other => return Err(other),
        }
        Ok(())
    }

    fn append(&mut self, other: Self) {
        self.violations.extend(other.violations);
        self.conflicts.extend(other.conflicts);
        self.blocked.extend(other.blocked);
    }

    /// The first of them.
    fn first(&self) -> Option<&str> {
        let violations = self.violations.iter().map(|violation| violation.message.as_str());
        violations.chain(self.conflicts.iter().chain(&self.blocked).map(String::as_str)).next()
    }

    fn finish(self) -> Result<()> {
        if !self.violations.is_empty() {
            let conflicts = self.conflicts.into_iter().chain(self.blocked).map(Violation::new);
            return Err(Error::Invalid(self.violations.into_iter().chain(conflicts).collect()));
        }
        if !self.conflicts.is_empty() {
            return Err(Error::Conflict(self.conflicts.join("\n")));
        }
        if self.blocked.is_empty() { Ok(()) } else { Err(Error::transient(self.blocked.join("\n"))) }
    }
}

/// A plan in the making.
struct Plan<'p> {
    config: &'p Config,
    deploy: &'p Deploy,
    owner: Owner,
    /// What of the config a verdict depends on.
    settings: String,
    /// The inventory.
    owned: BTreeSet<&'p str>,
    /// The kinds whose definition changes.
    redefined: BTreeMap<Kind, i32>,
    /// The kinds whose definition is there and established.
    established: BTreeSet<Kind>,
    /// The uids of the live objects that are desired.
    uids: BTreeMap<String, Ref>,
    changes: Vec<Change>,
    problems: Problems,
}

/// The changes that make live desired, in their order, deletes behind the others.
pub fn plan(config: &Config, desired: &[Object], owned: &[String], deploy: &Deploy) -> Result<Vec<Change>> {
    let everything = read(config, desired, deploy)?;
    if config.application.sync.told {
        return told::plan(config, &everything.kept, deploy);
    }
    for desired in everything.kept.iter().chain(&everything.hooks) {
        unknown(&desired.object).iter().for_each(|what| warn!("{}: {what}", desired.id));
    }
    let mut plan = Plan {
        config,
        deploy,
        owner: Owner::of(deploy),
        settings: fingerprint(format!("{config:?}").as_bytes()),
        owned: owned.iter().map(String::as_str).collect(),
        redefined: BTreeMap::new(),
        established: BTreeSet::new(),
        uids: BTreeMap::new(),
        changes: Vec::new(),
        problems: Problems::default(),
    };
    let cluster = Cluster::new(&config.cluster);
    let names: Vec<ObjectName> = everything.kept.iter().map(Desired::object_name).collect();
    let live = get(&cluster, &names, Freshness::Any)?;
    let mut missing = Vec::new();
    for (desired, there) in everything.kept.iter().zip(&live) {
        match there {
            Some(there) => plan.present(desired, there)?,
            None => missing.push(desired),
        }
    }
    plan.defined_by_hooks(&cluster, &everything.hooks)?;
    plan.missing(&cluster, &everything, &missing)?;
    plan.no_longer_desired(&everything)?;
    plan.problems.finish()?;
    let mut changes = plan.changes;
    changes.sort_by_cached_key(|change| {
        let kind = Ref::parse(&change.live).map_or(0, |live| rank(&live.kind));
        (change.action == Action::Delete, change.wave, kind, change.live.clone())
    });
    Ok(changes)
}

impl Plan<'_> {
    /// Plans what is there already. What is in the way of an object that is left alone as a whole is in the
    /// way of nothing: the host ignores the update, and tells of it.
    fn present(&mut self, desired: &Desired, there: &Value) -> Result<()> {
        let others = std::mem::take(&mut self.problems);
        let judged = self.judge(desired, there);
        let found = std::mem::replace(&mut self.problems, others);
        judged?;
        let Some(problem) = found.first() else { return Ok(()) };
        if !self.config.application.sync.leaves_whole(&desired.live, &desired.id) {
            self.problems.append(found);
            return Ok(());
        }
        let notes =
            Notes { digest: desired.digest.clone(), uid: metadata(there, "uid").to_owned(), ..Notes::default() };
        let change = Change {
            before: Some(version(&meaningful(there))),
            summary: format!("can't be applied: {problem}"),
            state: notes.write(),
            ..self.change(Action::Update, desired)
        };
        self.changes.push(change);
        Ok(())
    }

    fn judge(&mut self, desired: &Desired, there: &Value) -> Result<()> {
        let live = &desired.live;
        self.uids.insert(metadata(there, "uid").to_owned(), live.clone());
        if is_established(there) {
            self.established.extend(defines(there));
        }
        if let Some(blocked) = held_by(there) {
            self.problems.blocked.push(format!("`{live}` {blocked}: it can only be made anew when it is gone"));
            return Ok(());
        }
        if let Some(other) = self.owner.other(there) {
            self.problems.conflicts.push(format!("`{live}` (from `{}`) belongs to {other}", desired.id));
            return Ok(());
        }
        let known = is_owned(there) || self.owned.contains(live.to_string().as_str());
        if !known && let Some(message) = self.config.keeps_off(live) {
            self.problems.violations.push(Violation::new(message).file(&desired.id));
            return Ok(());
        }
        // A new status makes another version of an object, but no other content.
        let exact = self.key(desired, there, metadata(there, "resourceVersion"));
        if recall(&exact).is_some() {
            return Ok(());
        }
        let content = self.key(desired, there, &version(&meaningful(there)));
        if recall(&content).is_some() {
            remember(&exact, b"in sync");
            return Ok(());
        }
        match self.compare(desired, there) {
            Ok(Some(change)) => self.add(desired, change),
            Ok(None) => {
                remember(&exact, b"in sync");
                remember(&content, b"in sync");
            }
            // What its definition says now is not what it will say.
            Err(Error::Invalid(_)) if self.redefined.contains_key(&live.kind) => self.defer(desired),
            Err(error) => self.problems.add(error)?,
        }
        Ok(())
    }

    /// Under what it is remembered that an object is in sync.
    fn key(&self, desired: &Desired, there: &Value, state: &str) -> String {
        let uid = metadata(there, "uid");
        format!("in-sync/1/{}/{}/{uid}/{state}/{}", desired.live, desired.digest, self.settings)
    }

    /// The change of an object that is there; none if it is as desired.
    fn compare(&self, desired: &Desired, there: &Value) -> Result<Option<Change>> {
        let ignored = Ignored::of(&desired.live, &desired.id, &self.config.application);
        let trial = Trial {
            config: self.config,
            owner: &self.owner,
            live: &desired.live,
            options: &desired.options,
            ignored: &ignored,
        };
        let applied = trial.applied(&desired.object, Some(there))?;
        let text = || text(&desired.digest, self.deploy).ok();
        let outcome = trial.run(&applied, there, Sent { id: &desired.id, live: &desired.live, text: &text })?;
        let before = Some(version(&meaningful(there)));
        let uid = metadata(there, "uid").to_owned();
        let notes = Notes { digest: desired.digest.clone(), uid, ..Notes::default() };
        let change = match outcome {
            Outcome::Replaced { fields } if self.config.application.sync.protects(&desired.live, &desired.id) => {
                let message =
                    format!("`{fields}` can't be changed, and `protect` keeps `{}` from being made anew", desired.live);
                return Err(Error::Invalid(vec![Violation::new(message).file(&desired.id)]));
            }
            Outcome::Replaced { fields } => Change {
                before,
                after: Some(version(&meaningful(&applied))),
                summary: format!("deleted and made anew, as `{fields}` can't be changed"),
                state: Notes { replace: true, ..notes }.write(),
                ..self.change(Action::Update, desired)
            },
            Outcome::Applied { object, force } => {
                let Some((action, summary)) = self.difference((there, &object), &desired.object, &ignored) else {
                    return Ok(None);
                };
                Change {
                    before,
                    after: Some(version(&meaningful(&object))),
                    summary,
                    state: Notes { force, ..notes }.write(),
                    ..self.change(action, desired)
                }
            }
        };
        Ok(Some(change))
    }

    /// What is done about how two objects differ; none if they don't.
    fn difference(
        &self,
        (there, object): (&Value, &Value),
        desired: &Value,
        ignored: &Ignored,
    ) -> Option<(Action, String)> {
        let content = |object: &Value| {
            let mut content = meaningful(object);
            ignored.strip(&mut content, desired);
            content
        };
        let (mut from, mut to) = (content(there), content(object));
        if from == to && is_marked_alike(there, object) {
            return None;
        }
        if without_marks(&from) == without_marks(&to) {
            return Some((Action::Adopt, "is there already, and equal".to_owned()));
        }
        hide_secrets(&mut from);
        hide_secrets(&mut to);
        Some((Action::Update, summary(&without_marks(&from), &without_marks(&to))))
    }

    fn change(&self, action: Action, desired: &Desired) -> Change {
        Change { wave: desired.wave, ..Change::new(action, desired.live.to_string(), &desired.id) }
    }

    fn add(&mut self, desired: &Desired, change: Change) {
        if let Some(kind) = defines(&desired.object) {
            self.redefined.insert(kind, change.wave);
        }
        self.changes.push(change);
    }

    /// Leaves the planning of an object until its kind is there.
    fn defer(&mut self, desired: &Desired) {
        let defined = self.redefined.get(&desired.live.kind).map_or(desired.wave, |wave| wave.saturating_add(1));
        let wave = desired.wave.max(defined);
        let summary = "waits for its CustomResourceDefinition".to_owned();
        self.changes.push(Change { wave, summary, ..self.change(Action::Deferred, desired) });
    }

    /// Finds the kinds whose definition a hook has made.
    fn defined_by_hooks(&mut self, cluster: &Cluster, hooks: &[Desired]) -> Result<()> {
        let definitions = hooks.iter().filter(|hook| defines(&hook.object).is_some());
        let names: Vec<ObjectName> = definitions.map(Desired::object_name).collect();
        if names.is_empty() {
            return Ok(());
        }
        let live = get(cluster, &names, Freshness::Any)?;
        self.established.extend(live.iter().flatten().filter(|there| is_established(there)).filter_map(defines));
        Ok(())
    }

    /// Plans what is not there.
    fn missing(&mut self, cluster: &Cluster, everything: &Everything, missing: &[&Desired]) -> Result<()> {
        let mut kinds: Vec<ApiKind> = missing.iter().map(|desired| desired.api_kind()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let served: BTreeMap<ApiKind, bool> = if kinds.is_empty() {
            BTreeMap::new()
        } else {
            let types = cluster.types(&kinds).map_err(reading)?;
            kinds.into_iter().zip(types.into_iter().map(|served| served.is_some())).collect()
        };
        for desired in missing {
            let is_served = served.get(&desired.api_kind()) == Some(&true);
            let kind = &desired.live.kind;
            // Its definition is established, and what the API server says of its kinds lags behind.
            let is_soon = self.established.contains(kind) && !self.redefined.contains_key(kind);
            if is_served || is_soon || desired.options.kind_may_be_missing {
                self.create(desired, !is_served);
            } else if everything.defined.contains_key(&desired.live.kind) {
                self.defer(desired);
            } else {
                let message = format!(
                    "cluster `{}` does not serve `{}` in `{}`: see `kubectl api-resources` for what it serves",
                    self.config.cluster, desired.live.kind.kind, desired.api_version
                );
                self.problems.violations.push(Violation::new(message).file(&desired.id));
            }
        }
        self.check_namespaces(cluster, missing);
        Ok(())
    }

    fn create(&mut self, desired: &Desired, late_kind: bool) {
        let mut applied = desired.object.clone();
        self.owner.mark(&mut applied);
        let notes = Notes { digest: desired.digest.clone(), late_kind, ..Notes::default() };
        let change = Change {
            after: Some(version(&meaningful(&applied))),
            state: notes.write(),
            ..self.change(Action::Create, desired)
        };
        self.add(desired, change);
    }

    /// Nothing can be made in a namespace that is on its way out. Reading namespaces may be denied;
    /// then the API server says it when the object is made.
    fn check_namespaces(&mut self, cluster: &Cluster, missing: &[&Desired]) {
        let namespaces: BTreeSet<&str> =
            missing.iter().map(|desired| desired.live.namespace.as_str()).filter(|name| !name.is_empty()).collect();
        if namespaces.is_empty() {
            return;
        }
        let names: Vec<_> = namespaces.iter().map(|name| ObjectName::new("v1", "Namespace", "", *name)).collect();
        let Ok(found) = get(cluster, &names, Freshness::Any) else { return };
        for (name, namespace) in namespaces.iter().zip(found) {
            let Some(blocked) = namespace.as_ref().and_then(held_by) else { continue };
            let conditions = namespace.iter().flat_map(remaining).collect::<Vec<_>>().join("; ");
            let because = if conditions.is_empty() { String::new() } else { format!(": {conditions}") };
            self.problems.blocked.push(format!("the namespace `{name}` {blocked}{because}; nothing can be made in it"));
        }
    }

    /// Plans the removal of what is owned and no longer desired.
    fn no_longer_desired(&mut self, everything: &Everything) -> Result<()> {
        let wanted: BTreeSet<String> = everything.kept.iter().map(|desired| desired.live.to_string()).collect();
        let mut gone = Vec::new();
        for owned in self.owned.iter().filter(|owned| !wanted.contains(**owned)) {
            gone.push(Ref::parse(owned)?);
        }
        let at_end = everything.kept.is_empty();
        let gone: Vec<(Ref, Option<Value>)> = get_reachable(gone)?.into_iter().collect();
        let guarded = self.guarded(everything, &gone);
        for (live, there) in gone.iter().map(|(live, there)| (live.clone(), there.clone())) {
            let change = match there {
                Some(there) if let Some(held) = taken_along(&live, &there, &guarded) => {
                    info!("`{live}` is no longer desired and stays: `{held}` would go with it, and is protected");
                    None
                }
                None => Some(Change { summary: "gone already".to_owned(), ..removal(&live, Notes::default()) }),
                Some(there) => self.remove(&live, &there, at_end),
            };
            self.changes.extend(change);
        }
        Ok(())
    }

    /// What is there and never removed: neither by itself nor along with something else. What is desired is
    /// known by its name alone.
    fn guarded<'g>(
        &self,
        everything: &'g Everything,
        gone: &'g [(Ref, Option<Value>)],
    ) -> Vec<(&'g Ref, Option<&'g Value>)> {
        let sync = &self.config.application.sync;
        let desired = everything.kept.iter().filter(|desired| sync.protects(&desired.live, &desired.id));
        let desired = desired.map(|desired| (&desired.live, None));
        let gone = gone.iter().filter(|(live, there)| there.is_some() && sync.protects(live, ""));
        desired.chain(gone.map(|(live, there)| (live, there.as_ref()))).collect()
    }

    /// The removal of a live object; none if it asks to be kept.
    fn remove(&self, live: &Ref, there: &Value, at_end: bool) -> Option<Change> {
        let uid = metadata(there, "uid").to_owned();
        let left_alone = if let Some(other) = self.owner.other(there) {
            Some(format!("left alone: it belongs to {other} now"))
        } else if !is_owned(there) {
            // Its name is in the inventory; what is there may be somebody's who made it since.
            Some(format!("left alone: it has no mark of {} any more", self.owner.name))
        } else {
            self.uids.get(&uid).map(|same| format!("left alone: it is `{same}` as well"))
        };
        if let Some(left_alone) = left_alone {
            let notes = Notes { left_alone: left_alone.clone(), ..Notes::default() };
            return Some(Change { summary: left_alone, ..removal(live, notes) });
        }
        let options = Options::of(there);
        if let Some(because) = options.kept.or(options.kept_at_end.filter(|_| at_end)) {
            info!("`{live}` is no longer desired and stays: `{because}`");
            return None;
        }
        let wave = if options.prune_last { LAST_PRUNE } else { wave(&live.kind, there) };
        let summary = held_by(there).unwrap_or_default();
        let before = Some(version(&meaningful(there)));
        Some(Change { wave, summary, before, ..removal(live, Notes { uid, ..Notes::default() }) })
    }
}

/// What of these would go along with an object that is removed: what is in a namespace, of a kind that a
/// definition defines, or owned by it.
fn taken_along<'g>(live: &Ref, there: &Value, guarded: &[(&'g Ref, Option<&Value>)]) -> Option<&'g Ref> {
    let defined = defines(there);
    let owns = |other: &Value| {
        let owners = other.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        owners.into_iter().flatten().any(|owner| field(owner, "uid") == metadata(there, "uid"))
    };
    let is_in = |(other, there): &&(&Ref, Option<&Value>)| {
        let is_namespace = live.kind.is("", "Namespace") && other.namespace == live.name;
        *other != live
            && other.cluster == live.cluster
            && (is_namespace || defined.as_ref() == Some(&other.kind) || there.is_some_and(owns))
    };
    guarded.iter().find(is_in).map(|(other, _)| *other)
}

fn removal(live: &Ref, notes: Notes) -> Change {
    Change { state: notes.write(), ..Change::new(Action::Delete, live.to_string(), "") }
}

/// Whether a definition's objects can be made.
fn is_established(definition: &Value) -> bool {
    conditions(definition).any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}

/// What a namespace that is being deleted still waits for.
fn remaining(namespace: &Value) -> Vec<String> {
    conditions(namespace)
        .filter(|condition| condition["status"] == "True" && field(condition, "type").starts_with("Namespace"))
        .map(|condition| field(condition, "message").to_owned())
        .collect()
}

impl Desired {
    /// As a cluster is asked for it, in the version that it is written in.
    pub fn object_name(&self) -> ObjectName {
        let Ref { kind, namespace, name, .. } = &self.live;
        ObjectName::new(&self.api_version, &kind.kind, namespace, name)
    }

    fn api_kind(&self) -> ApiKind {
        ApiKind::new(&self.api_version, &self.live.kind.kind)
    }
}
