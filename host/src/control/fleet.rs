//! The fleet file: it is read again when it changes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use springline_model::port::Store as _;

use super::operated::Operated;
use super::poll::{self, Timing};
use super::state::Was;
use super::twice::Twice;
use super::{Inner, Plan, paths};
use crate::app::App;
use crate::cli::error::{CliError, Kind};

/// Reads it for the first time.
pub(super) fn open(path: PathBuf, every: Duration) -> Result<(Twice, Plan), CliError> {
    let file = Twice::open(path);
    let plan = plan_of(&file, every)?;
    Ok((file, plan))
}

fn plan_of(file: &Twice, every: Duration) -> Result<Plan, CliError> {
    let text = file.said().map_err(|why| CliError::new(Kind::Config, why))?;
    Plan::of_fleet(file.path(), text, every)
}

impl Inner {
    /// Follows the fleet file if it says something else. One that is wrong or can't be read is told, and changes
    /// nothing.
    pub(super) fn read_again(&self, now: Instant) {
        let Some(file) = &self.file else { return };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.look(now).is_none() {
            return;
        }
        match plan_of(&file, self.settings.every) {
            Ok(plan) => {
                self.tell.fleet(file.path(), None);
                self.follow(plan);
            }
            Err(error) => self.tell.fleet(file.path(), Some(&error)),
        }
    }

    fn follow(&self, plan: Plan) {
        let mut state = self.state();
        let news = state.follow(plan);
        let app = self.operated().app.clone();
        *self.operating() = Arc::new(Operated::of(app.clone(), &state.plan, &self.cancel));
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let mut timings = self.timings();
        let now = Instant::now();
        for address in &state.plan.repositories[places.len()..] {
            let mirrors = app.project.state().join(paths::SOURCES);
            places.push(Arc::new(poll::Place::new(&address.url, &mirrors)));
            timings.push(Timing::new(now));
        }
        for (timing, address) in timings.iter_mut().zip(&state.plan.repositories) {
            timing.is_used = address.is_used;
        }
        let rules = state.plan.rules.iter().zip(&state.sought);
        rules.filter(|(_, sought)| sought.is_stale).for_each(|(rule, _)| timings[rule.repository].now(now));
        drop((timings, places, state));
        news.iter().for_each(|news| self.tell.news(news, ("", Duration::ZERO)));
        self.changed.notify_all();
    }

    /// A repository, by its place in the list.
    pub(super) fn place(&self, repository: usize) -> Arc<poll::Place> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)[repository].clone()
    }
}

/// What is known of what was looked after before.
pub(super) fn before(app: &App) -> Result<HashMap<Arc<str>, Vec<Was>>, CliError> {
    let mut before: HashMap<Arc<str>, Vec<Was>> = HashMap::new();
    for place in app.store.places()? {
        if let Some(origin) = app.store.standing(&place)?.origin {
            let environment = place.environment;
            before.entry(place.application.into()).or_default().push(Was { environment, origin });
        }
    }
    Ok(before)
}
