//! How soon environments are looked at again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queue::Id;

/// The first pause of an environment; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// So many repairs in a row are made at once: people and scripts change many things, one after the other.
/// Whoever goes on after that undoes what is repaired, and would for ever.
const AT_ONCE: u32 = 100;
/// What was let alone for so long is at its first pace again.
const CALM: Duration = Duration::from_secs(60);

/// What of an application has a pace of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// All of it: its file can't be read.
    Whole,
    /// Bringing an environment to a commit.
    Deploy(Arc<str>),
    /// Keeping an environment as it was deployed.
    Look(Arc<str>),
}

/// A part of an application.
pub(super) type Key = (Id, Part);

impl Part {
    /// The environment that it is about.
    pub(super) fn environment(&self) -> Option<&Arc<str>> {
        match self {
            Self::Deploy(environment) | Self::Look(environment) => Some(environment),
            Self::Whole => None,
        }
    }
}

/// How something is paced.
struct Pace {
    /// The repairs since it was let alone.
    repairs: u32,
    /// Its last pause; none if it needed none.
    pause: Duration,
    /// The end of that pause.
    over: Instant,
    /// Whether it was not looked at yet when its pause was over.
    waits: bool,
    /// Whether it failed when it was last looked at.
    failed: bool,
}

/// Why an environment pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It failed.
    Failed,
    /// Somebody undoes its repairs.
    Undone,
}

impl Paces<Key> {
    /// The parts of an application that pause, and when that is over.
    pub(super) fn waiting(&self, id: Id) -> impl Iterator<Item = (&Part, Instant)> {
        let of = self.0.range((id, Part::Whole)..).take_while(move |((of, _), _)| *of == id);
        of.filter(|(_, pace)| pace.waits).map(|((_, part), pace)| (part, pace.over))
    }

    /// When to come back to an application, if it pauses. A part that was not tried though its pause is over
    /// waits for something else: for that it comes back as after a first pause.
    pub(super) fn next(&self, id: Id, now: Instant) -> Option<Instant> {
        self.waiting(id).map(|(_, over)| over).min().map(|over| if over > now { over } else { now + FIRST_PAUSE })
    }

    /// Ends all pauses of an application that failures brought: there is something new to try.
    pub(super) fn end_failures(&mut self, id: Id) {
        self.drop_where(id, |_, pace| pace.failed);
    }

    /// Forgets the environments of an application that it has no more.
    pub(super) fn keep(&mut self, id: Id, environments: &[&str]) {
        self.drop_where(id, |part, _| part.environment().is_some_and(|name| !environments.contains(&&**name)));
    }

    /// Forgets an application.
    pub(super) fn let_go(&mut self, id: Id) {
        self.drop_where(id, |_, _| true);
    }

    fn drop_where(&mut self, id: Id, is_meant: impl Fn(&Part, &Pace) -> bool) {
        let of = self.0.range((id, Part::Whole)..).take_while(|((of, _), _)| *of == id);
        let meant: Vec<Key> = of.filter(|((_, part), pace)| is_meant(part, pace)).map(|(key, _)| key.clone()).collect();
        for key in meant {
            self.0.remove(&key);
        }
    }
}

/// The environments that were repaired or failed lately. One that failed is left alone for a while,
/// whatever wakes it: its own writes do. So is one whose repairs somebody keeps undoing.
pub(super) struct Paces<K>(BTreeMap<K, Pace>);

impl<K> Default for Paces<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone> Paces<K> {
    /// Whether an environment is to be looked at now: when it was woken, or after its pause.
    pub(super) fn is_due(&self, environment: &K, woken: bool, now: Instant) -> bool {
        match self.0.get(environment) {
            Some(pace) if pace.waits => pace.over <= now,
            _ => woken,
        }
    }

    /// Whether an environment pauses, and then why.
    pub(super) fn pauses(&self, environment: &K, now: Instant) -> Option<Why> {
        let pace = self.0.get(environment).filter(|pace| pace.waits && now < pace.over)?;
        Some(if pace.failed { Why::Failed } else { Why::Undone })
    }

    /// Forgets how it is paced: it is not what it was.
    pub(super) fn forget(&mut self, environment: &K) {
        self.0.remove(environment);
    }

    /// An environment failed that was looked at from then till now; how long it pauses now.
    pub(super) fn failed(&mut self, environment: &K, (began, now): (Instant, Instant)) -> Duration {
        let pace = self.pace(environment, began);
        pace.failed = true;
        pace.rest(now)
    }

    /// An environment was repaired that was looked at from then till now; how long it pauses now, if it
    /// has to.
    pub(super) fn repaired(&mut self, environment: &K, (began, now): (Instant, Instant)) -> Option<Duration> {
        let pace = self.pace(environment, began);
        pace.repairs = pace.repairs.saturating_add(1);
        pace.failed = false;
        if pace.repairs > AT_ONCE {
            return Some(pace.rest(now));
        }
        (pace.pause, pace.over, pace.waits) = (Duration::ZERO, now, false);
        None
    }

    /// Nothing was to be done when it was looked at.
    pub(super) fn quiet(&mut self, environment: &K, began: Instant) {
        let Some(pace) = self.0.get_mut(environment) else { return };
        pace.waits &= began < pace.over;
        if pace.is_calm(began) {
            self.0.remove(environment);
        }
    }

    /// The pace of an environment when a look at it began: how long that took is no calm.
    fn pace(&mut self, environment: &K, began: Instant) -> &mut Pace {
        let fresh = || Pace { repairs: 0, pause: Duration::ZERO, over: began, waits: false, failed: false };
        let pace = self.0.entry(environment.clone()).or_insert_with(fresh);
        if pace.is_calm(began) {
            *pace = fresh();
        }
        pace
    }
}

impl Pace {
    fn is_calm(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.over) >= CALM
    }

    fn rest(&mut self, now: Instant) -> Duration {
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        (self.over, self.waits) = (now + self.pause, true);
        self.pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A look that took no time.
    fn at(now: Instant) -> (Instant, Instant) {
        (now, now)
    }

    /// Paces of one whose next repair is the first that is not made at once.
    fn undone(now: Instant) -> Paces<&'static str> {
        let mut paces = Paces::<&str>::default();
        for _ in 0..AT_ONCE {
            assert!(paces.is_due(&"a", true, now));
            assert_eq!(paces.repaired(&"a", at(now)), None);
        }
        paces
    }

    #[test]
    fn what_is_woken_is_looked_at_at_once_unless_it_pauses() {
        let (mut paces, now) = (Paces::<&str>::default(), Instant::now());
        assert!(paces.is_due(&"a", true, now) && !paces.is_due(&"a", false, now));
        assert_eq!(paces.failed(&"a", at(now)), FIRST_PAUSE);
        assert!(!paces.is_due(&"a", true, now), "its own writes woke it");
        assert!(paces.is_due(&"b", true, now), "another's pause");
        assert!(paces.is_due(&"a", false, now + FIRST_PAUSE));
        paces.quiet(&"a", now + FIRST_PAUSE);
        assert!(paces.is_due(&"a", true, now + FIRST_PAUSE) && !paces.is_due(&"a", false, now + FIRST_PAUSE));
    }

    #[test]
    fn a_failure_that_lasts_pauses_ever_longer_up_to_a_bound() {
        let (mut paces, mut now) = (Paces::<&str>::default(), Instant::now());
        let mut fail = || {
            let pause = paces.failed(&"a", at(now));
            now += pause;
            pause.as_secs()
        };
        let pauses: Vec<_> = (0..12).map(|_| fail()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn a_repair_that_is_undone_again_and_again_is_made_ever_more_rarely() {
        let mut now = Instant::now();
        let mut paces = undone(now);
        let mut waited = Vec::new();
        for _ in 0..12 {
            assert!(paces.is_due(&"a", true, now));
            let pause = paces.repaired(&"a", at(now)).unwrap();
            assert!(!paces.is_due(&"a", true, now + pause - SECOND / 2));
            waited.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(waited, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn who_undoes_only_after_the_pause_does_not_get_round_it() {
        let now = Instant::now();
        let mut paces = undone(now);
        assert_eq!(paces.repaired(&"a", at(now)), Some(SECOND));
        paces.quiet(&"a", now + SECOND);
        assert!(paces.is_due(&"a", true, now + SECOND));
        assert_eq!(paces.repaired(&"a", at(now + 2 * SECOND)), Some(2 * SECOND));
    }

    #[test]
    fn what_was_let_alone_is_at_its_first_pace_again() {
        let now = Instant::now();
        let mut paces = undone(now);
        paces.repaired(&"a", at(now));
        paces.quiet(&"a", now + SECOND);
        assert_eq!(paces.repaired(&"a", at(now + SECOND + CALM)), None);
        let mut paces = undone(now);
        paces.quiet(&"a", now + CALM);
        assert_eq!(paces.repaired(&"a", at(now + CALM)), None);
        assert_eq!(paces.failed(&"a", at(now + CALM)), FIRST_PAUSE);
    }

    #[test]
    fn a_repair_ends_the_pauses_of_failures() {
        let (mut paces, now) = (Paces::<&str>::default(), Instant::now());
        paces.failed(&"a", at(now));
        paces.failed(&"a", at(now + SECOND));
        assert_eq!(paces.repaired(&"a", at(now + 3 * SECOND)), None);
        assert!(paces.is_due(&"a", true, now + 3 * SECOND));
        assert_eq!(paces.failed(&"a", at(now + 4 * SECOND)), FIRST_PAUSE);
    }

    #[test]
    fn looks_that_take_longer_than_calm_are_no_calm() {
        const LOOK: Duration = Duration::from_secs(120);
        let (mut paces, mut now) = (Paces::<&str>::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..4 {
            let pause = paces.failed(&"a", (now, now + LOOK));
            pauses.push(pause.as_secs());
            now += LOOK + pause;
            assert_eq!(paces.pauses(&"a", now - SECOND / 2), Some(Why::Failed), "it begins when the look ends");
            assert_eq!(paces.pauses(&"a", now), None);
        }
        assert_eq!(pauses, [1, 2, 4, 8]);
        let mut paces = undone(now);
        assert_eq!(paces.repaired(&"a", (now, now + LOOK)), Some(SECOND));
        now += LOOK + SECOND;
        paces.quiet(&"a", now);
        assert_eq!(paces.repaired(&"a", (now, now + LOOK)), Some(2 * SECOND));
    }

    #[test]
    fn parts_of_an_application_pause_by_themselves() {
        let (mut paces, now) = (Paces::<Key>::default(), Instant::now());
        let (deploy, look) = (Part::Deploy("live".into()), Part::Look("live".into()));
        for key in [(1, deploy.clone()), (1, look.clone()), (2, look.clone())] {
            paces.failed(&key, at(now));
        }
        let waiting = |paces: &Paces<Key>, id| paces.waiting(id).map(|(part, _)| part.clone()).collect::<Vec<_>>();
        assert_eq!(waiting(&paces, 1), [deploy.clone(), look.clone()]);
        assert_eq!(paces.next(2, now), Some(now + FIRST_PAUSE));
        // What is not tried is no reason to come back again and again.
        assert_eq!(paces.next(2, now + 9 * SECOND), Some(now + 9 * SECOND + FIRST_PAUSE));
        assert_eq!(paces.next(3, now), None);
        paces.forget(&(1, look.clone()));
        assert_eq!(waiting(&paces, 1), [deploy]);
        paces.keep(1, &["other"]);
        assert_eq!((waiting(&paces, 1), waiting(&paces, 2)), (vec![], vec![look]));
        paces.end_failures(2);
        assert_eq!(waiting(&paces, 2), []);
    }

    #[test]
    fn why_it_pauses_is_known_until_the_pause_is_over() {
        let now = Instant::now();
        let mut paces = undone(now);
        assert_eq!(paces.pauses(&"a", now), None);
        paces.repaired(&"a", at(now));
        assert_eq!(paces.pauses(&"a", now), Some(Why::Undone));
        assert_eq!((paces.pauses(&"a", now + SECOND), paces.pauses(&"b", now)), (None, None));
        paces.failed(&"a", at(now + SECOND));
        assert_eq!(paces.pauses(&"a", now + SECOND), Some(Why::Failed));
    }
}
