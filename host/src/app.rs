//! The wiring: the one place that names the concrete store, blobs, source and runtime.

mod owner;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use springline_blobs::DiskBlobs;
use springline_cluster::{KubeClusters, Options as Following};
use springline_engine::Ports;
use springline_engine::event::Observer;
use springline_model::operator::Operator;
use springline_model::plugin::Fault;
use springline_model::port::{Blobs, Clock, Clusters, Plugins, Registry, Store as _};
use springline_model::run::{Place, Timestamp};
use springline_model::trust::RegistrySettings;
use springline_model::{Cancel, Digest};
use springline_registry::{OciRegistry, RegistryConfig};
use springline_runtime::{Compiler, Interfaces, Network, Runtime, RuntimeConfig};
use springline_source::GitSource;
use springline_store::SledStore;

use crate::cli::Common;
use crate::cli::error::{CliError, Kind};
use crate::control::whole_address;
use crate::project::{Configured, Project};
use crate::repositories::Bound;
use crate::show::console;
use crate::turns::{Turn, Wish};
use crate::{COMPILE_VERB, builtin};

pub use self::owner::{BEGINNING, Owner, TRY_EVERY};

/// Told of a place whose live objects have changed.
pub type Wake = Arc<dyn Fn(&Place) + Send + Sync>;

/// All parts, put together.
pub struct App {
    /// The repository and the state directory.
    pub project: Project,
    /// Runs, releases, inventories, kept results, history.
    pub store: Arc<SledStore>,
    /// Bytes by digest.
    pub blobs: Arc<DiskBlobs>,
    /// Runs plugins.
    pub plugins: Arc<Runtime>,
    /// The operator's file.
    pub operator: Configured<Operator>,
    /// Git repositories that are written to.
    pub repositories: Bound,
    registry: OnceLock<OciRegistry>,
    clock: SystemClock,
    cancel: Cancel,
    owner: Arc<Owner>,
    verb: String,
}

impl App {
    /// Puts the parts together for a verb.
    ///
    /// # Errors
    /// What the parts report.
    pub fn open(common: &Common, project: Project, verb: &str, cancel: &Cancel) -> Result<Self, CliError> {
        Self::open_by(common, project, verb, cancel, Following::default())
    }

    /// As [`App::open`], for a verb that looks at many environments: clusters are followed, so that
    /// their objects are listed and not asked for one by one.
    ///
    /// # Errors
    /// What the parts report.
    pub fn open_for_many(common: &Common, project: Project, verb: &str, cancel: &Cancel) -> Result<Self, CliError> {
        Self::open_by(common, project, verb, cancel, Following { watch: true, ..Following::default() })
    }

    /// As [`App::open`], for a process that stays: clusters are followed, and `wake` is told of the
    /// places whose objects have changed there.
    ///
    /// # Errors
    /// What the parts report.
    pub fn open_watching(
        common: &Common,
        project: Project,
        verb: &str,
        cancel: &Cancel,
        wake: Wake,
    ) -> Result<Self, CliError> {
        let following = Following { watch: true, on_change: Some(wake), ..Following::default() };
        Self::open_by(common, project, verb, cancel, following)
    }

    fn open_by(
        common: &Common,
        project: Project,
        verb: &str,
        cancel: &Cancel,
        following: Following,
    ) -> Result<Self, CliError> {
        let owner = Self::owner_by(common, project.state(), verb, cancel, following)?;
        let operator = project.operator()?;
        Self::of(owner, (project, operator), verb, cancel)
    }

    /// The owner of a state directory: this process, if it is not yet.
    ///
    /// # Errors
    /// Another owner; what the parts report.
    pub fn owner_of(common: &Common, state: &Path, verb: &str, cancel: &Cancel) -> Result<Arc<Owner>, CliError> {
        Self::owner_by(common, state, verb, cancel, Following::default())
    }

    fn owner_by(
        common: &Common,
        state: &Path,
        verb: &str,
        cancel: &Cancel,
        following: Following,
    ) -> Result<Arc<Owner>, CliError> {
        match &common.session.owner {
            Some(owner) if owner.owns(state) => Ok(Arc::clone(owner)),
            _ => Ok(Arc::new(Owner::become_one(common, state, verb, cancel, following)?)),
        }
    }

    /// The parts of a directory that this process owns, and this operator's file.
    ///
    /// # Errors
    /// What the parts report.
    pub fn of(
        owner: Arc<Owner>,
        (project, operator): (Project, Configured<Operator>),
        verb: &str,
        cancel: &Cancel,
    ) -> Result<Self, CliError> {
        let plugins = owner.runtime(&operator.value)?;
        let repositories = Bound::new(project.repository(), &operator.value, project.state(), cancel);
        Ok(Self {
            project,
            repositories,
            store: Arc::clone(&owner.store),
            blobs: Arc::clone(&owner.blobs),
            plugins,
            operator,
            registry: OnceLock::new(),
            clock: SystemClock,
            cancel: cancel.clone(),
            owner,
            verb: verb.to_owned(),
        })
    }

    /// What this process has once of the state directory.
    pub fn owner(&self) -> &Arc<Owner> {
        &self.owner
    }

    /// Waits until no other run of the application is under way in this process, and begins one. Runs
    /// that only look and runs that deploy do not wait for each other.
    ///
    /// # Errors
    /// It was cancelled while it waited.
    pub fn turn(&self, application: &str, reads: bool) -> Result<Turn, CliError> {
        self.owner.turns.take(self.wish(application, reads), &self.cancel)
    }

    /// As [`App::turn`], if that is possible without waiting.
    pub fn try_turn(&self, application: &str, reads: bool) -> Option<Turn> {
        self.owner.turns.try_take(self.wish(application, reads), &self.cancel)
    }

    fn wish(&self, application: &str, reads: bool) -> Wish {
        Wish { application: application.to_owned(), reads, verb: self.verb.clone(), actor: actor() }
    }

    /// Registries. What they take is put together when the first one is needed.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn registry(&self) -> Result<&dyn Registry, CliError> {
        if self.registry.get().is_none() {
            let opened = open_registry(&self.operator.value, &self.cancel)?;
            let _ = self.registry.set(opened);
        }
        self.registry.get().map(|registry| registry as &dyn Registry).ok_or_else(|| {
            CliError::new(Kind::State, "no registry can be reached: what that takes could not be put together")
        })
    }

    /// The parts, as the engine sees them.
    pub fn ports<'a>(&'a self, observer: &'a dyn Observer) -> Ports<'a> {
        Ports {
            repositories: Some(&self.repositories),
            store: self.store.as_ref(),
            blobs: self.blobs.as_ref(),
            plugins: self.plugins.as_ref(),
            targets: self,
            is_secret: crate::secret::is_in,
            clock: &self.clock,
            observer,
            cancel: &self.cancel,
        }
    }

    /// The parts, for a run that has its turn: it may be cancelled alone.
    pub fn ports_in<'a>(&'a self, turn: &'a Turn, observer: &'a dyn Observer) -> Ports<'a> {
        Ports { cancel: turn.cancel(), ..self.ports(observer) }
    }

    /// The parts, for what changes a place that may be of another repository than the one that the verb is
    /// about, or of one where the verb is about none: `bound` is what [`App::bound`] says of it.
    pub fn ports_at<'a>(&'a self, turn: &'a Turn, observer: &'a dyn Observer, bound: Option<&'a Bound>) -> Ports<'a> {
        let ports = self.ports_in(turn, observer);
        Ports { repositories: bound.map_or(ports.repositories, |bound| Some(bound)), ..ports }
    }

    /// The repositories of what is deployed at a place: where it comes from, if that is not the repository that
    /// the verb is about.
    ///
    /// # Errors
    /// What the store reports.
    pub fn bound(&self, place: &Place, cancel: &Cancel) -> Result<Option<Bound>, CliError> {
        let origin = self.store.standing(place)?.origin.map(|origin| origin.repository);
        let origin = origin.filter(|origin| *origin != GitSource::shown(self.project.repository()));
        let state = self.project.state();
        let origin = origin.map(|origin| whole_address(state, &origin).unwrap_or(origin));
        Ok(origin.map(|origin| Bound::new(&origin, &self.operator.value, state, cancel)))
    }
}

/// Whether this host has the interface that a plugin imports; what it does not have is linked to a
/// denial.
pub fn provides(import: &str) -> bool {
    springline_runtime::provides(import)
}

/// The names of what a component imports and exports.
///
/// # Errors
/// Bytes that are no component.
pub fn interfaces(component: &[u8]) -> Result<Interfaces, Fault> {
    springline_runtime::interfaces(component)
}

/// What runs plugins.
pub struct Parts {
    /// Bytes by digest.
    pub blobs: Arc<dyn Blobs>,
    /// Runs plugins.
    pub plugins: Box<dyn Plugins>,
}

/// The parts that run plugins and no more, their state in this directory, and compiled plugins in
/// `cache`. Traps show lines of the source.
///
/// # Errors
/// A directory that can't be written.
pub fn parts(state: &Path, cache: PathBuf) -> Result<Parts, CliError> {
    let blobs = Arc::new(DiskBlobs::open(&state.join("blobs"))?);
    let plugins = runtime(state, cache, blobs.clone(), (&Operator::default(), Following::default()), true)?;
    Ok(Parts { blobs, plugins: Box::new(plugins) })
}

/// Marks paths of a directory as owned, as an earlier deployment would have.
///
/// # Errors
/// A directory that can't be written.
pub fn mark_owned(directory: &Path, owners: &BTreeMap<String, String>) -> Result<(), CliError> {
    springline_runtime::mark_owned(directory, owners).map_err(|error| CliError::new(Kind::State, error.to_string()))
}

/// Registries by themselves.
///
/// # Errors
/// What the operating system reports.
pub fn registry(operator: &Operator, cancel: &Cancel) -> Result<Box<dyn Registry>, CliError> {
    Ok(Box::new(open_registry(operator, cancel)?))
}

fn open_registry(operator: &Operator, cancel: &Cancel) -> Result<OciRegistry, CliError> {
    let said = |(name, settings): (&String, &RegistrySettings)| Some((name.clone(), settings.plain_http?));
    let plain_http = operator.registries.iter().filter_map(said).collect();
    let authorities = operator.certificate_authorities.clone();
    Ok(OciRegistry::new(RegistryConfig { plain_http, authorities, cancel: cancel.clone() })?)
}

fn runtime(
    state: &Path,
    cache: PathBuf,
    blobs: Arc<DiskBlobs>,
    (operator, following): (&Operator, Following),
    source_lines: bool,
) -> Result<Runtime, CliError> {
    let program = std::env::current_exe()
        .map_err(|error| CliError::new(Kind::State, format!("where this program is can't be told: {error}")))?;
    let kept = blobs.clone();
    let loader = move |digest: &Digest| match builtin::bytes(digest) {
        Some(bytes) => Ok(bytes),
        None => kept.get(digest).map_err(|error| error.to_string()),
    };
    let (limits, plugins) = (operator.limits.clone(), operator.plugins.clone());
    let limits = Operator { limits, plugins, ..Operator::default() };
    let authorities = operator.certificate_authorities.clone();
    let clusters = clusters(operator, following);
    Ok(Runtime::new(RuntimeConfig {
        blobs,
        loader: Arc::new(loader),
        limits: Arc::new(move |plugin| limits.limits_of(&plugin.name).clone()),
        cache,
        compiler: Compiler { program, arguments: vec![OsString::from(COMPILE_VERB)] },
        scratch: state.join("scratch"),
        source_lines,
        network: Network { authorities, ..Network::default() },
        clusters,
        fingerprint_key: state.join("fingerprint.key"),
    }))
}

/// The clusters of the operator's file, if there are any. Each is connected to when it is first asked.
fn clusters(operator: &Operator, following: Following) -> Option<Arc<dyn Clusters>> {
    if operator.clusters.is_empty() {
        return None;
    }
    Some(Arc::new(KubeClusters::new(operator.clusters.clone(), following)))
}

/// The clock on the wall.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn going(&self) -> Duration {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGAN.elapsed()
    }

    fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }
}

/// Who runs this: `USER@HOST`.
pub fn actor() -> String {
    console::client().map_or_else(own_actor, |client| client.actor.clone())
}

/// Who runs this process.
pub fn own_actor() -> String {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    let user = user.unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw()));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{user}@{host}")
}
