//! What a component's imports are linked to.

use springline_model::plugin::Fault;
use wasmtime::Engine;
use wasmtime::component::types::{self, ComponentItem};
use wasmtime::component::{Component, HasSelf, Linker, LinkerInstance, ResourceType};
use wasmtime_wasi_http::FieldMap;
use wasmtime_wasi_http::p2::types::{
    HostIncomingRequest, HostIncomingResponse, HostOutgoingRequest, HostOutgoingResponse, HostResponseOutparam,
};
use wasmtime_wasi_io::poll::DynPollable;
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

use crate::bindings::{springline, waiting, wasi};
use crate::inspect::{HOST_INTERFACES, split, track_of};
use crate::state::CallState;
use crate::wasi::filesystem::Descriptor;

/// The interfaces of each package that this host has, and the versions of the package.
const KNOWN: [(&str, &str, &[&str]); 8] = [
    ("springline:plugin", "0.1", &["types"]),
    ("springline:host", "0.1", &HOST_INTERFACES),
    ("wasi:http", "0.2", &["outgoing-handler", "types"]),
    ("wasi:io", "0.2", &["error", "poll", "streams"]),
    ("wasi:clocks", "0.2", &["monotonic-clock", "wall-clock"]),
    ("wasi:random", "0.2", &["insecure", "insecure-seed", "random"]),
    ("wasi:filesystem", "0.2", &["preopens", "types"]),
    (
        "wasi:cli",
        "0.2",
        &[
            "environment",
            "exit",
            "stderr",
            "stdin",
            "stdout",
            "terminal-input",
            "terminal-output",
            "terminal-stderr",
            "terminal-stdin",
            "terminal-stdout",
        ],
    ),
];

/// Links everything that this host has.
pub(crate) fn add_all(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    macro_rules! link {
        ($($interface:path),* $(,)?) => {
            $({
                use $interface as interface;
                interface::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
            })*
        };
    }
    wasmtime_wasi_io::add_to_linker_async(linker)?;
    crate::capability::http::add_to_linker(linker)?;
    link!(
        springline::plugin::types,
        springline::host::log,
        springline::host::context,
        springline::host::files,
        springline::host::blobs,
        springline::host::trees,
        springline::host::directory,
        springline::host::secrets,
        waiting::springline::host::kubernetes,
        wasi::cli::environment,
        wasi::cli::exit,
        wasi::cli::stdin,
        wasi::cli::stdout,
        wasi::cli::stderr,
        wasi::cli::terminal_input,
        wasi::cli::terminal_output,
        wasi::cli::terminal_stdin,
        wasi::cli::terminal_stdout,
        wasi::cli::terminal_stderr,
        wasi::clocks::monotonic_clock,
        wasi::clocks::wall_clock,
        wasi::random::random,
        wasi::random::insecure,
        wasi::random::insecure_seed,
        wasi::filesystem::types,
        wasi::filesystem::preopens,
    );
    Ok(())
}

/// Whether this host has the interface that a component imports under this name. What it does not
/// have is linked to a denial.
pub fn provides(import: &str) -> bool {
    is_known(import)
}

fn is_known(import: &str) -> bool {
    split(import).is_some_and(|(package, interface, version)| {
        KNOWN.iter().any(|(name, track, interfaces)| {
            *name == package && *track == track_of(version) && interfaces.contains(&interface)
        })
    })
}

/// Links all else that a component imports to a denial. Toolchains make components import more
/// than they use, so an import alone is no reason to refuse one.
pub(crate) fn deny_unknown(linker: &mut Linker<CallState>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine().clone();
    let component = component.component_type();
    let denial = Denial { shared: shared_resources(&component, &engine), engine: &engine };
    for (name, item) in component.imports(&engine) {
        if !is_known(name) {
            denial.link(&mut linker.root(), name, name, item.ty)?;
        }
    }
    Ok(())
}

/// The resources that a component imports from the interfaces that this host has: as the component
/// knows them, and as the host does.
fn shared_resources(component: &types::Component, engine: &Engine) -> Vec<(ResourceType, ResourceType)> {
    let mut shared = Vec::new();
    for (interface, item) in component.imports(engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
        for (name, item) in instance.exports(engine) {
            if let (ComponentItem::Resource(resource), Some(host)) = (item.ty, host_resource(interface, name)) {
                shared.push((resource, host));
            }
        }
    }
    shared
}

fn host_resource(interface: &str, name: &str) -> Option<ResourceType> {
    let (package, interface, _) = split(interface).filter(|_| is_known(interface))?;
    Some(match (package, interface, name) {
        ("wasi:io", "poll", "pollable") => ResourceType::host::<DynPollable>(),
        ("wasi:io", "error", "error") => ResourceType::host::<wasmtime::Error>(),
        ("wasi:io", "streams", "input-stream") => ResourceType::host::<DynInputStream>(),
        ("wasi:io", "streams", "output-stream") => ResourceType::host::<DynOutputStream>(),
        ("wasi:http", "types", "fields") => ResourceType::host::<FieldMap>(),
        ("wasi:http", "types", "incoming-request") => ResourceType::host::<HostIncomingRequest>(),
        ("wasi:http", "types", "outgoing-request") => ResourceType::host::<HostOutgoingRequest>(),
        ("wasi:http", "types", "incoming-response") => ResourceType::host::<HostIncomingResponse>(),
        ("wasi:http", "types", "outgoing-response") => ResourceType::host::<HostOutgoingResponse>(),
        ("wasi:http", "types", "response-outparam") => ResourceType::host::<HostResponseOutparam>(),
        ("wasi:filesystem", "types", "descriptor") => ResourceType::host::<Descriptor>(),
        _ => return None,
    })
}

/// Stands in for an interface that no plugin gets.
struct Denial<'e> {
    /// Resources of other interfaces that it may speak of as well.
    shared: Vec<(ResourceType, ResourceType)>,
    engine: &'e Engine,
}

impl Denial<'_> {
    fn link(
        &self,
        linker: &mut LinkerInstance<'_, CallState>,
        name: &str,
        interface: &str,
        item: ComponentItem,
    ) -> wasmtime::Result<()> {
        match item {
            ComponentItem::ComponentFunc(_) => {
                let message = match name == interface {
                    true => format!("it called `{name}`, which no plugin gets"),
                    false => format!("it called `{name}` of `{interface}`, which no plugin gets"),
                };
                linker.func_new(name, move |store, _, _, _| {
                    Err(store.data().verdict.stop(Fault::Denied { message: message.clone() }))
                })
            }
            ComponentItem::ComponentInstance(instance) => {
                let mut inner = linker.instance(name)?;
                for (name, item) in instance.exports(self.engine) {
                    self.link(&mut inner, name, interface, item.ty)?;
                }
                Ok(())
            }
            // Its own destructor is never called: a shared one is dropped where it comes from.
            ComponentItem::Resource(resource) => {
                let shared = self.shared.iter().find(|(guest, _)| *guest == resource);
                let host = shared.map_or_else(ResourceType::host::<Denied>, |(_, host)| *host);
                linker.resource(name, host, |_, _| Ok(()))
            }
            // Types need no definition, and what else there is can't be stood in for: wasmtime says so.
            _ => Ok(()),
        }
    }
}

/// A resource of an interface that no plugin gets. There is none.
enum Denied {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_known_by_its_track() {
        assert!(is_known("wasi:cli/stdout@0.2.0"));
        assert!(is_known("wasi:filesystem/types@0.2.12"));
        assert!(is_known("springline:host/log@0.1.4"));
        assert!(is_known("wasi:http/types@0.2.0"));
        for unknown in [
            "wasi:filesystem/types@0.3.0",
            "wasi:sockets/tcp@0.2.12",
            "wasi:http/incoming-handler@0.2.0",
            "wasi:http/types@0.3.0",
            "log",
            "springline:host/log@0.2.0",
        ] {
            assert!(!is_known(unknown), "{unknown}");
        }
    }
}
