//! A renderer for tests: `mode` says what it does.

use springline_sdk::prelude::*;

#[config]
struct Config {
    /// What to do.
    mode: Mode,
    /// How much; what it means depends on the mode.
    #[serde(default)]
    count: u64,
}

#[config]
#[derive(Copy)]
enum Mode {
    /// Every file of `/in` as an object, and every artifact as a tree.
    All,
    /// Every file of every artifact, read through `/artifacts`.
    Artifacts,
    /// What the context says, as an object each.
    Ask,
    /// A blob of `count` MiB.
    Blob,
    /// An inline body of `count` bytes.
    Inline,
    /// `count` small objects.
    Many,
    /// Two objects of one id.
    Twice,
    /// An object whose id leads out.
    BadId,
    /// An object whose body is a blob that nobody gave.
    ForeignBlob,
    /// An object whose body is a tree that nobody gave.
    ForeignTree,
    /// An object whose body is no digest.
    BadDigest,
    /// No object at all.
    Nothing,
    /// Panics.
    Panic,
}

/// Renders what its config says.
#[renderer]
fn probe_renderer(config: Config, render: &mut Render) -> Result<Vec<Object>> {
    let nobodys = format!("sha256:{}", "0".repeat(64));
    match config.mode {
        Mode::All => all(render),
        Mode::Artifacts => artifacts(),
        Mode::Ask => ask(render),
        Mode::Blob => blob(render, config.count),
        Mode::Inline => Ok(vec![Object::inline("one", vec![b'x'; usize::try_from(config.count).unwrap_or(0)])]),
        Mode::Many => Ok((0..config.count).map(|n| Object::inline(format!("many/{n}"), n.to_string())).collect()),
        Mode::Twice => Ok(vec![Object::inline("same", "1"), Object::inline("same", "2")]),
        Mode::BadId => Ok(vec![Object::inline("../escape", "1")]),
        Mode::ForeignBlob => Ok(vec![Object::blob("one", nobodys)]),
        Mode::ForeignTree => Ok(vec![Object::tree("one", nobodys)]),
        Mode::BadDigest => Ok(vec![Object::blob("one", "sha1:00")]),
        Mode::Nothing => Ok(Vec::new()),
        Mode::Panic => panic!("as told"),
    }
}

fn all(render: &Render) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    for entry in render.walk()? {
        objects.push(Object::inline(format!("in/{}", entry.path), render.read(&entry.path)?));
    }
    for artifact in render.artifacts() {
        objects.push(Object::tree(format!("artifacts/{}", artifact.name), artifact.digest));
    }
    Ok(objects)
}

fn artifacts() -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    let root = std::path::Path::new("/artifacts");
    for artifact in std::fs::read_dir(root).at(root)? {
        let artifact = artifact.at(root)?;
        let name = artifact.file_name().to_string_lossy().into_owned();
        for file in std::fs::read_dir(artifact.path()).at(artifact.path())? {
            let path = file.at(artifact.path())?.path();
            if path.is_file() {
                let id = format!("{name}/{}", path.file_name().unwrap_or_default().to_string_lossy());
                objects.push(Object::inline(id, std::fs::read(&path).at(&path)?));
            }
        }
    }
    Ok(objects)
}

fn ask(render: &Render) -> Result<Vec<Object>> {
    let context = render.context();
    Ok(vec![
        Object::inline("application", context.application()),
        Object::inline("environment", render.environment()?),
        Object::inline("values", springline_sdk::serde_json::to_vec(render.values()?).unwrap_or_default()),
        Object::inline("names", context.artifact_names().join(",")),
    ])
}

fn blob(render: &Render, mib: u64) -> Result<Vec<Object>> {
    use std::io::Write as _;
    let mut writer = render.blob_writer();
    let chunk = vec![5; 1 << 20];
    for _ in 0..mib {
        writer.write_all(&chunk)?;
    }
    Ok(vec![Object::blob("large", writer.finish()?)])
}
