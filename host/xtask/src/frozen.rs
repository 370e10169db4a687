//! Frozen tracks of the plugin contract: `wit/frozen/TRACK/` holds a copy of `wit/` and the
//! checksums of its files. `wit/tagged/RELEASE/` holds such copies of releases, candidates too, from
//! which the tests build plugins of their time.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest, Sha256};

/// The file with the checksums, as `sha256sum` prints and checks them.
pub const SUMS: &str = "SHA256SUMS";

/// The track that this contract (a `wit/` directory) describes: the version of its package
/// without the patch, such as `0.1`.
pub fn track(wit: &Path) -> Result<String> {
    let types = wit.join("types.wit");
    let text = fs::read_to_string(&types).with_context(|| format!("can't read {}", types.display()))?;
    let version = text.lines().find_map(|line| line.strip_prefix("package springline:plugin@"));
    let version = version.and_then(|version| version.strip_suffix(';')).and_then(|version| version.rsplit_once('.'));
    let (track, _) = version.with_context(|| format!("{} names no version of springline:plugin", types.display()))?;
    Ok(track.to_owned())
}

/// Copies the contract to `frozen/TRACK` with its checksums, and returns that directory.
///
/// # Errors
/// If the contract describes another track, or the track is frozen already.
pub fn freeze(wit: &Path, track: &str) -> Result<PathBuf> {
    let current = self::track(wit)?;
    if current != track {
        bail!("the contract in {} is of track {current}, not {track}", wit.display());
    }
    let dir = wit.join("frozen").join(track);
    if dir.exists() {
        bail!("track {track} is frozen already, in {}", dir.display());
    }
    copy(wit, &dir)?;
    Ok(dir)
}

/// Copies the contract to `tagged/RELEASE` with its checksums, and returns that directory.
///
/// # Errors
/// If the release is no version of the contract's track, or is tagged already.
pub fn tag(wit: &Path, release: &str) -> Result<PathBuf> {
    let track = track(wit)?;
    if !release.starts_with(&format!("{track}.")) || release.contains(['/', '\\']) {
        bail!("the contract in {} is of track {track}, and {release} is no release of that", wit.display());
    }
    let dir = wit.join("tagged").join(release);
    if dir.exists() {
        bail!("{release} is tagged already, in {}", dir.display());
    }
    copy(wit, &dir)?;
    Ok(dir)
}

/// Copies the contract to a directory, with its checksums.
fn copy(wit: &Path, dir: &Path) -> Result<()> {
    // Appears as a whole: a half-made copy would look complete.
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let building = dir.with_file_name(format!(".{name}.new"));
    if building.exists() {
        fs::remove_dir_all(&building)?;
    }
    let files = wit_files(wit)?;
    for file in &files {
        let to = building.join(file);
        fs::create_dir_all(to.parent().unwrap_or(&building))?;
        fs::copy(wit.join(file), &to).with_context(|| format!("can't copy {}", to.display()))?;
    }
    let sums: Result<Vec<String>> =
        files.iter().map(|file| Ok(format!("{}  {}\n", sum(&building.join(file))?, slashed(file)))).collect();
    fs::write(building.join(SUMS), sums?.concat())?;
    fs::rename(&building, dir).with_context(|| format!("can't make {}", dir.display()))
}

/// Compares every file of a frozen track with its checksum; returns what is wrong, a line each.
pub fn differences(frozen: &Path) -> Result<Vec<String>> {
    let sums = fs::read_to_string(frozen.join(SUMS)).with_context(|| format!("{} has no {SUMS}", frozen.display()))?;
    let mut wrong = Vec::new();
    let mut listed = Vec::new();
    for line in sums.lines() {
        let (expected, name) = line.split_once("  ").with_context(|| format!("{SUMS}: `{line}` is no checksum"))?;
        let path = frozen.join(name);
        match path.exists() {
            false => wrong.push(format!("{name} is gone")),
            true if sum(&path)? != expected => wrong.push(format!("{name} was changed")),
            true => {}
        }
        listed.push(name.to_owned());
    }
    for file in wit_files(frozen)? {
        if !listed.contains(&slashed(&file)) {
            wrong.push(format!("{} was added", slashed(&file)));
        }
    }
    Ok(wrong)
}

/// Every `.wit` file of a contract, relative to its directory and sorted; frozen and tagged
/// ones apart.
pub fn wit_files(wit: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(dir) = open.pop() {
        for entry in wit.join(&dir).read_dir().with_context(|| format!("can't read {}", wit.join(&dir).display()))? {
            let entry = entry?;
            let path = dir.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                if path != Path::new("frozen") && path != Path::new("tagged") {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "wit") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn sum(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A relative path with `/` on every system.
fn slashed(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}
