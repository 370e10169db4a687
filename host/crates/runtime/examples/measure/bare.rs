//! wasmtime with nothing around it: a pooled instance, the files in memory, and the call.

use std::sync::Arc;

use wasmtime::component::{Component, HasSelf, Linker, ResourceType};
use wasmtime::{Config, Engine, PoolingAllocationConfig, Store};

use crate::Result;
use crate::raw::{Nobody, Objects, Raw, trap};
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
use bindings::springline::host::context;
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
    pub fn new(component: &[u8], input: &[(&str, &str)]) -> Result<Self> {
        let mut config = Config::new();
        config.concurrency_support(false).memory_init_cow(true).allocation_strategy(PoolingAllocationConfig::new());
        let engine = Engine::new(&config)?;
        let component = Component::new(&engine, component)?;
        let renderer = bindings::BarePre::new(linker(&component)?.instantiate_pre(&component)?)?;
        Ok(Self { engine, renderer, nodes: Arc::new(Nodes::new(input)) })
    }
}

impl Raw for Bare {
    fn render(&self, config: &str) -> Result<Objects> {
        let mut store = Store::new(&self.engine, Files::new(Arc::clone(&self.nodes)));
        let renderer = self.renderer.instantiate(&mut store)?;
        let input = Input { config: config.to_owned() };
        let rendered = renderer.springline_plugin_renderer().call_render(&mut store, &input)?;
        let rendered = rendered.map_err(|error| format!("{error:?}"))?;
        let bytes = |body| match body {
            Body::Inline(bytes) => Ok(bytes),
            Body::Blob(_) | Body::Tree(_) => Err("a body is not inline"),
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
        bindings::wasi::cli::environment,
        bindings::wasi::io::error,
        bindings::wasi::io::poll,
        bindings::wasi::io::streams,
        bindings::wasi::filesystem::types,
        bindings::wasi::filesystem::preopens,
        bindings::wasi::random::insecure_seed,
        bindings::wasi::random::random,
    );
    context::add_to_linker::<_, HasSelf<Nobody>>(&mut linker, |files| &mut files.nobody)?;
    for (name, item) in component.component_type().imports(component.engine()) {
        if !LINKED.iter().any(|known| name.starts_with(known)) {
            trap(&mut linker.root(), name, item.ty, component.engine(), &of_streams)?;
        }
    }
    Ok(linker)
}

/// The resources of the streams' interface, whoever hands them on.
fn of_streams(name: &str) -> Option<ResourceType> {
    match name {
        "input-stream" => Some(ResourceType::host::<InputStream>()),
        "output-stream" => Some(ResourceType::host::<OutputStream>()),
        _ => None,
    }
}
