//! A backtrace as people read it.

use crate::escape::escape;

/// Functions that are shown.
const SHOWN: usize = 12;

/// The functions of wasmtime's text of a backtrace, innermost first, each with its place in the
/// source if that is known. What a language's runtime does between the plugin's own fault and the
/// trap is left out. `is_cut` says that there are more than the text has.
pub(crate) fn shown(text: &str, is_cut: bool) -> Vec<String> {
    let functions = functions(text);
    let own = functions.iter().position(|function| !is_runtime(function)).unwrap_or(0);
    let more = is_cut || functions.len() - own > SHOWN;
    let mut shown: Vec<String> = functions.into_iter().skip(own).take(SHOWN).collect();
    if more {
        shown.push("…".into());
    }
    shown
}

/// A headline, then for each frame a line `INDEX: OFFSET - MODULE!FUNCTION`, or where there is debug
/// information `INDEX: OFFSET - FUNCTION`, lines `- FUNCTION` for what was inlined into it, and after
/// each a line `at FILE:LINE:COLUMN`.
fn functions(text: &str) -> Vec<String> {
    let mut functions: Vec<String> = Vec::new();
    for line in text.lines().skip(1) {
        let line = line.trim_start();
        match (line.strip_prefix("at "), functions.last_mut()) {
            (Some(place), Some(function)) => {
                function.push_str(" at ");
                function.push_str(&escape(place.trim_start_matches("./")));
            }
            _ => {
                let name = line.split_once("- ").map_or(line, |(_, name)| name);
                // The module's name has no meaning to its author; generic arguments may have `!`.
                let name = name.split_once('!').filter(|(module, _)| is_module(module)).map_or(name, |(_, name)| name);
                functions.push(escape(&readable(name.trim())));
            }
        }
    }
    functions
}

fn is_module(name: &str) -> bool {
    name == "<unknown>" || name.chars().all(|c| c.is_alphanumeric() || "._-".contains(c))
}

/// A name without the hashes that Rust's mangling leaves in it: `std[d123b7a1a2ed1472]::…` and
/// `…::he716aeec648aae7d`.
fn readable(name: &str) -> String {
    const HASH: usize = 16;
    let is_hash = |text: &str| text.len() == HASH && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = match name.rsplit_once("::h") {
        Some((before, hash)) if is_hash(hash) => before,
        _ => name,
    };
    let mut readable = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('[') {
        readable.push_str(before);
        match after.split_once(']') {
            Some((hash, behind)) if is_hash(hash) => rest = behind,
            _ => {
                readable.push('[');
                rest = after;
            }
        }
    }
    readable + rest
}

/// Whether a function belongs to a language's own runtime: what runs between a panic and its trap.
fn is_runtime(function: &str) -> bool {
    const STARTS: [&str; 11] = [
        "std::", "core::", "alloc::", "<std::", "<core::", "<alloc::", "rust_", "__rust", "__rustc", "abort",
        "runtime.",
    ];
    STARTS.iter().any(|start| function.starts_with(start)) || function.contains(" at /rustc/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &str = "\
error while executing at wasm backtrace:
    0:   0x1a2b - step.wasm!abort
    1:   0x1a2c - step.wasm!std[d123b7a1a2ed1472]::panicking::begin_panic_handler::<[u8]>::h0123456789abcdef
    2:   0x1a2d - step.wasm!hello::greet::<fn() -> !>
    3:   0x1a2e - step.wasm!springline:plugin/build-step@0.1.0#run";

    const LINES: &str = "\
error while executing at wasm backtrace:
    0:   0x1a2b - core[6d9e98711c484d2e]::panicking::panic_fmt
                    at /rustc/59807616e1fa/library/core/src/panicking.rs:80:14
    1:   0x1a2d - index<char>
                    at /rustc/59807616e1fa/library/core/src/slice/index.rs:272:10
                - hello::greet
                    at ./src/lib.rs:14:5
                - hello::hello
                    at ./src/lib.rs:9:22
    2:   0x1a2e - <unknown>!springline:plugin/build-step@0.1.0#run";

    #[test]
    fn the_plugins_own_functions_come_first() {
        let own = ["hello::greet::<fn() -> !>", "springline:plugin/build-step@0.1.0#run"];
        assert_eq!(shown(NAMES, false), own);
    }

    #[test]
    fn places_are_those_of_the_project() {
        let expected = [
            "hello::greet at src/lib.rs:14:5",
            "hello::hello at src/lib.rs:9:22",
            "springline:plugin/build-step@0.1.0#run",
        ];
        assert_eq!(shown(LINES, false), expected);
    }

    #[test]
    fn hashes_are_left_out_and_nothing_else_is() {
        assert_eq!(readable("<[u8] as x[0123456789abcdef]::Y>::z::h0123456789abcdef"), "<[u8] as x::Y>::z");
        assert_eq!(readable("a[0]::h1[x"), "a[0]::h1[x");
    }

    #[test]
    fn a_deep_one_is_cut() {
        let lines: String = (0..20).map(|at| format!("  {at}: 0x1 - m!f{at}\n")).collect();
        let shown = shown(&format!("headline\n{lines}"), false);
        assert_eq!((shown.len(), shown[12].as_str()), (13, "…"));
    }
}
