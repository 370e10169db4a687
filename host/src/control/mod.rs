//! The loop of `springline watch`: sources are asked for new commits, and what they concern is deployed;
//! live objects are looked at, and drift is removed.
//!
//! [`state`] knows everything and does nothing; pollers ask repositories ([`poll`]), workers see to
//! applications ([`work`]), and the loop itself begins passes and waits for what comes.

mod answers;
mod ask;
mod caught;
mod crew;
mod declared;
mod find;
mod fleet;
mod hand;
mod index;
mod leave;
mod look;
mod names;
mod onward;
mod operated;
mod pace;
mod pass;
mod plan;
mod poll;
mod queue;
mod state;
mod steer;
mod tell;
mod twice;
mod work;
#[cfg(test)]
mod world;

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use springline_model::Cancel;
use springline_model::port::Seen;
use springline_model::run::Place;

use self::crew::Crew;
pub use self::declared::{Declared, declared};
pub use self::fleet::whole_address;
use self::operated::Operated;
use self::pace::Part;
use self::pass::{Besides, Came};
use self::plan::Plan;
use self::poll::Timing;
use self::queue::Id;
use self::state::{Look, Member, State};
use self::steer::Steer;
use self::tell::Teller;
use self::twice::Twice;
use self::work::{Done, Loaded, Task};
use crate::app::App;
use crate::cli::error::{CliError, Kind};
use crate::cli::{Common, Output};
use crate::paths;

/// How long a request to stop may go unnoticed.
const NOTICE: Duration = Duration::from_millis(100);
/// How many chains that were used lately are kept ready.
const RECENT: usize = 64;
/// Every so manyeth pass asks every plugin, whatever is known.
const THOROUGH: u64 = 20;
/// How long the first pass waits for repositories that don't answer, unless there is only one pass.
const FIRST: Duration = Duration::from_secs(5);
/// How long those who ask a repository are waited for in the end: it takes them a moment.
const ENDS: Duration = Duration::from_secs(1);

/// How the loop goes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Only these environments; all for none.
    pub environments: Vec<String>,
    /// How often everything is looked at and every source is asked.
    pub every: Duration,
    /// How many applications are worked on at a time.
    pub workers: usize,
    /// Whether every pass asks every plugin.
    pub thorough: bool,
    /// After how many passes it ends.
    pub passes: Option<u64>,
    /// How things are told.
    pub output: Output,
}

impl Settings {
    /// Whether an environment is to be looked after.
    fn means(&self, environment: &String) -> bool {
        self.environments.is_empty() || self.environments.contains(environment)
    }
}

/// The loop, for those who ask something of it. Clones are of the same one.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    /// What it works with, as the operator's file says now.
    operated: Mutex<Arc<Operated>>,
    operator: Mutex<Twice>,
    settings: Settings,
    actor: String,
    cancel: Cancel,
    /// Whether everything was looked at once.
    ready: AtomicBool,
    /// Whether the pass under way takes nothing for known.
    thorough: AtomicBool,
    tell: Teller,
    file: Option<Mutex<Twice>>,
    places: RwLock<Vec<Arc<poll::Place>>>,
    state: Mutex<State>,
    timings: Mutex<Vec<Timing>>,
    /// Something changed for those who wait.
    changed: Condvar,
    workers: Mutex<Vec<JoinHandle<()>>>,
    recent: Mutex<VecDeque<(Chained, Arc<Loaded>)>>,
}

/// An application, its directory and a commit.
type Chained = (Arc<str>, Arc<str>, String);

/// The loop, for what wakes it and comes to be before it does.
#[derive(Clone, Default)]
pub struct Waker(Arc<OnceLock<Weak<Inner>>>);

impl Waker {
    /// Live objects of this place have changed.
    pub fn wake(&self, place: &Place) {
        if let Some(inner) = self.0.get().and_then(Weak::upgrade) {
            inner.woken(place);
        }
    }

    /// It wakes this loop from now on.
    pub fn set(&self, control: &Control) {
        let _ = self.0.set(Arc::downgrade(&control.0));
    }
}

/// What is to be looked after.
pub enum Fleet<'a> {
    /// The application of `--repo`.
    Single(&'a Common),
    /// Those of a fleet file.
    File(PathBuf),
}

impl Control {
    /// A loop that has not begun.
    ///
    /// # Errors
    /// A fleet file that is wrong.
    pub fn new(app: App, fleet: &Fleet<'_>, settings: Settings, cancel: &Cancel) -> Result<Self, CliError> {
        let (file, plan) = match fleet {
            Fleet::Single(common) => (None, Plan::single(common, settings.every)?),
            Fleet::File(file) => {
                let (file, plan) = fleet::open(file.clone(), settings.every)?;
                (Some(Mutex::new(file)), plan)
            }
        };
        let mirrors = app.project.state().join(paths::SOURCES);
        let place = |url: &str| Arc::new(poll::Place::new(url, &mirrors));
        let places = plan.repositories.iter().map(|known| place(&known.url)).collect();
        let now = Instant::now();
        let timings = plan.repositories.iter().map(|_| Timing::new(now)).collect();
        let (before, by_hand) = fleet::before(&app)?;
        let operator = Mutex::new(operated::file(&app));
        let operated = Operated::of(Arc::new(app), &plan, cancel);
        let mut state = State::new(plan);
        state.crew = Crew::of(settings.workers);
        (state.before, state.by_hand) = (before, by_hand);
        let inner = Inner {
            operated: Mutex::new(Arc::new(operated)),
            operator,
            file,
            places: RwLock::new(places),
            actor: crate::app::actor(),
            cancel: cancel.clone(),
            ready: AtomicBool::new(false),
            thorough: AtomicBool::new(false),
            tell: Teller { output: settings.output, many: matches!(fleet, Fleet::File(_)) },
            timings: Mutex::new(timings),
            state: Mutex::new(state),
            changed: Condvar::new(),
            workers: Mutex::default(),
            recent: Mutex::default(),
            settings,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// What it owns.
    pub fn app(&self) -> Arc<App> {
        self.0.operated().app.clone()
    }

    /// Goes on until it is stopped, or for as many passes as were asked for: then it is told what kind of failure
    /// the last one ended with, if something failed in it.
    ///
    /// # Errors
    /// The one application of a loop that ends by itself can't be read.
    pub fn run(&self) -> Result<Option<Kind>, CliError> {
        let inner = &self.0;
        let result = inner.passes();
        inner.cancel_rest();
        // Whoever asks a repository stops what it has started for that.
        let until = Instant::now() + ENDS;
        while inner.cancel.is_cancelled() && inner.is_asking() && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
        let workers = std::mem::take(&mut *inner.workers.lock().unwrap_or_else(PoisonError::into_inner));
        workers.into_iter().for_each(|worker| drop(worker.join()));
        result
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_asking(&self) -> bool {
        self.timings().iter().any(|timing| timing.under_way)
    }

    fn timings(&self) -> MutexGuard<'_, Vec<Timing>> {
        self.timings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passes(self: &Arc<Self>) -> Result<Option<Kind>, CliError> {
        let last = self.settings.passes;
        for number in 1u64.. {
            let began = Instant::now();
            self.state().count_anew();
            if number == 1 || last.is_some() {
                self.ask_all(if last.is_some() { Duration::MAX } else { FIRST })?;
            }
            let thorough = number.is_multiple_of(THOROUGH) || self.settings.thorough;
            self.thorough.store(thorough, Ordering::Relaxed);
            let quiet = if thorough { Vec::new() } else { self.quiet(&|_, _| true) };
            self.state().begin_pass(Instant::now(), &quiet);
            self.changed.notify_all();
            let until = began.checked_add(self.settings.every);
            let is_last = last == Some(number);
            self.wait(|state| state.pending == 0, if is_last { None } else { until });
            if self.cancel.is_cancelled() {
                break;
            }
            if !self.ready.swap(true, Ordering::Relaxed) {
                self.check_environments();
            }
            let ends_with = self.tell_pass(number, began.elapsed());
            if is_last {
                return Ok(ends_with);
            }
            self.rest();
            self.wait(|_| false, until);
            if self.cancel.is_cancelled() {
                break;
            }
        }
        Ok(None)
    }

    /// Those of which it is known that a look would find nothing, sorted. No plugin is asked.
    fn quiet(&self, is_meant: &dyn Fn(&State, &Member) -> bool) -> Vec<Id> {
        let known = self.state().quiet(is_meant);
        let share = known.len().div_ceil(self.settings.workers.max(1)).max(1);
        let holds = |(id, seen): &(Id, Vec<Arc<dyn Seen>>)| seen.iter().all(|seen| seen.still_holds()).then_some(*id);
        thread::scope(|scope| {
            let parts: Vec<_> = known
                .chunks(share)
                .map(|part| scope.spawn(move || part.iter().filter_map(holds).collect::<Vec<Id>>()))
                .collect();
            // What could not be told is looked at.
            parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
        })
    }

    /// Tells of environments that were asked for and that nothing has.
    fn check_environments(&self) {
        let state = self.state();
        let has = |name: &String| {
            let mut spots = state.live().flat_map(|(_, member)| &member.spots);
            spots.any(|spot| *spot.environment == **name)
        };
        // Those that could not be read yet may have them.
        let is_read = state.live().all(|(_, member)| member.problem.is_none());
        let nowhere: Vec<&String> = self.settings.environments.iter().filter(|name| is_read && !has(name)).collect();
        drop(state);
        nowhere.into_iter().for_each(|name| self.tell.nowhere(name));
    }

    /// Tells what the pass came to; what kind of failure it ends with, if something failed in it.
    fn tell_pass(&self, number: u64, took: Duration) -> Option<Kind> {
        let (figures, ends_with) = {
            let state = self.state();
            let spots = state.live().flat_map(|(_, member)| {
                let unread = member.problem.is_some().then_some(Came::Failed);
                let spots = member.spots.iter().map(move |spot| unread.or(spot.came).unwrap_or(spot.state));
                let undelivered = member.undelivered.is_some().then_some(Came::Failed);
                spots.chain(unread.filter(|_| member.spots.is_empty()).or(undelivered))
            });
            // What is removed is counted where that fails.
            let leaving = state.leaving.values().map(|id| &state.members[*id as usize]);
            let spots = spots.chain(leaving.filter_map(|member| member.problem.as_ref().map(|_| Came::Failed)));
            let besides = Besides { unreadable: state.unreadable(), nameless: state.refused.len() };
            let came: Vec<Came> = spots.collect();
            (pass::figures(&came, besides), pass::ends_with(&came, besides, state.failed))
        };
        self.tell.pass(number, &figures, took);
        ends_with
    }

    /// Waits until something is so, the time is over or the loop is to end; asks repositories whose time
    /// has come.
    fn wait(self: &Arc<Self>, is_so: impl Fn(&State) -> bool, until: Option<Instant>) {
        loop {
            let now = Instant::now();
            self.read_again(now);
            let due = self.ask_due();
            self.hire();
            self.look_at_operator(now);
            let state = self.state();
            let now = Instant::now();
            if self.cancel.is_cancelled() || is_so(&state) || until.is_some_and(|until| until <= now) {
                return;
            }
            let left = until.map_or(NOTICE, |until| until - now);
            let longest = NOTICE.min(left).min(due).max(Duration::from_millis(1));
            drop(self.changed.wait_timeout(state, longest));
        }
    }

    /// Has as many work as there is to be done.
    fn hire(self: &Arc<Self>) {
        let mut state = self.state();
        let now = Instant::now();
        while state.queue.has_work(now) && state.crew.hire(now) {
            let inner = Arc::clone(self);
            let begun = thread::Builder::new().name("work".into()).spawn(move || work::work(&inner));
            let Ok(worker) = begun else {
                state.crew.left();
                return;
            };
            let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
            workers.retain(|worker| !worker.is_finished());
            workers.push(worker);
        }
    }

    /// The next application that has something to do; none when the loop ends.
    fn next_task(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            if state.stopping || self.cancel.is_cancelled() || state.crew.is_surplus(now) {
                return None;
            }
            while state.started
                && let Some(id) = state.queue.take(now)
            {
                match self.task(&mut state, id) {
                    Some(task) => return Some(task),
                    None => {
                        state.passed(id);
                        state.queue.done(id);
                        state.free_if_gone(id);
                        self.changed.notify_all();
                    }
                }
            }
            let longest = state.next(now, NOTICE);
            state = self.changed.wait_timeout(state, longest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn task(&self, state: &mut State, id: Id) -> Option<Task> {
        let now = Instant::now();
        let rests = state.paces.pauses(&(id, Part::Whole), now).is_some();
        // One whose pause is over is looked at, whatever it comes for.
        let over = state.paces.waiting(id).filter(|(_, over)| *over <= now);
        let over: Vec<Arc<str>> = over.filter_map(|(part, _)| part.environment().cloned()).collect();
        let (repository, origin) = {
            let member = &state.members[id as usize];
            (state.repository_of(member), state.origin_of(member))
        };
        let operated = self.operated();
        let member = state.member(id);
        let wanted = match member.wanted.clone() {
            Some(wanted) if !member.gone || member.leaves => wanted,
            None if member.leaves => Arc::default(),
            _ => return None,
        };
        let mut look = std::mem::take(&mut member.look);
        member.spots.iter_mut().for_each(|spot| spot.seen = None);
        look.woken.extend(over);
        let suspended = member.spots.iter().filter(|spot| spot.state == Came::Suspended);
        Some(Task {
            suspended: suspended.map(|spot| spot.environment.clone()).collect(),
            rests,
            id,
            name: member.name.clone(),
            path: member.path.clone(),
            wanted,
            at: member.at.clone(),
            look,
            is_known: member.footprint.is_some(),
            place: self.place(repository),
            bound: operated.bounds[repository].clone(),
            app: operated.app.clone(),
            origin,
            leaves: member.leaves,
            era: member.era,
        })
    }

    /// It can't be worked on now.
    fn later(&self, id: Id, pause: Duration, look: Look) {
        let mut state = self.state();
        let known = &mut state.member(id).look;
        known.all |= look.all;
        known.woken.extend(look.woken);
        state.queue.done(id);
        state.queue.want_at(id, Instant::now() + pause);
    }

    fn begun(&self, id: Id, steer: Arc<Steer>, commit: String) {
        let mut state = self.state();
        state.crew.begins(id, steer.clone(), Instant::now());
        let member = state.member(id);
        if member.wanted.as_ref().is_some_and(|wanted| wanted.id != commit) && member.at != member.wanted {
            // There was something newer before it began.
            steer.supersede();
        }
        member.steer = Some((steer, commit));
    }

    fn ended(&self, task: &Task, done: Done) {
        let mut state = self.state();
        let now = Instant::now();
        let id = task.id;
        state.member(id).steer = None;
        state.crew.ended(id);
        if let Some(problem) = &done.problem
            && !self.cancel.is_cancelled()
        {
            let pause = state.fails(&(id, Part::Whole), (now, now), problem.kind);
            // What will mend it may be anything.
            state.set_footprint(id, None);
            let message: Arc<str> = problem.message.as_str().into();
            let member = state.member(id);
            if member.problem.replace(message.clone()) != Some(message) || pause >= Duration::from_secs(60) {
                self.tell.failed((&task.name, None), problem, pause);
            }
        } else if done.problem.is_none() && !done.rests {
            state.member(id).problem = None;
            state.paces.forget(&(id, Part::Whole));
        }
        let member = state.member(id);
        for (environment, came, why) in done.spots {
            let Some(spot) = member.spots.iter_mut().find(|spot| *spot.environment == *environment) else { continue };
            spot.came = Some(spot.came.map_or(came, |known| known.max(came)));
            let state = match came {
                Came::Repaired | Came::Deployed | Came::Promoted => Came::InSync,
                came => came,
            };
            let why: Option<Arc<str>> = why.map(Into::into);
            let is_news = (spot.state, &spot.why) != (state, &why);
            (spot.state, spot.why) = (state, why.clone());
            if let (true, Came::Suspended | Came::OutOfSync, Some(why)) = (is_news, came, why) {
                self.tell.left((&task.name, &environment), came, &why);
            }
        }
        for (environment, seen) in done.seen {
            let spot = member.spots.iter_mut().find(|spot| *spot.environment == *environment);
            spot.into_iter().for_each(|spot| spot.seen = Some(Arc::clone(&seen)));
        }
        member.undelivered = done.undelivered.map(Into::into);
        // What failed in between is not there, whatever else was done.
        let at = (done.there && done.problem.is_none()).then(|| task.wanted.clone());
        state.came_to(id, task.era, at, done.footprint.map(|footprint| (footprint, done.delivers)));
        state.passed(id);
        state.queue.done(id);
        if done.left && state.leaving.get(&task.name) == Some(&id) {
            state.stop_leaving(&task.name);
        }
        state.free_if_gone(id);
        if let Some(again) = done.again.filter(|_| !state.members[id as usize].is_done()) {
            state.queue.want_at(id, now + again);
        }
        self.come_back(&mut state, id);
        drop(state);
        self.changed.notify_all();
    }

    /// Comes back when the first pause is over.
    fn come_back(&self, state: &mut State, id: Id) {
        let now = Instant::now();
        if let Some(over) = state.paces.next(id, now).filter(|_| !state.members[id as usize].is_done()) {
            let left = over.saturating_duration_since(now);
            let spread = poll::spread_out(left, random()).saturating_sub(left);
            state.queue.want_at(id, over + spread);
        }
    }

    fn woken(&self, place: &Place) {
        let mut state = self.state();
        let Some(id) = state.id(&place.application) else { return };
        let environment: Arc<str> = place.environment.as_str().into();
        if !state.paces.is_due(&(id, Part::Look(environment.clone())), true, Instant::now()) {
            return;
        }
        state.member(id).look.woken.insert(environment);
        state.queue.want(id);
        drop(state);
        self.changed.notify_all();
    }

    fn recent(&self, key: &Chained) -> Option<Arc<Loaded>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().find(|(known, _)| known == key).map(|(_, loaded)| loaded.clone())
    }

    /// Keeps a chain at hand, unless it was made with what the operator's file said before: that is asked under
    /// the lock, as the chains of before are dropped once another one is in force.
    fn remember(&self, key: Chained, loaded: Arc<Loaded>, with: &Arc<App>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(with, &self.operated().app) {
            return;
        }
        recent.push_front((key, loaded));
        recent.truncate(RECENT);
    }

    /// Lets go of what is only at hand for work.
    fn rest(&self) {
        if self.tell.many && self.state().queue.is_empty() {
            self.recent.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Ends the workers: what is under way is stopped.
    fn cancel_rest(&self) {
        let mut state = self.state();
        state.stopping = true;
        for member in &state.members {
            if let Some((steer, _)) = &member.steer {
                steer.supersede();
            }
        }
        drop(state);
        self.changed.notify_all();
    }
}

fn random() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
