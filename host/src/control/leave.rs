//! Removes what is deployed of applications that nothing finds any more, where their rule says so.

use std::time::Instant;

use springline_engine::Ports;
use springline_engine::error::Reason;
use springline_engine::record::settle_when_due;
use springline_engine::remove::{What, Word, remove};
use springline_engine::standing::Obstacle;
use springline_model::port::{Store as _, StoreError};
use springline_model::run::{Origin, Place, Standing};

use super::Inner;
use super::look::Sight;
use super::names::is_from;
use super::pass::Came;
use super::steer::Steer;
use super::tell::Told;
use super::work::{Done, Task};
use crate::cli::error::CliError;

impl Task {
    /// Writes down where an environment comes from, and whether what is new is deployed there by itself.
    pub(super) fn claim(&self, environment: &str, by_itself: bool) -> Result<(), StoreError> {
        let origin = Some(Origin { by_itself, ..self.origin.clone() });
        self.app
            .store
            .set_standing(&self.place(environment), &mut |standing| standing.origin.clone_from(&origin))
            .map(drop)
    }

    /// One of its environments.
    pub(super) fn place(&self, environment: &str) -> Place {
        Place { application: self.name.to_string(), environment: environment.to_owned() }
    }

    /// Removes it everywhere, but where somebody wants it to be left alone.
    pub(super) fn leave(&self, inner: &Inner, ports: Ports<'_>, steer: &Steer) -> Done {
        if self.rests {
            return Done { rests: true, ..Done::default() };
        }
        let (mut spots, mut problem) = (Vec::new(), None);
        let places = match self.app.store.places() {
            Ok(places) => places,
            Err(error) => return Done { problem: Some(error.into()), ..Done::default() },
        };
        let is_meant = |place: &&Place| place.application == *self.name && inner.settings.means(&place.environment);
        for place in places.iter().filter(is_meant) {
            match self.leave_one(inner, ports, place) {
                Ok(sight) => spots.extend(sight.map(|(came, why)| (place.environment.clone(), came, why))),
                Err(_) if steer.is_superseded() || inner.cancel.is_cancelled() => return Done::default(),
                Err(error) => problem = Some(error),
            }
        }
        let names: Vec<&str> = spots.iter().map(|(environment, _, _): &(String, _, _)| environment.as_str()).collect();
        inner.state().set_spots(self.id, &names);
        let waits = spots.iter().any(|(_, came, _)| matches!(came, Came::Suspended | Came::Unconfirmed));
        // Nobody else comes by to tell git of it.
        let again = settle_when_due(ports, &self.name).unwrap_or_default();
        Done { left: problem.is_none() && !waits && again.is_none(), problem, spots, again, ..Done::default() }
    }

    /// Removes it in one place. What there is to say where it is left as it is.
    fn leave_one(&self, inner: &Inner, ports: Ports<'_>, place: &Place) -> Result<Option<Sight>, CliError> {
        let began = Instant::now();
        let Standing { pin, suspended, origin, .. } = self.app.store.standing(place)?;
        let origin = origin.filter(|origin| is_from(origin, &self.origin));
        // It may be somebody else's of that name, or have come back meanwhile.
        let Some(origin) = origin.filter(|_| inner.state().id(&self.name).is_none()) else { return Ok(None) };
        if let Some(obstacle) = pin.map(Obstacle::Pinned).or(suspended.map(Obstacle::Suspended)) {
            return Ok(Some((Came::Suspended, Some(obstacle.to_string()))));
        }
        if !origin.by_itself {
            let way = format!("`springline remove {} --env {}`", place.application, place.environment);
            return Ok(Some((Came::OutOfSync, Some(format!("nothing declares it: {way} removes it")))));
        }
        let named = (place.application.as_str(), place.environment.as_str());
        match remove(ports, (place, &What::Deployed), (&inner.actor, Word::Rule)) {
            Ok(report) => {
                if let Some(report) = report {
                    inner.tell.changed(named, &Told::Removed(&report), (began.elapsed(), None));
                }
                self.app.store.set_standing(place, &mut |standing| standing.origin = None)?;
                Ok(None)
            }
            Err(error) => {
                let Reason::Unconfirmed(waits) = &error.reason else { return Err(CliError::from(*error)) };
                let why = Some(waits.to_string());
                let is_told = inner.state().is_said(self.id, &place.environment, (Came::Unconfirmed, why.as_deref()));
                if !is_told {
                    let verb = format!("remove {} --env {}", place.application, place.environment);
                    inner.tell.unconfirmed(named, waits, &verb);
                }
                Ok(Some((Came::Unconfirmed, why)))
            }
        }
    }
}
