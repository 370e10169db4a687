//! What a worker does with one application: brings it to a commit, or looks whether it is still as it
//! was brought.

use std::sync::Arc;
use std::time::{Duration, Instant};

use springline_engine::Ports;
use springline_engine::chain::{Chain, Environment};
use springline_engine::deliver;
use springline_engine::error::Reason;
use springline_engine::footprint::footprint;
use springline_engine::heal::heal;
use springline_engine::record::settle_when_due;
use springline_engine::release::is_by_others;
use springline_engine::remove::is_removal;
use springline_engine::run::{Request, run};
use springline_engine::standing::{Obstacle, obstacle};
use springline_model::application::Application;
use springline_model::footprint::Footprint;
use springline_model::history::{Outcome, Record};
use springline_model::newest::Newest;
use springline_model::port::{Revision, Seen, Sources as _};
use springline_model::run::{Cause, Origin, Place, Stage};
use springline_source::GitSource;

use super::caught::caught;
use super::look::{At, Sight};
use super::pace::Part;
use super::pass::Came;
use super::queue::Id;
use super::state::Look;
use super::steer::Steer;
use super::tell::Told;
use super::{Inner, poll};
use crate::app::App;
use crate::cli::error::{CliError, Kind};
use crate::cli::failure::explain;
use crate::paths;
use crate::project::{Configured, Picked, newer};
use crate::repositories::Bound;
use crate::resolve::{self, Unbound};
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
    /// Those of its environments that were suspended when they were looked at last.
    pub suspended: Vec<Arc<str>>,
    /// Whether it could not be read, and pauses for that.
    pub rests: bool,
    pub place: Arc<poll::Place>,
    /// What it is worked on with.
    pub app: Arc<App>,
    /// The repository, to be written to.
    pub bound: Arc<Bound>,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether nothing finds it any more, and all of it is to be removed.
    pub leaves: bool,
    /// How often what it is made of was another when it began.
    pub era: u64,
}

/// What it came to.
#[derive(Default)]
pub(super) struct Done {
    /// The application can't be read.
    pub problem: Option<CliError>,
    /// Why something of it could not be handed over.
    pub undelivered: Option<String>,
    /// When there is something to be tried again.
    pub again: Option<Duration>,
    /// It pauses as it could not be read.
    pub rests: bool,
    /// All that it was to be brought to that commit for was done.
    pub there: bool,
    /// Whether every commit is handed over to other repositories.
    pub delivers: bool,
    /// All of it was removed that is to be.
    pub left: bool,
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
    /// Its environments that have no target.
    pub unbound: Unbound,
}

impl Task {
    /// Its repository, as it was asked last.
    pub(super) fn source(&self) -> Result<Arc<GitSource>, CliError> {
        self.place.source().ok_or_else(|| CliError::new(Kind::Source, "the repository was not read yet"))
    }

    /// The application at a commit of that.
    pub(super) fn pick(&self, source: &GitSource, revision: &Revision) -> Result<Picked, CliError> {
        let tree = self.place.tree(source, revision)?;
        let site = Site { work_dir: source.work_dir().map(ToOwned::to_owned), directory: self.path.to_string() };
        let newer = newer(source, revision);
        Ok(Picked { revision: revision.clone(), tree, site, name: Some(self.name.to_string()), newer })
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
        let (chain, unbound) = resolve::chain_where_bound(&self.app, &picked, &declared)?;
        let loaded = Arc::new(Loaded { picked, declared, chain, unbound });
        if loaded.unbound.is_empty() {
            inner.remember(key, loaded.clone(), &self.app);
        }
        Ok(loaded)
    }

    /// Does it.
    pub(super) fn perform(&self, inner: &Inner, turn: &Turn, steer: &Steer) -> Done {
        let observer = turn.observe(steer);
        let ports = Ports { repositories: Some(self.bound.as_ref()), ..self.app.ports_in(turn, &observer) };
        if self.leaves {
            return self.leave(inner, ports, steer);
        }
        if self.rests {
            self.keep_all(inner, ports, steer);
            return Done { rests: true, ..Done::default() };
        }
        let loaded = match self.load(inner, &self.wanted) {
            Ok(loaded) => loaded,
            Err(error) => {
                self.keep_all(inner, ports, steer);
                return Done { problem: Some(error), ..Done::default() };
            }
        };
        let all = &loaded.declared.value.environments;
        let meant: Vec<_> = all.iter().filter(|(name, _)| inner.settings.means(name)).collect();
        let names: Vec<&str> = meant.iter().map(|(name, _)| name.as_str()).collect();
        let bound = loaded.chain.environments.iter();
        let environments: Vec<&Environment> = bound.filter(|known| inner.settings.means(&known.name)).collect();
        let deliveries = loaded.chain.deliveries.iter();
        let deliveries: Vec<String> =
            deliveries.map(|delivery| deliver::place(&self.name, &delivery.name).environment).collect();
        let gone = {
            let mut state = inner.state();
            let all: Vec<&str> = all.keys().map(String::as_str).collect();
            let gone = state.gone_of(self.id, &all);
            state.set_spots(self.id, &names);
            let all: Vec<&str> = names.iter().copied().chain(deliveries.iter().map(String::as_str)).collect();
            state.paces.keep(self.id, &all);
            gone
        };
        gone.iter().for_each(|environment| inner.tell.environment_gone((&self.name, environment)));
        let is_new = self.at.as_ref().is_none_or(|at| at.id != self.wanted.id) || !self.is_known;
        let mut done = Done { there: true, delivers: !deliveries.is_empty(), ..Done::default() };
        let (mut failed, mut stands) = (false, Vec::new());
        for (name, declared) in meant {
            if ports.cancel.is_cancelled() {
                done.there = false;
                break;
            }
            if is_new {
                let by_itself = declared.sync.automated && declared.promote_from.is_none();
                if let Err(error) = self.claim(name, by_itself) {
                    return Done { problem: Some(error.into()), ..done };
                }
            }
            let at = At { task: self, inner, ports, environment: name, steer };
            let (stand, seen) = if let Some(error) = loaded.unbound.get(name) {
                at.without_target(error)
            } else if let Some(environment) = environments.iter().find(|known| known.name == *name) {
                let one = One { at, loaded: &loaded, environment };
                let seen = one.see_to();
                one.at.check(&loaded.chain);
                seen
            } else {
                // What is in no chain is not there.
                (Stand::Under, None)
            };
            done.there &= stand != Stand::Under;
            failed |= stand == Stand::Under && matches!(seen, Some((Came::Failed, _)));
            stands.push(stand);
            if let (Some(Came::InSync), Some(held)) = (seen.as_ref().map(|(came, _)| *came), steer.take_seen()) {
                done.seen.push((name.clone(), held));
            }
            done.spots.extend(seen.map(|(came, why)| (name.clone(), came, why)));
        }
        // What could not be told is tried again, however quiet it is. What the store reports is told by looks.
        done.again = settle_when_due(ports, &self.name).unwrap_or_default();
        if done.there && is_handed_over(&stands) && inner.settings.environments.is_empty() {
            done.undelivered = self.hand_over(inner, ports, &loaded, steer);
        } else {
            inner.state().paces.keep(self.id, &names);
        }
        if done.there && is_new || failed {
            // What is not known is never left out. What failed is tried again for what it depends on.
            let found = depends_on(ports, &loaded, &environments);
            done.footprint = Some(found.unwrap_or_else(|_| Footprint::of_everything()));
        }
        done
    }
}

/// What an application depends on at a commit.
fn depends_on(ports: Ports<'_>, loaded: &Loaded, environments: &[&Environment]) -> Result<Footprint, Reason> {
    let Loaded { picked, declared, chain, .. } = loaded;
    let mut files = Footprint::default();
    let steps = declared.value.artifacts.values().flat_map(|artifact| &artifact.steps).map(|step| &step.plugin);
    let renders = declared.value.environments.values().map(|environment| &environment.render.plugin);
    let plugins = steps.chain(renders).filter(|plugin| plugin.starts_with("./"));
    for file in [paths::APPLICATION, paths::LOCK].into_iter().chain(plugins.map(String::as_str)) {
        files.add_path(&picked.site.path(file));
    }
    let taken = declared.value.artifacts.values().filter_map(|artifact| artifact.taken.as_ref());
    taken.for_each(|taken| files.add_path(&picked.site.path(&taken.file)));
    let source = picked.source();
    let pushed: Vec<&Environment> =
        environments.iter().copied().filter(|environment| environment.promote_from.is_none()).collect();
    footprint(ports, chain, &pushed, source, files)
}

/// How an environment stands to the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// It is at it, or has what is promoted to it or what it is pinned to.
    There,
    /// People bring commits there, or want it to be left alone.
    Aside,
    /// It is not at it, and waits for a person.
    Behind,
    /// It is still to be brought there.
    Under,
}

/// Whether a commit is handed over, as the environments stand to it: it has to have come somewhere, and have
/// failed nowhere.
fn is_handed_over(stands: &[Stand]) -> bool {
    stands.is_empty()
        || stands.contains(&Stand::There) && stands.iter().all(|stand| matches!(stand, Stand::There | Stand::Aside))
}

/// One environment of a task, as the commit declares it.
pub(super) struct One<'a> {
    pub at: At<'a>,
    loaded: &'a Loaded,
    pub environment: &'a Environment,
}

impl One<'_> {
    /// Brings it to the commit, or looks at it. How it stands to the commit then, and what it came to if it was
    /// looked at.
    fn see_to(&self) -> (Stand, Option<Sight>) {
        match self.decide() {
            Ok(Decision::Deploy) if self.at.pauses(Part::Deploy) => {
                self.at.keep();
                (Stand::Under, None)
            }
            Ok(Decision::Deploy) => self.deploy(),
            Ok(Decision::Leave(why)) => {
                self.at.forget(Part::Look);
                self.at.forget(Part::Deploy);
                (Stand::Aside, Some((Came::Suspended, Some(why))))
            }
            Ok(Decision::Behind(stand, why)) => {
                self.at.forget(Part::Deploy);
                let seen = self.at.keep().map(|(came, told)| match came {
                    Came::InSync | Came::NotDeployed => (Came::OutOfSync, Some(why.clone())),
                    came => (came, told),
                });
                (stand, seen.or(Some((Came::OutOfSync, Some(why)))))
            }
            Ok(Decision::Look) => {
                self.at.forget(Part::Deploy);
                (if self.waits() { Stand::Behind } else { Stand::There }, self.look_and_move_on())
            }
            Err(reason) => {
                let now = Instant::now();
                (Stand::Under, Some(self.at.fail(Part::Deploy, (now, now), &reason.into())))
            }
        }
    }

    /// Whether the last try to bring it to the commit did not succeed, and is not made again: it waits for a
    /// confirmation. Nobody asks where nothing is handed over.
    fn waits(&self) -> bool {
        let has_failed = |last: &Record| last.revision == self.at.task.wanted.id && last.outcome != Outcome::Succeeded;
        let last = || self.at.ports.store.newest(&self.at.place(), Newest::Attempt);
        // What is not known is not handed over.
        !self.loaded.chain.deliveries.is_empty()
            && !last().is_ok_and(|last| last.is_none_or(|last| !has_failed(&last.record)))
    }

    fn deploy(&self) -> (Stand, Option<Sight>) {
        let began = Instant::now();
        let Loaded { picked, declared, chain, .. } = self.loaded;
        let inner = self.at.inner;
        let environments = [self.environment];
        let request = Request::new(chain, picked.source(), &Cause::Push, &inner.actor);
        let request = Request { environments: &environments, ..request };
        match run(self.at.ports, request) {
            Ok(report) => {
                self.at.forget(Part::Deploy);
                self.at.quiet(began);
                if let Some((_, obstacle)) = report.skipped.first() {
                    // Somebody was quicker; the next look tells what it is for.
                    let came =
                        if matches!(obstacle, Obstacle::Suspended(_)) { Came::Suspended } else { Came::OutOfSync };
                    return (Stand::Behind, Some((came, Some(obstacle.to_string()))));
                }
                inner.tell.changed(self.at.named(), &Told::Deployed(&report), (began.elapsed(), None));
                (Stand::There, Some((Came::Deployed, None)))
            }
            Err(_) if self.at.steer.is_superseded() => {
                inner.tell.superseded(self.at.named(), &picked.revision.id);
                (Stand::Under, None)
            }
            Err(_) if inner.cancel.is_cancelled() => (Stand::Under, None),
            Err(failure) => {
                if let Reason::Unconfirmed(unconfirmed) = &failure.0.reason {
                    return (Stand::Behind, Some(self.at.wait(unconfirmed)));
                }
                let is_untouched = failure.0.stage < Stage::Plan;
                let error = explain(chain, &declared.document, failure);
                let seen = self.at.fail(Part::Deploy, (began, Instant::now()), &error);
                if is_untouched {
                    self.at.keep();
                }
                (Stand::Under, Some(seen))
            }
        }
    }

    /// Looks at it, and moves a release onward to it if there is one whose gates are open.
    fn look_and_move_on(&self) -> Option<Sight> {
        let Environment { target, sync, .. } = self.environment;
        let look = || self.at.look(|ports, place, actor| heal(ports, place, (target, sync), actor));
        let seen = look();
        let calm = matches!(seen, Some((Came::InSync | Came::NotDeployed | Came::Repaired, _)));
        match &self.environment.promote_from {
            Some(from) if calm => {
                let moved = match self.move_on(from) {
                    // Another look tells what for.
                    Some((Came::Unconfirmed, _)) => look(),
                    moved => moved,
                };
                // A release that waits for something is not seen by who looks at files.
                let _ = self.at.steer.take_seen();
                moved.or(seen)
            }
            _ => seen,
        }
    }

    fn decide(&self) -> Result<Decision, Reason> {
        let (place, task) = (self.at.place(), self.at.task);
        let obstacle = obstacle(self.at.ports, &place, self.environment, (&Cause::Push, &task.wanted.id))?;
        if let Some(suspended @ Obstacle::Suspended(_)) = &obstacle {
            return Ok(Decision::Leave(suspended.to_string()));
        }
        // What was held before is not there yet, though the application is.
        let was_held = || -> Result<bool, Reason> {
            let was_suspended = task.suspended.iter().any(|environment| **environment == *self.environment.name);
            Ok(was_suspended || self.at.ports.store.standing(&place)?.unpinned.is_some())
        };
        let is_kept_back = matches!(&obstacle, Some(Obstacle::Manual | Obstacle::RolledBack(_)));
        let is_there = task.at.as_ref().is_some_and(|at| at.id == task.wanted.id);
        if is_there && !is_kept_back && !was_held()? {
            return Ok(Decision::Look);
        }
        // What was removed as nothing found it any more is back.
        let last = self.at.last()?.filter(|record| !is_removal(record));
        let last = match last {
            Some(record) if self.is_by_others(&place, &record)? => None,
            last => last,
        };
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
        let revision = crate::project::show_revision(&task.wanted.id);
        Ok(match obstacle {
            Some(Obstacle::Manual) => {
                Decision::Behind(Stand::Aside, format!("{revision} is there, and is deployed when somebody asks"))
            }
            Some(obstacle) => Decision::Behind(Stand::Behind, format!("{revision} is there: {obstacle}")),
            None => Decision::Deploy,
        })
    }

    /// Whether the operator has changed the plugins since.
    fn is_by_others(&self, place: &Place, record: &Record) -> Result<bool, Reason> {
        let Some(id) = record.release else { return Ok(false) };
        let release = self.at.ports.store.releases(Some(place), &id.hex())?.into_iter().next();
        Ok(release.is_some_and(|release| is_by_others(&release, &self.loaded.chain, self.environment)))
    }

    /// Whether a sync has brought the commit. A repair is of what was deployed before.
    fn is_done(&self, record: &Record) -> bool {
        record.revision == self.at.task.wanted.id
            && (record.outcome == Outcome::Succeeded || record.cause == Cause::Drift)
    }

    /// Whether nothing that it depends on has changed since a commit, as far as is known.
    fn changed_nothing_since(&self, revision: &str) -> bool {
        let check = || -> Result<bool, CliError> {
            let task = self.at.task;
            let Some(source) = task.place.source() else { return Ok(false) };
            let old = source.resolve(revision)?;
            let loaded = task.load(self.at.inner, &old)?;
            let environment = loaded.chain.environments.iter().find(|known| known.name == self.environment.name);
            let Some(environment) = environment else { return Ok(false) };
            let depends = depends_on(self.at.ports, &loaded, &[environment])
                .map_err(|reason| CliError::new(Kind::State, reason.to_string()))?;
            Ok(!depends.meets(&source.changed(&old, &task.wanted)?))
        };
        // What can't be told is deployed.
        check().unwrap_or(false)
    }
}

/// What is done with an environment.
enum Decision {
    Deploy,
    Look,
    /// Somebody said that it is to be left alone.
    Leave(String),
    /// Something newer is there, and a person brings it.
    Behind(Stand, String),
}

/// Works until the loop ends, or there are enough who do.
pub(super) fn work(inner: &Inner) {
    let _hired = Hired(inner);
    while let Some(task) = inner.next_task() {
        let Some(turn) = task.app.try_turn(&task.name, false) else {
            // A verb of somebody's is under way; when it ends, it is told.
            inner.later(task.id, Duration::from_secs(1), task.look);
            continue;
        };
        let steer = Arc::new(Steer::new(turn.cancel().clone()));
        inner.begun(task.id, steer.clone(), task.wanted.id.clone());
        let done = caught(|| task.perform(inner, &turn, &steer))
            .unwrap_or_else(|bug| Done { problem: Some(bug), ..Done::default() });
        drop(turn);
        inner.ended(&task, done);
    }
}

/// A thread that works.
struct Hired<'a>(&'a Inner);

impl Drop for Hired<'_> {
    fn drop(&mut self) {
        self.0.state().crew.left();
    }
}

#[cfg(test)]
mod tests {
    use super::Stand::{Aside, Behind, There, Under};
    use super::is_handed_over;

    #[test]
    fn what_failed_somewhere_or_came_nowhere_is_not_handed_over() {
        for stands in [&[][..], &[There], &[There, Aside], &[Aside, There, There]] {
            assert!(is_handed_over(stands), "{stands:?}");
        }
        for stands in [&[Aside][..], &[Aside, Aside], &[There, Behind], &[Behind], &[There, Under], &[Aside, Behind]] {
            assert!(!is_handed_over(stands), "{stands:?}");
        }
    }
}
