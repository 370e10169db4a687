//! Every SDK below `sdk/` and the contract, as data: what `springline plugin new` writes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::manifest::Workspace;

/// What of an SDK stays behind: what only its own repository needs, and what its tools make.
const LEFT_OUT: [&str; 14] = [
    "bindgen",
    "build",
    "dist",
    "examples",
    "node_modules",
    "target",
    "template",
    "test",
    "tests",
    "__pycache__",
    ".venv",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
];

/// Writes `sdks.rs` to `out`.
pub fn embed(out: &Path) -> io::Result<()> {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = package.as_deref().and_then(Path::parent).ok_or_else(|| io::Error::other("no workspace"))?;
    let workspace = Workspace::read(&root.join("Cargo.toml"))?;
    println!("cargo::rerun-if-changed={}", root.join("Cargo.toml").display());
    let mut code = String::from("static SDKS: &[Sdk] = &[\n");
    for sdk in directories(&root.join("sdk"))? {
        let name = sdk.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut files = Vec::new();
        collect(&sdk, &sdk, &LEFT_OUT, &mut files)?;
        let mut templates = Vec::new();
        let template = sdk.join("template");
        if template.is_dir() {
            collect(&template, &template, &LEFT_OUT[..1], &mut templates)?;
        }
        let embedded = Embedded { out, name: &name, workspace: &workspace, root };
        writeln!(code, "    Sdk {{ name: {name:?}, files: &[").map_err(io::Error::other)?;
        embedded.list(&mut code, &sdk, &files)?;
        code.push_str("    ], templates: &[\n");
        embedded.list(&mut code, &template, &templates)?;
        code.push_str("    ] },\n");
    }
    code.push_str("];\nstatic WIT: &[File] = &[\n");
    let wit = root.join("wit");
    let mut files = Vec::new();
    collect(&wit, &wit, &["frozen", "tagged"], &mut files)?;
    Embedded { out, name: "wit", workspace: &workspace, root }.list(&mut code, &wit, &files)?;
    code.push_str("];\n");
    fs::write(out.join("sdks.rs"), code)
}

fn directories(parent: &Path) -> io::Result<Vec<PathBuf>> {
    println!("cargo::rerun-if-changed={}", parent.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The files below a directory, relative to `root` and sorted; cargo is told to look at them.
fn collect(root: &Path, directory: &Path, left_out: &[&str], found: &mut Vec<String>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", directory.display());
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() && !left_out.contains(&name.as_str()) && !name.ends_with(".egg-info") {
            collect(root, &path, left_out, found)?;
        } else if kind.is_file() && !name.ends_with(".wasm") && !name.ends_with(".pyc") {
            println!("cargo::rerun-if-changed={}", path.display());
            let path = path.strip_prefix(root).map_err(io::Error::other)?;
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found.sort();
    Ok(())
}

struct Embedded<'e> {
    out: &'e Path,
    name: &'e str,
    workspace: &'e Workspace,
    root: &'e Path,
}

impl Embedded<'_> {
    /// Lists files as code. A manifest that inherits from the workspace is written out in full, as
    /// the workspace stays behind.
    fn list(&self, code: &mut String, directory: &Path, files: &[String]) -> io::Result<()> {
        for path in files {
            let mut from = directory.join(path);
            if from.file_name().is_some_and(|name| name == "Cargo.toml") {
                let text = fs::read_to_string(&from)?;
                let place = from.parent().and_then(|parent| parent.strip_prefix(self.root).ok());
                let resolved = self.workspace.resolve(&text, place.unwrap_or(Path::new("")));
                if resolved != text {
                    from = self.out.join(format!("{}-{}", self.name, path.replace('/', "-")));
                    fs::write(&from, resolved)?;
                }
            }
            let executable = std::os::unix::fs::PermissionsExt::mode(&from.metadata()?.permissions()) & 0o111 != 0;
            writeln!(
                code,
                "        File {{ path: {path:?}, bytes: include_bytes!({:?}), executable: {executable} }},",
                from.canonicalize()?
            )
            .map_err(io::Error::other)?;
        }
        Ok(())
    }
}
