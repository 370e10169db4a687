//! `springline plugin`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use springline_model::call::canonical_json;
use springline_model::plugin::{Description, Pinned};
use springline_model::port::Blobs as _;
use springline_model::{Cancel, Digest};

use super::error::{CliError, Kind};
use super::{Common, Output};
use crate::app::App;
use crate::builtin;
use crate::project::Project;
use crate::show::table::{Table, plain};
use crate::show::{self, STRONG, paint, time};

/// Looks at plugins.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline plugin list\n  springline plugin inspect ./my-step.wasm")]
pub struct PluginArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the built-in plugins
    #[command(after_help = "Example: springline plugin list -o json")]
    List,
    /// Show what a plugin is and asks for: its kind, track, imports, powers and config
    #[command(
        after_help = "Examples:\n  springline plugin inspect ./my-step.wasm\n  springline plugin inspect step-site"
    )]
    Inspect {
        /// A component, or the name of a built-in plugin
        #[arg(value_name = "FILE|NAME")]
        plugin: PathBuf,
    },
}

impl PluginArgs {
    /// Looks.
    ///
    /// # Errors
    /// What is no plugin.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let app = App::open(common, Project::find_state(common, cancel)?, "plugin", cancel)?;
        match &self.action {
            Action::List => list(common, &app),
            Action::Inspect { plugin } => inspect(common, &app, plugin),
        }
    }
}

fn list(common: &Common, app: &App) -> Result<ExitCode, CliError> {
    let mut all = Vec::new();
    for builtin in builtin::all() {
        let pinned = Pinned { name: builtin.name.to_owned(), digest: builtin.digest };
        all.push((builtin, app.describe(&pinned)?));
    }
    if common.output == Output::Json {
        let all = all.iter().map(|(builtin, description)| as_json(&builtin.digest, builtin.bytes.len(), description));
        show::json(&all.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&["PLUGIN", "KIND", "VERSION", "DIGEST", "SIZE", "WHAT IT DOES"]);
    for (builtin, description) in &all {
        table.row(vec![
            plain(builtin.name),
            plain(description.kind),
            plain(&description.version),
            plain(builtin.digest.short()),
            plain(time::bytes(builtin.bytes.len() as u64)),
            plain(&description.summary),
        ]);
    }
    table.print();
    Ok(ExitCode::SUCCESS)
}

fn as_json(digest: &Digest, size: usize, description: &Description) -> serde_json::Value {
    let mut value = json!(description);
    value["digest"] = json!(digest);
    value["size"] = json!(size);
    value
}

fn inspect(common: &Common, app: &App, plugin: &std::path::Path) -> Result<ExitCode, CliError> {
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
