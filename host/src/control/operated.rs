//! What the loop works with, as the operator's file says: another file is taken over while it runs.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use springline_model::Cancel;

use super::Inner;
use super::plan::Plan;
use super::twice::Twice;
use crate::app::App;
use crate::cli::error::{CliError, Kind};
use crate::paths;
use crate::repositories::Bound;
use crate::socket::WATCH;

/// What is put together by the operator's file.
pub(super) struct Operated {
    pub app: Arc<App>,
    /// The repositories of the plan, to be written to.
    pub bounds: Vec<Arc<Bound>>,
}

/// The file. There need not be one.
pub(super) fn file(app: &App) -> Twice {
    Twice::open(app.project.state().join(paths::OPERATOR))
}

impl Operated {
    pub(super) fn of(app: Arc<App>, plan: &Plan, cancel: &Cancel) -> Self {
        let state = app.project.state();
        let bound = |url: &str| Arc::new(Bound::new(url, &app.operator.value, state, cancel));
        let bounds = plan.repositories.iter().map(|known| bound(&known.url)).collect();
        Self { bounds, app }
    }
}

impl Inner {
    pub(super) fn operating(&self) -> MutexGuard<'_, Arc<Operated>> {
        self.operated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn operated(&self) -> Arc<Operated> {
        self.operating().clone()
    }

    /// Takes over the operator's file if it is another one than before; one that is wrong or can't be read is
    /// told, and everything goes on as it was. Then everything is looked at anew.
    pub(super) fn look_at_operator(&self, now: Instant) {
        let mut file = self.operator.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(said) = file.look(now) else { return };
        let known = self.operated().app.clone();
        let read = |text| {
            let operator = known.project.operator_of(text)?;
            App::of(Arc::clone(known.owner()), (known.project.alone(), operator), WATCH, &self.cancel)
        };
        match said.map_err(|why| CliError::new(Kind::Config, why)).and_then(read) {
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
