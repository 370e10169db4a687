//! Plugins that were loaded, each once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use springline_model::plugin::{Description, Fault, Kind, Limits};
use springline_model::{Cancel, Digest, Hasher};
use wasmtime::component::Component;

use crate::compile::compile;
use crate::config::RuntimeConfig;
use crate::engine::Machine;
use crate::escape::escape;
use crate::inspect::{Shape, Track, inspect};
use crate::plugin::v0_1;
use crate::{link, trusted};

/// A plugin, ready to be instantiated.
pub(crate) struct Loaded {
    /// What it is.
    pub(crate) shape: Shape,
    /// Its exports.
    pub(crate) plugin: v0_1::Plugin,
    /// What it says of itself, once it was asked.
    pub(crate) description: OnceLock<Description>,
}

/// A plugin's place; whoever holds the lock loads it.
type Slot = Arc<Mutex<Option<Arc<Loaded>>>>;

/// The plugins that were loaded.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<HashMap<Digest, Slot>>);

impl Shelf {
    /// The plugin with this digest. The first one to ask for it loads it, and compiles it if no
    /// process did before; others wait.
    ///
    /// # Errors
    /// [`Fault::Unusable`], [`Fault::Lost`], [`Fault::Limit`], [`Fault::Cancelled`], [`Fault::Host`].
    pub(crate) fn get(
        &self,
        config: &RuntimeConfig,
        machine: &Machine,
        digest: &Digest,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Arc<Loaded>, Fault> {
        let slot = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(*digest).or_default());
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = &*slot {
            return Ok(Arc::clone(loaded));
        }
        let loaded = Arc::new(load(config, machine, digest, limits, cancel)?);
        *slot = Some(Arc::clone(&loaded));
        Ok(loaded)
    }
}

fn load(
    config: &RuntimeConfig,
    machine: &Machine,
    digest: &Digest,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Loaded, Fault> {
    let bytes = fetch(config, digest)?;
    let shape = inspect(&bytes)?;
    let component = component(config, machine, digest, &bytes, limits, cancel)?;
    let refused = |error: wasmtime::Error| Fault::Unusable {
        message: format!("it does not fit the contract `springline:plugin@{}`: {error:#}", shape.track.as_str()),
    };
    let mut linker = machine.linker.clone();
    link::deny_unknown(&mut linker, &component).map_err(refused)?;
    let instance = linker.instantiate_pre(&component).map_err(refused)?;
    let plugin = match shape.track {
        Track::V0_1 => v0_1::Plugin::new(shape.kind, instance).map_err(refused)?,
    };
    Ok(Loaded { shape, plugin, description: OnceLock::new() })
}

fn fetch(config: &RuntimeConfig, digest: &Digest) -> Result<Bytes, Fault> {
    let bytes = (config.loader)(digest).map_err(|message| Fault::Lost { message })?;
    if Digest::of(&bytes) != *digest {
        return Err(Fault::Lost { message: format!("its component is damaged: its digest is not {digest}") });
    }
    Ok(bytes)
}

/// The machine code of a component, from the cache or from the compiler.
fn component(
    config: &RuntimeConfig,
    machine: &Machine,
    digest: &Digest,
    bytes: &[u8],
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Component, Fault> {
    let mut hasher = Hasher::domain("springline-compiled/1");
    hasher.field(digest.as_bytes()).field(machine.code.as_bytes());
    let name = hasher.finish();
    if let Some(kept) = machine.cache.get(&name) {
        match trusted::load(&machine.engine, &kept) {
            Ok(component) => return Ok(component),
            Err(_) => machine.cache.remove(&name),
        }
    }
    let compiled = compile(&config.compiler, config.source_lines, machine.cache.directory(), bytes, limits, cancel)?;
    let compiled = machine.cache.put(&name, compiled);
    trusted::load(&machine.engine, &compiled).map_err(|error| not_loaded(config, &error))
}

/// Why what was just compiled can't be loaded.
fn not_loaded(config: &RuntimeConfig, error: &wasmtime::Error) -> Fault {
    // wasmtime has no type for it.
    if error.to_string().contains("pooling allocator") {
        let message = format!(
            "it has more than an instance may have: {}",
            escape(error.root_cause().to_string().lines().next().unwrap_or_default())
        );
        return Fault::Unusable { message };
    }
    let program = config.compiler.program.display();
    Fault::Host { message: format!("the compiler {program} wrote what can't be loaded: {error:#}") }
}

/// Refuses a plugin of another kind than the call needs.
///
/// # Errors
/// [`Fault::Unusable`].
pub(crate) fn expect_kind(shape: &Shape, needed: Kind) -> Result<(), Fault> {
    if shape.kind == needed {
        return Ok(());
    }
    Err(Fault::Unusable {
        message: format!(
            "it is a {}, and a {needed} is needed here: name another plugin, or use this one where a {} belongs",
            shape.kind, shape.kind
        ),
    })
}
