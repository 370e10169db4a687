//! What others ask of the loop: to look at once, and how everything is.

use std::sync::atomic::Ordering;
use std::time::Instant;

use springline_model::port::Store as _;
use springline_model::run::{Origin, Place};

use super::Control;
use super::pass::Came;
use super::queue::Id;
use super::state::{Member, Spot, State};
use crate::cli::named;
use crate::socket::controls::{Controls, Looked, Looking, Notice, Seen, same_repository};

impl Controls for Control {
    fn notify(&self, notice: &Notice) -> usize {
        let inner = &self.0;
        let is_from = |url: &str| {
            notice.repositories.is_empty() || notice.repositories.iter().any(|address| same_repository(address, url))
        };
        let from: Vec<bool> = inner.state().plan.repositories.iter().map(|known| is_from(&known.url)).collect();
        // What another fleet.yaml names meanwhile is asked anyway.
        let is_meant = |state: &State, member: &Member| {
            notice.application.as_ref().is_none_or(|name| **name == *member.name)
                && from.get(state.repository_of(member)) == Some(&true)
        };
        // Of thousands, those that are known to be in order are not looked at for every push.
        let quiet = if notice.application.is_some() { Vec::new() } else { inner.quiet(&is_meant) };
        let mut state = inner.state();
        let meant: Vec<Id> = state.live().filter(|(_, member)| is_meant(&state, member)).map(|(id, _)| id).collect();
        // What somebody held may go now.
        if let Some(id) = notice.application.as_deref().and_then(|name| state.leaving.get(name).copied()) {
            state.paces.end_failures(id);
            state.queue.want(id);
        }
        let mut repositories: Vec<usize> = match notice.application {
            Some(_) => meant.iter().map(|id| state.repository_of(&state.members[*id as usize])).collect(),
            None => (0..).zip(&from).filter(|(_, from)| **from).map(|(at, _)| at).collect(),
        };
        repositories.sort_unstable();
        repositories.dedup();
        for id in &meant {
            state.paces.end_failures(*id);
            if quiet.binary_search(id).is_err() {
                state.member(*id).look.all = true;
                state.queue.want(*id);
            }
        }
        drop(state);
        let now = Instant::now();
        let mut timings = inner.timings();
        repositories.iter().for_each(|at| timings[*at].now(now));
        drop(timings);
        inner.changed.notify_all();
        meant.len()
    }

    fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }

    fn looks_after(&self, application: &str, environment: &str) -> bool {
        self.0.state().looks_after(application, environment)
    }

    fn origin(&self, application: &str) -> Option<Origin> {
        let state = self.0.state();
        let member = &state.members[state.id(application)? as usize];
        let repository = state.plan.repositories[state.repository_of(member)].url.clone();
        Some(Origin { repository, ..state.origin_of(member) })
    }

    fn applications(&self) -> Vec<Looked> {
        let state = self.0.state();
        let flights = self.app().owner().turns.flights();
        let mut all: Vec<Looked> = state
            .live()
            .map(|(id, member)| {
                let flight = flights.iter().find(|flight| *flight.wish.application == *member.name);
                let worst = member.spots.iter().max_by_key(|spot| spot.state);
                let looking = match (flight, worst.map(|spot| spot.state)) {
                    (Some(flight), _) => Looking::Running { run: flight.run },
                    _ if state.queue.is_ready(id) => Looking::Queued,
                    _ if member.problem.is_some() || member.undelivered.is_some() => Looking::Failed,
                    (None, None | Some(Came::NotDeployed)) => Looking::NotDeployed,
                    (None, Some(Came::Suspended)) => Looking::Suspended {
                        why: worst.and_then(|spot| spot.why.as_deref()).unwrap_or_default().to_owned(),
                    },
                    (None, Some(Came::Failed)) => Looking::Failed,
                    (None, Some(Came::OutOfSync)) => Looking::OutOfSync,
                    (None, Some(Came::Unconfirmed)) => Looking::Unconfirmed,
                    (None, Some(Came::Drifted | Came::Paused)) => Looking::Drifted,
                    (None, Some(Came::InSync | Came::Repaired | Came::Deployed | Came::Promoted)) => Looking::InSync,
                };
                let error = member.problem.as_deref().or(member.undelivered.as_deref()).or_else(|| {
                    let failed = worst.filter(|spot| spot.state == Came::Failed);
                    failed.and_then(|spot| spot.why.as_deref())
                });
                Looked {
                    application: member.name.to_string(),
                    revision: member.at.as_ref().or(member.wanted.as_ref()).map(|commit| commit.id.clone()),
                    state: looking,
                    error: error.map(|error| named(error, self.0.tell.told(&member.name))),
                    environments: member.spots.iter().map(|spot| seen(spot, self.0.tell.told(&member.name))).collect(),
                }
            })
            .collect();
        drop(state);
        let store = &self.app().store;
        for Looked { application, environments, .. } in &mut all {
            for seen in environments {
                let place = Place { application: application.clone(), environment: seen.environment.clone() };
                seen.pin = store.standing(&place).ok().and_then(|standing| standing.pin);
            }
        }
        all.sort_by(|one, other| one.application.cmp(&other.application));
        all
    }
}

/// What is known of an environment, but for its pin.
fn seen(spot: &Spot, app: Option<&str>) -> Seen {
    let why = spot.why.as_deref().map(|why| named(why, app));
    Seen { environment: spot.environment.to_string(), state: spot.state.word(), why, pin: None }
}
