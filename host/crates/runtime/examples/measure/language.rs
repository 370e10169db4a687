//! A renderer in any language: how large it is, how long it takes to be compiled and loaded, and a
//! call through the whole host beside one through wasmtime with wasmtime-wasi's files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use springline_model::Cancel;
use springline_model::call::{Call, Context};
use springline_model::capability::{Grants, Ledger};
use springline_model::manifest::Body;
use springline_model::plugin::Limits;
use springline_model::port::{Blobs as _, Plugins as _, Tree};
use springline_testkit::{MemoryBlobs, MemoryTree};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, HasSelf, Linker, LinkerInstance, Resource, ResourceTable, ResourceType};
use wasmtime::{Config, Engine, PoolingAllocationConfig, Store};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::{INPUT, Plugin, Result, load, median, microseconds, runtime};

/// How often the two take turns.
const TURNS: usize = 100;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "springline:measure/language",
        inline: "
            package springline:measure;

            world language {
                import springline:host/context@0.1.0;
                import springline:host/log@0.1.0;
                export springline:plugin/renderer@0.1.0;
            }
        ",
    });
}

use bindings::exports::springline::plugin::renderer::Input;
use bindings::springline::host::{context, log};
use bindings::springline::plugin::types::Body as RawBody;

/// Measures one renderer.
pub fn measure(path: &Path, config: &str) -> Result<Value> {
    let text = path.to_str().ok_or("a path that is not UTF-8")?;
    let loaded = load::measure(&[text])?;
    let plugin = Plugin::read(path)?;
    let directory = tempfile::tempdir()?;
    let blobs = Arc::new(MemoryBlobs::new());
    let runtime = runtime(directory.path(), std::slice::from_ref(&plugin), blobs.clone())?;
    let tree: Arc<dyn Tree> = Arc::new(MemoryTree::of_files(INPUT));
    let call = Call {
        plugin: plugin.pinned.clone(),
        config: config.into(),
        context: Arc::new(Context::default()),
        limits: Limits::default(),
        grants: Grants::default(),
        ledger: Ledger::default(),
        cancel: Cancel::new(),
    };
    let bare = Bare::new(&plugin.bytes)?;
    let mut rendered = BTreeMap::new();
    for object in runtime.render(&call, Arc::clone(&tree), &BTreeMap::new())?.value.objects {
        let Body::Blob(digest) = object.body else { return Err("a tree was rendered".into()) };
        rendered.insert(object.id, blobs.get(&digest)?.to_vec());
    }
    if rendered.is_empty() || rendered != bare.render(config)? {
        return Err("the host and bare wasmtime did not render the same".into());
    }
    let (mut host_times, mut bare_times) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let start = Instant::now();
        runtime.render(&call, Arc::clone(&tree), &BTreeMap::new())?;
        host_times.push(start.elapsed());
        let start = Instant::now();
        bare.render(config)?;
        bare_times.push(start.elapsed());
    }
    let (host, bare) = (microseconds(median(host_times)), microseconds(median(bare_times)));
    let loaded = &loaded["plugins"][0];
    Ok(json!({
        "bytes": plugin.bytes.len(),
        "cold-microseconds": loaded["cold-microseconds"],
        "warm-microseconds": loaded["warm-microseconds"],
        "host-microseconds": host,
        "bare-microseconds": bare,
    }))
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
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        context::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        log::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        for (name, item) in component.component_type().imports(&engine) {
            let linked = name.starts_with("springline:host/context@") || name.starts_with("springline:host/log@");
            if !linked && (name.starts_with("springline:host/") || name.starts_with("wasi:http/")) {
                trap(&mut linker.root(), name, item.ty, &engine)?;
            }
        }
        let renderer = bindings::LanguagePre::new(linker.instantiate_pre(&component)?)?;
        let input = tempfile::tempdir()?;
        for (name, text) in INPUT {
            std::fs::write(input.path().join(name), text)?;
        }
        Ok(Self { engine, renderer, input })
    }

    fn render(&self, config: &str) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut wasi = WasiCtxBuilder::new();
        wasi.preopened_dir(self.input.path(), "/in", FsPerms::ReadOnly)?;
        let mut store = Store::new(&self.engine, State { wasi: wasi.build(), table: ResourceTable::new() });
        let renderer = self.renderer.instantiate(&mut store)?;
        let input = Input { config: config.to_owned() };
        let rendered = renderer.springline_plugin_renderer().call_render(&mut store, &input)?;
        let rendered = rendered.map_err(|error| format!("{error:?}"))?;
        let bytes = |body| match body {
            RawBody::Inline(bytes) => Ok(bytes),
            RawBody::Blob(_) | RawBody::Tree(_) => Err("a body is not inline"),
        };
        rendered.into_iter().map(|object| Ok((object.id, bytes(object.body)?))).collect()
    }
}

/// A resource that no call gets.
enum Never {}

fn trap(
    linker: &mut LinkerInstance<'_, State>,
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
        ComponentItem::Resource(_) => linker.resource(name, ResourceType::host::<Never>(), |_, _| Ok(())),
        _ => Ok(()),
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

impl context::Host for State {
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
