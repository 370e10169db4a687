//! Hands over what an application gives to other repositories, once for each commit.

use std::time::Instant;

use springline_engine::Ports;
use springline_engine::chain::{Chain, Delivery};
use springline_engine::deliver;
use springline_engine::run::{Request, run};
use springline_model::history::{Outcome, Record};
use springline_model::port::Page;
use springline_model::run::Cause;

use super::Inner;
use super::look::At;
use super::pace::Part;
use super::steer::Steer;
use super::tell::Told;
use super::work::{Loaded, Task};
use crate::cli::failure::explain;

/// In how many of the newest records of a delivery a commit is looked for.
const RECENT: usize = 50;

impl Task {
    /// Hands over what was not handed over yet of the commit; why something could not be, if it could not.
    /// Each thing is a run of its own: one that fails holds up no other.
    pub(super) fn hand_over(&self, inner: &Inner, ports: Ports<'_>, loaded: &Loaded, steer: &Steer) -> Option<String> {
        if loaded.chain.deliveries.is_empty() {
            return None;
        }
        let bound = self.bound.until(ports.cancel);
        let ports = Ports { repositories: Some(&bound), ..ports };
        let mut problem = None;
        for delivery in &loaded.chain.deliveries {
            let place = deliver::place(&self.name, &delivery.name);
            let at = At { task: self, inner, ports, environment: &place.environment, steer };
            let failed = self.hand_one(&at, loaded, delivery);
            problem = problem.or(failed);
        }
        problem
    }

    fn hand_one(
        &self,
        at: &At<'_>,
        Loaded { picked, declared, chain, .. }: &Loaded,
        delivery: &Delivery,
    ) -> Option<String> {
        let pauses = at.pauses(Part::Deploy);
        let last = match at.last() {
            Ok(last) => last,
            Err(error) if pauses => return Some(error.to_string()),
            Err(error) => return at.fail(Part::Deploy, (Instant::now(), Instant::now()), &error.into()).1,
        };
        let is_settled = last.as_ref().is_some_and(|last| {
            let is_done = last.revision == self.wanted.id && last.outcome == Outcome::Succeeded;
            is_done || self.is_gone_back(at, last)
        });
        if is_settled {
            at.forget(Part::Deploy);
            return None;
        }
        if pauses {
            let why = last.and_then(|last| match last.outcome {
                Outcome::Failed { message, .. } => Some(message),
                _ => None,
            });
            return Some(why.unwrap_or_else(|| "it failed, and is tried again after a pause".to_owned()));
        }
        let began = Instant::now();
        let chain = Chain { deliveries: vec![delivery.clone()], ..chain.clone() };
        match run(at.ports, Request::new(&chain, picked.source(), &Cause::Push, &at.inner.actor)) {
            Ok(report) => {
                at.forget(Part::Deploy);
                if report.synced.iter().any(|synced| !synced.done.is_empty()) {
                    at.inner.tell.changed(at.named(), &Told::Delivered(&report), (began.elapsed(), None));
                }
                None
            }
            Err(_) if at.steer.is_superseded() || at.inner.cancel.is_cancelled() => None,
            Err(failure) => {
                let error = explain(&chain, &declared.document, failure);
                at.fail(Part::Deploy, (began, Instant::now()), &error).1
            }
        }
    }

    /// Whether a person handed another revision over since the commit was. That stays until another commit comes
    /// or the watch begins anew, as what people deploy does.
    fn is_gone_back(&self, at: &At<'_>, last: &Record) -> bool {
        let is_new = self.at.as_ref().is_none_or(|at| at.id != self.wanted.id);
        if is_new || last.cause != Cause::Run || last.outcome != Outcome::Succeeded {
            return false;
        }
        let recent = at.ports.store.history(&Page::of(&at.place(), RECENT));
        let is_of_it = |record: &Record| record.revision == self.wanted.id && record.outcome == Outcome::Succeeded;
        recent.is_ok_and(|recent| recent.records.iter().any(|sealed| is_of_it(&sealed.record)))
    }
}
