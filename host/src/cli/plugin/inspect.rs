//! `springline plugin inspect`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use springline_model::capability::{POWERS, imported_by};
use springline_model::plugin::{Description, Pinned};
use springline_toolchain::component::{Making, making};

use super::{as_json, diff};
use crate::app;
use crate::cli::Common;
use crate::cli::error::CliError;
use crate::desk::Desk;
use crate::plugin_diff::type_of;
use crate::show::{self, FAINT, STRONG, paint, time};

/// Shows what a plugin is and asks for.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline plugin inspect ./my-step.wasm\n  springline plugin inspect step-site")]
pub struct Inspect {
    /// A component, or the name of a built-in plugin
    #[arg(value_name = "FILE|NAME")]
    plugin: PathBuf,
}

/// What is shown.
struct Inspected {
    pinned: Pinned,
    size: usize,
    description: Description,
    making: Making,
    /// How long compiling it and asking it what it is took.
    compiling: Duration,
    /// What it imports and does not get.
    denied: Vec<String>,
}

impl Inspect {
    /// Looks.
    ///
    /// # Errors
    /// What is no plugin.
    pub fn run(&self, common: &Common) -> Result<ExitCode, CliError> {
        let bytes = diff::read(&self.plugin)?;
        let desk = Desk::open_afresh()?;
        let began = Instant::now();
        let loaded = desk.load_bytes(&self.plugin.display().to_string(), &bytes)?;
        let inspected = Inspected {
            compiling: began.elapsed(),
            denied: denied(&loaded.description),
            pinned: loaded.pinned,
            size: bytes.len(),
            description: loaded.description,
            making: making(&bytes),
        };
        show::data(common, &inspected.to_json(), |_| inspected.print())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The imports that are linked to a denial: interfaces that no plugin gets, and powers that the
/// plugin does not name.
fn denied(description: &Description) -> Vec<String> {
    let is_named = |name: &str| description.capabilities.iter().any(|capability| capability.name == name);
    let is_denied = |import: &&String| {
        let power = imported_by(import).filter(|power| POWERS.contains(power));
        !app::provides(import) || power.is_some_and(|power| !is_named(power))
    };
    description.imports.iter().filter(is_denied).cloned().collect()
}

impl Inspected {
    fn to_json(&self) -> Value {
        let mut value = as_json(&self.pinned.digest, self.size, &self.description);
        value["denied"] = json!(self.denied);
        value["compile-millis"] = json!(u64::try_from(self.compiling.as_millis()).unwrap_or(u64::MAX));
        value["backtraces"] = json!(self.backtraces());
        let producers = self.making.producers.iter().map(|(name, version)| json!({ "name": name, "version": version }));
        value["producers"] = producers.collect();
        value
    }

    /// What a trap can show.
    const fn backtraces(&self) -> &'static str {
        match (self.making.has_debug_info, self.making.has_names) {
            (true, _) => "lines",
            (false, true) => "names",
            (false, false) => "none",
        }
    }

    fn print(&self) {
        let Description { name, version, summary, kind, track, capabilities, imports, .. } = &self.description;
        show::line(format_args!("{} {version}", paint(STRONG, name)));
        show::line(format_args!("  {summary}"));
        show::line(format_args!("  kind      {kind}, track {track}"));
        show::line(format_args!("  digest    {}", self.pinned.digest));
        show::line(format_args!("  size      {}", time::bytes(self.size as u64)));
        show::line(format_args!("  compiled  in {}", time::duration(self.compiling)));
        // What comes after the version itself, such as a commit, is for programs.
        let short = |version: &str| version.split(' ').next().unwrap_or_default().to_owned();
        let producers = self.making.producers.iter().map(|(name, version)| format!("{name} {}", short(version)));
        let producers: Vec<_> = producers.map(|producer| producer.trim_end().to_owned()).collect();
        if !producers.is_empty() {
            show::line(format_args!("  made by   {}", producers.join(", ")));
        }
        let traps = match self.backtraces() {
            "lines" => "files and lines",
            "names" => "names of functions (`plugin build --debug` adds lines)",
            _ => "no names: the component was stripped",
        };
        show::line(format_args!("  traps     show {traps}"));
        if capabilities.is_empty() {
            show::line("  asks for  files and logs only");
        }
        for capability in capabilities {
            show::line(format_args!("  asks for  {}: {}", capability.name, capability.reason));
        }
        for import in imports.iter().filter(|import| !self.denied.contains(import)) {
            show::line(format_args!("  imports   {import}"));
        }
        for import in &self.denied {
            show::line(paint(FAINT, format_args!("  denied    {import}")));
        }
        show::line("  config");
        print_config(&self.description.config_schema);
    }
}

fn print_config(schema: &Value) {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(|required| required.as_array())
        .map(|required| required.iter().filter_map(|key| key.as_str()).collect())
        .unwrap_or_default();
    let properties = schema.get("properties").and_then(|properties| properties.as_object());
    for (key, property) in properties.into_iter().flatten() {
        let text = property.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
        let need = if required.contains(&key.as_str()) { ", required" } else { "" };
        show::line(format_args!("    {key} ({}{need}): {text}", type_of(property)));
    }
}
