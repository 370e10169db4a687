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
";

const HOST_INTERFACES: [&str; 7] = ["log", "context", "files", "blobs", "trees", "directory", "secrets"];

fn main() -> Result<()> {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("bindgen lies in the SDK's directory")?;
    let wit = sdk.join("../../wit");
    let to = sdk.join("src/bindings");
    let stamp = format!("// Generated from wit/ by sdk/rust/bindgen. wit: {}\n", fingerprint(&wit)?);

    write(&to, "host", &stamp, &wit, "springline:sdk/host", |_| Vec::new())?;
    for kind in ["build-step", "renderer", "deploy-target"] {
        let world = format!("springline:plugin/{kind}-plugin@0.1.0");
        write(&to, &kind.replace('-', "_"), &stamp, &wit, &world, shared)?;
    }
    // Only who switches on the feature `http` imports it.
    write(&to, "http", &stamp, &wit, "springline:plugin/http@0.1.0", |_| Vec::new())?;
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
