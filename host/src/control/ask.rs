//! Asks repositories what is new when their time has come, each in a thread of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use springline_source::GitSource;

use super::caught::caught;
use super::poll::{self, Before, Searched};
use super::state::{News, Polled, Sought, State};
use super::{Inner, NOTICE, random};
use crate::cli::error::{CliError, Kind};

/// How many repositories are asked at a time; those that take long are not counted.
const ASKED_AT_ONCE: usize = 16;
const LONG: Duration = Duration::from_secs(30);

impl Inner {
    /// Asks every repository, and waits for the answers. A single application that can't be read at all
    /// is an error, as it is of every verb.
    pub(super) fn ask_all(self: &Arc<Self>, longest: Duration) -> Result<(), CliError> {
        let asked: Vec<u64> = self.state().repositories.iter().map(|known| known.asked).collect();
        self.timings().iter_mut().for_each(|timing| timing.now(Instant::now()));
        let until = Instant::now().checked_add(longest);
        let is_asked = |state: &State| {
            let mut known = state.plan.repositories.iter().zip(&state.repositories).zip(&asked);
            known.all(|((address, now), before)| !address.is_used || now.asked > *before)
        };
        self.wait(is_asked, until);
        let state = self.state();
        if !self.tell.many
            && state.members.is_empty()
            && let Some((_, why)) = state.repositories.first().and_then(|known| known.problems.first())
        {
            return Err(CliError::new(Kind::Source, why.clone()));
        }
        Ok(())
    }

    /// Begins to ask the repositories whose time has come; how long it is till the next one's.
    pub(super) fn ask_due(self: &Arc<Self>) -> Duration {
        let now = Instant::now();
        let mut timings = self.timings();
        let busy = timings.iter().filter(|timing| timing.under_way && now < timing.due + LONG).count();
        let free = ASKED_AT_ONCE.saturating_sub(busy);
        let due = (0..)
            .zip(timings.iter_mut())
            .filter(|(_, timing)| timing.is_used && !timing.under_way && timing.due <= now);
        for (at, timing) in due.take(free) {
            timing.under_way = true;
            timing.due = now;
            let inner = Arc::clone(self);
            // Nothing waits for a thread whose remote hangs.
            let begun = thread::Builder::new().name("ask".into()).spawn(move || inner.ask_or_tell(at));
            if begun.is_err() {
                timing.under_way = false;
            }
        }
        poll::next_due(&timings, now, NOTICE)
    }

    /// Asks a repository. One of which what it says can't be taken in is asked again later.
    fn ask_or_tell(&self, repository: usize) {
        if let Err(error) = caught(|| self.ask(repository)) {
            let (url, every) = {
                let state = self.state();
                let known = &state.plan.repositories[repository];
                (known.shown.clone(), known.every)
            };
            let news = News::Unreadable { revision: "HEAD".into(), why: error.message };
            self.tell.news(&news, (&url, Duration::ZERO));
            self.timings()[repository].asked(Instant::now(), false, (every, false), random());
            self.changed.notify_all();
        }
    }

    /// Asks a repository, and takes in what it says.
    pub(super) fn ask(&self, repository: usize) {
        let before = {
            let state = self.state();
            let rules =
                (0..).zip(&state.plan.rules).filter(|(_, rule)| rule.repository == repository && !rule.is_retired);
            let rules = rules.map(|(at, rule)| {
                let Sought { found, is_stale, .. } = &state.sought[at];
                Searched { at, rule: rule.clone(), known: found.clone(), is_stale: *is_stale }
            });
            let rules = rules.collect();
            Before { rules, heads: state.repositories[repository].heads.clone() }
        };
        let began = Instant::now();
        let (patience, cancel) = (self.operated().app.operator.value.git.patience(), self.cancel.child());
        let asked = caught(|| poll::poll(&self.place(repository), &before, (patience, &cancel))).flatten();
        let (went_well, took) = (asked.is_ok(), began.elapsed());
        let polled = asked.unwrap_or_else(|error| {
            let heads = before.rules.iter().filter_map(|searched| searched.rule.revision().cloned());
            let mut heads: BTreeMap<_, _> = heads.map(|revision| (revision, Err(error.message.clone()))).collect();
            if heads.is_empty() {
                heads.insert("HEAD".into(), Err(error.message.clone()));
            }
            Polled { heads, ..Polled::default() }
        });
        let (is_near, every) = {
            let mut state = self.state();
            let news = state.take_in(repository, polled);
            let known = &state.plan.repositories[repository];
            // Before anybody tells what became of it.
            if !self.cancel.is_cancelled() {
                news.iter().for_each(|news| self.tell.news(news, (&known.shown, took)));
            }
            (!GitSource::is_address(&known.url), known.every)
        };
        self.timings()[repository].asked(Instant::now(), went_well, (every, is_near), random());
        self.changed.notify_all();
    }
}
