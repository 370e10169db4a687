//! Removes what is deployed of applications that nothing finds any more, where their rule says so.

use std::sync::Arc;
use std::time::Instant;

use springline_engine::Ports;
use springline_engine::error::Reason;
use springline_engine::event::Silent;
use springline_engine::remove::remove;
use springline_engine::standing::Obstacle;
use springline_model::port::Store as _;
use springline_model::run::{Place, Stage, Standing};

use super::Inner;
use super::tell::Told;
use crate::cli::error::CliError;

impl Inner {
    /// Removes it everywhere. What fails is told, and stays for people to remove.
    pub(super) fn leave(&self, name: &Arc<str>, repository: usize) {
        let places = match self.operated().app.store.places() {
            Ok(places) => places,
            Err(error) => return self.tell.left_behind((name, None), &error.into()),
        };
        let meant = &self.settings.environments;
        let is_meant = |place: &&Place| meant.is_empty() || meant.contains(&place.environment);
        for place in places.iter().filter(|place| *place.application == **name).filter(is_meant) {
            if let Err(error) = self.leave_one(place, repository) {
                self.tell.left_behind((name, Some(&place.environment)), &error);
            }
        }
    }

    fn leave_one(&self, place: &Place, repository: usize) -> Result<(), CliError> {
        let began = Instant::now();
        let operated = self.operated();
        let turn = operated.app.turn(&place.application, false)?;
        // It may have come back meanwhile.
        if self.state().id(&place.application).is_some() {
            return Ok(());
        }
        self.check_standing(place)?;
        let observer = turn.observe(&Silent);
        let bound = operated.bounds[repository].as_ref();
        let ports = Ports { repositories: Some(bound), ..operated.app.ports_in(&turn, &observer) };
        let named = (place.application.as_str(), place.environment.as_str());
        match remove(ports, place, &self.actor) {
            Ok(Some(report)) => self.tell.changed(named, &Told::Removed(&report), (began.elapsed(), None)),
            Ok(None) => {}
            Err(error) => {
                if let Reason::Unconfirmed(waits) = &error.reason {
                    self.tell.unconfirmed(named, waits, &format!("sync --env {}", place.environment));
                } else {
                    return Err(CliError::from(*error));
                }
            }
        }
        Ok(())
    }

    /// Refuses to remove what somebody holds or wants to be left alone.
    fn check_standing(&self, place: &Place) -> Result<(), CliError> {
        let Standing { pin, suspended, .. } = self.operated().app.store.standing(place)?;
        let obstacle = pin.map(Obstacle::Pinned).or(suspended.map(Obstacle::Suspended));
        let Some(obstacle) = obstacle else { return Ok(()) };
        let environment = place.environment.clone();
        Err(CliError::from(
            Reason::Held { environment, obstacle: Box::new(obstacle) }.at(Stage::Plan, Some(&place.environment)),
        ))
    }
}
