//! What a process has once of a state directory that it owns, however many verbs it executes.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use springline_blobs::DiskBlobs;
use springline_cluster::Options as Following;
use springline_model::Cancel;
use springline_model::kubernetes::ClusterBinding;
use springline_model::operator::{Operator, PluginSettings};
use springline_model::plugin::Limits;
use springline_model::port::StoreError;
use springline_runtime::Runtime;
use springline_store::SledStore;

use crate::cli::Common;
use crate::cli::error::CliError;
use crate::socket::Controls;
use crate::turns::{Turns, UNTOLD};
use crate::{paths, show, socket};

/// How often a state directory that somebody else owns is tried.
pub const TRY_EVERY: Duration = Duration::from_millis(100);
/// How long an owner that is going to answer may take to begin to.
pub const BEGINNING: Duration = Duration::from_secs(5);
/// How long a watch that starts lets others finish who do not answer: a service does not fail to start because
/// somebody reads the history at that moment.
const STARTING: Duration = Duration::from_secs(10);

/// The one process that owns a state directory, seen from within.
pub struct Owner {
    /// The state directory, with every link resolved.
    state: PathBuf,
    /// Runs, releases, inventories, kept results, history.
    pub store: Arc<SledStore>,
    /// Bytes by digest.
    pub blobs: Arc<DiskBlobs>,
    /// Whose turn it is.
    pub turns: Arc<Turns>,
    following: Following,
    runtime: Mutex<Option<(MadeOf, Arc<Runtime>)>>,
    controls: Mutex<Option<Arc<dyn Controls>>>,
}

/// What of the operator's file a runtime is made of.
#[derive(PartialEq)]
struct MadeOf {
    clusters: IndexMap<String, ClusterBinding>,
    limits: Limits,
    plugins: IndexMap<String, PluginSettings>,
    authorities: Vec<PathBuf>,
}

impl MadeOf {
    fn of(operator: &Operator) -> Self {
        Self {
            clusters: operator.clusters.clone(),
            limits: operator.limits.clone(),
            plugins: operator.plugins.clone(),
            authorities: operator.certificate_authorities.clone(),
        }
    }
}

impl Owner {
    /// Makes this process the owner of a state directory, for this verb.
    ///
    /// # Errors
    /// Another owner; what the store and the blobs report.
    pub fn become_one(
        common: &Common,
        state: &Path,
        verb: &str,
        cancel: &Cancel,
        following: Following,
    ) -> Result<Self, CliError> {
        let store = own(common, cancel, state, verb)?;
        let blobs = DiskBlobs::open(&state.join("blobs"))?;
        Ok(Self {
            state: state.canonicalize().unwrap_or_else(|_| state.to_owned()),
            store: Arc::new(store),
            blobs: Arc::new(blobs),
            turns: Arc::default(),
            following,
            runtime: Mutex::default(),
            controls: Mutex::default(),
        })
    }

    /// Whether that is the directory which is owned.
    pub fn owns(&self, state: &Path) -> bool {
        state.canonicalize().is_ok_and(|state| state == self.state)
    }

    /// The state directory, with every link resolved.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// What runs plugins, as the operator's file says today: the same for everybody until the file says
    /// something else.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn runtime(&self, operator: &Operator) -> Result<Arc<Runtime>, CliError> {
        let wanted = MadeOf::of(operator);
        let mut held = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made_of, runtime)) = held.as_ref()
            && *made_of == wanted
        {
            return Ok(Arc::clone(runtime));
        }
        let settings = (operator, self.following.clone());
        let cache = paths::compiled(&self.state);
        let runtime = Arc::new(super::runtime(&self.state, cache, Arc::clone(&self.blobs), settings, false)?);
        *held = Some((wanted, Arc::clone(&runtime)));
        Ok(runtime)
    }

    /// Says by what the loop of this process is controlled.
    pub fn is_controlled_by(&self, controls: Option<Arc<dyn Controls>>) {
        *self.controls.lock().unwrap_or_else(PoisonError::into_inner) = controls;
    }

    /// What controls the loop of this process, if it has one.
    pub fn controls(&self) -> Option<Arc<dyn Controls>> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Opens the store; with `--wait` again and again while somebody else owns it who does not answer, and
/// for a moment if somebody does who is going to, or if this is a watch that starts.
fn own(common: &Common, cancel: &Cancel, state: &Path, verb: &str) -> Result<SledStore, CliError> {
    let starts = verb == socket::WATCH;
    let longest = if starts { STARTING } else { BEGINNING };
    let (began, mut told) = (Instant::now(), false);
    loop {
        let error = match SledStore::open_as(state, verb) {
            Err(error @ StoreError::Busy { .. }) if !cancel.is_cancelled() => error,
            opened => return Ok(opened?),
        };
        let answered = common.session.answered.as_ref();
        if let Some(answered) = answered.filter(|_| socket::is_there(state)) {
            answered.store(true, Ordering::SeqCst);
            return Err(error.into());
        }
        let StoreError::Busy { owner, .. } = &error else { return Err(error.into()) };
        let passes = match starts {
            true => !socket::answers(owner),
            false => answered.is_some() && socket::may_answer(owner),
        };
        if !common.wait && (!passes || began.elapsed() >= longest) {
            return Err(error.into());
        }
        if !told && began.elapsed() >= UNTOLD {
            told = true;
            show::note(format_args!("waiting for {owner}"));
        }
        thread::sleep(TRY_EVERY);
    }
}
