//! Waits until live objects are healthy.

use std::collections::BTreeMap;
use std::time::Duration;

use springline_model::manifest::{Health, HealthStatus};
use springline_model::plugin::LogLine;
use springline_model::port::Target;

use crate::Ports;
use crate::chain;
use crate::error::Reason;
use crate::event::Event;
use crate::plan::failed;

/// How many live objects are observed in one call.
const BATCH: usize = 1000;
/// The first pause between two looks; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a look at all live objects found.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// What identifies each live object; none if it is absent.
    pub versions: BTreeMap<String, Option<String>>,
    /// Those that are neither healthy nor suspended, worst first.
    pub unhealthy: Vec<(String, Health)>,
    pub log: Vec<LogLine>,
}

impl Look {
    fn worst(&self) -> String {
        self.unhealthy.first().map(|(live, health)| describe(live, health)).unwrap_or_default()
    }
}

fn describe(live: &str, health: &Health) -> String {
    if health.message.is_empty() {
        format!("{live} is {}", health.status)
    } else {
        format!("{live} is {}: {}", health.status, health.message)
    }
}

/// Looks at live objects once.
pub(crate) fn look(
    ports: Ports<'_>,
    target: &dyn Target,
    uses: &chain::Target,
    live: &[String],
) -> Result<Look, Reason> {
    let mut look = Look::default();
    for batch in live.chunks(BATCH) {
        let called = target.observe(batch).map_err(|error| failed(uses, error))?;
        look.log.extend(called.log);
        for object in called.value {
            if ports.cancel.is_cancelled() {
                return Err(Reason::Cancelled);
            }
            let called = target.judge(&object).map_err(|error| failed(uses, error))?;
            look.log.extend(called.log);
            let health = called.value;
            if !matches!(health.status, HealthStatus::Healthy | HealthStatus::Suspended) {
                look.unhealthy.push((object.live.clone(), health));
            }
            look.versions.insert(object.live, object.version);
        }
    }
    look.unhealthy.sort_by(|a, b| b.1.status.cmp(&a.1.status).then_with(|| a.0.cmp(&b.0)));
    Ok(look)
}

/// Looks again and again until all are healthy, or the time is up.
pub(crate) fn wait(
    ports: Ports<'_>,
    target: &dyn Target,
    uses: &chain::Target,
    live: &[String],
    seconds: u64,
) -> Result<Look, Reason> {
    let deadline = ports.clock.now().saturating_add(i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX));
    let mut pause = FIRST_PAUSE;
    loop {
        let look = look(ports, target, uses, live)?;
        if look.unhealthy.is_empty() {
            return Ok(look);
        }
        let worst = look.worst();
        let (unhealthy, all) = (look.unhealthy.len(), live.len());
        let left = deadline.saturating_sub(ports.clock.now());
        let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_millis) else {
            return Err(Reason::Unhealthy { unhealthy, all, seconds, worst });
        };
        ports.observer.event(&Event::Waiting { unhealthy, all, worst: &worst, left });
        nap(ports, pause.min(left))?;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
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
