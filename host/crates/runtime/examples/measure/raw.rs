//! What the host is compared with: a renderer on wasmtime, with as little around it as possible.

use std::collections::BTreeMap;

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{LinkerInstance, ResourceType};

use crate::Result;
use crate::bare::bindings::springline::host::context;

/// Objects by id.
pub type Objects = BTreeMap<String, Vec<u8>>;

/// A renderer on a bare wasmtime.
pub trait Raw {
    /// The call: a fresh store, a fresh instance, and the function.
    fn render(&self, config: &str) -> Result<Objects>;
}

/// A resource that no call gets.
enum Never {}

/// Links an import to a trap. `resource` knows the resources that belong to others, whoever hands
/// them on.
pub fn trap<T: 'static>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    item: ComponentItem,
    engine: &Engine,
    resource: &dyn Fn(&str) -> Option<ResourceType>,
) -> wasmtime::Result<()> {
    match item {
        ComponentItem::ComponentFunc(_) => {
            let message = format!("bare wasmtime has no `{name}`");
            linker.func_new(name, move |_, _, _, _| Err(wasmtime::Error::msg(message.clone())))
        }
        ComponentItem::ComponentInstance(instance) => {
            let mut inner = linker.instance(name)?;
            instance.exports(engine).try_for_each(|(name, item)| trap(&mut inner, name, item.ty, engine, resource))
        }
        ComponentItem::Resource(_) => {
            let resource = resource(name).unwrap_or_else(ResourceType::host::<Never>);
            linker.resource(name, resource, |_, _| Ok(()))
        }
        _ => Ok(()),
    }
}

/// Answers every question about the context with nothing.
#[derive(Default)]
pub struct Nobody;

impl context::Host for Nobody {
    fn application(&mut self) -> String {
        String::new()
    }

    fn environment(&mut self) -> Option<String> {
        None
    }

    fn revision(&mut self) -> String {
        String::new()
    }

    fn commit_time(&mut self) -> i64 {
        0
    }

    fn values(&mut self) -> String {
        "{}".to_owned()
    }

    fn artifact(&mut self, _: String) -> Option<context::DesiredArtifact> {
        None
    }

    fn artifact_names(&mut self) -> Vec<String> {
        Vec::new()
    }
}
