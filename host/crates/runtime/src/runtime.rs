//! The runtime: from a call of the engine to a call of a guest, and back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use springline_model::call::{Built, Call, CallKey, Called, Rendered, TargetCall};
use springline_model::capability::{DIRECTORY, POWERS};
use springline_model::plugin::{CallError, Description, Fault, Kind, Limits, Pinned};
use springline_model::port::{Plugins, Target, Tree};
use springline_model::trace::Trace;
use springline_model::{Cancel, ObjectId};
use wasmtime::Store;
use wasmtime::component::ResourceTable;

use crate::bounds::Bounds;
use crate::call::{Ended, execute};
use crate::capability::blobs::{Drafts, OpenBlobs};
use crate::capability::context::Answers;
use crate::capability::guard::{Guarded, guard_fault};
use crate::capability::http::{Connector, Gate, Http};
use crate::capability::kubernetes::{Fleet, Kubernetes};
use crate::capability::lending::Lending;
use crate::capability::power::{Powers, unasked};
use crate::capability::readable::{Given, Readable};
use crate::config::RuntimeConfig;
use crate::engine::Machine;
use crate::fault::{Verdict, of_blob};
use crate::files::{Mounts, Out, OutError};
use crate::loaded::{Loaded, Shelf, expect_kind};
use crate::logs::Logs;
use crate::plugin::v0_1;
use crate::state::CallState;
use crate::target::TargetInUse;
use crate::wasi::clocks::Clock;
use crate::wasi::filesystem::{ARTIFACTS, CallFiles, INPUT};
use crate::wasi::random::Random;

/// Runs plugins on wasmtime. It costs nothing until the first plugin is used.
pub struct Runtime {
    config: RuntimeConfig,
    machine: OnceLock<Result<Machine, String>>,
    shelf: Shelf,
    scratch: Arc<Path>,
    connector: Arc<Connector>,
    fleet: Arc<Fleet>,
}

impl Runtime {
    /// A runtime. Nothing is opened, read or started for it yet.
    pub fn new(config: RuntimeConfig) -> Self {
        let scratch = config.scratch.as_path().into();
        let connector = Arc::new(Connector::new(config.network.clone()));
        let fleet = Arc::new(Fleet::new(config.clusters.clone(), config.fingerprint_key.clone()));
        Self { config, machine: OnceLock::new(), shelf: Shelf::default(), scratch, connector, fleet }
    }

    pub(crate) fn machine(&self) -> Result<&Machine, Fault> {
        let machine = self.machine.get_or_init(|| {
            std::fs::create_dir_all(&self.scratch)
                .map_err(|error| format!("the scratch directory {}: {error}", self.scratch.display()))?;
            Machine::new(&self.config.cache, self.config.source_lines)
        });
        machine.as_ref().map_err(|message| Fault::Host { message: message.clone() })
    }

    fn loaded(
        &self,
        plugin: &Pinned,
        kind: Option<Kind>,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Arc<Loaded>, CallError> {
        self.machine()
            .and_then(|machine| self.shelf.get(&self.config, machine, &plugin.digest, limits, cancel))
            .and_then(|loaded| {
                kind.map_or(Ok(()), |kind| expect_kind(&loaded.shape, kind))?;
                Ok(loaded)
            })
            .map_err(|fault| CallError { plugin: plugin.clone(), fault, log: Vec::new() })
    }

    /// What a call has, before it is given anything.
    fn state(&self, loaded: &Loaded, called: (&Pinned, &str), limits: &Limits, powers: Powers) -> CallState {
        let (plugin, config) = called;
        let shape = &loaded.shape;
        let seed = CallKey::new(shape.kind, shape.track.as_str(), &plugin.digest, config);
        let (verdict, logs) = (Verdict::default(), Logs::new(limits, powers.masks().clone()));
        let gate = Gate::new(Arc::clone(&self.connector), powers.clone(), limits, verdict.clone(), logs.clone());
        let fleet = Arc::clone(&self.fleet);
        let kubernetes = Arc::new(Kubernetes::new(fleet, shape.kind, plugin.digest, powers.clone(), logs.clone()));
        CallState {
            table: ResourceTable::new(),
            bounds: Bounds::new(limits),
            limits: limits.clone(),
            verdict,
            logs,
            clock: Clock::default(),
            random: Random::new(&seed.0),
            files: CallFiles::none(),
            answers: Answers::default(),
            blobs: Arc::clone(&self.config.blobs),
            readable: Readable::default(),
            opened: OpenBlobs::default(),
            drafts: Drafts::new(self.scratch.to_path_buf()),
            written: 0,
            lending: Lending::never(),
            kubernetes,
            powers,
            http: Http::new(gate, limits.http_headers_kib),
        }
    }

    /// The state of a call of the engine.
    ///
    /// # Errors
    /// The plugin has to say first which powers it asks for, and fails to.
    pub(crate) fn call_state(&self, loaded: &Loaded, call: &Call) -> Result<CallState, CallError> {
        // Who was granted nothing needs not be asked. A directory is lent by itself.
        let mut granted = POWERS.into_iter().filter(|name| *name != DIRECTORY && call.grants.allows(name));
        let matters = granted.any(|capability| loaded.shape.imports_power(capability));
        let asked = match matters {
            true => Some(self.describe_loaded(&call.plugin, loaded, &call.cancel)?.capabilities.clone()),
            false => None,
        };
        let powers = Powers::new(call, asked);
        let mut state = self.state(loaded, (&call.plugin, &call.config), &call.limits, powers);
        state.answers = Answers::new(Arc::clone(&call.context));
        Ok(state)
    }

    /// What was denied during a call, as its fault says it. A plugin that was granted nothing was
    /// not asked yet what it asks for.
    fn denial(&self, plugin: &Pinned, loaded: &Loaded, state: &CallState, cancel: &Cancel) -> Option<String> {
        let Some(denial) = state.powers.denial() else { return state.lending.denial() };
        if !state.powers.knows_what_is_asked()
            && let Ok(description) = self.describe_loaded(plugin, loaded, cancel)
            && !description.capabilities.iter().any(|capability| capability.name == denial.capability)
        {
            return Some(unasked(denial.capability));
        }
        Some(denial.message)
    }

    /// Calls a guest, and turns what it returned into what the engine wants with `convert`, which
    /// also checks it.
    pub(crate) fn call<G, T: Guarded>(
        &self,
        (plugin, loaded): (&Pinned, &Loaded),
        cancel: &Cancel,
        state: CallState,
        body: impl AsyncFnOnce(&mut Store<CallState>) -> v0_1::Returned<G>,
        convert: impl FnOnce(G, &mut CallState) -> Result<T, Fault>,
    ) -> Result<Called<T>, CallError> {
        let failed = |fault, log| CallError { plugin: plugin.clone(), fault, log };
        let machine = self.machine().map_err(|fault| failed(fault, Vec::new()))?;
        let Ended { result, mut state, log, usage } = execute(machine, state, cancel, body);
        let masks = state.powers.masks().clone();
        let value = result
            .and_then(|returned| {
                returned.map_err(|error| v0_1::fault(error, self.denial(plugin, loaded, &state, cancel), &masks))
            })
            .and_then(|returned| convert(returned, &mut state))
            .and_then(|mut value| {
                if !masks.is_empty() {
                    value.guard(&masks)?;
                }
                Ok(value)
            });
        match value {
            Ok(value) => Ok(Called { value, log, usage }),
            Err(mut fault) => {
                guard_fault(&mut fault, &masks);
                Err(failed(fault, log))
            }
        }
    }

    fn describe_loaded<'l>(
        &self,
        plugin: &Pinned,
        loaded: &'l Loaded,
        cancel: &Cancel,
    ) -> Result<&'l Description, CallError> {
        if let Some(description) = loaded.description.get() {
            return Ok(description);
        }
        let limits = Limits {
            memory_mib: 256,
            wall_seconds: 30,
            compute_seconds: 10,
            log_kib: 16,
            output_mib: 0,
            output_entries: 0,
            ..Limits::default()
        };
        let state = self.state(loaded, (plugin, ""), &limits, Powers::none());
        let described = self.call(
            (plugin, loaded),
            cancel,
            state,
            async |store| loaded.plugin.describe(store).await.map(Ok),
            |said, state| v0_1::description(&said, &loaded.shape, state.powers.masks()),
        )?;
        Ok(loaded.description.get_or_init(|| described.value))
    }
}

impl Plugins for Runtime {
    fn describe(&self, plugin: &Pinned) -> Result<Description, CallError> {
        let cancel = Cancel::new();
        let loaded = self.loaded(plugin, None, &(self.config.limits)(plugin), &cancel)?;
        self.describe_loaded(plugin, &loaded, &cancel).cloned()
    }

    fn build(&self, call: &Call, input: Arc<dyn Tree>) -> Result<Called<Built>, CallError> {
        let loaded = self.loaded(&call.plugin, Some(Kind::BuildStep), &call.limits, &call.cancel)?;
        let mut state = self.call_state(&loaded, call)?;
        let limits = &call.limits;
        let out =
            Out::new(self.scratch.to_path_buf(), limits.output_mib.saturating_mul(1 << 20), limits.output_entries);
        state.files = CallFiles::new(vec![(INPUT.to_owned(), input)], Some(out));
        self.call(
            (&call.plugin, &loaded),
            &call.cancel,
            state,
            async |store| loaded.plugin.run(store, &call.config).await,
            |outputs, state| {
                let tree = match state.files.commit(&*state.blobs, state.powers.masks()) {
                    Ok(Some(tree)) => tree,
                    Ok(None) => return Err(Fault::Host { message: "`/out` is gone".into() }),
                    Err(OutError::Leak { secret, path }) => {
                        let place = format!("`/out/{path}`").into();
                        return Err(Fault::Leak { secret: secret.into(), place });
                    }
                    Err(OutError::Limit(hit)) => return Err(state.full(hit)),
                    Err(OutError::Blob(error)) => return Err(of_blob(&error)),
                    Err(OutError::Io(message)) => return Err(Fault::Host { message }),
                };
                Ok(Built { tree, summary: v0_1::summary(&outputs, state.powers.masks()), trace: trace(state) })
            },
        )
    }

    fn render(
        &self,
        call: &Call,
        input: Arc<dyn Tree>,
        artifacts: &BTreeMap<String, Arc<dyn Tree>>,
    ) -> Result<Called<Rendered>, CallError> {
        let loaded = self.loaded(&call.plugin, Some(Kind::Renderer), &call.limits, &call.cancel)?;
        let mut state = self.call_state(&loaded, call)?;
        let mut mounts = vec![(INPUT.to_owned(), input)];
        mounts.extend(artifacts.iter().map(|(name, tree)| (format!("{ARTIFACTS}{name}"), Arc::clone(tree))));
        state.files = CallFiles::new(mounts, None);
        state.files.artifacts = true;
        let mounted = artifacts.values().filter_map(|tree| match tree.id() {
            ObjectId::Blob(digest) => Some(digest),
            ObjectId::Git(_) => None,
        });
        let given = Given::trees(call.context.artifacts.values().copied().chain(mounted));
        state.readable = Readable::new(Arc::new(given));
        self.call(
            (&call.plugin, &loaded),
            &call.cancel,
            state,
            async |store| loaded.plugin.render(store, &call.config).await,
            |rendered, state| {
                let objects = v0_1::objects(rendered, state)?;
                Ok(Rendered { objects, trace: trace(state) })
            },
        )
    }

    fn target(&self, target: TargetCall) -> Result<Box<dyn Target + '_>, CallError> {
        let TargetCall { call, desired } = target;
        let loaded = self.loaded(&call.plugin, Some(Kind::DeployTarget), &call.limits, &call.cancel)?;
        let description = self.describe_loaded(&call.plugin, &loaded, &call.cancel)?;
        let context = &call.context;
        let owner = format!("{}/{}", context.application, context.environment.as_deref().unwrap_or_default());
        let lending = Lending::new(&call.grants, &description.capabilities, owner);
        Ok(Box::new(TargetInUse::new(self, loaded, call, &desired, lending)))
    }
}

/// All that a call depended on.
fn trace(state: &CallState) -> Trace {
    let mut trace = state.files.mounts.trace();
    trace.context = state.answers.asked();
    trace
}

impl CallFiles {
    /// These mounts, and `/out`.
    fn new(mounts: Vec<(String, Arc<dyn Tree>)>, out: Option<Out>) -> Self {
        let out = out.map(|out| Arc::new(std::sync::Mutex::new(Some(out))));
        Self { mounts: Arc::new(Mounts::new(mounts)), artifacts: false, out }
    }
}
