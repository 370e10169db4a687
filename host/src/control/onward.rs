//! Releases move onward by themselves as soon as their gates are open.

use std::time::Instant;

use springline_engine::promote::{Decision, Pending};
use springline_engine::run::Report;
use springline_model::port::Sources as _;

use super::look::Sight;
use super::pace::Part;
use super::pass::Came;
use super::work::One;
use crate::cli::error::{CliError, Kind};
use crate::cli::standing::wait_text;
use crate::promotion::{self, Prepared};

impl One<'_> {
    /// Promotes what is deployed in another environment to this one, if there is something and nothing
    /// keeps it; none if there is nothing to be said.
    pub(super) fn move_on(&self, from: &str) -> Option<Sight> {
        let began = Instant::now();
        let way = (from, self.environment.name.as_str(), &self.environment.gates);
        let pending = match promotion::decide(self.at.ports, &self.at.task.name, way, None) {
            Ok(Decision::Nothing) => return None,
            Ok(Decision::Pending(pending)) => pending,
            Err(error) => return Some(self.at.fail(Part::Look, (began, Instant::now()), &error)),
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
        match self.advance(&pending) {
            Ok(report) => {
                self.at.inner.tell.promoted(self.at.named(), &report, began.elapsed());
                Some((Came::Promoted, None))
            }
            Err(_) if self.at.steer.is_superseded() || self.at.inner.cancel.is_cancelled() => None,
            Err(error) if error.kind == Kind::Unconfirmed => Some((Came::Unconfirmed, None)),
            Err(error) => Some(self.at.fail(Part::Look, (began, Instant::now()), &error)),
        }
    }

    /// Promotes what waits for nothing. Whether it still does is asked again right before the plan.
    fn advance(&self, pending: &Pending) -> Result<Report, CliError> {
        let source = self.at.task.source()?;
        let revision = source.resolve(&pending.release.revision)?;
        let picked = self.at.task.pick(&source, &revision)?;
        let prepared = Prepared::new(&self.at.task.app, picked, &pending.release, (&self.environment.name, None))?;
        prepared.carry_out(self.at.ports, pending, (&self.at.inner.actor, None))
    }
}
