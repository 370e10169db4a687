//! The fleet file: it is read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use springline_engine::deliver::delivery;
use springline_engine::event::Silent;
use springline_engine::status::current;
use springline_model::port::Store as _;
use springline_model::run::Place;

use super::operated::Operated;
use super::poll::{self, Timing};
use super::state::{Before, ByHand, Was};
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

/// The address by which the fleet file of a state directory, if there is one, names a repository: what is shown of it
/// and kept has no credentials.
pub fn whole_address(state: &Path, shown: &str) -> Option<String> {
    let (_, plan) = open(state.join(paths::FLEET), Duration::ZERO).ok()?;
    plan.repositories.into_iter().find(|known| known.shown == shown).map(|known| known.url)
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

/// What is known of what was looked after before, and the environments that something is deployed in by hand.
pub(super) fn before(app: &App) -> Result<(Before, ByHand), CliError> {
    let (mut before, mut by_hand) = (Before::new(), ByHand::new());
    for place in app.store.places()? {
        let origin = app.store.standing(&place)?.origin;
        let is_live = || current(app.ports(&Silent), &place).map(|release| release.is_some());
        let is_by_hand = origin.is_none() && delivery(&place).is_none() && is_live()?;
        let Place { application, environment } = place;
        match origin {
            Some(origin) => before.entry(application.into()).or_default().push(Was { environment, origin }),
            None if is_by_hand => by_hand.entry(application.into()).or_default().push(environment),
            None => {}
        }
    }
    Ok((before, by_hand))
}
