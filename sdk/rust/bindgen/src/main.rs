//! Generates `sdk/rust/src/bindings/*.rs` from `wit/`.
//!
//! Run it after every change to `wit/`:
//! `cargo run --manifest-path sdk/rust/bindgen/Cargo.toml`.
//! The SDK's test `bindings_are_current` fails until that has been done.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use wit_bindgen_core::Files;
use wit_bindgen_core::WorldGenerator as _;
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_rust::{Opts, WithOption};

/// Everything a plugin of any kind may import. It is generated once; the worlds of the kinds refer
/// to it. What a plugin does not use is dropped when its component is made.
const HOST_WORLD: &str = "
package springline:sdk;
world host {
    import springline:host/log@0.1.0;
    import springline:host/context@0.1.0;
    import springline:host/files@0.1.0;
    import springline:host/blobs@0.1.0;
    import springline:host/trees@0.1.0;
    import springline:host/directory@0.1.0;
    import springline:host/secrets@0.1.0;
    import springline:plugin/types@0.1.0;
}
/// All that a deploy target may export. Which of it one exports, the macros of its crate say.
world target {
    include springline:plugin/deploy-target-plugin@0.1.0;
    include springline:plugin/with-hooks@0.1.0;
    include springline:plugin/with-insight@0.1.0;
}
";

const HOST_INTERFACES: [&str; 7] = ["log", "context", "files", "blobs", "trees", "directory", "secrets"];

fn main() -> Result<()> {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("bindgen lies in the SDK's directory")?;
    let wit = sdk.join("../../wit");
    let to = sdk.join("src/bindings");
    let stamp = format!("// Generated from wit/ by sdk/rust/bindgen. wit: {}\n", fingerprint(&wit)?);

    write(&to, "host", &stamp, &wit, "springline:sdk/host", |_| Vec::new())?;
    for kind in ["build-step", "renderer"] {
        let world = format!("springline:plugin/{kind}-plugin@0.1.0");
        write(&to, &kind.replace('-', "_"), &stamp, &wit, &world, shared)?;
    }
    write(&to, "deploy_target", &stamp, &wit, "springline:sdk/target", shared)?;
    choose_exports(&to.join("deploy_target.rs"), &wit)?;
    // Only who switches on the feature of that name imports it.
    for feature in ["http", "kubernetes"] {
        write(&to, feature, &stamp, &wit, &format!("springline:plugin/{feature}@0.1.0"), |_| Vec::new())?;
    }
    Ok(())
}

/// Which interfaces of a kind's world are taken from the bindings of [`HOST_WORLD`].
fn shared(imported: &[String]) -> Vec<(String, WithOption)> {
    let mut with = Vec::new();
    for name in HOST_INTERFACES {
        let interface = format!("springline:host/{name}@0.1.0");
        if imported.contains(&interface) {
            let path = format!("crate::bindings::host::springline::host::{name}");
            with.push((interface, WithOption::Path(path)));
        }
    }
    let types = "crate::bindings::host::springline::plugin::types".to_owned();
    with.push(("springline:plugin/types@0.1.0".to_owned(), WithOption::Path(types)));
    with
}

/// Puts a macro for each of the worlds that a deploy target may consist of in the place of the one
/// that exports all of them.
fn choose_exports(path: &Path, wit: &Path) -> Result<()> {
    let code = fs::read_to_string(path)?;
    let all = "#[allow(unused_macros)]\n#[doc(hidden)]\n#[macro_export]\nmacro_rules! __export_target_impl";
    let from = code.find(all).context("the macro that exports all is not where it was")?;
    let from = code[..from].rfind("\n}\n").context("nothing stands before the macro")? + "\n}\n".len();
    let end = "pub use __export_target_impl as export;\n";
    let to = code.find(end).context("the macro's name is not where it was")? + end.len();
    let mut chosen = code[..from].to_owned();
    for (name, world, interfaces) in [
        ("export", "deploy-target-plugin", &["describe", "deploy_target"][..]),
        ("export_hooks", "with-hooks", &["hooks"]),
        ("export_insight", "with-insight", &["insight"]),
    ] {
        chosen.push_str(&export_macro(name, world, interfaces, wit)?);
    }
    chosen.push_str(&code[to..]);
    Ok(fs::write(path, chosen)?)
}

/// A macro that exports these interfaces and tells wit-component of this world.
fn export_macro(name: &str, world: &str, interfaces: &[&str], wit: &Path) -> Result<String> {
    let mut resolve = Resolve::default();
    let (plugin, _) = resolve.push_dir(wit)?;
    let id = resolve.select_world(&[plugin], Some(world))?;
    let section = wit_component::metadata::encode(&resolve, id, wit_component::StringEncoding::UTF8, None, false)?;
    let length = section.len();
    let exports: String = interfaces
        .iter()
        .map(|interface| {
            let path = format!("$($path)*::exports::springline::plugin::{interface}");
            let of = format!("__export_deploy_target_world_{interface}_0_1_0_cabi");
            format!("        {path}::{of}!($ty with_types_in {path});\n")
        })
        .collect();
    // A line's leading spaces are not part of a literal that goes on over the lines.
    let escaped = |byte: &u8| if *byte == b' ' { "\\x20".to_owned() } else { byte.escape_ascii().to_string() };
    let lines: Vec<String> = section.chunks(32).map(|line| line.iter().map(escaped).collect()).collect();
    let bytes = lines.join("\\\n");
    Ok(format!(
        "#[doc(hidden)]\n#[macro_export]\nmacro_rules! __deploy_target_{name} {{\n    \
         ($ty:ident with_types_in $($path:tt)*) => {{\n{exports}        const _: () = {{\n            \
         #[cfg(target_arch = \"wasm32\")]\n            \
         #[unsafe(link_section = \"component-type:springline:{world}\")]\n            \
         pub static SECTION: [u8; {length}] = *b\"\\\n{bytes}\";\n        }};\n    }};\n}}\n\
         #[doc(inline)]\npub use __deploy_target_{name} as {name};\n"
    ))
}

fn write(
    to: &Path,
    name: &str,
    stamp: &str,
    wit: &Path,
    world: &str,
    with: impl Fn(&[String]) -> Vec<(String, WithOption)>,
) -> Result<()> {
    let mut resolve = Resolve::default();
    let (plugin, _) = resolve.push_dir(wit)?;
    let sdk = resolve.push_str("sdk.wit", HOST_WORLD)?;
    let world = resolve.select_world(&[plugin, sdk], Some(world))?;
    let imported: Vec<_> = resolve.worlds[world].imports.keys().map(|key| resolve.name_world_key(key)).collect();
    let options = Opts {
        format: true,
        generate_all: true,
        pub_export_macro: true,
        runtime_path: Some("::wit_bindgen::rt".to_owned()),
        with: with(&imported),
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    let (_, code) = files.iter().next().context("the generator wrote nothing")?;
    // Every kind exports `describe`, and macros of one crate share a namespace.
    let code = std::str::from_utf8(code)?.replace("__export_springline_plugin_", &format!("__export_{name}_world_"));
    let code = format!("{stamp}{code}");
    fs::create_dir_all(to)?;
    fs::write(to.join(format!("{name}.rs")), code)?;
    Ok(())
}

/// The SHA-256 of every `springline` WIT file, each with its path, in the order of the paths.
fn fingerprint(wit: &Path) -> Result<String> {
    let mut files: Vec<PathBuf> = Vec::new();
    for directory in [wit.to_owned(), wit.join("deps/host")] {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "wit") {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut hasher = Sha256::new();
    for file in files {
        hasher.update(file.strip_prefix(wit)?.to_str().context("a path that is not UTF-8")?);
        hasher.update([0]);
        hasher.update(fs::read(&file)?);
        hasher.update([0]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
