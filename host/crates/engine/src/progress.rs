//! How far a sync is: what was done, and what is owned by it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use springline_model::application;
use springline_model::capability::Ledger;
use springline_model::history::{Counts, Done};
use springline_model::manifest::{Action, Change, Health, Hook, Phase};
use springline_model::plugin::{CallError, LogLine};
use springline_model::run::{Inventory, Owned, Stage};

use crate::error::{Reason, StageError};
use crate::event::{Event, Point};
use crate::health::On;
use crate::plan::Plan;
use crate::restraint::{Protected, judge, removals};
use crate::sync::Work;

/// How far a sync is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// What is owned, as far as it is known; none before it is.
    pub inventory: Option<Inventory>,
    /// The target that the place is on, if this one is another.
    pub home: Option<String>,
    /// What was planned before the sync, until its first round takes it.
    pub planned: Option<Plan>,
    /// The removals that may be made, and of how many objects they are; none before there was a plan.
    pub removals: Option<(Vec<String>, usize)>,
    /// What was deleted in this sync and was not seen gone yet.
    pub going: BTreeMap<String, Owned>,
    pub counts: Counts,
    pub done: Vec<Done>,
    pub left: Vec<String>,
    pub protected: Vec<Protected>,
    pub ignored: Vec<Change>,
    pub stages: Vec<(Stage, Duration)>,
    pub log: Vec<LogLine>,
    /// What the target used of its powers.
    pub ledger: Ledger,
    /// The hooks of this sync; none if it has nothing to do.
    pub hooks: Vec<Hook>,
    /// Those that were run, by phase: one object may be run in several.
    pub ran: BTreeSet<(Phase, String)>,
    /// Those that have succeeded and are removed when their phase is through.
    pub spent: Vec<Hook>,
    /// Whether everything was healthy in the end.
    pub healthy: bool,
    /// Whether a sync was cut off before it; none before it is about to change something.
    pub resumed: Option<bool>,
}

impl Progress {
    /// What is owned, as it is written down.
    pub fn owned(&self) -> Option<Inventory> {
        let mut owned = self.inventory.clone()?;
        if let Some(home) = &self.home {
            owned.turn_to(home);
            owned.came_from = None;
        }
        Some(owned)
    }

    /// Runs a stage and takes its time.
    pub fn stage<T>(
        &mut self,
        work: Work<'_>,
        stage: Stage,
        units: Option<u64>,
        act: impl FnOnce(&mut Self) -> Result<(T, String), Reason>,
    ) -> Result<T, StageError> {
        let ports = work.on.ports;
        let environment = Some(work.place.environment.as_str());
        ports.observer.event(&Event::StageBegun { stage, environment, units });
        let began = Instant::now();
        let result = if ports.cancel.is_cancelled() { Err(Reason::Cancelled) } else { act(self) };
        let took = began.elapsed();
        match self.stages.iter_mut().find(|(known, _)| *known == stage) {
            Some((_, total)) => *total += took,
            None => self.stages.push((stage, took)),
        }
        let (value, detail) = result.map_err(|reason| reason.at(stage, environment))?;
        ports.observer.event(&Event::StageDone { stage, environment, detail: &detail, took });
        Ok(value)
    }

    /// Refuses a plan that removes more than it may without a confirmation. What was to be removed by the
    /// first plan of a sync may be removed by the next ones; what comes besides is added up.
    /// `before` is what was owned before what is taken back: what came since goes without a yes.
    pub fn confirm(
        &mut self,
        plan: &Plan,
        policy: &application::Sync,
        before: Option<&Inventory>,
    ) -> Result<(), Reason> {
        let counts = |live: &str| before.is_none_or(|before| before.objects.contains_key(live));
        let (mut removed, mut owned) = removals(plan, self.inventory.get_or_insert_default(), counts);
        if let Some((known, first)) = &self.removals {
            removed.retain(|live| !known.contains(live));
            if removed.is_empty() {
                return Ok(());
            }
            removed.extend(known.iter().cloned());
            owned = *first;
        }
        if let Some(unconfirmed) = judge((removed.clone(), owned), policy) {
            return Err(Reason::Unconfirmed(Box::new(unconfirmed)));
        }
        self.removals = Some((removed, owned));
        Ok(())
    }

    pub fn applied(&mut self, work: Work<'_>, change: &Change, after: Option<String>, summary: String) {
        let counter = self.counts.of(change.action);
        let inventory = self.inventory.get_or_insert_default();
        // What was deleted before and is held was counted then.
        let is_new = !inventory.is_going(change);
        *counter += u64::from(is_new);
        if change.action == Action::Delete {
            let owned = inventory.objects.remove(&change.live).unwrap_or_default();
            if after.is_none() {
                let prune_failed = Some(summary.clone());
                self.going.insert(change.live.clone(), Owned { prune_failed, going: true, ..owned });
            }
        } else {
            let owned = Owned {
                object: change.object.clone(),
                version: after.clone(),
                unproven: Some(change.wave),
                ..Owned::default()
            };
            inventory.objects.insert(change.live.clone(), owned);
        }
        self.note(work, Done { after, summary, ..done(change) });
        if is_new && self.counts.applied() == 1 {
            work.on.ports.observer.event(&Event::Passed(Point::AppliedOne));
        }
    }

    /// Keeps what was deleted and is still there in the end, such as what a finalizer holds: it is ours
    /// until it is gone. So is what can't be looked at.
    pub fn keep_what_stays(&mut self, on: On<'_>) {
        let live: Vec<String> = self.going.keys().cloned().collect();
        if let Ok(present) = on.present(&live, &mut self.log) {
            self.going.retain(|live, _| present.contains_key(live));
        }
        let stays = std::mem::take(&mut self.going);
        self.inventory.get_or_insert_default().objects.extend(stays);
    }

    /// What was being made when the call was cut off may be there.
    pub fn unconfirmed(&mut self, change: &Change) {
        let inventory = self.inventory.get_or_insert_default();
        let owned = inventory.objects.entry(change.live.clone());
        let owned = owned.or_insert_with(|| Owned { object: change.object.clone(), ..Owned::default() });
        if change.action != Action::Delete {
            owned.unproven = Some(change.wave);
        }
    }

    /// A prune that failed stays in the inventory and is tried again; what was to be made may be
    /// there in part, so it is owned as well.
    pub fn failed(&mut self, work: Work<'_>, change: &Change, error: &CallError) {
        self.counts.failed += 1;
        self.unconfirmed(change);
        let error = error.fault.to_string();
        let inventory = self.inventory.get_or_insert_default();
        if change.action == Action::Delete
            && let Some(owned) = inventory.objects.get_mut(&change.live)
        {
            owned.prune_failed = Some(error.clone());
        }
        self.note(work, Done { after: None, error: Some(error), ..done(change) });
    }

    /// Keeps what was tried for the history.
    pub fn note(&mut self, work: Work<'_>, done: Done) {
        work.on.ports.observer.event(&Event::Changed(&done));
        self.done.push(done);
    }

    /// Remembers which of these objects are healthy, so that nothing waits for them any more.
    pub fn prove(&mut self, live: &[String], unhealthy: &[(String, Health)]) {
        let unhealthy: BTreeSet<&str> = unhealthy.iter().map(|(live, _)| live.as_str()).collect();
        let inventory = self.inventory.get_or_insert_default();
        for live in live.iter().filter(|live| !unhealthy.contains(live.as_str())) {
            if let Some(owned) = inventory.objects.get_mut(live) {
                owned.unproven = None;
            }
        }
    }

    /// Takes over what was observed in the end of what is owned.
    pub fn settle(&mut self, identities: &BTreeMap<String, String>, versions: &BTreeMap<String, Option<String>>) {
        let inventory = self.inventory.get_or_insert_default();
        for (live, object) in identities {
            let Some(version) = versions.get(live).cloned().flatten() else { continue };
            if let Some(owned) = inventory.objects.get_mut(live) {
                owned.version = Some(version);
                owned.object.clone_from(object);
                (owned.prune_failed, owned.going) = (None, false);
            }
        }
    }

    /// The hooks of a phase that are still to be run.
    pub fn hooks_of(&self, phase: Phase) -> Vec<Hook> {
        let waits = |hook: &&Hook| hook.phase == phase && !self.ran.contains(&(phase, hook.live.clone()));
        self.hooks.iter().filter(waits).cloned().collect()
    }

    pub fn applied_so_far(&self) -> String {
        let Counts { created, updated, deleted, adopted, .. } = self.counts;
        let parts = [(created, "created"), (updated, "updated"), (deleted, "deleted"), (adopted, "adopted")];
        let said: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        if said.is_empty() { "nothing".into() } else { said.join(", ") }
    }
}

/// The entry of a change, before it is known what came of it.
pub(crate) fn done(change: &Change) -> Done {
    Done {
        live: change.live.clone(),
        action: change.action,
        before: change.before.clone(),
        after: None,
        summary: change.summary.clone(),
        error: None,
        hook: None,
    }
}
