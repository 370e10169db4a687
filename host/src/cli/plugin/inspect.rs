//! `springline plugin inspect`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use springline_model::call::canonical_json;
use springline_model::plugin::{Description, Pinned};
use springline_model::port::Blobs as _;
use springline_model::{Cancel, Digest};

use super::as_json;
use crate::app::App;
use crate::builtin;
use crate::cli::Common;
use crate::cli::error::{CliError, Kind};
use crate::project::Project;
use crate::show::{self, STRONG, paint, time};

/// Shows what a plugin is and asks for.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline plugin inspect ./my-step.wasm\n  springline plugin inspect step-site")]
pub struct Inspect {
    /// A component, or the name of a built-in plugin
    #[arg(value_name = "FILE|NAME")]
    plugin: PathBuf,
}

impl Inspect {
    /// Looks.
    ///
    /// # Errors
    /// What is no plugin.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let app = App::open(common, Project::find_state(common, cancel)?, "plugin", cancel)?;
        inspect(common, &app, &self.plugin)
    }
}

fn inspect(common: &Common, app: &App, plugin: &Path) -> Result<ExitCode, CliError> {
    let name = plugin.display().to_string();
    let bytes = match builtin::named(&name) {
        Some(builtin) if !plugin.exists() => builtin.bytes.to_vec(),
        _ => std::fs::read(plugin).map_err(|error| {
            CliError::new(Kind::Usage, format!("{name} can't be read: {error}"))
                .hint("name a component's file, or a built-in plugin (`springline plugin list`)")
        })?,
    };
    let digest = app.blobs.put(&bytes)?;
    let description = app.describe(&Pinned { name, digest })?;
    let size = bytes.len();
    let value = as_json(&digest, size, &description);
    show::data(common, &value, |_| print(&digest, size, &description))?;
    Ok(ExitCode::SUCCESS)
}

fn print(digest: &Digest, size: usize, description: &Description) {
    let Description { name, version, summary, kind, track, capabilities, imports, config_schema } = description;
    show::line(format_args!("{} {version}", paint(STRONG, name)));
    show::line(format_args!("  {summary}"));
    show::line(format_args!("  kind      {kind}, track {track}"));
    show::line(format_args!("  digest    {digest}"));
    show::line(format_args!("  size      {}", time::bytes(size as u64)));
    if capabilities.is_empty() {
        show::line("  asks for  files and logs only");
    }
    for capability in capabilities {
        show::line(format_args!("  asks for  {}: {}", capability.name, capability.reason));
    }
    for import in imports {
        show::line(format_args!("  imports   {import}"));
    }
    show::line("  config");
    let properties = config_schema.get("properties").and_then(|properties| properties.as_object());
    let required: Vec<&str> = config_schema
        .get("required")
        .and_then(|required| required.as_array())
        .map(|required| required.iter().filter_map(|key| key.as_str()).collect())
        .unwrap_or_default();
    for (key, property) in properties.into_iter().flatten() {
        let text = |name| property.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        let kind = match property.get("type") {
            Some(kind) => kind.as_str().map_or_else(|| canonical_json(kind), str::to_owned),
            None => "any".into(),
        };
        let need = if required.contains(&key.as_str()) { ", required" } else { "" };
        show::line(format_args!("    {key} ({kind}{need}): {}", text("description").replace('\n', " ")));
    }
}
