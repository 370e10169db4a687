//! What a worker does with one application: brings it to a commit, or looks whether it is still as it
//! was brought.

use std::sync::Arc;
use std::time::{Duration, Instant};

use springline_engine::Ports;
use springline_engine::build::Source;
use springline_engine::chain::{Chain, Environment};
use springline_engine::error::Reason;
use springline_engine::footprint::footprint;
use springline_engine::heal::{Healed, heal};
use springline_engine::remove::is_removal;
use springline_engine::run::{Observed, Request, Trust, Until, run};
use springline_engine::standing::{Obstacle, obstacle};
use springline_model::application::Application;
use springline_model::footprint::Footprint;
use springline_model::history::{Outcome, Record};
use springline_model::port::{Page, Revision, Seen, Sources as _, Store as _};
use springline_model::run::{Cause, Place};
use springline_source::GitSource;

use super::Inner;
use super::pass::Came;
use super::poll;
use super::queue::Id;
use super::state::{Look, WHOLE, spot_key};
use super::steer::Steer;
use super::tell::Told;
use crate::cli::error::{CliError, Kind};
use crate::cli::failure::explain;
use crate::paths;
use crate::project::{Configured, Picked};
use crate::repositories::Bound;
use crate::resolve;
use crate::site::Site;
use crate::turns::Turn;

/// What is to be done.
pub(super) struct Task {
    pub id: Id,
    pub name: Arc<str>,
    pub path: Arc<str>,
    pub wanted: Arc<Revision>,
    pub at: Option<Arc<Revision>>,
    pub look: Look,
    /// Whether it is known what it depends on.
    pub is_known: bool,
    pub place: Arc<poll::Place>,
    /// The repository, to be written to.
    pub bound: Arc<Bound>,
}

/// What it came to.
#[derive(Default)]
pub(super) struct Done {
    /// The application can't be read.
    pub problem: Option<CliError>,
    /// It is at the commit that it was to be brought to.
    pub there: bool,
    /// What it depends on there, if that was found out.
    pub footprint: Option<Footprint>,
    pub spots: Vec<(String, Came, Option<String>)>,
    /// What looks depended on that found nothing to do, by environment.
    pub seen: Vec<(String, Arc<dyn Seen>)>,
}

/// An application at a commit, ready to run.
pub(super) struct Loaded {
    pub picked: Picked,
    pub declared: Configured<Application>,
    pub chain: Chain,
}

/// What became of one environment, and what is told of it.
pub(super) type Sight = (Came, Option<String>);

impl Task {
    /// Its repository, as it was asked last.
    pub(super) fn source(&self) -> Result<Arc<GitSource>, CliError> {
        self.place.source().ok_or_else(|| CliError::new(Kind::Source, "the repository was not read yet"))
    }

    /// The application at a commit of that.
    pub(super) fn pick(&self, source: &GitSource, revision: &Revision) -> Result<Picked, CliError> {
        let tree = self.place.tree(source, revision)?;
        let site = Site { work_dir: source.work_dir().map(ToOwned::to_owned), directory: self.path.to_string() };
        Ok(Picked { revision: revision.clone(), tree, site, name: Some(self.name.to_string()) })
    }

    /// What it declares at a commit of its repository, ready to run.
    pub(super) fn load(&self, inner: &Inner, revision: &Revision) -> Result<Arc<Loaded>, CliError> {
        let key = (self.name.clone(), self.path.clone(), revision.id.clone());
        if let Some(known) = inner.recent(&key) {
            return Ok(known);
        }
        let source = self.source()?;
        let picked = self.pick(&source, revision)?;
        let declared = picked.application()?;
        let chain = resolve::chain(&inner.app, &picked, &declared)?;
        let loaded = Arc::new(Loaded { picked, declared, chain });
        inner.remember(key, loaded.clone());
        Ok(loaded)
    }

    /// Does it.
    pub(super) fn perform(&self, inner: &Inner, turn: &Turn, steer: &Steer) -> Done {
        let loaded = match self.load(inner, &self.wanted) {
            Ok(loaded) => loaded,
            Err(error) => return Done { problem: Some(error), ..Done::default() },
        };
        let observer = turn.observe(steer);
        let ports = Ports { repositories: Some(self.bound.as_ref()), ..inner.app.ports_in(turn, &observer) };
        let wanted = |environment: &&Environment| {
            inner.settings.environments.is_empty() || inner.settings.environments.contains(&environment.name)
        };
        let environments: Vec<&Environment> = loaded.chain.environments.iter().filter(wanted).collect();
        inner.state().set_spots(self.id, environments.iter().map(|environment| environment.name.as_str()));
        let mut done = Done { there: true, ..Done::default() };
        for (at, environment) in environments.iter().enumerate() {
            if ports.cancel.is_cancelled() {
                done.there = false;
                break;
            }
            let one = One { task: self, inner, loaded: &loaded, ports, environment, key: spot_key(self.id, at), steer };
            let (there, seen) = one.see_to();
            done.there &= there;
            if let (Some(Came::InSync), Some(held)) = (seen.as_ref().map(|(came, _)| *came), steer.take_seen()) {
                done.seen.push((environment.name.clone(), held));
            }
            done.spots.extend(seen.map(|(came, why)| (environment.name.clone(), came, why)));
        }
        let is_new = self.at.as_ref().is_none_or(|at| at.id != self.wanted.id) || !self.is_known;
        if done.there && is_new {
            // What is not known is never left out.
            let found = depends_on(ports, &loaded, &environments);
            done.footprint = Some(found.unwrap_or_else(|_| Footprint::of_everything()));
        }
        done
    }
}

/// What an application depends on at a commit.
fn depends_on(ports: Ports<'_>, loaded: &Loaded, environments: &[&Environment]) -> Result<Footprint, Reason> {
    let Loaded { picked, declared, chain } = loaded;
    if !declared.value.deliver.is_empty() {
        return Ok(Footprint::of_everything());
    }
    let mut files = Footprint::default();
    let steps = declared.value.artifacts.values().flat_map(|artifact| &artifact.steps).map(|step| &step.plugin);
    let renders = declared.value.environments.values().map(|environment| &environment.render.plugin);
    let plugins = steps.chain(renders).filter(|plugin| plugin.starts_with("./"));
    for file in [paths::APPLICATION, paths::LOCK].into_iter().chain(plugins.map(String::as_str)) {
        files.add_path(&picked.site.path(file));
    }
    let taken = declared.value.artifacts.values().filter_map(|artifact| artifact.taken.as_ref());
    taken.for_each(|taken| files.add_path(&picked.site.path(&taken.file)));
    let source = Source { revision: &picked.revision, tree: picked.tree.as_ref() };
    let pushed: Vec<&Environment> =
        environments.iter().copied().filter(|environment| environment.promote_from.is_none()).collect();
    footprint(ports, chain, &pushed, source, files)
}

/// One environment of a task.
pub(super) struct One<'a> {
    pub task: &'a Task,
    pub inner: &'a Inner,
    loaded: &'a Loaded,
    pub ports: Ports<'a>,
    pub environment: &'a Environment,
    key: super::state::Key,
    pub steer: &'a Steer,
}

impl One<'_> {
    pub(super) fn place(&self) -> Place {
        Place { application: self.task.name.to_string(), environment: self.environment.name.clone() }
    }

    pub(super) fn named(&self) -> (&str, &str) {
        (&self.task.name, &self.environment.name)
    }

    /// Brings it to the commit, or looks at it. Whether it is as the commit wants it, and what it came
    /// to if it was looked at.
    fn see_to(&self) -> (bool, Option<Sight>) {
        let pause = self.inner.state().paces.pauses(&self.key, Instant::now());
        if pause.is_some() {
            return (false, None);
        }
        match self.decide() {
            Ok(Decision::Deploy) => self.deploy(),
            Ok(Decision::Leave(came, why)) => (true, Some((came, Some(why)))),
            Ok(Decision::Behind(why)) => {
                let (_, seen) = self.look();
                let seen = seen.map(|(came, told)| match came {
                    Came::InSync | Came::NotDeployed => (Came::OutOfSync, Some(why.clone())),
                    came => (came, told),
                });
                (true, seen.or(Some((Came::OutOfSync, Some(why)))))
            }
            Ok(Decision::Look) => self.look_and_move_on(),
            Err(reason) => (false, Some(self.fail((Instant::now(), Instant::now()), &reason.into()))),
        }
    }

    /// Tells a failure, and how long it pauses for that.
    pub(super) fn fail(&self, looked: (Instant, Instant), error: &CliError) -> Sight {
        let pause = {
            let mut state = self.inner.state();
            let pause = state.paces.failed(&self.key, looked);
            self.inner.wait_for(&mut state, self.key);
            pause
        };
        let (application, environment) = self.named();
        self.inner.tell.failed((application, Some(environment)), error, pause);
        (Came::Failed, Some(error.message.clone()))
    }

    fn deploy(&self) -> (bool, Option<Sight>) {
        let began = Instant::now();
        let Loaded { picked, declared, chain } = self.loaded;
        let request = Request {
            chain,
            source: Source { revision: &picked.revision, tree: picked.tree.as_ref() },
            environments: &[self.environment],
            until: Until::Record,
            cause: &Cause::Push,
            actor: &self.inner.actor,
            trust: Trust::Kept,
            observed: Observed::default(),
            only: None,
            prune_all: false,
            note: None,
            moved: None,
        };
        match run(self.ports, request) {
            Ok(report) => {
                self.inner.state().paces.quiet(&self.key, began);
                self.inner.tell.changed(self.named(), &Told::Deployed(&report), (began.elapsed(), None));
                (true, Some((Came::Deployed, None)))
            }
            Err(_) if self.steer.is_superseded() => {
                self.inner.tell.superseded(self.named(), &picked.revision.id);
                (false, None)
            }
            Err(_) if self.inner.cancel.is_cancelled() => (false, None),
            Err(failure) => {
                if let Reason::Unconfirmed(unconfirmed) = &failure.0.reason {
                    self.inner.tell.unconfirmed(self.named(), unconfirmed);
                    return (true, Some((Came::Unconfirmed, Some(failure.0.reason.to_string()))));
                }
                let error = explain(chain, &declared.document, failure);
                (false, Some(self.fail((began, Instant::now()), &error)))
            }
        }
    }

    /// Looks at it, and moves a release onward to it if there is one whose gates are open.
    fn look_and_move_on(&self) -> (bool, Option<Sight>) {
        let (there, seen) = self.look();
        let calm = matches!(seen, Some((Came::InSync | Came::NotDeployed | Came::Repaired, _)));
        match &self.environment.promote_from {
            Some(from) if calm => {
                let moved = self.move_on(from);
                // A release that waits for something is not seen by who looks at files.
                let _ = self.steer.take_seen();
                (there, moved.or(seen))
            }
            _ => (there, seen),
        }
    }

    /// Looks whether what was deployed last is still what is live.
    fn look(&self) -> (bool, Option<Sight>) {
        if !self.task.look.means(&self.environment.name) {
            return (true, None);
        }
        let began = Instant::now();
        let healed =
            heal(self.ports, &self.place(), (&self.environment.target, &self.environment.sync), &self.inner.actor);
        let looked = (began, Instant::now());
        let seen = match healed {
            Ok(Healed::Repaired(report) | Healed::Finished(report)) => {
                let pause = {
                    let mut state = self.inner.state();
                    let pause = state.paces.repaired(&self.key, looked);
                    self.inner.wait_for(&mut state, self.key);
                    pause
                };
                self.inner.tell.changed(self.named(), &Told::Repaired(&report), (began.elapsed(), pause));
                (Came::Repaired, None)
            }
            Ok(healed) => {
                self.inner.state().paces.quiet(&self.key, began);
                match healed {
                    Healed::Drifted(changes) => {
                        self.inner.tell.changed(self.named(), &Told::Drifted(&changes), (began.elapsed(), None));
                        (Came::Drifted, None)
                    }
                    Healed::Unconfirmed(unconfirmed) => {
                        self.inner.tell.unconfirmed(self.named(), &unconfirmed);
                        (Came::Unconfirmed, Some(unconfirmed.to_string()))
                    }
                    Healed::NotDeployed => (Came::NotDeployed, None),
                    _ => (Came::InSync, None),
                }
            }
            Err(_) if self.inner.cancel.is_cancelled() || self.steer.is_superseded() => return (true, None),
            Err(error) => self.fail(looked, &CliError::from(*error)),
        };
        (true, Some(seen))
    }

    fn decide(&self) -> Result<Decision, Reason> {
        let place = self.place();
        let obstacle = obstacle(self.ports, &place, self.environment, (&Cause::Push, &self.task.wanted.id))?;
        if let Some(Obstacle::Suspended(_)) = &obstacle {
            return Ok(Decision::Leave(Came::Suspended, obstacle.map(|told| told.to_string()).unwrap_or_default()));
        }
        if self.task.at.as_ref().is_some_and(|at| at.id == self.task.wanted.id) {
            return Ok(Decision::Look);
        }
        // What was removed as nothing found it any more is back.
        let last = self.last(&place)?.filter(|record| !is_removal(record));
        if last.as_ref().is_some_and(|record| self.is_done(record)) {
            return Ok(Decision::Look);
        }
        if let Some(Obstacle::Pinned(_) | Obstacle::Promoted { .. }) = &obstacle {
            return Ok(Decision::Look);
        }
        let deployed = last.as_ref().filter(|record| record.outcome == Outcome::Succeeded);
        if let Some(record) = deployed
            && record.cause != Cause::Rollback
            && self.changed_nothing_since(&record.revision)
        {
            return Ok(Decision::Look);
        }
        let revision = crate::project::show_revision(&self.task.wanted.id);
        Ok(match obstacle {
            Some(Obstacle::Manual) => {
                Decision::Behind(format!("{revision} is there, and is deployed when somebody asks"))
            }
            Some(obstacle) => Decision::Behind(format!("{revision} is there: {obstacle}")),
            None => Decision::Deploy,
        })
    }

    fn last(&self, place: &Place) -> Result<Option<Record>, springline_model::port::StoreError> {
        Ok(self.inner.app.store.history(&Page::of(place, 1))?.records.into_iter().next().map(|sealed| sealed.record))
    }

    /// Whether a sync has brought the commit. A repair is of what was deployed before.
    fn is_done(&self, record: &Record) -> bool {
        record.revision == self.task.wanted.id && (record.outcome == Outcome::Succeeded || record.cause == Cause::Drift)
    }

    /// Whether nothing that it depends on has changed since a commit, as far as is known.
    fn changed_nothing_since(&self, revision: &str) -> bool {
        let check = || -> Result<bool, CliError> {
            let Some(source) = self.task.place.source() else { return Ok(false) };
            let old = source.resolve(revision)?;
            let loaded = self.task.load(self.inner, &old)?;
            let environment = loaded.chain.environments.iter().find(|known| known.name == self.environment.name);
            let Some(environment) = environment else { return Ok(false) };
            let depends = depends_on(self.ports, &loaded, &[environment])
                .map_err(|reason| CliError::new(Kind::State, reason.to_string()))?;
            Ok(!depends.meets(&source.changed(&old, &self.task.wanted)?))
        };
        // What can't be told is deployed.
        check().unwrap_or(false)
    }
}

/// What is done with an environment.
enum Decision {
    Deploy,
    Look,
    Leave(Came, String),
    /// Something newer is there, and a person brings it.
    Behind(String),
}

/// Works until the loop ends.
pub(super) fn work(inner: &Inner) {
    while let Some(task) = inner.next_task() {
        let Some(turn) = inner.app.try_turn(&task.name, false) else {
            // A verb of somebody's is under way; when it ends, it is told.
            inner.later(task.id, Duration::from_secs(1), task.look);
            continue;
        };
        let steer = Arc::new(Steer::new(turn.cancel().clone()));
        inner.begun(task.id, steer.clone(), task.wanted.id.clone());
        let done = task.perform(inner, &turn, &steer);
        drop(turn);
        inner.ended(&task, done);
    }
}

/// The pause of an application that can't be read.
pub(super) const fn whole(id: Id) -> super::state::Key {
    (id, WHOLE)
}
