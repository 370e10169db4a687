//! Live objects in memory, and the ways in which reality misbehaves.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use springline_model::manifest::{Body, Change, Health, HealthStatus};
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

    /// Lets changes of this object come in this wave instead of 0.
    pub fn set_wave(&self, name: &str, wave: i32) {
        self.state().waves.insert(name.into(), wave);
    }

    /// Lets changes of this object be deferred as long as the other one is not there.
    pub fn wait_for(&self, name: &str, other: &str) {
        self.state().waits_for.insert(name.into(), other.into());
    }

    /// Lets the next call of this function of the target fail: `identify`, `plan`, `explain`,
    /// `apply`, `observe`, `judge` or `owned`. Several faults are used up one a call. `name` limits
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

    pub(crate) fn verdict(&self, name: &str) -> Option<Health> {
        let mut state = self.state();
        let verdicts = state.verdicts.get_mut(name)?;
        if verdicts.len() > 1 { verdicts.pop_front() } else { verdicts.front().cloned() }
    }
}
