//! Whose turn it is: in one process, runs of one application come one after the other, and what removes
//! garbage comes when there is no run, and before new ones.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use springline_engine::event::{Event, Observer};
use springline_model::Cancel;
use springline_model::port::Clock as _;
use springline_model::run::Timestamp;

use crate::app::SystemClock;
use crate::cli::error::{CliError, Kind};
use crate::show::{self, time};

/// How often a wait looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(100);
/// How long a wait goes untold: most turns are short.
pub const UNTOLD: Duration = Duration::from_secs(1);

/// What wants a turn.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The application.
    pub application: String,
    /// Whether it deploys nothing. Runs that do and runs that do not are independent of each other.
    pub reads: bool,
    /// The verb.
    pub verb: String,
    /// Who, as `USER@HOST`.
    pub actor: String,
}

/// A run that has its turn.
#[derive(Debug, Clone)]
pub struct Flight {
    /// What it is.
    pub wish: Wish,
    /// Its number, once the store has given it one.
    pub run: Option<u64>,
    /// When it got its turn.
    pub since: Timestamp,
    id: u64,
    cancel: Cancel,
}

impl std::fmt::Display for Flight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Wish { verb, actor, .. } = &self.wish;
        let run = self.run.map(|run| format!("run {run}, ")).unwrap_or_default();
        write!(f, "`springline {verb}` of {actor} ({run}since {})", time::moment(self.since))
    }
}

/// Told of a turn in which something ran, when it has ended.
type Ended = Box<dyn Fn(&Wish) + Send + Sync>;

/// The turns of a process.
#[derive(Default)]
pub struct Turns {
    state: Mutex<State>,
    changed: Condvar,
    ended: OnceLock<Ended>,
}

#[derive(Default)]
struct State {
    flights: Vec<Flight>,
    /// The threads of verbs that may have written what nothing refers to yet.
    verbs: Vec<ThreadId>,
    /// How many of them wait for an answer of a person.
    asking: usize,
    /// How many wait to remove garbage.
    wanted: usize,
    /// Whether garbage is being removed.
    collecting: bool,
    ids: u64,
}

impl State {
    /// Whether the removal of garbage comes first. Where it waits for this very thread it does not; and nobody
    /// waits for a person who does not answer.
    fn gc_first(&self) -> Option<String> {
        let is_next = self.wanted > 0 && self.asking == 0 && !self.verbs.contains(&thread::current().id());
        (self.collecting || is_next).then(|| "`springline gc`".to_owned())
    }

    /// What a wish has to wait for.
    fn before(&self, wish: &Wish) -> Option<String> {
        if let Some(gc) = self.gc_first() {
            return Some(gc);
        }
        let same = |flight: &&Flight| flight.wish.application == wish.application && flight.wish.reads == wish.reads;
        self.flights.iter().find(same).map(ToString::to_string)
    }

    fn begin(&mut self, wish: Wish, cancel: &Cancel) -> Flight {
        self.ids += 1;
        let flight = Flight { wish, run: None, since: SystemClock.now(), id: self.ids, cancel: cancel.child() };
        self.flights.push(flight.clone());
        flight
    }
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is told of every turn that ends; once.
    pub fn tell(&self, ended: Ended) {
        let _ = self.ended.set(ended);
    }

    /// Waits for its turn, and begins it.
    ///
    /// # Errors
    /// It was cancelled while it waited.
    pub fn take(self: &Arc<Self>, wish: Wish, cancel: &Cancel) -> Result<Turn, CliError> {
        let mut state = self.wait(cancel, |state| state.before(&wish))?;
        let flight = state.begin(wish, cancel);
        Ok(Turn { turns: Arc::clone(self), flight })
    }

    /// Begins a turn that needs not wait.
    pub fn try_take(self: &Arc<Self>, wish: Wish, cancel: &Cancel) -> Option<Turn> {
        let mut state = self.state();
        if state.before(&wish).is_some() {
            return None;
        }
        let flight = state.begin(wish, cancel);
        Some(Turn { turns: Arc::clone(self), flight })
    }

    /// Holds off the removal of garbage, for a verb that may write what nothing refers to yet.
    ///
    /// # Errors
    /// It was cancelled while it waited for the end of a removal.
    pub fn hold_off(self: &Arc<Self>, cancel: &Cancel) -> Result<HeldOff, CliError> {
        let this = thread::current().id();
        self.wait(cancel, State::gc_first)?.verbs.push(this);
        Ok(HeldOff(Arc::clone(self), this))
    }

    /// Has a person asked, during a verb that holds off the removal of garbage.
    pub fn while_asking<T>(&self, ask: impl FnOnce() -> T) -> T {
        self.update(|state| state.asking += 1);
        let answer = ask();
        self.update(|state| state.asking -= 1);
        answer
    }

    /// Waits until those are over which are under way now.
    ///
    /// # Errors
    /// It was cancelled while it waited.
    pub fn await_ends(&self, flights: &[Flight], cancel: &Cancel) -> Result<(), CliError> {
        let is_awaited = |flight: &&Flight| flights.iter().any(|awaited| awaited.id == flight.id);
        self.wait(cancel, |state| state.flights.iter().find(is_awaited).map(ToString::to_string)).map(drop)
    }

    /// Waits until no run is under way and nothing holds it off. New ones wait meanwhile.
    ///
    /// # Errors
    /// It was cancelled while it waited.
    pub fn collect(self: &Arc<Self>, cancel: &Cancel) -> Result<Collecting, CliError> {
        let before = |state: &State| match state.flights.first() {
            _ if state.collecting => Some("another `springline gc`".to_owned()),
            None if !state.verbs.is_empty() => Some("a verb that is being executed".to_owned()),
            flight => flight.map(ToString::to_string),
        };
        self.update(|state| state.wanted += 1);
        let free = self.wait(cancel, before).map(|mut state| state.collecting = true);
        self.update(|state| state.wanted -= 1);
        free.map(|()| Collecting(Arc::clone(self)))
    }

    /// Waits until there is nothing to wait for; tells once for what, if it takes long.
    fn wait(
        &self,
        cancel: &Cancel,
        before: impl Fn(&State) -> Option<String>,
    ) -> Result<MutexGuard<'_, State>, CliError> {
        let began = Instant::now();
        let mut told = false;
        let mut state = self.state();
        while let Some(other) = before(&state) {
            if cancel.is_cancelled() {
                return Err(CliError::new(Kind::Cancelled, format!("stopped while waiting for {other}")));
            }
            if !told && began.elapsed() >= UNTOLD {
                told = true;
                drop(state);
                show::note(format_args!("waiting for {other}"));
                state = self.state();
                continue;
            }
            state = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(state)
    }

    /// The runs that are under way.
    pub fn flights(&self) -> Vec<Flight> {
        self.state().flights.clone()
    }

    /// Whether the run of this number is under way.
    pub fn is_under_way(&self, run: u64) -> bool {
        self.state().flights.iter().any(|flight| flight.run == Some(run))
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }
}

impl Flight {
    /// Asks the run to stop.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

/// The turn of a run. It ends with this value.
pub struct Turn {
    turns: Arc<Turns>,
    flight: Flight,
}

impl Turn {
    /// What asks the run to stop: with the verb, or alone.
    pub fn cancel(&self) -> &Cancel {
        &self.flight.cancel
    }

    /// An observer that notes the run's number, for those who ask what is under way.
    pub fn observe<'a>(&'a self, observer: &'a dyn Observer) -> Noting<'a> {
        Noting { turn: self, observer }
    }

    fn is_run(&self, number: u64) {
        let id = self.flight.id;
        self.turns.update(|state| {
            let own = state.flights.iter_mut().find(|flight| flight.id == id);
            own.into_iter().for_each(|flight| flight.run = Some(number));
        });
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut has_run = false;
        self.turns.update(|state| {
            let own = state.flights.iter().position(|flight| flight.id == self.flight.id);
            has_run = own.is_some_and(|at| state.flights.remove(at).run.is_some());
        });
        if let Some(ended) = self.turns.ended.get().filter(|_| has_run) {
            ended(&self.flight.wish);
        }
    }
}

/// See [`Turn::observe`].
pub struct Noting<'a> {
    turn: &'a Turn,
    observer: &'a dyn Observer,
}

impl Observer for Noting<'_> {
    fn event(&self, event: &Event<'_>) {
        if let Event::Begun { run, .. } = event {
            self.turn.is_run(*run);
        }
        self.observer.event(event);
    }
}

/// No garbage is removed as long as this value is there.
pub struct HeldOff(Arc<Turns>, ThreadId);

impl Drop for HeldOff {
    fn drop(&mut self) {
        self.0.update(|state| {
            if let Some(own) = state.verbs.iter().position(|verb| *verb == self.1) {
                state.verbs.swap_remove(own);
            }
        });
    }
}

/// Garbage is being removed, and no run begins, as long as this value is there.
pub struct Collecting(Arc<Turns>);

impl Drop for Collecting {
    fn drop(&mut self) {
        self.0.update(|state| state.collecting = false);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use springline_engine::event::Silent;

    use super::*;

    fn wish(application: &str, reads: bool) -> Wish {
        Wish { application: application.into(), reads, verb: "run".into(), actor: "me@here".into() }
    }

    #[test]
    fn runs_of_one_application_come_one_after_the_other() {
        let (turns, cancel) = (Arc::<Turns>::default(), Cancel::new());
        let first = turns.take(wish("a", false), &cancel).unwrap();
        assert!(turns.try_take(wish("a", false), &cancel).is_none());
        let looks = turns.try_take(wish("a", true), &cancel).unwrap();
        let other = turns.try_take(wish("b", false), &cancel).unwrap();
        let (sender, ended) = channel();
        let waiting = {
            let (turns, cancel) = (Arc::clone(&turns), cancel.clone());
            thread::spawn(move || {
                drop(turns.take(wish("a", false), &cancel).unwrap());
                sender.send(()).unwrap();
            })
        };
        assert!(ended.try_recv().is_err());
        drop((looks, other));
        assert!(ended.try_recv().is_err());
        drop(first);
        ended.recv().unwrap();
        waiting.join().unwrap();
        assert!(turns.flights().is_empty());
    }

    #[test]
    fn who_waits_can_be_cancelled_and_is_told_for_whom() {
        let turns = Arc::<Turns>::default();
        let first = turns.take(wish("a", false), &Cancel::new()).unwrap();
        first.observe(&Silent).event(&Event::Begun { run: 7, resumed: None });
        assert!(turns.is_under_way(7) && !turns.is_under_way(8));
        let cancel = Cancel::new();
        cancel.cancel();
        let error = turns.take(wish("a", false), &cancel).err().unwrap();
        assert_eq!(error.kind, Kind::Cancelled);
        assert!(error.message.contains("`springline run` of me@here (run 7, since "), "{}", error.message);
    }

    #[test]
    fn garbage_is_removed_when_nothing_runs_and_nothing_begins_meanwhile() {
        let (turns, cancel) = (Arc::<Turns>::default(), Cancel::new());
        let run = turns.take(wish("a", true), &cancel).unwrap();
        let asked = Cancel::new();
        asked.cancel();
        assert!(turns.collect(&asked).is_err());
        drop(run);
        let held_off = turns.hold_off(&cancel).unwrap();
        assert!(turns.collect(&asked).is_err());
        drop(held_off);
        let collecting = turns.collect(&cancel).unwrap();
        assert!(turns.try_take(wish("b", false), &cancel).is_none() && turns.hold_off(&asked).is_err());
        drop(collecting);
        assert!(turns.try_take(wish("b", false), &cancel).is_some());
    }

    /// Waits until somebody waits to remove garbage.
    fn until_wanted(turns: &Turns) {
        while turns.state().wanted == 0 {
            thread::yield_now();
        }
    }

    #[test]
    fn who_waits_to_remove_garbage_comes_before_new_runs_and_lets_those_pass_for_whom_it_waits() {
        let (turns, cancel) = (Arc::<Turns>::default(), Cancel::new());
        let held_off = turns.hold_off(&cancel).unwrap();
        let asked = Cancel::new();
        asked.cancel();
        let others = || (turns.try_take(wish("b", false), &cancel).is_some(), turns.hold_off(&asked).is_ok());
        thread::scope(|scope| {
            let collects = scope.spawn(|| drop(turns.collect(&cancel).unwrap()));
            until_wanted(&turns);
            assert_eq!(scope.spawn(others).join().unwrap(), (false, false), "it comes first");
            turns.while_asking(|| {
                assert_eq!(scope.spawn(others).join().unwrap(), (true, true), "nobody waits for a person");
            });
            // The verb that it waits for goes on.
            drop(turns.take(wish("a", false), &cancel).unwrap());
            drop(held_off);
            collects.join().unwrap();
        });
        assert!(turns.try_take(wish("b", false), &cancel).is_some());
    }

    #[test]
    fn who_gives_up_to_remove_garbage_is_in_nobodys_way() {
        let (turns, cancel) = (Arc::<Turns>::default(), Cancel::new());
        let run = turns.take(wish("a", false), &cancel).unwrap();
        let asked = Cancel::new();
        asked.cancel();
        assert!(turns.collect(&asked).is_err());
        assert!(turns.try_take(wish("b", false), &cancel).is_some());
        // Those that began later are not waited for.
        let flights = turns.flights();
        drop(run);
        let _other = turns.take(wish("a", false), &cancel).unwrap();
        turns.await_ends(&flights, &asked).unwrap();
        assert!(turns.await_ends(&turns.flights(), &asked).is_err());
    }

    #[test]
    fn the_end_of_a_turn_is_told_where_something_ran() {
        let (turns, cancel) = (Arc::<Turns>::default(), Cancel::new());
        let (sender, ended) = channel();
        turns.tell(Box::new(move |wish| sender.send(wish.application.clone()).unwrap()));
        drop(turns.take(wish("idle", false), &cancel).unwrap());
        let turn = turns.take(wish("busy", false), &cancel).unwrap();
        turn.observe(&Silent).event(&Event::Begun { run: 1, resumed: None });
        drop(turn);
        assert_eq!(ended.try_iter().collect::<Vec<_>>(), ["busy"]);
    }

    #[test]
    fn a_run_is_cancelled_alone() {
        let (turns, cancel) = (Arc::<Turns>::default(), Cancel::new());
        let (a, b) = (turns.take(wish("a", false), &cancel).unwrap(), turns.take(wish("b", false), &cancel).unwrap());
        turns.flights().iter().filter(|flight| flight.wish.application == "a").for_each(Flight::cancel);
        assert!(a.cancel().is_cancelled() && !b.cancel().is_cancelled() && !cancel.is_cancelled());
        cancel.cancel();
        assert!(b.cancel().is_cancelled());
    }
}
