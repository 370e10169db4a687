//! `springline plugin diff`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_model::plugin::{Description, Pinned};

use crate::builtin;
use crate::cli::Common;
use crate::cli::error::{CliError, Kind};
use crate::desk::Desk;
use crate::plugin_diff::{PluginDiff, compare};
use crate::show::{self, BAD, FAINT, GOOD, NOTE, STRONG, paint, time};

/// Shows what an upgrade of a plugin changes: powers, config, interfaces, size. Exit code 1 if the
/// new one asks for more than the old one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline plugin diff my-step-1.0.wasm my-step-1.1.wasm\n  \
                        springline plugin diff step-site ./step-site.wasm")]
pub struct Diff {
    /// A component, or the name of a built-in plugin
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The one that is to take its place
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

/// One of the two.
struct Side {
    pinned: Pinned,
    size: usize,
    description: Description,
}

impl Diff {
    /// Compares.
    ///
    /// # Errors
    /// What is no plugin.
    pub fn run(&self, common: &Common) -> Result<ExitCode, CliError> {
        let desk = Desk::open()?;
        let (old, new) = (side(&desk, &self.old)?, side(&desk, &self.new)?);
        let diff = compare(&old.description, &new.description);
        let value = json!({
            "old": { "digest": old.pinned.digest, "size": old.size, "version": old.description.version },
            "new": { "digest": new.pinned.digest, "size": new.size, "version": new.description.version },
            "changes": diff,
            "asks-for-more": diff.asks_for_more(),
            "breaks": diff.breaks(),
        });
        show::data(common, &value, |_| print(&old, &new, &diff))?;
        Ok(if diff.asks_for_more() { ExitCode::from(Kind::Differs.code()) } else { ExitCode::SUCCESS })
    }
}

fn side(desk: &Desk, plugin: &Path) -> Result<Side, CliError> {
    let bytes = read(plugin)?;
    let loaded = desk.load_bytes(&plugin.display().to_string(), &bytes)?;
    Ok(Side { pinned: loaded.pinned, size: bytes.len(), description: loaded.description })
}

/// The bytes of a component, or of the built-in plugin of that name.
///
/// # Errors
/// A file that can't be read.
pub fn read(plugin: &Path) -> Result<Vec<u8>, CliError> {
    let name = plugin.display().to_string();
    match builtin::named(&name) {
        Some(builtin) if !plugin.exists() => Ok(builtin.bytes.to_vec()),
        _ => std::fs::read(plugin).map_err(|error| {
            CliError::new(Kind::Usage, format!("{name} can't be read: {error}"))
                .hint("name a component's file, or a built-in plugin (`springline plugin list`)")
        }),
    }
}

fn print(old: &Side, new: &Side, diff: &PluginDiff) {
    let digests = format!("{} -> {}", old.pinned.digest.short(), new.pinned.digest.short());
    show::line(format_args!("{} {}", paint(STRONG, &new.description.name), paint(FAINT, digests)));
    print_changes(diff);
    let (before, after) = (time::bytes(old.size as u64), time::bytes(new.size as u64));
    show::line(format_args!("  size {before} -> {after}"));
}

/// Prints what differs, and whether more is asked for.
pub fn print_changes(diff: &PluginDiff) {
    for (sign, text) in diff.lines() {
        let style = match sign {
            '!' => BAD,
            '+' => GOOD,
            '~' => NOTE,
            _ => FAINT,
        };
        show::line(format_args!("{} {text}", paint(style, sign)));
    }
    if diff.is_empty() {
        show::line("  nothing that the contract knows differs");
    }
    let more =
        if diff.asks_for_more() { paint(BAD, "it asks for more") } else { "it asks for nothing more".to_owned() };
    let breaks = if diff.breaks() { ", and a config of the old one may not do" } else { "" };
    show::line(format_args!("  {more}{breaks}"));
}
