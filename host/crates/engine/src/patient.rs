//! Calls that are made again when they fail in a way that passes.

use std::sync::Arc;
use std::time::Duration;

use springline_model::call::Called;
use springline_model::manifest::{Account, Applied, Change, Child, Difference, Health, Hook, Identity, Observed};
use springline_model::plugin::{CallError, Fault};
use springline_model::port::{Seen, Target};

use crate::Ports;
use crate::health::nap;
use crate::origin::Origins;

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

/// A target whose calls are made patiently, and which tells of objects by their files.
pub(crate) struct Patient<'p> {
    pub ports: Ports<'p>,
    pub target: Box<dyn Target + 'p>,
    pub origins: Origins,
}

impl Patient<'_> {
    fn call<T>(&self, call: impl Fn() -> Result<Called<T>, CallError>) -> Result<Called<T>, CallError> {
        let told = |error: CallError| CallError { fault: self.origins.tell(self.ports.blobs, error.fault), ..error };
        patiently(self.ports, call).map_err(told)
    }
}

impl Target for Patient<'_> {
    fn identify(&self) -> Result<Called<Vec<Identity>>, CallError> {
        self.call(|| self.target.identify())
    }

    fn plan(&self, owned: &[String]) -> Result<Called<Vec<Change>>, CallError> {
        self.call(|| self.target.plan(owned))
    }

    fn explain(&self, change: &Change) -> Result<Called<Difference>, CallError> {
        self.call(|| self.target.explain(change))
    }

    fn apply(&self, change: &Change) -> Result<Called<Applied>, CallError> {
        self.call(|| self.target.apply(change))
    }

    fn observe(&self, live: &[String]) -> Result<Called<Vec<Observed>>, CallError> {
        self.call(|| self.target.observe(live))
    }

    fn judge(&self, object: &Observed) -> Result<Called<Health>, CallError> {
        self.call(|| self.target.judge(object))
    }

    fn owned(&self) -> Result<Called<Vec<String>>, CallError> {
        self.call(|| self.target.owned())
    }

    fn hooks(&self) -> Result<Called<Vec<Hook>>, CallError> {
        self.call(|| self.target.hooks())
    }

    fn children(&self, live: &[String]) -> Result<Called<Vec<Child>>, CallError> {
        self.call(|| self.target.children(live))
    }

    fn explain_health(&self, live: &[String]) -> Result<Called<Vec<Account>>, CallError> {
        self.call(|| self.target.explain_health(live))
    }

    fn seen(&self) -> Option<Arc<dyn Seen>> {
        self.target.seen()
    }
}
