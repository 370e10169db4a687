//! wasmtime with nothing around it: a pooled instance, the files in memory, and the call.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, HasSelf, Linker, LinkerInstance, ResourceType};
use wasmtime::{Config, Engine, PoolingAllocationConfig, Store};

use crate::wasi::{Files, Nodes};

/// The bindings of a renderer, everything synchronous.
pub mod bindings {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "springline:measure/bare",
        inline: "
            package springline:measure;

            world bare {
                import springline:host/context@0.1.0;
                import wasi:cli/environment@0.2.12;
                import wasi:io/error@0.2.12;
                import wasi:io/poll@0.2.12;
                import wasi:io/streams@0.2.12;
                import wasi:filesystem/types@0.2.12;
                import wasi:filesystem/preopens@0.2.12;
                import wasi:random/insecure-seed@0.2.12;
                import wasi:random/random@0.2.12;
                export springline:plugin/renderer@0.1.0;
            }
        ",
    });
}

use bindings::exports::springline::plugin::renderer::Input;
use bindings::springline::plugin::types::Body;
use bindings::wasi::io::streams::{InputStream, OutputStream};

/// What [`Bare`] has functions for. All else that a component imports is linked to a trap.
const LINKED: [&str; 9] = [
    "springline:host/context@",
    "wasi:cli/environment@",
    "wasi:filesystem/preopens@",
    "wasi:filesystem/types@",
    "wasi:io/error@",
    "wasi:io/poll@",
    "wasi:io/streams@",
    "wasi:random/insecure-seed@",
    "wasi:random/random@",
];

/// A renderer, linked.
pub struct Bare {
    engine: Engine,
    renderer: bindings::BarePre<Files>,
    nodes: Arc<Nodes>,
}

impl Bare {
    /// Compiles a renderer and links it; these files are its `/in`.
    pub fn new(component: &[u8], input: &[(&str, &str)]) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.concurrency_support(false).memory_init_cow(true).allocation_strategy(PoolingAllocationConfig::new());
        let engine = Engine::new(&config)?;
        let component = Component::new(&engine, component)?;
        let renderer = bindings::BarePre::new(linker(&component)?.instantiate_pre(&component)?)?;
        Ok(Self { engine, renderer, nodes: Arc::new(Nodes::new(input)) })
    }

    /// The call: a fresh store, a fresh instance, and the function.
    pub fn render(&self, config: &str) -> wasmtime::Result<BTreeMap<String, Vec<u8>>> {
        let mut store = Store::new(&self.engine, Files::new(Arc::clone(&self.nodes)));
        let renderer = self.renderer.instantiate(&mut store)?;
        let input = Input { config: config.to_owned() };
        let rendered = renderer.springline_plugin_renderer().call_render(&mut store, &input)?;
        let rendered = rendered.map_err(|error| wasmtime::Error::msg(format!("{error:?}")))?;
        let bytes = |body| match body {
            Body::Inline(bytes) => Ok(bytes),
            Body::Blob(_) | Body::Tree(_) => Err(wasmtime::Error::msg("a body is not inline")),
        };
        rendered.into_iter().map(|object| Ok((object.id, bytes(object.body)?))).collect()
    }
}

fn linker(component: &Component) -> wasmtime::Result<Linker<Files>> {
    let mut linker = Linker::new(component.engine());
    macro_rules! link {
        ($($interface:path),* $(,)?) => {
            $({
                use $interface as interface;
                interface::add_to_linker::<_, HasSelf<Files>>(&mut linker, |files| files)?;
            })*
        };
    }
    link!(
        bindings::springline::host::context,
        bindings::wasi::cli::environment,
        bindings::wasi::io::error,
        bindings::wasi::io::poll,
        bindings::wasi::io::streams,
        bindings::wasi::filesystem::types,
        bindings::wasi::filesystem::preopens,
        bindings::wasi::random::insecure_seed,
        bindings::wasi::random::random,
    );
    for (name, item) in component.component_type().imports(component.engine()) {
        if !LINKED.iter().any(|known| name.starts_with(known)) {
            trap(&mut linker.root(), name, item.ty, component.engine())?;
        }
    }
    Ok(linker)
}

/// A resource that no call gets.
enum Never {}

fn trap(
    linker: &mut LinkerInstance<'_, Files>,
    name: &str,
    item: ComponentItem,
    engine: &Engine,
) -> wasmtime::Result<()> {
    match item {
        ComponentItem::ComponentFunc(_) => {
            let message = format!("bare wasmtime has no `{name}`");
            linker.func_new(name, move |_, _, _, _| Err(wasmtime::Error::msg(message.clone())))
        }
        ComponentItem::ComponentInstance(instance) => {
            let mut inner = linker.instance(name)?;
            instance.exports(engine).try_for_each(|(name, item)| trap(&mut inner, name, item.ty, engine))
        }
        ComponentItem::Resource(_) => {
            // Those that the streams' interface has belong to it, whoever hands them on.
            let resource = match name {
                "input-stream" => ResourceType::host::<InputStream>(),
                "output-stream" => ResourceType::host::<OutputStream>(),
                _ => ResourceType::host::<Never>(),
            };
            linker.resource(name, resource, |_, _| Ok(()))
        }
        _ => Ok(()),
    }
}
