//! Applies a plan in waves.

use std::collections::BTreeMap;

use springline_model::manifest::{self as model, Action, Change, Hook, Phase};
use springline_model::plugin::{CallError, Fault};

use crate::error::Reason;
use crate::event::{Awaited, Event};
use crate::health::{On, Wait};
use crate::plan::{Plan, due, failed};
use crate::progress::Progress;
use crate::sync::Work;

/// What applying a plan came to.
pub(crate) enum Applied {
    /// All of it.
    All,
    /// Some changes wait for the waves that have landed now.
    Deferred(usize),
    /// Live was no longer what the plan was made on.
    Stale(String),
}

/// What the attempt to apply one change came to.
pub(crate) enum Attempt {
    Applied(model::Applied),
    Failed(CallError),
    /// It is not known how far it came, and the sync ends with it.
    CutOff(Reason),
}

/// What is applied together.
#[derive(Default)]
struct Wave<'p> {
    changes: Vec<&'p Change>,
    hooks: Vec<Hook>,
}

/// When a wave comes: all deletes after all else, and descending.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum When {
    Apply(i32),
    Delete(std::cmp::Reverse<i32>),
}

impl When {
    const fn of(change: &Change) -> Self {
        match change.action {
            Action::Delete => Self::Delete(std::cmp::Reverse(change.wave)),
            _ => Self::Apply(change.wave),
        }
    }
}

fn waves(plan: &Plan, hooks: Vec<Hook>) -> BTreeMap<When, Wave<'_>> {
    let mut waves: BTreeMap<When, Wave<'_>> = BTreeMap::new();
    for change in due(&plan.changes) {
        waves.entry(When::of(change)).or_default().changes.push(change);
    }
    for hook in hooks {
        waves.entry(When::Apply(hook.wave)).or_default().hooks.push(hook);
    }
    waves
}

/// When so many changes in a row fail for what passes, and does not in all their tries, what ails them is
/// not theirs: a server is away, and to wait for it at each of thousands would take days.
const IN_A_ROW: usize = 2;

/// The changes that were tried and failed.
#[derive(Default)]
struct Failures {
    tried: usize,
    failed: Vec<(String, CallError)>,
    stale: Option<String>,
    /// How many in a row failed for what passes.
    in_a_row: usize,
}

impl Failures {
    fn is_empty(&self) -> bool {
        self.failed.is_empty() && self.stale.is_none()
    }

    /// Whether there is no sense in trying the rest of the wave.
    fn is_hopeless(&self) -> bool {
        self.in_a_row >= IN_A_ROW
    }
}

impl Progress {
    /// Applies a plan wave by wave. A wave is finished even if something in it fails, as long as
    /// that is no server which is away; the next one is begun when all before it is healthy.
    pub fn apply_all(&mut self, work: Work<'_>, plan: &Plan) -> Result<Applied, Reason> {
        let waiting = plan.changes.iter().filter(|change| change.action == Action::Deferred);
        let barrier = waiting.clone().map(|change| When::Apply(change.wave)).min();
        let mut failures = Failures::default();
        let mut deleted: Vec<String> = Vec::new();
        for (when, wave) in waves(plan, self.hooks_of(Phase::During)) {
            if !failures.is_empty() || barrier.is_some_and(|barrier| when >= barrier) {
                break;
            }
            self.pass(work, plan, when)?;
            work.on.wait_gone(&deleted, work.seconds(), &mut self.log)?;
            deleted.drain(..).for_each(|live| drop(self.going.remove(&live)));
            for change in &wave.changes {
                let goes = self.apply_one(work, change, &mut failures)?;
                deleted.extend(goes.then(|| change.live.clone()));
                if failures.is_hopeless() {
                    break;
                }
            }
            if failures.is_empty() {
                self.run_hooks(work, &wave.hooks)?;
            }
        }
        let Failures { tried, failed, stale, .. } = failures;
        if let Some((live, error)) = failed.first() {
            let denied = matches!(error.fault, Fault::Denied { .. });
            let first = format!("{live}: {}", error.fault);
            return Err(Reason::Apply { failed: failed.len(), all: tried, first, denied });
        }
        match (stale, barrier) {
            (Some(message), _) => Ok(Applied::Stale(message)),
            (None, Some(barrier)) => {
                self.pass(work, plan, barrier)?;
                Ok(Applied::Deferred(waiting.count()))
            }
            (None, None) => Ok(Applied::All),
        }
    }

    /// Waits until that is healthy which was applied in the waves before this one, in this sync or
    /// in one that did not see it healthy.
    fn pass(&mut self, work: Work<'_>, plan: &Plan, when: When) -> Result<(), Reason> {
        let before = |wave: i32| match when {
            When::Apply(this) => wave < this,
            When::Delete(_) => true,
        };
        let owned = &self.inventory.get_or_insert_default().objects;
        let unproven = owned.iter().filter_map(|(live, owned)| Some((owned.unproven?, live)));
        let (waves, live): (Vec<i32>, Vec<String>) = unproven
            .filter(|(wave, live)| before(*wave) && plan.identities.contains_key(*live))
            .map(|(wave, live)| (wave, live.clone()))
            .unzip();
        let Some(last) = waves.into_iter().max().filter(|_| work.waits()) else { return Ok(()) };
        let awaited = match when {
            When::Apply(_) => Awaited::Wave(last),
            When::Delete(_) => Awaited::Applied,
        };
        let mut waited = Wait { on: work.on, live: &live, awaited, seconds: work.seconds() }.wait()?;
        self.log.append(&mut waited.look.log);
        self.prove(&live, &waited.look.unhealthy);
        waited.failure().map_or(Ok(()), Err)
    }

    /// Applies one change of a wave; whether its object goes.
    fn apply_one(&mut self, work: Work<'_>, change: &Change, failures: &mut Failures) -> Result<bool, Reason> {
        failures.tried += 1;
        let error = match self.attempt(work.on, change)? {
            Attempt::Applied(model::Applied { after, message }) => {
                failures.in_a_row = 0;
                let goes = change.action == Action::Delete && after.is_none();
                let summary = if message.is_empty() { change.summary.clone() } else { message };
                self.applied(work, change, after, summary);
                return Ok(goes);
            }
            Attempt::CutOff(reason) => {
                self.unconfirmed(change);
                return Err(reason);
            }
            Attempt::Failed(error) => error,
        };
        let passes = matches!(error.fault, Fault::Transient { .. });
        failures.in_a_row = if passes { failures.in_a_row + 1 } else { 0 };
        match &error.fault {
            Fault::Conflict { message } => failures.stale = Some(message.clone()),
            _ => {
                self.failed(work, change, &error);
                failures.failed.push((change.live.clone(), error));
            }
        }
        Ok(false)
    }

    /// Has the target apply a change. What became of it is the caller's to note.
    pub fn attempt(&mut self, on: On<'_>, change: &Change) -> Result<Attempt, Reason> {
        if on.ports.cancel.is_cancelled() {
            return Err(Reason::Cancelled);
        }
        on.ports.observer.event(&Event::Applying { live: &change.live, action: change.action });
        let error = match on.target.apply(change) {
            Ok(called) => {
                self.log.extend(called.log);
                return Ok(Attempt::Applied(called.value));
            }
            Err(error) => error,
        };
        self.log.extend(error.log.iter().cloned());
        Ok(match error.fault {
            Fault::Cancelled => Attempt::CutOff(Reason::Cancelled),
            Fault::Lost { .. } => Attempt::CutOff(failed(on.uses, error)),
            _ => Attempt::Failed(error),
        })
    }
}
