//! Builds what is missing.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use springline_model::Digest;
use springline_model::call::{Call, Context};
use springline_model::capability::Ledger;
use springline_model::plugin::{Fault, Kind};
use springline_model::port::{Revision, Tree};
use springline_model::run::{How, Output, StepRecord};

use crate::Ports;
use crate::chain::{Artifact, Chain, Input, Step};
use crate::error::Reason;
use crate::event::Event;
use crate::keep::{Lookup, Made, Observed, PureCall, Trust, failed_call};
use crate::patient::patiently;

/// What a build is made from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The revision.
    pub revision: &'a Revision,
    /// Its tree.
    pub tree: &'a dyn Tree,
    /// Whether the commit with this id, of this time, comes after the revision, which may not go back
    /// behind it.
    pub is_before: &'a (dyn Fn(&str, i64) -> bool + Sync),
}

impl<'a> Source<'a> {
    /// A revision that nothing comes after: one that somebody chose, or that goes nowhere.
    #[must_use]
    pub fn chosen(revision: &'a Revision, tree: &'a dyn Tree) -> Self {
        Self { revision, tree, is_before: &|_, _| false }
    }
}

/// The artifacts of a revision, all of them there.
#[derive(Debug, Default)]
pub struct Artifacts {
    /// Their digests by name.
    pub digests: BTreeMap<String, Digest>,
    /// The calls, skipped ones included.
    pub steps: Vec<StepRecord>,
    /// How many steps were executed.
    pub executed: usize,
}

/// A build that failed, with the calls up to then.
pub(crate) struct Failure {
    pub reason: Reason,
    pub steps: Vec<StepRecord>,
}

/// An artifact that is not there yet: its steps up to `at` are.
struct Pending<'c> {
    artifact: &'c Artifact,
    outputs: Vec<Digest>,
    why: String,
}

/// Makes sure that every artifact of the chain is there.
pub(crate) fn build(
    ports: Ports<'_>,
    chain: &Chain,
    source: Source<'_>,
    (run, trust, observed): (u64, Trust, Observed<'_>),
) -> Result<Artifacts, Failure> {
    let context = build_context(chain, source);
    let builder = Builder {
        ports,
        context: Arc::new(context),
        source,
        run,
        trust,
        observed,
        inputs: Mutex::default(),
        gates: Mutex::default(),
        made: Mutex::default(),
    };
    let result = builder.all(chain);
    let mut made = builder.made.into_inner().unwrap_or_else(PoisonError::into_inner);
    match result {
        Ok(()) => {
            made.executed = made.steps.iter().filter(|step| matches!(step.how, How::Executed(_))).count();
            Ok(made)
        }
        Err(reason) => Err(Failure { reason, steps: made.steps }),
    }
}

/// What the calls of a build may ask.
pub(crate) fn build_context(chain: &Chain, source: Source<'_>) -> Context {
    Context {
        application: chain.application.clone(),
        revision: source.revision.id.clone(),
        commit_time: source.revision.time,
        values: "{}".into(),
        ..Context::default()
    }
}

struct Builder<'a> {
    ports: Ports<'a>,
    context: Arc<Context>,
    source: Source<'a>,
    run: u64,
    trust: Trust,
    observed: Observed<'a>,
    /// Directories of the source by path.
    inputs: Mutex<HashMap<String, Arc<dyn Tree>>>,
    /// One for each call that was about to be executed: of equal ones, which several artifacts may
    /// have, the first is executed and the others use its result.
    gates: Mutex<HashMap<Digest, Arc<Mutex<()>>>>,
    made: Mutex<Artifacts>,
}

impl Builder<'_> {
    fn all(&self, chain: &Chain) -> Result<(), Reason> {
        let mut pending = Vec::new();
        for artifact in &chain.artifacts {
            if let Some(missing) = self.take_kept(artifact, Vec::new())? {
                pending.push(missing);
            }
        }
        self.make_all(pending)
    }

    /// Goes through an artifact's steps as long as kept results serve.
    fn take_kept<'c>(&self, artifact: &'c Artifact, mut outputs: Vec<Digest>) -> Result<Option<Pending<'c>>, Reason> {
        for step in &artifact.steps[outputs.len()..] {
            let mounts = [("in".to_owned(), self.input(artifact, step, &outputs)?)];
            let name = step_name(artifact, step);
            match self.pure(&name, step, &mounts).look_up(self.ports, self.trust)? {
                Lookup::Known(known) => {
                    outputs.push(*known.output.digest());
                    self.record(known.record(name, &step.uses));
                }
                Lookup::Needed { why } => return Ok(Some(Pending { artifact, outputs, why })),
            }
        }
        outputs.extend(artifact.taken);
        self.finished(artifact, &outputs);
        Ok(None)
    }

    fn pure<'s>(&'s self, name: &'s str, step: &'s Step, mounts: &'s [(String, Arc<dyn Tree>)]) -> PureCall<'s> {
        let observed = self.observed;
        PureCall { kind: Kind::BuildStep, name, uses: &step.uses, context: &self.context, mounts, observed }
    }

    /// Executes what is pending, as many artifacts at once as there are processors.
    fn make_all(&self, pending: Vec<Pending<'_>>) -> Result<(), Reason> {
        let workers = thread::available_parallelism().map_or(1, NonZero::get).min(pending.len());
        if workers <= 1 {
            return pending.into_iter().try_for_each(|missing| self.make(missing));
        }
        let next = AtomicUsize::new(0);
        let jobs: Vec<_> = pending.into_iter().map(|missing| Mutex::new(Some(missing))).collect();
        let work = || {
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let job = lock(job).take();
                if let Some(missing) = job
                    && let Err(reason) = self.make(missing)
                {
                    next.store(jobs.len(), Ordering::Relaxed);
                    return Err(reason);
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let results = threads.into_iter().map(|thread| thread.join().unwrap_or(Err(Reason::Cancelled)));
            results.collect::<Vec<_>>().into_iter().collect()
        })
    }

    fn make(&self, missing: Pending<'_>) -> Result<(), Reason> {
        let mut next = Some(missing);
        while let Some(Pending { artifact, mut outputs, why }) = next {
            if self.ports.cancel.is_cancelled() {
                return Err(Reason::Cancelled);
            }
            let output = self.execute(artifact, &artifact.steps[outputs.len()], &outputs, why)?;
            outputs.push(output);
            next = self.take_kept(artifact, outputs)?;
        }
        Ok(())
    }

    fn execute(&self, artifact: &Artifact, step: &Step, outputs: &[Digest], why: String) -> Result<Digest, Reason> {
        let name = step_name(artifact, step);
        let mounts = [("in".to_owned(), self.input(artifact, step, outputs)?)];
        let call = Call {
            plugin: step.uses.plugin.clone(),
            config: step.uses.config.clone(),
            context: self.context.clone(),
            limits: step.uses.limits.clone(),
            grants: step.uses.grants.clone(),
            ledger: Ledger::default(),
            cancel: self.ports.cancel.clone(),
        };
        let pure = self.pure(&name, step, &mounts);
        let gate = lock(&self.gates).entry(pure.identity()).or_default().clone();
        let _through = lock(&gate);
        if let Lookup::Known(known) = pure.look_up(self.ports, self.trust)? {
            let output = *known.output.digest();
            self.record(known.record(name, &step.uses));
            return Ok(output);
        }
        self.ports.observer.event(&Event::Executing { name: &name, why: &why });
        let began = Instant::now();
        let called = match patiently(self.ports, || self.ports.plugins.build(&call, mounts[0].1.clone())) {
            Ok(called) => called,
            Err(error) => {
                let cancelled = error.fault == Fault::Cancelled;
                self.record(failed_call(self.ports, name.clone(), &error, call.ledger.used(), began.elapsed()));
                if cancelled {
                    return Err(Reason::Cancelled);
                }
                return Err(Reason::Plugin { what: name, pointer: step.uses.pointer.clone(), error: Box::new(error) });
            }
        };
        let made = Made {
            output: Output::Tree(called.value.tree),
            trace: &called.value.trace,
            summary: called.value.summary,
            log: &called.log,
            used: call.ledger.used(),
            run: self.run,
            took: began.elapsed(),
        };
        let log = pure.keep(self.ports, &made)?;
        self.record(made.record(name, &step.uses, why, log));
        Ok(called.value.tree)
    }

    fn input(&self, artifact: &Artifact, step: &Step, outputs: &[Digest]) -> Result<Arc<dyn Tree>, Reason> {
        let path = match &step.input {
            Input::Source(path) => path,
            Input::Step(at) => return Ok(self.ports.blobs.tree(&outputs[*at])?),
        };
        let mut inputs = lock(&self.inputs);
        if let Some(tree) = inputs.get(path) {
            return Ok(tree.clone());
        }
        let tree = self.source.tree.subtree(path)?.ok_or_else(|| Reason::NoInput {
            what: step_name(artifact, step),
            pointer: step.uses.pointer.clone(),
            path: path.clone(),
        })?;
        inputs.insert(path.clone(), tree.clone());
        Ok(tree)
    }

    fn record(&self, step: StepRecord) {
        let StepRecord { name, how, summary, took, .. } = &step;
        self.ports.observer.event(&Event::Called { name, how, summary, took: *took });
        lock(&self.made).steps.push(step);
    }

    fn finished(&self, artifact: &Artifact, outputs: &[Digest]) {
        if let Some(output) = outputs.last() {
            let mut made = lock(&self.made);
            made.digests.insert(artifact.name.clone(), *output);
        }
    }
}

/// A lock whose holder panicked guards nothing that could be half done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn step_name(artifact: &Artifact, step: &Step) -> String {
    format!("{}/{}", artifact.name, step.name)
}
