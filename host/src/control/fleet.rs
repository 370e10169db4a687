//! The fleet file: it is read again when it changes.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use springline_model::port::Store as _;

use super::operated::Operated;
use super::poll::{self, Timing};
use super::state::Was;
use super::{Inner, Plan, paths};
use crate::app::App;
use crate::cli::error::{CliError, Kind};

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// A fleet file, as it was read last.
pub(super) struct FleetFile {
    path: PathBuf,
    /// What is in force, or was refused.
    text: String,
    /// What is there instead, since the last look: who writes it may not be through.
    next: Option<String>,
    due: Instant,
}

impl FleetFile {
    /// Reads it for the first time.
    pub(super) fn open(path: PathBuf, every: Duration) -> Result<(Self, Plan), CliError> {
        let text = fs::read_to_string(&path)
            .map_err(|error| CliError::new(Kind::Config, format!("{} can't be read: {error}", path.display())))?;
        let plan = Plan::of_fleet(&path, &text, every)?;
        Ok((Self { path, text, next: None, due: Instant::now() + EVERY }, plan))
    }

    /// What it says from now on, if that is something else. It has to say so twice; one that can't be read, as
    /// while it is being replaced, says what it said.
    fn look(&mut self, now: Instant) -> Option<&str> {
        if now < self.due {
            return None;
        }
        self.due = now + EVERY;
        let text = fs::read_to_string(&self.path).ok().filter(|text| *text != self.text);
        let is_settled = text.is_some() && text == self.next;
        self.next = text;
        if !is_settled {
            return None;
        }
        self.text = self.next.take()?;
        Some(&self.text)
    }
}

impl Inner {
    /// Follows the fleet file if it says something else. One that is wrong is told, and changes nothing.
    pub(super) fn read_again(&self) {
        let Some(file) = &self.file else { return };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let path = file.path.clone();
        let Some(text) = file.look(Instant::now()) else { return };
        match Plan::of_fleet(&path, text, self.settings.every) {
            Ok(plan) => {
                self.tell.fleet(&path, None);
                self.follow(plan);
            }
            Err(error) => self.tell.fleet(&path, Some(&error)),
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
        let patience = app.operator.value.git.patience();
        for address in &state.plan.repositories[places.len()..] {
            let mirrors = app.project.state().join(paths::SOURCES);
            places.push(Arc::new(poll::Place::new(&address.url, &mirrors, patience)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_twice_holds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fleet.yaml");
        fs::write(&path, "applications: [{ repo: a }]\n").unwrap();
        let (mut file, plan) = FleetFile::open(path.clone(), Duration::from_secs(60)).unwrap();
        assert_eq!(plan.rules.len(), 1);
        let mut now = Instant::now();
        let mut look = |file: &mut FleetFile| {
            now += EVERY * 2;
            file.look(now).map(str::to_owned)
        };
        assert_eq!(look(&mut file), None);
        fs::write(&path, "half\n").unwrap();
        assert_eq!(look(&mut file), None);
        fs::write(&path, "whole\n").unwrap();
        assert_eq!((look(&mut file), look(&mut file)), (None, Some("whole\n".to_owned())));
        assert_eq!(look(&mut file), None);
        // Gone, as while it is replaced; and back as it was.
        fs::remove_file(&path).unwrap();
        assert_eq!((look(&mut file), look(&mut file)), (None, None));
        fs::write(&path, "whole\n").unwrap();
        assert_eq!((look(&mut file), look(&mut file)), (None, None));
    }
}
