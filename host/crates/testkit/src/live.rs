//! Live objects in memory, and the ways in which reality misbehaves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use springline_model::manifest::{Action, Body, Change, Child, Cleanup, Health, HealthStatus, Phase};
use springline_model::plugin::Fault;

/// A live object in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveObject {
    /// What it consists of.
    pub body: Body,
    /// Who owns it, `APPLICATION/ENVIRONMENT`: the mark on the target itself. Empty for nobody.
    pub owner: String,
}

impl LiveObject {
    /// What identifies its state.
    pub fn version(&self) -> String {
        self.body.digest().to_string()
    }
}

type Before = dyn Fn(&Change) + Send + Sync;
type Judge = dyn Fn(&str) -> Option<HealthStatus> + Send + Sync;

/// What a fake target deploys to: live objects by name, which is the id of the desired object.
/// Clones are the same reality.
#[derive(Clone, Default)]
pub struct Live {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, LiveObject>,
    writes: Vec<String>,
    applied: Vec<(Action, String)>,
    hooks: BTreeMap<String, Vec<(Phase, i32, Cleanup)>>,
    children: Vec<Child>,
    accounts: BTreeMap<String, Vec<String>>,
    judge: Option<Arc<Judge>>,
    lingering: BTreeMap<String, usize>,
    kept: BTreeSet<String>,
    held: BTreeSet<String>,
    waves: BTreeMap<String, i32>,
    waits_for: BTreeMap<String, String>,
    faults: BTreeMap<(&'static str, String), VecDeque<Fault>>,
    verdicts: BTreeMap<String, VecDeque<Health>>,
    before_apply: Option<Arc<Before>>,
}

impl Live {
    /// Nothing is there.
    pub fn new() -> Self {
        Self::default()
    }

    /// All that is there.
    pub fn objects(&self) -> BTreeMap<String, LiveObject> {
        self.state().objects.clone()
    }

    /// What is there by this name.
    pub fn get(&self, name: &str) -> Option<LiveObject> {
        self.state().objects.get(name).cloned()
    }

    /// Puts something there behind everybody's back, or takes it away.
    pub fn set(&self, name: &str, object: Option<LiveObject>) {
        let mut state = self.state();
        match object {
            Some(object) => state.objects.insert(name.into(), object),
            None => state.objects.remove(name),
        };
    }

    /// Changes an object behind everybody's back; its mark stays.
    ///
    /// # Panics
    /// If it is not there.
    pub fn drift(&self, name: &str, body: Body) {
        self.state().objects.get_mut(name).unwrap().body = body;
    }

    /// The names that were really written or removed by `apply`, in order. Applying what is so
    /// already writes nothing.
    pub fn writes(&self) -> Vec<String> {
        self.state().writes.clone()
    }

    /// What was applied, in order, as `create NAME`; also what wrote nothing.
    pub fn applied(&self) -> Vec<String> {
        let say = |(action, name): &(Action, String)| format!("{action:?} {name}").to_lowercase();
        self.state().applied.iter().map(say).collect()
    }

    /// Makes the desired object of this name a hook; called again, of another phase as well.
    pub fn set_hook(&self, name: &str, phase: Phase, wave: i32, cleanup: Cleanup) {
        self.state().hooks.entry(name.into()).or_default().push((phase, wave, cleanup));
    }

    /// Lets this object be seen so many times more after it was deleted.
    pub fn linger(&self, name: &str, looks: usize) {
        self.state().lingering.insert(name.into(), looks);
    }

    /// Lets a delete of this object leave it where it is.
    pub fn keep(&self, name: &str) {
        self.state().kept.insert(name.into());
    }

    /// Lets a delete of this object have done its part and leave it there, until it is taken away.
    pub fn hold(&self, name: &str) {
        self.state().held.insert(name.into());
    }

    /// Lets live objects belong to others, parents first.
    pub fn set_children(&self, children: Vec<Child>) {
        self.state().children = children;
    }

    /// What is said of an object when it is asked why it is not healthy.
    pub fn set_account(&self, name: &str, lines: &[&str]) {
        self.state().accounts.insert(name.into(), lines.iter().map(ToString::to_string).collect());
    }

    /// Judges by this where it answers, which may look at a clock.
    pub fn judge_by(&self, judge: impl Fn(&str) -> Option<HealthStatus> + Send + Sync + 'static) {
        self.state().judge = Some(Arc::new(judge));
    }

    /// Lets changes of this object come in this wave instead of 0.
    pub fn set_wave(&self, name: &str, wave: i32) {
        self.state().waves.insert(name.into(), wave);
    }

    /// Lets changes of this object be deferred as long as the other one is not there.
    pub fn wait_for(&self, name: &str, other: &str) {
        self.state().waits_for.insert(name.into(), other.into());
    }

    /// Lets the next call of this function of the target fail: `identify`, `plan`, `explain`,
    /// `apply`, `observe`, `judge`, `owned`, `hooks`, `children` or `explain-health`. Several faults are used up one a call. `name` limits
    /// it to one object in `explain`, `apply` and `judge`, and is empty in the others.
    pub fn fail(&self, function: &'static str, name: &str, fault: Fault) {
        self.state().faults.entry((function, name.into())).or_default().push_back(fault);
    }

    /// How the object is judged from now on, one verdict a call; the last one stays.
    pub fn set_health(&self, name: &str, verdicts: impl IntoIterator<Item = HealthStatus>) {
        let verdicts = verdicts.into_iter().map(|status| Health { status, message: format!("{name} is {status}") });
        self.state().verdicts.insert(name.into(), verdicts.collect());
    }

    /// Calls this before every apply: a chance to change reality, cancel or panic in between.
    pub fn before_apply(&self, before: impl Fn(&Change) + Send + Sync + 'static) {
        self.state().before_apply = Some(Arc::new(before));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn next_fault(&self, function: &'static str, name: &str) -> Result<(), Fault> {
        let fault = self.state().faults.get_mut(&(function, name.to_owned())).and_then(VecDeque::pop_front);
        fault.map_or(Ok(()), Err)
    }

    pub(crate) fn wave(&self, name: &str) -> i32 {
        self.state().waves.get(name).copied().unwrap_or(0)
    }

    /// Whether changes of this object have to wait for another one.
    pub(crate) fn is_waiting(&self, name: &str) -> bool {
        let state = self.state();
        state.waits_for.get(name).is_some_and(|other| !state.objects.contains_key(other))
    }

    pub(crate) fn run_before_apply(&self, change: &Change) {
        // The state is not locked meanwhile: the hook may look at reality and change it.
        let before = self.state().before_apply.clone();
        if let Some(before) = before {
            before(change);
        }
    }

    pub(crate) fn write(&self, name: &str, object: Option<LiveObject>) {
        self.set(name, object);
        self.state().writes.push(name.into());
    }

    /// Marks what is there, which writes nothing of its content.
    pub(crate) fn mark(&self, name: &str, owner: &str) {
        if let Some(object) = self.state().objects.get_mut(name) {
            owner.clone_into(&mut object.owner);
        }
    }

    pub(crate) fn note(&self, action: Action, name: &str) {
        self.state().applied.push((action, name.into()));
    }

    /// What identifies the object to whoever looks at it.
    pub(crate) fn seen(&self, name: &str) -> Option<String> {
        let mut state = self.state();
        if let Some(object) = state.objects.get(name) {
            return Some(object.version());
        }
        let looks = state.lingering.get_mut(name).filter(|looks| **looks > 0)?;
        *looks -= 1;
        Some("going".into())
    }

    pub(crate) fn hooks(&self, name: &str) -> Vec<(Phase, i32, Cleanup)> {
        self.state().hooks.get(name).cloned().unwrap_or_default()
    }

    pub(crate) fn is_kept(&self, name: &str) -> bool {
        self.state().kept.contains(name)
    }

    pub(crate) fn is_held(&self, name: &str) -> bool {
        self.state().held.contains(name)
    }

    pub(crate) fn children(&self) -> Vec<Child> {
        self.state().children.clone()
    }

    pub(crate) fn account(&self, name: &str) -> Option<Vec<String>> {
        self.state().accounts.get(name).cloned()
    }

    pub(crate) fn verdict(&self, name: &str) -> Option<Health> {
        let judge = self.state().judge.clone();
        if let Some(status) = judge.and_then(|judge| judge(name)) {
            return Some(Health { status, message: format!("{name} is {status}") });
        }
        let mut state = self.state();
        let verdicts = state.verdicts.get_mut(name)?;
        if verdicts.len() > 1 { verdicts.pop_front() } else { verdicts.front().cloned() }
    }
}
