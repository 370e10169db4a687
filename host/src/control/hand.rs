//! Hands over what an application gives to other repositories, once for each commit.

use std::time::Instant;

use springline_engine::Ports;
use springline_engine::chain::{Chain, Delivery};
use springline_engine::deliver;
use springline_engine::run::{Observed, Request, Trust, Until, run};
use springline_model::history::Outcome;
use springline_model::run::Cause;

use super::Inner;
use super::look::At;
use super::pace::Part;
use super::steer::Steer;
use super::tell::Told;
use super::work::{Loaded, Task};
use crate::cli::failure::explain;

impl Task {
    /// Hands over what was not handed over yet of the commit; why something could not be, if it could not.
    /// Each thing is a run of its own: one that fails holds up no other.
    pub(super) fn hand_over(&self, inner: &Inner, ports: Ports<'_>, loaded: &Loaded, steer: &Steer) -> Option<String> {
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
        Loaded { picked, declared, chain }: &Loaded,
        delivery: &Delivery,
    ) -> Option<String> {
        let last = match at.last() {
            Ok(last) => last,
            Err(error) => return at.fail(Part::Deploy, (Instant::now(), Instant::now()), &error.into()).1,
        };
        if let Some(last) = last.filter(|last| last.revision == picked.revision.id) {
            match &last.outcome {
                Outcome::Succeeded => {
                    at.forget(Part::Deploy);
                    return None;
                }
                Outcome::Failed { message, .. } if at.pauses(Part::Deploy) => return Some(message.clone()),
                _ => {}
            }
        }
        let began = Instant::now();
        let chain = Chain { deliveries: vec![delivery.clone()], ..chain.clone() };
        let request = Request {
            chain: &chain,
            source: picked.source(),
            environments: &[],
            until: Until::Record,
            cause: &Cause::Push,
            actor: &at.inner.actor,
            trust: Trust::Kept,
            observed: Observed::default(),
            only: None,
            prune_all: false,
            note: None,
            moved: None,
        };
        match run(at.ports, request) {
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
}
