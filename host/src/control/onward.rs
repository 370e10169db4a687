//! Releases move onward by themselves as soon as their gates are open.

use std::time::Instant;

use springline_engine::promote::{self, Decision, Route};
use springline_model::port::Sources as _;
use springline_model::run::Place;

use super::pass::Came;
use super::work::{One, Sight};
use crate::cli::error::{CliError, Kind};
use crate::cli::standing::wait_text;
use crate::project::Picked;
use crate::promotion;
use crate::site::Site;

impl One<'_> {
    /// Promotes what is deployed in another environment to this one, if there is something and nothing
    /// keeps it; none if there is nothing to be said.
    pub(super) fn move_on(&self, from: &str) -> Option<Sight> {
        let began = Instant::now();
        let place = Place { application: self.task.name.to_string(), environment: from.to_owned() };
        let route = Route { from: &place, to: &self.place(), gates: &self.environment.gates };
        let pending = match promote::decide(self.ports, route, None) {
            Ok(Decision::Nothing) => return None,
            Ok(Decision::Pending(pending)) => pending,
            Err(reason) => return Some(self.fail((began, Instant::now()), &reason.into())),
        };
        let release = pending.release.id.short();
        if let Some(wait) = pending.waits.first() {
            let wait = wait_text(&pending, &self.environment.name, wait);
            return Some((Came::OutOfSync, Some(format!("release {release} of {from}: {wait}"))));
        }
        if !self.environment.sync.automated {
            return Some((
                Came::OutOfSync,
                Some(format!("release {release} of {from} is promoted when somebody asks")),
            ));
        }
        let to = (&*self.task.name, self.environment);
        let with = (&self.inner.app, self.ports);
        match promotion::advance(with, to, |revision| self.pick(revision), &self.inner.actor) {
            Ok(report) => {
                let report = report?;
                self.inner.tell.promoted(self.named(), &report, began.elapsed());
                Some((Came::Promoted, None))
            }
            Err(_) if self.steer.is_superseded() || self.inner.cancel.is_cancelled() => None,
            Err(error) => Some(self.fail((began, Instant::now()), &error)),
        }
    }

    /// The application at a revision of its repository.
    fn pick(&self, revision: &str) -> Result<Picked, CliError> {
        let unread = || CliError::new(Kind::Source, "the repository was not read yet");
        let source = self.task.place.source().ok_or_else(unread)?;
        let revision = source.resolve(revision)?;
        let tree = self.task.place.tree(&source, &revision)?;
        let site = Site { work_dir: source.work_dir().map(ToOwned::to_owned), directory: self.task.path.to_string() };
        Ok(Picked { revision, tree, site, name: Some(self.task.name.to_string()) })
    }
}
