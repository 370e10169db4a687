//! `springline artifact`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use springline_model::port::{Blobs as _, Store as _, Tree};
use springline_model::run::{Output as Made, Timestamp};
use springline_model::tree::{Entry, EntryKind, join_path};
use springline_model::{Cancel, Digest};

use super::error::{CliError, Kind};
use super::{Common, Output};
use crate::app::App;
use crate::project::{Project, show_revision};
use crate::show::table::{Table, plain};
use crate::show::{self, FAINT, paint, time};

/// Lists, shows and exports artifacts.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline artifact list\n  springline artifact show site\n  springline artifact export site --to ./public"
)]
pub struct ArtifactArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the artifacts of the releases, and what was built besides
    #[command(after_help = "Example: springline artifact list -o json")]
    List,
    /// List the files of an artifact
    #[command(after_help = "Example: springline artifact show site")]
    Show {
        /// Its name (the latest release's) or the start of its digest
        #[arg(value_name = "NAME|DIGEST")]
        artifact: String,
    },
    /// Write an artifact's files to a new directory
    #[command(after_help = "Example: springline artifact export site --to ./public")]
    Export {
        /// Its name (the latest release's) or the start of its digest
        #[arg(value_name = "NAME|DIGEST")]
        artifact: String,
        /// The directory; it must not exist yet, or be empty
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
}

/// An artifact that is kept.
struct Known {
    /// `ARTIFACT` of a release; none for the output of a step in no release.
    name: Option<String>,
    digest: Digest,
    place: String,
    at: Timestamp,
}

impl ArtifactArgs {
    /// Lists, shows or exports.
    ///
    /// # Errors
    /// No such artifact; a directory that can't be written.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let app = App::open(common, Project::find_state(common, cancel)?, "artifact", cancel)?;
        match &self.action {
            Action::List => list(common, &app),
            Action::Show { artifact } => show_one(common, &app, artifact),
            Action::Export { artifact, to } => export(common, &app, artifact, to),
        }
    }
}

/// What is kept, newest first, each digest once.
fn known(app: &App) -> Result<Vec<Known>, CliError> {
    let mut known: Vec<Known> = Vec::new();
    for release in app.store.releases(None, "")? {
        for (name, digest) in release.artifacts {
            let place = format!("{} {}", release.environment, show_revision(&release.revision));
            known.push(Known { name: Some(name), digest, place, at: release.at });
        }
    }
    for kept in app.store.all_kept()? {
        if let Made::Tree(digest) = kept.output {
            known.push(Known { name: None, digest, place: format!("run {}", kept.run), at: kept.at });
        }
    }
    let mut seen = std::collections::HashSet::new();
    known.retain(|artifact| seen.insert((artifact.name.clone(), artifact.digest)));
    let named: std::collections::HashSet<Digest> =
        known.iter().filter(|artifact| artifact.name.is_some()).map(|artifact| artifact.digest).collect();
    known.retain(|artifact| artifact.name.is_some() || !named.contains(&artifact.digest));
    known.sort_by_key(|artifact| std::cmp::Reverse(artifact.at));
    Ok(known)
}

fn list(common: &Common, app: &App) -> Result<ExitCode, CliError> {
    let known = known(app)?;
    if common.output == Output::Json {
        let rows = known.iter().map(|artifact| {
            let Known { name, digest, at, .. } = artifact;
            json!({ "name": name, "digest": digest, "made": time::rfc3339(*at), "there": app.blobs.contains(digest) })
        });
        show::json(&rows.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&["ARTIFACT", "DIGEST", "FROM", "MADE"]);
    for Known { name, digest, place, at } in &known {
        let name = name.as_deref().unwrap_or("-");
        table.row(vec![plain(name), plain(digest.short()), plain(place), plain(time::moment(*at))]);
    }
    table.print();
    Ok(ExitCode::SUCCESS)
}

fn pick(app: &App, wanted: &str) -> Result<Digest, CliError> {
    let known = known(app)?;
    if let Some(artifact) = known.iter().find(|artifact| artifact.name.as_deref() == Some(wanted)) {
        return Ok(artifact.digest);
    }
    let prefix = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    let mut digests: Vec<Digest> = known.iter().map(|artifact| artifact.digest).collect();
    digests.retain(|digest| prefix.len() >= 4 && digest.hex().starts_with(prefix));
    digests.sort_unstable();
    digests.dedup();
    let hint = "`springline artifact list` lists them";
    match digests[..] {
        [digest] => Ok(digest),
        [] => Err(CliError::new(Kind::Usage, format!("there is no artifact `{wanted}`")).hint(hint)),
        _ => {
            Err(CliError::new(Kind::Usage, format!("`{wanted}` is the start of {} artifacts", digests.len()))
                .hint(hint))
        }
    }
}

/// Every entry of a tree with its path, parents first.
///
/// # Errors
/// What the tree reports.
pub fn walk(tree: &dyn Tree) -> Result<Vec<(String, Entry)>, CliError> {
    let mut found = Vec::new();
    let mut left = vec![String::new()];
    while let Some(directory) = left.pop() {
        let Some(listing) = tree.directory(&directory)? else { continue };
        for entry in listing.entries() {
            let path = join_path(&directory, &entry.name);
            if entry.kind == EntryKind::Directory {
                left.push(path.clone());
            }
            found.push((path, entry.clone()));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

fn show_one(common: &Common, app: &App, wanted: &str) -> Result<ExitCode, CliError> {
    let digest = pick(app, wanted)?;
    let tree = app.blobs.tree(&digest)?;
    let entries = walk(tree.as_ref())?;
    if common.output == Output::Json {
        let mut files = Vec::new();
        for (path, entry) in entries.iter().filter(|(_, entry)| entry.kind != EntryKind::Directory) {
            files.push(json!({ "path": path, "kind": entry.kind, "id": entry.id, "size": tree.size(entry)? }));
        }
        show::json(&json!({ "digest": digest, "files": files }))?;
        return Ok(ExitCode::SUCCESS);
    }
    show::line(digest);
    for (path, entry) in entries.iter().filter(|(_, entry)| entry.kind != EntryKind::Directory) {
        let sign = match entry.kind {
            EntryKind::Executable => "*",
            EntryKind::Symlink => "@",
            _ => "",
        };
        show::line(format_args!("  {path}{sign} {}", paint(FAINT, time::bytes(tree.size(entry)?))));
    }
    Ok(ExitCode::SUCCESS)
}

fn export(common: &Common, app: &App, wanted: &str, given: &Path) -> Result<ExitCode, CliError> {
    let to = &common.path(given);
    let digest = pick(app, wanted)?;
    let tree = app.blobs.tree(&digest)?;
    let failed = |path: &Path, error: std::io::Error| CliError::unwritable(path, Kind::Deploy, &error);
    if to.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(CliError::new(Kind::Usage, format!("{} is not empty", to.display())).hint("name a new directory"));
    }
    fs::create_dir_all(to).map_err(|error| failed(to, error))?;
    let mut files = 0_u64;
    for (path, entry) in walk(tree.as_ref())? {
        let at = to.join(&path);
        let written = match entry.kind {
            EntryKind::Directory => fs::create_dir(&at),
            EntryKind::Symlink => {
                let target = String::from_utf8_lossy(&tree.read(&entry)?).into_owned();
                std::os::unix::fs::symlink(target, &at)
            }
            EntryKind::Submodule => Ok(()),
            EntryKind::File | EntryKind::Executable => {
                let mode = if entry.kind == EntryKind::Executable { 0o755 } else { 0o644 };
                fs::write(&at, tree.read(&entry)?)
                    .and_then(|()| fs::set_permissions(&at, fs::Permissions::from_mode(mode)))
            }
        };
        written.map_err(|error| failed(&at, error))?;
        files += u64::from(entry.kind != EntryKind::Directory);
    }
    let answer = json!({ "digest": digest, "files": files, "to": given });
    show::data(common, &answer, |_| {
        show::line(format_args!("wrote {files} files of {digest} to {}", given.display()))
    })?;
    Ok(ExitCode::SUCCESS)
}
