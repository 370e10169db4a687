//! Waits until live objects are as they should be.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::thread;
use std::time::Duration;

use springline_model::call::Called;
use springline_model::manifest::{Health, HealthStatus, Observed};
use springline_model::plugin::{CallError, LogLine};
use springline_model::port::Target;

use crate::Ports;
use crate::chain;
use crate::error::Reason;
use crate::event::{Awaited, Event, MOST_WORST, Unhealthy, Waiting};
use crate::plan::failed;

/// How many live objects are observed in one call.
pub(crate) const BATCH: usize = 1000;
/// Fewer judgements than this are not worth a thread.
const WORTH_A_THREAD: usize = 64;
/// The first pause between two looks; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// What stays degraded so long won't mend by itself: the wait ends, however much time is left. Less
/// than that may pass while something starts.
const GRACE: Duration = Duration::from_secs(30);
/// When a wait has lasted so long, the target is asked for an account of the worst objects.
const FIRST_ACCOUNT: Duration = Duration::from_secs(5);
/// How long until it is asked again.
const NEXT_ACCOUNT: Duration = Duration::from_secs(30);
/// Of how many objects.
pub(crate) const ACCOUNTS: usize = 3;
/// How much of an account is told.
const MOST_LINES: usize = 6;
const LONGEST_LINE: usize = 400;

/// What a look at live objects found.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// What identifies each live object; none if it is absent.
    pub versions: BTreeMap<String, Option<String>>,
    /// How each of them is.
    pub health: BTreeMap<String, Health>,
    /// Those that are not as they should be, worst first.
    pub unhealthy: Vec<(String, Health)>,
    pub log: Vec<LogLine>,
}

impl Look {
    /// Takes over what a later look at some of the objects found.
    fn renew(&mut self, mut later: Self) {
        self.versions.append(&mut later.versions);
        self.health.append(&mut later.health);
        self.unhealthy = later.unhealthy;
        self.log.append(&mut later.log);
    }
}

/// The target of a sync, and what calls of it go through.
#[derive(Clone, Copy)]
pub(crate) struct On<'a> {
    pub ports: Ports<'a>,
    pub target: &'a dyn Target,
    pub uses: &'a chain::Target,
}

impl On<'_> {
    /// Looks at live objects once; those that are healthy, or stopped on purpose, are as they
    /// should be.
    pub fn look(self, live: &[String]) -> Result<Look, Reason> {
        self.look_for(live, |status| matches!(status, HealthStatus::Healthy | HealthStatus::Suspended))
    }

    fn look_for(self, live: &[String], good: impl Fn(HealthStatus) -> bool) -> Result<Look, Reason> {
        let mut look = Look::default();
        for batch in live.chunks(BATCH) {
            let called = self.target.observe(batch).map_err(|error| failed(self.uses, error))?;
            look.log.extend(called.log);
            for (object, judged) in called.value.iter().zip(self.judge(&called.value)) {
                let called = judged.map_err(|error| failed(self.uses, error))?;
                look.log.extend(called.log);
                if !good(called.value.status) {
                    look.unhealthy.push((object.live.clone(), called.value.clone()));
                }
                look.health.insert(object.live.clone(), called.value);
            }
            look.versions.extend(called.value.into_iter().map(|object| (object.live, object.version)));
            if self.ports.cancel.is_cancelled() {
                return Err(Reason::Cancelled);
            }
        }
        look.unhealthy.sort_by(|a, b| b.1.status.cmp(&a.1.status).then_with(|| a.0.cmp(&b.0)));
        Ok(look)
    }

    /// Judges objects, on as many threads as there are processors: each call has an instance of its
    /// own.
    fn judge(self, objects: &[Observed]) -> Vec<Result<Called<Health>, CallError>> {
        let judge_some = |some: &[Observed]| some.iter().map(|object| self.target.judge(object)).collect::<Vec<_>>();
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(objects.len() / WORTH_A_THREAD);
        if threads <= 1 {
            return judge_some(objects);
        }
        thread::scope(|scope| {
            let share = objects.len().div_ceil(threads);
            let judging: Vec<_> = objects.chunks(share).map(|some| scope.spawn(move || judge_some(some))).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, Vec<_>>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            judging.into_iter().flat_map(join).collect()
        })
    }

    /// Which of these objects are there, and in which version.
    pub fn present(self, live: &[String], log: &mut Vec<LogLine>) -> Result<BTreeMap<String, String>, Reason> {
        let mut present = BTreeMap::new();
        for batch in live.chunks(BATCH) {
            let called = self.target.observe(batch).map_err(|error| failed(self.uses, error))?;
            log.extend(called.log);
            present.extend(called.value.into_iter().filter_map(|object| Some((object.live, object.version?))));
        }
        Ok(present)
    }

    /// Waits until deleted objects are gone.
    pub fn wait_gone(self, live: &[String], seconds: u64, log: &mut Vec<LogLine>) -> Result<(), Reason> {
        let mut clock = Countdown::of(self.ports, seconds);
        let mut left = live.to_vec();
        loop {
            let there = self.present(&left, log)?;
            left.retain(|live| there.contains_key(live));
            let Some(first) = left.first() else { return Ok(()) };
            if clock.left().is_zero() {
                return Err(Reason::StillThere { live: first.clone(), more: left.len() - 1, seconds });
            }
            clock.pause()?;
        }
    }
}

/// The time of a wait, which no setting of the clock makes shorter or longer.
struct Countdown<'a> {
    ports: Ports<'a>,
    began: Duration,
    long: Duration,
    pause: Duration,
}

impl<'a> Countdown<'a> {
    fn of(ports: Ports<'a>, seconds: u64) -> Self {
        Self { ports, began: ports.clock.going(), long: Duration::from_secs(seconds), pause: FIRST_PAUSE }
    }

    fn passed(&self) -> Duration {
        self.ports.clock.going().saturating_sub(self.began)
    }

    fn left(&self) -> Duration {
        self.long.saturating_sub(self.passed())
    }

    fn pause(&mut self) -> Result<(), Reason> {
        nap(self.ports, self.pause.min(self.left()))?;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// Live objects that are waited for.
pub(crate) struct Wait<'a> {
    pub on: On<'a>,
    pub live: &'a [String],
    pub awaited: Awaited,
    pub seconds: u64,
}

/// What a wait came to.
#[derive(Debug)]
pub(crate) struct Waited {
    /// The last look.
    pub look: Look,
    awaited: Awaited,
    all: usize,
    seconds: u64,
    /// What is told of those that are not as they should be.
    pub worst: Vec<Unhealthy>,
}

impl Waited {
    /// The failure, if it did not end well.
    pub fn failure(&self) -> Option<Reason> {
        let Self { look, awaited, all, seconds, worst } = self;
        (!worst.is_empty()).then(|| Reason::Unhealthy {
            awaited: *awaited,
            unhealthy: look.unhealthy.len(),
            all: *all,
            seconds: *seconds,
            worst: worst.clone(),
        })
    }
}

impl Waited {
    /// The failure of hooks, if one did not get done.
    pub fn hook_failure(&self) -> Option<Reason> {
        let Awaited::Hooks(phase) = self.awaited else { return None };
        let Unhealthy { live, health, why } = self.worst.first()?;
        let mut told = match health.status {
            HealthStatus::Degraded => "failed".to_owned(),
            status => format!("is not done after {} s: it is {status}", self.seconds),
        };
        if !health.message.is_empty() {
            told.push_str(&format!(": {}", health.message));
        }
        why.iter().for_each(|line| told.push_str(&format!("\n  {line}")));
        Some(Reason::Hook { live: live.clone(), phase, why: told, denied: false })
    }

    /// Whether this object was found broken.
    pub fn is_broken(&self, name: &str) -> bool {
        self.look.unhealthy.iter().any(|(live, health)| live == name && health.status == HealthStatus::Degraded)
    }
}

impl Wait<'_> {
    /// Looks again and again until all are as they should be, one of them is broken, or the time is
    /// up. What was healthy once is not looked at again, but in the end of a sync: there everything
    /// has to be healthy in one look.
    pub fn wait(self) -> Result<Waited, Reason> {
        let Self { on, live, awaited, seconds } = self;
        let mut clock = Countdown::of(on.ports, seconds);
        let (mut broken, mut accounts) = (Broken::default(), Accounts::default());
        let mut look = self.look(live)?;
        loop {
            let now = clock.passed();
            let is_broken = broken.find(&look, awaited, now);
            let left = clock.left();
            let ends = look.unhealthy.is_empty() || is_broken || left.is_zero();
            if is_broken {
                look.unhealthy.sort_by_key(|(_, health)| health.status != HealthStatus::Degraded);
            }
            if !look.unhealthy.is_empty() && (ends || accounts.due(now)) {
                accounts.ask(on, &mut look, now);
            }
            let worst = accounts.tell(&look);
            if ends {
                let seconds = now.as_secs() + u64::from(now.subsec_nanos() > 0);
                return Ok(Waited { look, awaited, all: live.len(), seconds, worst });
            }
            let unhealthy = look.unhealthy.len();
            on.ports.observer.event(&Event::Waiting(&Waiting { awaited, unhealthy, all: live.len(), worst, left }));
            clock.pause()?;
            let some: Vec<String> = look.unhealthy.iter().map(|(live, _)| live.clone()).collect();
            let mut later = self.look(&some)?;
            if later.unhealthy.is_empty() && some.len() < live.len() && awaited == Awaited::Everything {
                look.renew(later);
                later = self.look(live)?;
            }
            look.renew(later);
        }
    }

    fn look(&self, live: &[String]) -> Result<Look, Reason> {
        match self.awaited {
            Awaited::Hooks(_) => self.on.look_for(live, |status| status == HealthStatus::Healthy),
            _ => self.on.look(live),
        }
    }
}

/// Since when objects are degraded.
#[derive(Default)]
struct Broken {
    since: BTreeMap<String, Duration>,
}

impl Broken {
    /// Whether one is degraded for good: a hook at once, anything else when it stays so.
    fn find(&mut self, look: &Look, awaited: Awaited, now: Duration) -> bool {
        let degraded = look.unhealthy.iter().filter(|(_, health)| health.status == HealthStatus::Degraded);
        let since = degraded.map(|(live, _)| (live.clone(), self.since.get(live).copied().unwrap_or(now)));
        self.since = since.collect();
        let grace = if matches!(awaited, Awaited::Hooks(_)) { Duration::ZERO } else { GRACE };
        self.since.values().any(|since| now - *since >= grace)
    }
}

/// What the target said of the worst objects.
#[derive(Default)]
struct Accounts {
    asked: Option<Duration>,
    lines: BTreeMap<String, Vec<String>>,
}

impl Accounts {
    fn due(&self, now: Duration) -> bool {
        match self.asked {
            None => now >= FIRST_ACCOUNT,
            Some(asked) => now - asked >= NEXT_ACCOUNT,
        }
    }

    /// That it can't be told why something is not healthy fails nothing.
    fn ask(&mut self, on: On<'_>, look: &mut Look, now: Duration) {
        self.asked = Some(now);
        let worst: Vec<String> = look.unhealthy.iter().take(ACCOUNTS).map(|(live, _)| live.clone()).collect();
        match on.target.explain_health(&worst) {
            Ok(called) => {
                look.log.extend(called.log);
                self.lines = called.value.into_iter().map(|account| (account.live, shorten(account.lines))).collect();
            }
            Err(error) => look.log.extend(error.log),
        }
    }

    fn tell(&self, look: &Look) -> Vec<Unhealthy> {
        let tell = |(live, health): &(String, Health)| Unhealthy {
            live: live.clone(),
            health: health.clone(),
            why: self.lines.get(live).cloned().unwrap_or_default(),
        };
        look.unhealthy.iter().take(MOST_WORST).map(tell).collect()
    }
}

/// So much of an account as is told.
pub(crate) fn shorten(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    for line in &mut lines {
        if let Some((end, _)) = line.char_indices().nth(LONGEST_LINE) {
            line.truncate(end);
            line.push_str(" ...");
        }
    }
    if more > 0 {
        lines.push(format!("... and {more} more"));
    }
    lines
}

/// Waits, but not through a request to stop.
pub(crate) fn nap(ports: Ports<'_>, mut duration: Duration) -> Result<(), Reason> {
    while !duration.is_zero() {
        if ports.cancel.is_cancelled() {
            return Err(Reason::Cancelled);
        }
        let piece = duration.min(Duration::from_millis(50));
        ports.clock.sleep(piece);
        duration -= piece;
    }
    Ok(())
}
