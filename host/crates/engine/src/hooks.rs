//! Runs hooks: what a sync makes on its way and does not keep.

use springline_model::history::Done;
use springline_model::manifest::{Action, Applied, Change, Hook, Phase};
use springline_model::plugin::{CallError, Fault};
use springline_model::run::Stage;

use crate::apply::Attempt;
use crate::error::{Reason, StageError};
use crate::event::{Awaited, Unhealthy};
use crate::health::{Wait, Waited};
use crate::progress::{Progress, done};
use crate::render::count;
use crate::sync::Work;

/// A hook as a change of the live object that it makes.
fn change(hook: &Hook, action: Action, before: Option<String>) -> Change {
    Change {
        live: hook.live.clone(),
        object: hook.object.clone(),
        action,
        wave: hook.wave,
        summary: String::new(),
        before,
        after: None,
        state: hook.state.clone(),
    }
}

/// A hook that was made and is not done yet.
struct Made<'h> {
    hook: &'h Hook,
    entry: Done,
}

impl Progress {
    /// Runs the hooks of a phase, wave by wave, as far as they were not run in this sync yet.
    pub fn phase(&mut self, work: Work<'_>, phase: Phase) -> Result<(), StageError> {
        let hooks = self.hooks_of(phase);
        if hooks.is_empty() {
            return Ok(());
        }
        self.stage(work, Stage::Apply, Some(hooks.len() as u64), |progress| {
            let result = hooks.chunk_by(|a, b| a.wave == b.wave).try_for_each(|wave| progress.run_hooks(work, wave));
            let removed = progress.remove_spent(work);
            result.and(removed)?;
            Ok(((), format!("{} done ({phase})", count(hooks.len(), "hook"))))
        })
    }

    /// Runs hooks of one phase and wave: makes them, and waits until all are done or one has failed.
    pub fn run_hooks(&mut self, work: Work<'_>, hooks: &[Hook]) -> Result<(), Reason> {
        let Some(Hook { phase, .. }) = hooks.first() else { return Ok(()) };
        self.ran.extend(hooks.iter().map(|hook| (hook.phase, hook.live.clone())));
        let live: Vec<String> = hooks.iter().map(|hook| hook.live.clone()).collect();
        let mut there = work.on.present(&live, &mut self.log)?;
        let is_old = |hook: &&Hook| hook.cleanup.before_creation && there.contains_key(&hook.live);
        let old: Vec<&Hook> = hooks.iter().filter(is_old).collect();
        for hook in &old {
            let before = there.remove(&hook.live);
            if let Some(why) = self.remove(work, hook, before)? {
                let (live, phase) = (hook.live.clone(), hook.phase);
                return Err(Reason::Hook { live, phase, why: format!("can't be made anew: {why}"), denied: false });
            }
        }
        let old: Vec<String> = old.iter().map(|hook| hook.live.clone()).collect();
        work.on.wait_gone(&old, work.seconds(), &mut self.log)?;
        let mut made = Vec::new();
        for hook in hooks {
            match self.make(work, hook, there.remove(&hook.live)) {
                Ok(entry) => made.push(Made { hook, entry }),
                Err(reason) => return Err(self.abandon(work, made, reason)),
            }
        }
        let awaited = Awaited::Hooks(*phase);
        match (Wait { on: work.on, live: &live, awaited, seconds: work.seconds() }).wait() {
            Ok(waited) => self.conclude(work, made, waited),
            Err(reason) => Err(self.abandon(work, made, reason)),
        }
    }

    fn make(&mut self, work: Work<'_>, hook: &Hook, before: Option<String>) -> Result<Done, Reason> {
        self.apply_hook(work, hook, &change(hook, Action::Create, before))
    }

    /// Removes what a hook made; why it stays, if it does.
    fn remove(&mut self, work: Work<'_>, hook: &Hook, before: Option<String>) -> Result<Option<String>, Reason> {
        let entry = self.apply_hook(work, hook, &change(hook, Action::Delete, before))?;
        let stays = entry.after.is_some().then(|| entry.summary.clone());
        self.note(work, entry);
        Ok(stays)
    }

    /// Applies the change of a hook. A failed one is noted; any other is the caller's to note.
    fn apply_hook(&mut self, work: Work<'_>, hook: &Hook, change: &Change) -> Result<Done, Reason> {
        let entry = Done { hook: Some(hook.phase), ..done(change) };
        match self.attempt(work.on, change)? {
            Attempt::Applied(Applied { after, message }) => Ok(Done { after, summary: message, ..entry }),
            Attempt::CutOff(reason) => Err(reason),
            Attempt::Failed(CallError { fault, .. }) => {
                self.note(work, Done { error: Some(fault.to_string()), ..entry });
                let what = if change.action == Action::Delete { "removed" } else { "made" };
                Err(Reason::Hook {
                    live: hook.live.clone(),
                    phase: hook.phase,
                    why: format!("can't be {what}: {fault}"),
                    denied: matches!(fault, Fault::Denied { .. }),
                })
            }
        }
    }

    /// Notes hooks that are not waited for, as something else went wrong.
    fn abandon(&mut self, work: Work<'_>, made: Vec<Made<'_>>, reason: Reason) -> Reason {
        for Made { entry, .. } in made {
            self.note(work, Done { summary: "it was not waited for".into(), ..entry });
        }
        reason
    }

    /// Notes what became of hooks and removes those that are to go.
    fn conclude(&mut self, work: Work<'_>, made: Vec<Made<'_>>, mut waited: Waited) -> Result<(), Reason> {
        self.log.append(&mut waited.look.log);
        let failure = waited.hook_failure();
        for Made { hook, entry } in made {
            let health = waited.look.unhealthy.iter().find(|(live, _)| *live == hook.live).map(|(_, health)| health);
            let error = health.map(|health| {
                Unhealthy { live: hook.live.clone(), health: health.clone(), why: Vec::new() }.to_string()
            });
            self.note(work, Done { error, ..entry });
            if health.is_none() && hook.cleanup.success {
                self.spent.push(hook.clone());
            }
            // One that is still running is left alone.
            if health.is_some() && hook.cleanup.failure && waited.is_broken(&hook.live) {
                let before = waited.look.versions.get(&hook.live).cloned().flatten();
                self.remove_done(work, hook, before)?;
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Removes what hooks made that have succeeded and are to go then, the last one first: later hooks
    /// of a phase need what earlier ones made, as a Job does its account.
    pub fn remove_spent(&mut self, work: Work<'_>) -> Result<(), Reason> {
        let spent = std::mem::take(&mut self.spent);
        if spent.is_empty() {
            return Ok(());
        }
        let live: Vec<String> = spent.iter().map(|hook| hook.live.clone()).collect();
        let mut there = work.on.present(&live, &mut self.log)?;
        for hook in spent.iter().rev() {
            if let Some(before) = there.remove(&hook.live) {
                self.remove_done(work, hook, Some(before))?;
            }
        }
        Ok(())
    }

    /// Removes what has done its work: that it is still there is in its entry, and no failure.
    fn remove_done(&mut self, work: Work<'_>, hook: &Hook, before: Option<String>) -> Result<(), Reason> {
        match self.remove(work, hook, before) {
            Err(reason @ (Reason::Cancelled | Reason::Plugin { .. })) => Err(reason),
            _ => Ok(()),
        }
    }
}
