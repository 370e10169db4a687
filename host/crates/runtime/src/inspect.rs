//! What a component is, from its bytes alone: nothing is compiled or executed for it.

use springline_model::capability::imported_by;
use springline_model::plugin::{Fault, Kind};
use wasmparser::{Encoding, Parser, Payload};

use crate::escape::escape;

/// The tracks of the contract that this host speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Track {
    /// `springline:plugin@0.1.x`.
    V0_1,
}

impl Track {
    const ALL: [Self; 1] = [Self::V0_1];

    /// As it is written.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::V0_1 => "0.1",
        }
    }

    fn of_version(version: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|track| track_of(version) == track.as_str())
    }
}

/// What a plugin is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Its kind.
    pub(crate) kind: Kind,
    /// The track it was made for.
    pub(crate) track: Track,
    /// The interfaces it imports, as it names them, sorted.
    pub(crate) imports: Vec<String>,
}

impl Shape {
    /// Whether it imports the interface of this power.
    pub(crate) fn imports_power(&self, capability: &str) -> bool {
        self.imports.iter().any(|import| imported_by(import) == Some(capability))
    }
}

/// The interfaces of `springline:host` that this host has.
pub(crate) const HOST_INTERFACES: [&str; 8] =
    ["blobs", "context", "directory", "files", "kubernetes", "log", "secrets", "trees"];
/// What a deploy target may export besides.
const BESIDES: [&str; 2] = ["hooks", "insight"];

const HOW_TO_BUILD: &str = "build it for `wasm32-wasip2`, or wrap it with `wasm-tools component new`";

/// Finds out what these bytes are.
///
/// # Errors
/// [`Fault::Unusable`] says what they are instead of a plugin that this host can run.
pub(crate) fn inspect(bytes: &[u8]) -> Result<Shape, Fault> {
    let Names { imports, exports } = names(bytes)?;
    let (kind, track) = kind_of(&exports)?;
    let described = exports.iter().any(|export| {
        matches!(split(export), Some(("springline:plugin", "describe", version)) if Track::of_version(version) == Some(track))
    });
    if !described {
        return Err(unusable(format!(
            "it exports `springline:plugin/{kind}` but not `springline:plugin/describe`, which every plugin has: build it with the world `{kind}-plugin`"
        )));
    }
    for import in &imports {
        check_import(import)?;
    }
    Ok(Shape { kind, track, imports })
}

/// The names of what a component imports and exports, each list sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interfaces {
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
}

/// Reads the names of what a component imports and exports from its bytes.
///
/// # Errors
/// [`Fault::Unusable`] if they are no component.
pub fn interfaces(bytes: &[u8]) -> Result<Interfaces, Fault> {
    let Names { imports, mut exports } = names(bytes)?;
    exports.sort_unstable();
    Ok(Interfaces { imports, exports })
}

fn kind_of(exports: &[String]) -> Result<(Kind, Track), Fault> {
    let mut found = Vec::new();
    for export in exports {
        let Some(("springline:plugin", name, version)) = split(export) else { continue };
        let kind = kind_named(name);
        if kind.is_none() && !BESIDES.contains(&name) {
            continue;
        }
        let Some(track) = Track::of_version(version) else {
            return Err(unusable(format!(
                "it was made for track {} of the plugin contract (`{}`), and this host speaks {}: use a Springline that knows that track, or a build of the plugin for one of these",
                shown(track_of(version)),
                shown(export),
                spoken()
            )));
        };
        found.extend(kind.map(|kind| (kind, track)));
    }
    match found[..] {
        [one] => Ok(one),
        [] if exports.iter().any(|export| export.starts_with("wasi:cli/run@")) => Err(unusable(
            "it is a WASI command, no plugin: a plugin exports one of the interfaces `springline:plugin/build-step`, `renderer` and `deploy-target`",
        )),
        [] => Err(unusable(format!(
            "it is a component, but no plugin: it exports {}, and a plugin exports one of `springline:plugin/build-step`, `renderer` and `deploy-target`",
            listed(exports)
        ))),
        _ => Err(unusable(format!(
            "it exports more than one kind of plugin ({}): make a component of each",
            listed(exports)
        ))),
    }
}

fn check_import(import: &str) -> Result<(), Fault> {
    let Some(("springline:host", name, version)) = split(import) else { return Ok(()) };
    if Track::of_version(version).is_none() {
        return Err(unusable(format!(
            "it imports `{}`, and this host has track {} of `springline:host`: use a Springline that knows it",
            shown(import),
            spoken()
        )));
    }
    if !HOST_INTERFACES.contains(&name) {
        return Err(unusable(format!(
            "it imports `{}`, which this host does not have: use a newer Springline, or a build of the plugin that does without",
            shown(import)
        )));
    }
    Ok(())
}

fn spoken() -> String {
    Track::ALL.map(Track::as_str).join(", ")
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing".into(),
        names => names.iter().take(8).map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", "),
    }
}

/// A name as a message shows it: it is the plugin's word, and as long as it likes.
fn shown(name: &str) -> String {
    const MOST: usize = 200;
    match name.floor_char_boundary(MOST) {
        end if end < name.len() => format!("{}…", escape(&name[..end])),
        _ => escape(name),
    }
}

fn kind_named(name: &str) -> Option<Kind> {
    [Kind::BuildStep, Kind::Renderer, Kind::DeployTarget].into_iter().find(|kind| kind.to_string() == name)
}

/// Splits `package/interface@version`. No version is the version `0.0.0`.
pub(crate) fn split(name: &str) -> Option<(&str, &str, &str)> {
    let (path, version) = name.split_once('@').unwrap_or((name, "0.0.0"));
    let (package, interface) = path.split_once('/')?;
    Some((package, interface, version))
}

/// What identifies compatible versions: `0.1` of `0.1.7`, `2` of `2.3.4`.
pub(crate) fn track_of(version: &str) -> &str {
    match version.split_once('.') {
        Some(("0", rest)) => &version[..2 + rest.find('.').unwrap_or(rest.len())],
        Some((major, _)) => major,
        None => version,
    }
}

struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

fn names(bytes: &[u8]) -> Result<Names, Fault> {
    if !bytes.starts_with(b"\0asm") {
        return Err(unusable(
            "these bytes are no WebAssembly: a plugin is a component, a `.wasm` file that starts with `\\0asm`",
        ));
    }
    let mut found = Names { imports: Vec::new(), exports: Vec::new() };
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload =
            payload.map_err(|error| unusable(format!("it is damaged WebAssembly: {}", shown(&error.to_string()))))?;
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(unusable(format!(
                    "it is a core WebAssembly module, and a plugin is a component: {HOW_TO_BUILD}"
                )));
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(|error| {
                        unusable(format!("it is damaged WebAssembly: {}", shown(&error.to_string())))
                    })?;
                    found.imports.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export.map_err(|error| {
                        unusable(format!("it is damaged WebAssembly: {}", shown(&error.to_string())))
                    })?;
                    found.exports.push(export.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    found.imports.sort_unstable();
    Ok(found)
}

fn unusable(message: impl Into<String>) -> Fault {
    Fault::Unusable { message: message.into() }
}

#[cfg(test)]
#[path = "../../../../tests/fuzz/src/component.rs"]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(bytes: &mut Vec<u8>, name: &str) {
        bytes.push(0);
        bytes.push(u8::try_from(name.len()).unwrap());
        bytes.extend_from_slice(name.as_bytes());
    }

    /// A component that imports and exports instances of these names; enough to look at.
    fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        for (section, names, tail) in [(10, imports, &[5, 0][..]), (11, exports, &[5, 0, 0][..])] {
            for one in names {
                let mut content = vec![1];
                name(&mut content, one);
                content.extend_from_slice(tail);
                bytes.push(section);
                bytes.push(u8::try_from(content.len()).unwrap());
                bytes.extend(content);
            }
        }
        bytes
    }

    fn refusal(bytes: &[u8]) -> String {
        match inspect(bytes) {
            Err(Fault::Unusable { message }) => message,
            other => panic!("{other:?}"),
        }
    }

    const DESCRIBE: &str = "springline:plugin/describe@0.1.0";

    #[test]
    fn kind_track_and_imports_come_from_the_bytes() {
        let bytes = component(
            &["wasi:cli/stderr@0.2.6", "springline:host/log@0.1.3"],
            &["springline:plugin/renderer@0.1.0", DESCRIBE],
        );
        let shape = inspect(&bytes).unwrap();
        assert_eq!((shape.kind, shape.track), (Kind::Renderer, Track::V0_1));
        assert_eq!(shape.imports, ["springline:host/log@0.1.3", "wasi:cli/stderr@0.2.6"]);
    }

    #[test]
    fn what_is_no_plugin_is_named() {
        assert!(refusal(b"#!/bin/sh").contains("no WebAssembly"));
        assert!(refusal(b"\0asm\x01\0\0\0").contains("core WebAssembly module"));
        assert!(refusal(&component(&[], &[])).contains("exports nothing"));
        assert!(refusal(&component(&[], &["wasi:cli/run@0.2.0"])).contains("WASI command"));
        let mut cut = component(&[], &[DESCRIBE]);
        cut.truncate(cut.len() - 4);
        assert!(refusal(&cut).contains("damaged"));
    }

    #[test]
    fn unknown_tracks_and_interfaces_name_what_is_known() {
        let future = refusal(&component(&[], &["springline:plugin/build-step@0.9.2", DESCRIBE]));
        assert!(future.contains("track 0.9") && future.contains("speaks 0.1"), "{future}");
        let step = ["springline:plugin/build-step@0.1.0", DESCRIBE];
        assert!(
            refusal(&component(&["springline:host/teleport@0.1.0"], &step)).contains("springline:host/teleport@0.1.0")
        );
        assert!(refusal(&component(&["springline:host/log@2.0.0"], &step)).contains("track 0.1"));
        assert!(refusal(&component(&[], &step[..1])).contains("springline:plugin/describe"));
    }

    #[test]
    fn a_component_of_two_kinds_is_refused() {
        let both = ["springline:plugin/build-step@0.1.0", "springline:plugin/renderer@0.1.0", DESCRIBE];
        assert!(refusal(&component(&[], &both)).contains("more than one kind"));
    }

    #[test]
    fn what_was_found_by_fuzzing_stays_mended() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fuzz/corpus/component");
        let files: Vec<_> = std::fs::read_dir(corpus).unwrap().flatten().collect();
        assert!(files.len() > 5);
        files.iter().for_each(|file| fuzz::check(&std::fs::read(file.path()).unwrap()));
    }

    #[test]
    fn compatible_versions_share_a_track() {
        assert_eq!(track_of("0.1.12"), "0.1");
        assert_eq!(track_of("0.1"), "0.1");
        assert_eq!(track_of("2.3.4"), "2");
    }
}
