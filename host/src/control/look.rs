//! Looks at an environment, and keeps it as it was deployed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use springline_engine::Ports;
use springline_engine::chain::Chain;
use springline_engine::deliver;
use springline_engine::error::StageError;
use springline_engine::heal::{Healed, heal_as_deployed};
use springline_engine::intact;
use springline_engine::restraint::Unconfirmed;
use springline_engine::standing::Obstacle;
use springline_engine::status::current;
use springline_model::history::{Outcome, Record};
use springline_model::port::{Page, StoreError};
use springline_model::run::{Cause, Place, Stage};

use super::Inner;
use super::pace::{Key, Part};
use super::pass::Came;
use super::steer::Steer;
use super::tell::Told;
use super::work::{Stand, Task};
use crate::cli::confirm;
use crate::cli::error::CliError;

/// What became of one environment, and what is told of it.
pub(super) type Sight = (Came, Option<String>);

/// An environment of a task, whether its declaration can be read or not.
pub(super) struct At<'a> {
    pub task: &'a Task,
    pub inner: &'a Inner,
    pub ports: Ports<'a>,
    pub environment: &'a str,
    pub steer: &'a Steer,
}

impl At<'_> {
    pub(super) fn place(&self) -> Place {
        self.task.place(self.environment)
    }

    pub(super) fn named(&self) -> (&str, &str) {
        (&self.task.name, self.environment)
    }

    fn key(&self, part: fn(Arc<str>) -> Part) -> Key {
        (self.task.id, part(self.environment.into()))
    }

    /// Whether there is a pause.
    pub(super) fn pauses(&self, part: fn(Arc<str>) -> Part) -> bool {
        self.inner.state().paces.pauses(&self.key(part), Instant::now()).is_some()
    }

    /// Nothing is known of any pause from here on.
    pub(super) fn forget(&self, part: fn(Arc<str>) -> Part) {
        self.inner.state().paces.forget(&self.key(part));
    }

    /// Nothing was to be done when it was looked at.
    pub(super) fn quiet(&self, began: Instant) {
        self.inner.state().paces.quiet(&self.key(Part::Look), began);
    }

    /// Tells a failure, and how long it pauses for that.
    pub(super) fn fail(&self, part: fn(Arc<str>) -> Part, looked: (Instant, Instant), error: &CliError) -> Sight {
        let pause = self.inner.state().fails(&self.key(part), looked, error.kind);
        let (application, environment) = self.named();
        self.inner.tell.failed((application, Some(environment)), error, pause);
        (Came::Failed, Some(error.message.clone()))
    }

    /// The newest record.
    pub(super) fn last(&self) -> Result<Option<Record>, StoreError> {
        let newest = self.ports.store.history(&Page::of(&self.place(), 1))?.records.into_iter().next();
        Ok(newest.map(|sealed| sealed.record))
    }

    /// Tells that removals wait for a confirmation, unless just that was told.
    pub(super) fn wait(&self, waits: &Unconfirmed) -> Sight {
        let verb = confirm::taken_by(self.ports.store, &self.place());
        let why = format!("{waits}: `springline {verb} --confirm-prune {}`", waits.confirmation);
        let sight = (Came::Unconfirmed, Some(why));
        if !self.inner.state().is_said(self.task.id, self.environment, (sight.0, sight.1.as_deref())) {
            self.inner.tell.unconfirmed(self.named(), waits, &verb);
        }
        sight
    }

    /// Keeps what is live as it was declared when it was deployed, whatever the commit declares: that can't
    /// be read, is not deployed yet, or waits for somebody.
    pub(super) fn keep(&self) -> Option<Sight> {
        match self.last() {
            // Its next try goes on with it.
            Ok(Some(last)) if last.revision == self.task.wanted.id && is_half_applied(&last) => None,
            Ok(_) => self.look(heal_as_deployed),
            Err(error) => {
                let now = Instant::now();
                Some(self.fail(Part::Look, (now, now), &error.into()))
            }
        }
    }

    /// Tells that there is no target to deploy to. What is live on one that is still bound is kept.
    pub(super) fn without_target(&self, error: &CliError) -> (Stand, Option<Sight>) {
        let standing = self.ports.store.standing(&self.place());
        if let Some(suspended) = standing.ok().and_then(|standing| standing.suspended) {
            self.forget(Part::Look);
            self.forget(Part::Deploy);
            return (Stand::Aside, Some((Came::Suspended, Some(Obstacle::Suspended(suspended).to_string()))));
        }
        let release = current(self.ports, &self.place()).ok().flatten();
        if release.is_some_and(|release| self.ports.targets.of(&release).is_ok()) {
            self.keep();
        }
        if self.pauses(Part::Deploy) {
            return (Stand::Under, None);
        }
        let now = Instant::now();
        (Stand::Under, Some(self.fail(Part::Deploy, (now, now), error)))
    }

    /// Looks whether what was deployed last is still what is live, if it is to be looked at and does not
    /// pause.
    pub(super) fn look(
        &self,
        heal: impl FnOnce(Ports<'_>, &Place, &str) -> Result<Healed, Box<StageError>>,
    ) -> Option<Sight> {
        if !self.task.look.means(self.environment) || self.pauses(Part::Look) {
            return None;
        }
        let began = Instant::now();
        let healed = heal(self.ports, &self.place(), &self.inner.actor);
        let looked = (began, Instant::now());
        Some(match healed {
            Ok(Healed::Repaired(report) | Healed::Finished(report)) => {
                let pause = self.inner.state().paces.repaired(&self.key(Part::Look), looked);
                self.inner.tell.changed(self.named(), &Told::Repaired(&report), (began.elapsed(), pause));
                (Came::Repaired, None)
            }
            Ok(healed) => {
                self.quiet(began);
                match healed {
                    Healed::Drifted(changes) => {
                        self.inner.tell.changed(self.named(), &Told::Drifted(&changes), (began.elapsed(), None));
                        (Came::Drifted, None)
                    }
                    Healed::Unconfirmed(waits) => self.wait(&waits),
                    Healed::Lost(reason) => {
                        (Came::OutOfSync, Some(format!("what is pinned can't be deployed: {reason}")))
                    }
                    Healed::NotDeployed => (Came::NotDeployed, None),
                    _ => (Came::InSync, None),
                }
            }
            Err(_) if self.inner.cancel.is_cancelled() || self.steer.is_superseded() => return None,
            Err(error) => self.fail(Part::Look, looked, &CliError::from(*error)),
        })
    }
}

impl At<'_> {
    /// Tells what is lost of what is deployed, in a pass that takes nothing for known.
    pub(super) fn check(&self, chain: &Chain) {
        if !self.task.look.all || !self.inner.thorough.load(Ordering::Relaxed) {
            return;
        }
        match intact::lost(self.ports, &self.place(), chain) {
            Ok(None) => {}
            Ok(Some(what)) => self.inner.tell.lost(self.named(), &what),
            Err(reason) => self.inner.tell.lost(self.named(), &reason.to_string()),
        }
    }
}

/// Whether a deployment was stopped or failed while it changed things.
fn is_half_applied(record: &Record) -> bool {
    let stage = match &record.outcome {
        Outcome::Succeeded => return false,
        Outcome::Failed { stage, .. } | Outcome::Cancelled { stage } => *stage,
    };
    stage == Stage::Apply && record.cause != Cause::Drift
}

impl Task {
    /// Keeps every environment as it was deployed, where the commit can't be read.
    pub(super) fn keep_all(&self, inner: &Inner, ports: Ports<'_>, steer: &Steer) {
        // What the store reports is told as soon as something is to be deployed.
        let is_meant = |place: &Place| {
            *place.application == *self.name
                && deliver::delivery(place).is_none()
                && inner.settings.means(&place.environment)
        };
        for place in ports.store.places().unwrap_or_default().iter().filter(|place| is_meant(place)) {
            let standing = ports.store.standing(place);
            if standing.is_ok_and(|standing| standing.suspended.is_none()) {
                At { task: self, inner, ports, environment: &place.environment, steer }.keep();
            }
        }
    }
}
