//! `springline watch`.

mod pace;
mod pass;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use springline_engine::Ports;
use springline_engine::chain::Environment;
use springline_engine::event::Silent;
use springline_engine::heal::{Healed, heal};
use springline_engine::restraint::Unconfirmed;
use springline_engine::run::Report;
use springline_model::Cancel;
use springline_model::port::Store as _;
use springline_model::run::Place;

use self::pace::Paces;
use self::pass::{Came, Pass};
use super::error::CliError;
use super::run::Ready;
use super::{Common, Output, RevisionArgs};
use crate::app::{Owner, actor};
use crate::endpoint;
use crate::project::show_revision;
use crate::promotion;
use crate::show::time::duration;
use crate::show::{self, BAD, FAINT, GOOD, NOTE, paint};
use crate::socket;
use crate::socket::controls::{Controls, Looked, Looking, Notice, same_repository};

/// How long a request to stop may go unnoticed.
const NOTICE: Duration = Duration::from_millis(100);

/// Keeps what is deployed as it was deployed: drift is removed as soon as it is there.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline watch\n  springline watch --env production --every 60 -o json\n  \
                  springline watch --passes 1")]
pub struct Watch {
    /// Only this environment (may be given more than once)
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
    /// How often everything is looked at, whether something was heard of it or not
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// End after everything was looked at so many times; without it, go on until stopped
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    passes: Option<u64>,
    /// Listen for notifications by HTTP, at an address of this machine's own; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

impl Watch {
    /// Watches until it is stopped.
    ///
    /// # Errors
    /// What keeps it from beginning. What fails later is told and tried again.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let (sender, woken) = channel();
        let asked = sender.clone();
        let wake = move |place: &Place| drop(sender.send(place.clone()));
        let ready = Ready::watching(common, &RevisionArgs::default(), "watch", cancel, Arc::new(wake))?;
        let environments = ready.environments(&self.environments)?;
        let places = environments.iter().map(|environment| Place {
            application: ready.chain.application.clone(),
            environment: environment.name.clone(),
        });
        let controls = Arc::new(Waking {
            repository: common.repo.clone(),
            places: places.collect(),
            sender: asked,
            owner: Arc::downgrade(ready.app.owner()),
        });
        let _serving = socket::serve(ready.app.owner(), controls.clone(), cancel)?;
        let endpoint = self.listen.map(|address| endpoint::listen(address, controls)).transpose()?;
        if let Some(endpoint) = &endpoint {
            let address = endpoint.address();
            match common.output {
                Output::Json => show::json_line(&json!({ "listening": address }))?,
                Output::Text => show::line(format_args!("listening at http://{address}")),
            }
        }
        let mut watched = Watched::new(common, &ready, environments);
        let every = Duration::from_secs(self.every);
        for pass in 1.. {
            let began = Instant::now();
            watched.pass(pass, &woken, cancel)?;
            if self.passes == Some(pass) {
                break;
            }
            watched.listen(&woken, began + every, cancel)?;
            if cancel.is_cancelled() {
                break;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What wakes the loop.
struct Waking {
    repository: String,
    places: Vec<Place>,
    sender: Sender<Place>,
    owner: Weak<Owner>,
}

impl Controls for Waking {
    fn notify(&self, notice: &Notice) -> usize {
        let same = |address: &String| same_repository(address, &self.repository);
        let from_here = notice.repositories.is_empty() || notice.repositories.iter().any(same);
        let meant =
            |place: &&Place| from_here && notice.application.as_ref().is_none_or(|name| *name == place.application);
        let places: Vec<_> = self.places.iter().filter(meant).collect();
        // A loop that ended looks at nothing any more.
        places.iter().for_each(|place| drop(self.sender.send((*place).clone())));
        usize::from(!places.is_empty())
    }

    fn applications(&self) -> Vec<Looked> {
        let Some(application) = self.places.first().map(|place| place.application.clone()) else { return Vec::new() };
        let flights = self.owner.upgrade().map(|owner| owner.turns.flights()).unwrap_or_default();
        let state = match flights.iter().find(|flight| flight.wish.application == application) {
            Some(flight) => Looking::Running { run: flight.run },
            None => Looking::InSync,
        };
        vec![Looked { application, revision: None, state, error: None }]
    }
}

/// The environments that are watched.
struct Watched<'a> {
    common: &'a Common,
    ready: &'a Ready,
    actor: String,
    environments: Vec<&'a Environment>,
    paces: Paces,
}

impl<'a> Watched<'a> {
    fn new(common: &'a Common, ready: &'a Ready, environments: Vec<&'a Environment>) -> Self {
        Self { common, ready, actor: actor(), environments, paces: Paces::default() }
    }

    /// Looks at everything that does not pause, each once unless it changes, and before the next one at
    /// what has changed meanwhile.
    fn pass(&mut self, number: u64, woken: &Receiver<Place>, cancel: &Cancel) -> Result<(), CliError> {
        let began = Instant::now();
        let mut pass = Pass::default();
        for environment in self.environments.clone() {
            if cancel.is_cancelled() {
                return Ok(());
            }
            let places: Vec<Place> = woken.try_iter().collect();
            if !places.is_empty() {
                self.look_at_due(&places, &mut pass)?;
            }
            if pass.wants(&environment.name, self.paces.pauses(&environment.name, Instant::now())) {
                let came = self.look(environment)?;
                pass.note(&environment.name, came);
            }
        }
        self.tell(&pass, number, began.elapsed())
    }

    fn tell(&self, pass: &Pass<'_>, number: u64, took: Duration) -> Result<(), CliError> {
        let parts = pass.figures();
        if self.common.output == Output::Json {
            let mut told = json!({ "pass": number, "milliseconds": milliseconds(took) });
            parts.iter().for_each(|(word, n)| told[word] = json!(n));
            return show::json_line(&told);
        }
        let said = parts.iter().filter(|(_, n)| *n > 0).map(|(word, n)| format!("{n} {}", word.replace('-', " ")));
        let said: Vec<_> = said.collect();
        show::line(format_args!("{} {}", said.join(", "), paint(FAINT, duration(took))));
        Ok(())
    }

    /// Looks at what changed as soon as it has, and at what pauses when its pause is over, until
    /// everything is due.
    fn listen(&mut self, woken: &Receiver<Place>, until: Instant, cancel: &Cancel) -> Result<(), CliError> {
        while !cancel.is_cancelled() {
            let now = Instant::now();
            if now >= until {
                return Ok(());
            }
            let next = self.paces.next().map_or(until, |again| again.min(until));
            let notice = NOTICE.min(next.saturating_duration_since(now));
            let places = match woken.recv_timeout(notice) {
                Ok(place) => [place].into_iter().chain(woken.try_iter()).collect(),
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                // Nothing on these targets tells of changes: what is left is to look every now and then.
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(notice);
                    Vec::new()
                }
            };
            self.look_at_due(&places, &mut Pass::default())?;
        }
        Ok(())
    }

    fn look_at_due(&mut self, woken: &[Place], pass: &mut Pass<'a>) -> Result<(), CliError> {
        for environment in self.environments.clone() {
            let woken = woken.iter().any(|place| place.environment == environment.name);
            if self.paces.is_due(&environment.name, woken, Instant::now()) {
                let came = self.look(environment)?;
                pass.note(&environment.name, came);
            }
        }
        Ok(())
    }

    /// Looks at one environment, and repairs it if that is wanted.
    fn look(&mut self, environment: &'a Environment) -> Result<Came, CliError> {
        let began = Instant::now();
        let place = Place { application: self.ready.chain.application.clone(), environment: environment.name.clone() };
        let turn = self.ready.app.turn(&place.application, false)?;
        if self.ready.app.store.standing(&place).map_err(CliError::from)?.suspended.is_some() {
            return Ok(Came::Paused);
        }
        let observer = turn.observe(&Silent);
        let ports = self.ready.app.ports_in(&turn, &observer);
        match self.advance(ports, environment) {
            Ok(None) => {}
            Ok(Some(report)) => {
                self.paces.quiet(&environment.name, began);
                self.promoted(&environment.name, &report, began.elapsed())?;
                return Ok(Came::Promoted);
            }
            Err(error) => {
                let pause = self.paces.failed(&environment.name, (began, Instant::now()));
                self.complain(&environment.name, &error, pause)?;
                return Ok(Came::Failed);
            }
        }
        let healed = heal(ports, &place, (&environment.target, &environment.sync), &self.actor);
        let looked = (began, Instant::now());
        let came = match &healed {
            Ok(Healed::InSync) => Came::InSync,
            Ok(Healed::Drifted(_)) => Came::Drifted,
            Ok(Healed::NotDeployed) => Came::NotDeployed,
            Ok(Healed::Unconfirmed(_)) => Came::Unconfirmed,
            Ok(Healed::Repaired(_) | Healed::Finished(_)) => Came::Repaired,
            Err(_) => Came::Failed,
        };
        match healed {
            Ok(healed) => {
                let pause = match came {
                    Came::Repaired => self.paces.repaired(&environment.name, looked),
                    _ => {
                        self.paces.quiet(&environment.name, began);
                        None
                    }
                };
                self.report(&environment.name, &healed, (began.elapsed(), pause))?;
            }
            Err(error) => {
                let pause = self.paces.failed(&environment.name, looked);
                self.complain(&environment.name, &CliError::from(*error), pause)?;
            }
        }
        Ok(came)
    }

    /// Promotes what may be promoted without anybody asking.
    fn advance(&self, ports: Ports<'_>, environment: &Environment) -> Result<Option<Box<Report>>, CliError> {
        let app = &self.ready.app;
        let pick =
            |revision: &str| app.project.pick(&RevisionArgs { revision: Some(revision.to_owned()), worktree: false });
        let to = (self.ready.chain.application.as_str(), environment);
        promotion::advance((app, ports), to, pick, &self.actor)
    }

    fn promoted(&self, environment: &str, report: &Report, took: Duration) -> Result<(), CliError> {
        let Some(record) = report.synced.last().map(|synced| &synced.sealed.record) else { return Ok(()) };
        if self.common.output == Output::Json {
            let promoted = super::history::as_json(&report.synced[report.synced.len() - 1].sealed);
            let told = json!({ "environment": environment, "promoted": promoted, "milliseconds": milliseconds(took) });
            return show::json_line(&told);
        }
        let release = record.release.map(|release| release.short()).unwrap_or_default();
        show::line(format_args!(
            "{environment}: {} release {release} of {} {}",
            paint(GOOD, "promoted"),
            show_revision(&record.revision),
            paint(FAINT, duration(took))
        ));
        Ok(())
    }

    fn report(
        &self,
        environment: &str,
        healed: &Healed,
        (took, pause): (Duration, Option<Duration>),
    ) -> Result<(), CliError> {
        let changes: Vec<Value> = match healed {
            Healed::NotDeployed | Healed::InSync => return Ok(()),
            Healed::Unconfirmed(unconfirmed) => return self.wait(environment, unconfirmed),
            Healed::Drifted(changes) => changes.iter().map(|change| json!(change)).collect(),
            Healed::Repaired(report) | Healed::Finished(report) => {
                report.synced.iter().flat_map(|synced| &synced.done).map(|done| json!(done)).collect()
            }
        };
        let repaired = matches!(healed, Healed::Repaired(_) | Healed::Finished(_));
        if self.common.output == Output::Json {
            let what = if repaired { "repaired" } else { "drifted" };
            let mut told = json!({ "environment": environment, what: changes, "milliseconds": milliseconds(took) });
            if let Some(pause) = pause {
                told["again-after-milliseconds"] = json!(milliseconds(pause));
            }
            return show::json_line(&told);
        }
        let word = if repaired { paint(GOOD, "repaired") } else { paint(NOTE, "drifted") };
        show::line(format_args!("{environment}: {word} {}", paint(FAINT, duration(took))));
        for change in changes {
            let text = |key: &str| change[key].as_str().unwrap_or_default().to_owned();
            show::line(format_args!("  {} {} {}", text("action"), text("live"), paint(FAINT, text("summary"))));
        }
        if let Some(pause) = pause {
            let why = format_args!("  somebody undoes what is repaired: again in {} at the earliest", duration(pause));
            show::line(paint(NOTE, why));
        }
        Ok(())
    }

    /// Tells of removals that wait for a confirmation.
    fn wait(&self, environment: &str, unconfirmed: &Unconfirmed) -> Result<(), CliError> {
        if self.common.output == Output::Json {
            return show::json_line(&json!({ "environment": environment, "unconfirmed": unconfirmed }));
        }
        let Unconfirmed { removals, owned, limit, .. } = unconfirmed;
        let number = removals.len();
        show::line(format_args!(
            "{environment}: {} {number} of {owned} live objects would be removed, and {limit} needs a confirmation",
            paint(NOTE, "waits"),
        ));
        let way = format_args!("  springline sync --env {environment} --confirm-prune {number}");
        show::line(paint(FAINT, way));
        Ok(())
    }

    fn complain(&self, environment: &str, error: &CliError, pause: Duration) -> Result<(), CliError> {
        if self.common.output == Output::Json {
            return show::json_line(&json!({
                "environment": environment,
                "error": { "kind": error.kind.name(), "message": error.message, "hint": error.hint },
                "again-after-milliseconds": milliseconds(pause),
            }));
        }
        show::line(format_args!("{environment}: {} {}", paint(BAD, "failed"), error.message));
        show::line(paint(FAINT, format_args!("  again in {}", duration(pause))));
        Ok(())
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
