//! What stands in a component's bytes is shown in messages, and is the plugin's word.

use serde_json::json;
use springline_model::plugin::Fault;
use springline_model::port::Plugins as _;

use crate::attack::limits;
use crate::neighbour::beside_a_neighbour;
use crate::setup::{Setup, fault};
use crate::wasm::{leb, list, plugin, plugin_named, section, sized};

const POISON: &str = "\u{1b}[2J\u{1b}]0;title\u{7}\r\n\u{202e}";

fn imports(name: &str) -> Vec<u8> {
    let import = [vec![1, 0], sized(name.as_bytes()), vec![5, 0]].concat();
    plugin(&[section(7, &[1, 0x42, 0]), section(10, &import)], 1)
}

#[test]
fn poison_in_names_is_escaped() {
    let Some(setup) = Setup::cold() else { return };
    let poisoned = [
        ("an import of the host", imports(&format!("springline:host/{POISON}@0.1.0"))),
        ("an import of another track", imports(&format!("springline:host/log@{POISON}"))),
        ("a foreign import", imports(&format!("evil:{POISON}/x"))),
        ("a foreign track", plugin_named(&format!("springline:plugin/build-step@7.{POISON}"), &[], 0)),
        ("a foreign export", plugin_named(&format!("evil:{POISON}/x"), &[], 0)),
    ];
    for (what, bytes) in poisoned {
        let found = beside_a_neighbour(&setup, || fault(setup.runtime.describe(&setup.plugin(what, bytes))));
        let Fault::Unusable { message } = &found else { panic!("{what}: {found:?}") };
        assert!(!message.contains(|c: char| c.is_control() || c == '\u{202e}'), "{what}: {message:?}");
    }
}

#[test]
fn a_name_as_long_as_a_book_is_cut() {
    let Some(setup) = Setup::cold() else { return };
    let long = "x".repeat(1 << 20);
    for bytes in [
        imports(&format!("springline:host/{long}@0.1.0")),
        plugin_named(&format!("springline:plugin/build-step@7.{long}"), &[], 0),
        plugin_named(&format!("evil:{long}/x"), &[], 0),
    ] {
        let found = beside_a_neighbour(&setup, || fault(setup.runtime.describe(&setup.plugin("long", bytes))));
        let Fault::Unusable { message } = found else { panic!("{found:?}") };
        assert!(message.len() < 4_000, "{} bytes", message.len());
    }
}

/// Names of functions are demangled for a backtrace, which multiplies some.
#[test]
fn a_backtrace_is_short_whatever_functions_are_called() {
    let Some(setup) = Setup::new() else { return };
    let guest = std::env::var_os("SPRINGLINE_GUESTS").map(std::path::PathBuf::from).unwrap().join("hostile-c.wasm");
    let guest = std::fs::read(guest).unwrap();
    let doubling: String = {
        // Each substitution stands for the pair of the one before it.
        let pairs: String = (0..26).map(|n| format!("S{}_S{}_E", digit(n), digit(n))).collect();
        format!("_ZN1aI1bIccE{pairs}EE")
    };
    for name in ["x".repeat(1 << 20), POISON.repeat(100), format!("_ZN{}", "1aI".repeat(20_000)), doubling] {
        let bytes = with_function_names(&guest, &name);
        let mut call = setup.call(setup.plugin("named", bytes), &json!({"attack": "poll-nothing"}));
        call.limits = limits();
        let found = beside_a_neighbour(&setup, || fault(setup.runtime.build(&call, setup.tree(&[]))));
        let Fault::Trap { message } = found else { panic!("{found:?}") };
        assert!(message.len() < 20_000, "{} bytes", message.len());
        assert!(!message.contains(|c: char| c.is_control() && c != '\n'), "{message:?}");
    }
}

fn digit(n: usize) -> String {
    // Substitutions are counted S_, S0_, S1_, …, in base 36.
    match n {
        0 => String::new(),
        n => char::from_digit(u32::try_from(n - 1).unwrap(), 36).unwrap().to_ascii_uppercase().to_string(),
    }
}

/// The component, with every function of its first module called this.
fn with_function_names(component: &[u8], name: &str) -> Vec<u8> {
    let names = list(200, |at| [leb(at), sized(name.as_bytes())].concat());
    let custom = [sized(b"name"), vec![1], sized(&names)].concat();
    // A module in a component is a section, whose length changes with what is appended.
    let (start, length_bytes, length) = first_module(component);
    let body = &component[start + 1 + length_bytes..start + 1 + length_bytes + length];
    let changed = [body.to_vec(), section(0, &custom)].concat();
    [component[..start].to_vec(), section(1, &changed), component[start + 1 + length_bytes + length..].to_vec()]
        .concat()
}

/// Where the first section with a core module begins, how many bytes its length takes, and the length.
fn first_module(component: &[u8]) -> (usize, usize, usize) {
    let mut at = 8;
    loop {
        let (mut length, mut shift, mut bytes) = (0_usize, 0, 0);
        loop {
            let byte = component[at + 1 + bytes];
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            bytes += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if component[at] == 1 {
            return (at, bytes, length);
        }
        at += 1 + bytes + length;
    }
}
