//! A renderer in any language: how large it is, how long it takes to be compiled and loaded, and a
//! call through the whole host beside one through wasmtime with wasmtime-wasi's files.

use std::path::Path;

use serde_json::{Value, json};
use wasmtime::component::{Component, HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{Config, Engine, PoolingAllocationConfig, Store};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::bare::bindings::springline::host::context;
use crate::prepared::Prepared;
use crate::raw::{Nobody, Objects, Raw, trap};
use crate::{INPUT, Result, call, load};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "springline:measure/language",
        inline: "
            package springline:measure;

            world language {
                import springline:host/log@0.1.0;
                export springline:plugin/renderer@0.1.0;
            }
        ",
    });
}

use bindings::exports::springline::plugin::renderer::Input;
use bindings::springline::host::log;
use bindings::springline::plugin::types::Body;

/// Measures one renderer.
pub fn measure(path: &Path, config: &str) -> Result<Value> {
    let loaded = load::measure(&[path.to_str().ok_or("a path that is not UTF-8")?])?;
    let prepared = Prepared::new(path, config, &INPUT, Bare::new)?;
    Ok(json!({ "loaded": loaded["plugins"][0], "call": call::beside(&prepared)? }))
}

/// wasmtime with wasmtime-wasi, a pooled instance a call, and the input as real files.
struct Bare {
    engine: Engine,
    renderer: bindings::LanguagePre<State>,
    input: tempfile::TempDir,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    nobody: Nobody,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl Bare {
    fn new(component: &[u8]) -> Result<Self> {
        let mut config = Config::new();
        config.concurrency_support(false).memory_init_cow(true);
        let mut pool = PoolingAllocationConfig::new();
        pool.max_tables_per_component(32).max_tables_per_module(16).table_elements(1_000_000);
        pool.max_core_instances_per_component(64).max_memories_per_component(4);
        config.allocation_strategy(pool);
        let engine = Engine::new(&config)?;
        let component = Component::new(&engine, component)?;
        let mut linker = Linker::<State>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        context::add_to_linker::<_, HasSelf<Nobody>>(&mut linker, |state| &mut state.nobody)?;
        log::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        for (name, item) in component.component_type().imports(&engine) {
            let linked = name.starts_with("springline:host/context@") || name.starts_with("springline:host/log@");
            if !linked && (name.starts_with("springline:host/") || name.starts_with("wasi:http/")) {
                trap(&mut linker.root(), name, item.ty, &engine, &|_| None)?;
            }
        }
        let renderer = bindings::LanguagePre::new(linker.instantiate_pre(&component)?)?;
        let input = tempfile::tempdir()?;
        for (name, text) in INPUT {
            std::fs::write(input.path().join(name), text)?;
        }
        Ok(Self { engine, renderer, input })
    }
}

impl Raw for Bare {
    fn render(&self, config: &str) -> Result<Objects> {
        let mut wasi = WasiCtxBuilder::new();
        wasi.preopened_dir(self.input.path(), "/in", FsPerms::ReadOnly)?;
        let mut store =
            Store::new(&self.engine, State { wasi: wasi.build(), table: ResourceTable::new(), nobody: Nobody });
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

impl log::Host for State {}

impl log::HostSink for State {
    fn new(&mut self, _: String) -> Resource<log::Sink> {
        Resource::new_own(0)
    }

    fn write(&mut self, _: Resource<log::Sink>, _: log::Level, _: String) {}

    fn progress(&mut self, _: Resource<log::Sink>, _: u64, _: u64) {}

    fn drop(&mut self, _: Resource<log::Sink>) -> wasmtime::Result<()> {
        Ok(())
    }
}
