//! Components that are made to be expensive: to look at, to compile, to load, to link. Whatever the process
//! of the compiler comes to, the host says what was wrong with the plugin.

use serde_json::json;
use springline_model::plugin::{Fault, Limit, Limits};
use springline_model::port::Plugins as _;

use crate::neighbour::beside_a_neighbour;
use crate::setup::{Setup, fault};
use crate::wasm::{component, functions, leb, list, module, nullary_type, plugin, plugin_of_module, section, sized};

/// A component that is too much, by its name in the table of attacks.
pub fn bomb(name: &str) -> Vec<u8> {
    let i32_add = |times: usize| [vec![0, 0x41, 0], [0x41, 1, 0x6a].repeat(times), vec![0x1a, 0x0b]].concat();
    match name {
        "many-functions" => plugin_of_module(&functions(200_000, |_| i32_add(40))),
        "huge-function" => plugin_of_module(&functions(1, |_| i32_add(2_500_000))),
        "deep-blocks" => plugin_of_module(&functions(1, |_| {
            [vec![0], [0x02, 0x40].repeat(1_000_000), [0x0b].repeat(1_000_001)].concat()
        })),
        "deep-loops" => plugin_of_module(&functions(200, |_| {
            let depth = 10_000;
            [vec![0], [0x03, 0x40].repeat(depth), [0x41, 0, 0x0d, 0].repeat(2), vec![0x0b; depth + 1]].concat()
        })),
        "many-locals" => plugin_of_module(&functions(3_000, |at| {
            let locals = [leb(1), leb(49_000), vec![0x7e]].concat();
            let sets = list(500, |n| [vec![0x42, 7, 0x21], leb((n * 97 + at) % 49_000)].concat());
            [locals, sets[2..].to_vec(), vec![0x0b]].concat()
        })),
        "too-many-locals" => {
            plugin_of_module(&functions(1, |_| [leb(1), leb(u32::MAX as usize), vec![0x7f, 0x0b]].concat()))
        }
        "br-table" => plugin_of_module(&functions(500, |_| {
            let targets = list(60_000, |at| leb(at % 100));
            [vec![0], [0x02, 0x40].repeat(100), vec![0x41, 0, 0x0e], targets, leb(0), vec![0x0b; 101]].concat()
        })),
        "huge-data" => {
            let segment = [vec![0, 0x41, 0, 0x0b], sized(&vec![7; 200 << 20])].concat();
            plugin_of_module(&[section(5, &[1, 0, 0x80, 0x80, 0x01]), section(11, &[leb(1), segment].concat())])
        }
        "many-segments" => {
            let segments = list(100_000, |at| [vec![0, 0x41, (at % 60) as u8, 0x0b], sized(b"x")].concat());
            plugin_of_module(&[section(5, &[1, 0, 1]), section(11, &segments)])
        }
        "scattered-data" => {
            // Two bytes, a gigabyte apart, which an image of the memory must not fill in between.
            let at = |place: usize| [vec![0, 0x41], signed(place), vec![0x0b], sized(b"x")].concat();
            let segments = [leb(2), at(0), at(1 << 30)].concat();
            plugin_of_module(&[section(5, &[vec![1, 0], leb(20_000)].concat()), section(11, &segments)])
        }
        "large-memory" => instantiated(&[section(5, &[vec![1, 0], leb(65_536)].concat())]),
        "many-memories" => instantiated(&[section(5, &list(90, |_| vec![0, 1]))]),
        "large-table" => instantiated(&[section(4, &[vec![1, 0x70, 0], leb(9_000_000)].concat())]),
        "many-tables" => instantiated(&[section(4, &list(90, |_| vec![0x70, 0, 1]))]),
        "many-globals" => instantiated(&[section(6, &list(400_000, |_| vec![0x7e, 1, 0x42, 0, 0x0b]))]),
        "many-instances" => {
            let instances = list(900, |_| vec![0, 0, 0]);
            plugin(&[section(1, &module(&[section(5, &[1, 0, 1])])), section(2, &instances)], 0)
        }
        "many-types" => plugin_of_module(&[section(1, &list(900_000, |_| vec![0x60, 0, 0]))]),
        "long-signature" => {
            let signature = [vec![0x60], list(1_000, |_| vec![0x7e]), list(1_000, |_| vec![0x7e])].concat();
            plugin_of_module(&[section(1, &list(2_000, |_| signature.clone()))])
        }
        "many-exports" => {
            let exports = list(900_000, |at| [sized(at.to_string().as_bytes()), vec![0, 0]].concat());
            let [types, functions, code] = functions(1, |_| vec![0, 0x0b]).try_into().unwrap();
            plugin_of_module(&[types, functions, section(7, &exports), code])
        }
        "many-imports" => {
            let import = |at: usize| [vec![0], sized(format!("a:b/c{at}").as_bytes()), vec![5, 0]].concat();
            plugin(&[section(7, &[1, 0x42, 0]), section(10, &list(100_000, import))], 100_000)
        }
        "nested-components" => {
            let mut nested = component(&[]);
            for _ in 0..3_000 {
                nested = component(&[section(4, &nested)]);
            }
            plugin(&[section(4, &nested)], 0)
        }
        "component-instances" => {
            // Each makes ten of the one before it.
            let mut nested = component(&[section(1, &module(&[])), section(2, &list(10, |_| vec![0, 0, 0]))]);
            for _ in 0..7 {
                nested = component(&[section(4, &nested), section(5, &list(10, |_| vec![0, 0, 0]))]);
            }
            plugin(&[section(4, &nested), section(5, &list(1, |_| vec![0, 0, 0]))], 1)
        }
        _ => panic!("there is no bomb `{name}`"),
    }
}

/// A module that is also instantiated.
fn instantiated(sections: &[Vec<u8>]) -> Vec<u8> {
    plugin(&[section(1, &module(sections)), section(2, &[1, 0, 0, 0])], 0)
}

/// A signed LEB128 number that is not negative.
fn signed(number: usize) -> Vec<u8> {
    let mut bytes = leb(number);
    let last = bytes.len() - 1;
    if bytes[last] & 0x40 != 0 {
        bytes[last] |= 0x80;
        bytes.push(0);
    }
    bytes
}

/// A component that imports an instance with an instance in it, and so on.
pub fn type_chain(depth: usize) -> Vec<u8> {
    let link = |at: usize| match at {
        0 => vec![0x42, 0],
        // The type before, by its place outside, and an export of it.
        at => [vec![0x42, 2, 2, 3, 2, 1], leb(at - 1), vec![4, 0], sized(b"a"), vec![5, 0]].concat(),
    };
    let import = [vec![1, 0], sized(b"evil:chain/of-types"), vec![5], leb(depth - 1)].concat();
    plugin(&[section(7, &list(depth, link)), section(10, &import)], 1)
}

pub const BOMBS: [&str; 22] = [
    "many-functions",
    "huge-function",
    "deep-blocks",
    "deep-loops",
    "many-locals",
    "too-many-locals",
    "br-table",
    "huge-data",
    "many-segments",
    "scattered-data",
    "large-memory",
    "many-memories",
    "large-table",
    "many-tables",
    "many-globals",
    "many-instances",
    "many-types",
    "long-signature",
    "many-exports",
    "many-imports",
    "nested-components",
    "component-instances",
];

/// Limits of compiling under which most go off soon.
pub fn short() -> Limits {
    Limits { compile_seconds: 1, compile_memory_mib: 1_024, ..Limits::default() }
}

/// Describing or calling it fails for a reason that is the plugin's.
#[track_caller]
pub fn goes_off(setup: &Setup, name: &str, bytes: Vec<u8>, limits: Limits) -> Fault {
    let mut call = setup.call(setup.plugin(name, bytes), &json!({}));
    call.limits = limits;
    let found = fault(setup.runtime.build(&call, setup.tree(&[])));
    eprintln!("{name}: {found}");
    match &found {
        Fault::Unusable { message } => assert!(message.len() < 4_000, "{name}: {message}"),
        Fault::Limit { limit: Limit::CompileTime | Limit::CompileMemory, .. } => {}
        other => panic!("{name}: {other:?}"),
    }
    found
}

#[test]
fn what_is_made_to_be_expensive_is_refused_or_stopped() {
    let Some(setup) = Setup::cold() else { return };
    beside_a_neighbour(&setup, || {
        for name in BOMBS {
            goes_off(&setup, name, bomb(name), short());
        }
    });
}

/// What is small, and asks for more than there is when it is loaded, is the plugin's fault as well.
#[test]
fn what_no_instance_may_have_is_refused_when_it_is_loaded() {
    let Some(setup) = Setup::cold() else { return };
    beside_a_neighbour(&setup, || {
        for name in ["many-memories", "many-tables", "large-table", "many-globals", "many-instances"] {
            let found = goes_off(&setup, name, bomb(name), Limits::default());
            assert!(
                matches!(&found, Fault::Unusable { message } if message.contains("more than an instance may have")),
                "{found:?}"
            );
        }
    });
}

#[test]
fn types_in_types_do_not_use_up_the_hosts_stack() {
    let Some(setup) = Setup::cold() else { return };
    beside_a_neighbour(&setup, || {
        for depth in [10, 100, 1_000, 3_000, 10_000, 30_000, 100_000] {
            goes_off(&setup, &format!("type-chain of {depth}"), type_chain(depth), Limits::default());
        }
    });
}

#[test]
fn what_is_cheap_is_compiled_and_told_from_a_plugin() {
    let Some(setup) = Setup::cold() else { return };
    let harmless = plugin_of_module(&[nullary_type()]);
    let found = goes_off(&setup, "harmless", harmless, Limits::default());
    assert!(
        matches!(&found, Fault::Unusable { message } if message.contains("does not fit the contract")),
        "{found:?}"
    );
}
