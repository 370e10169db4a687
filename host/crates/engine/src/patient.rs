//! Calls that are made again when they fail in a way that passes.

use std::time::Duration;

use springline_model::call::Called;
use springline_model::manifest::{Account, Applied, Change, Child, Difference, Health, Hook, Identity, Observed};
use springline_model::plugin::{CallError, Fault};
use springline_model::port::Target;

use crate::Ports;
use crate::health::nap;

/// How often a call is tried.
const TRIES: u32 = 4;
/// The pause before the second try, where the plugin names none; it doubles.
const PAUSE: Duration = Duration::from_millis(250);
/// No plugin makes a sync wait longer than this for its next try.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// Makes a call, and again while it fails in a way that passes. The log is that of all tries.
pub(crate) fn patiently<T>(
    ports: Ports<'_>,
    call: impl Fn() -> Result<Called<T>, CallError>,
) -> Result<Called<T>, CallError> {
    let mut pause = PAUSE;
    let mut log = Vec::new();
    let mut tries = 0;
    loop {
        tries += 1;
        match call() {
            Ok(mut called) => {
                log.append(&mut called.log);
                return Ok(Called { log, ..called });
            }
            Err(mut error) => {
                log.append(&mut error.log);
                let passes = match &error.fault {
                    Fault::Transient { retry_after, .. } if tries < TRIES => *retry_after,
                    _ => return Err(CallError { log, ..error }),
                };
                if nap(ports, passes.unwrap_or(pause).min(LONGEST_PAUSE)).is_err() {
                    return Err(CallError { fault: Fault::Cancelled, log, ..error });
                }
                pause *= 2;
            }
        }
    }
}

/// A target whose calls are made patiently.
pub(crate) struct Patient<'p> {
    pub ports: Ports<'p>,
    pub target: Box<dyn Target + 'p>,
}

impl Target for Patient<'_> {
    fn identify(&self) -> Result<Called<Vec<Identity>>, CallError> {
        patiently(self.ports, || self.target.identify())
    }

    fn plan(&self, owned: &[String]) -> Result<Called<Vec<Change>>, CallError> {
        patiently(self.ports, || self.target.plan(owned))
    }

    fn explain(&self, change: &Change) -> Result<Called<Difference>, CallError> {
        patiently(self.ports, || self.target.explain(change))
    }

    fn apply(&self, change: &Change) -> Result<Called<Applied>, CallError> {
        patiently(self.ports, || self.target.apply(change))
    }

    fn observe(&self, live: &[String]) -> Result<Called<Vec<Observed>>, CallError> {
        patiently(self.ports, || self.target.observe(live))
    }

    fn judge(&self, object: &Observed) -> Result<Called<Health>, CallError> {
        patiently(self.ports, || self.target.judge(object))
    }

    fn owned(&self) -> Result<Called<Vec<String>>, CallError> {
        patiently(self.ports, || self.target.owned())
    }

    fn hooks(&self) -> Result<Called<Vec<Hook>>, CallError> {
        patiently(self.ports, || self.target.hooks())
    }

    fn children(&self, live: &[String]) -> Result<Called<Vec<Child>>, CallError> {
        patiently(self.ports, || self.target.children(live))
    }

    fn explain_health(&self, live: &[String]) -> Result<Called<Vec<Account>>, CallError> {
        patiently(self.ports, || self.target.explain_health(live))
    }
}
