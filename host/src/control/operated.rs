//! What the loop works with, as the operator's file says: another file is taken over while it runs.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use springline_model::Cancel;

use super::Inner;
use super::plan::Plan;
use crate::app::App;
use crate::paths;
use crate::repositories::Bound;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// What is put together by the operator's file.
pub(super) struct Operated {
    pub app: Arc<App>,
    /// The repositories of the plan, to be written to.
    pub bounds: Vec<Arc<Bound>>,
}

/// The file as it was when it was looked at last, and when that was.
pub(super) type Looked = (Instant, Stamp);

/// What tells one file from another; none if there is none.
type Stamp = Option<(u64, u64, Option<SystemTime>)>;

fn stamp(state: &Path) -> Stamp {
    let found = fs::metadata(state.join(paths::OPERATOR)).ok()?;
    Some((found.ino(), found.len(), found.modified().ok()))
}

impl Operated {
    pub(super) fn of(app: Arc<App>, plan: &Plan, cancel: &Cancel) -> Self {
        let state = app.project.state();
        let bound = |url: &str| Arc::new(Bound::new(url, &app.operator.value, state, cancel));
        let bounds = plan.repositories.iter().map(|known| bound(&known.url)).collect();
        Self { bounds, app }
    }

    pub(super) fn looked(&self) -> Looked {
        (Instant::now(), stamp(self.app.project.state()))
    }
}

impl Inner {
    pub(super) fn operating(&self) -> MutexGuard<'_, Arc<Operated>> {
        self.operated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn operated(&self) -> Arc<Operated> {
        self.operating().clone()
    }

    /// Takes over the operator's file if it is another one than before; one that is wrong is told, and
    /// everything goes on as it was. Then everything is looked at anew.
    pub(super) fn look_at_operator(&self) {
        let known = self.operated();
        {
            let mut looked = self.operator.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.0.elapsed() < EVERY {
                return;
            }
            let now = known.looked();
            if std::mem::replace(&mut *looked, now).1 == now.1 {
                return;
            }
        }
        match App::of(Arc::clone(known.app.owner()), known.app.project.alone(), "watch", &self.cancel) {
            Err(error) => self.tell.operator(Some(&error)),
            Ok(app) => {
                let plan = self.state().plan.clone();
                *self.operating() = Arc::new(Operated::of(Arc::new(app), &plan, &self.cancel));
                self.recent.lock().unwrap_or_else(PoisonError::into_inner).clear();
                self.state().look_anew();
                self.tell.operator(None);
                self.changed.notify_all();
            }
        }
    }
}
