//! `springline health`.

mod input;
mod rules;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use springline_model::Cancel;
use springline_model::call::{Call, Context, TargetCall, canonical_json};
use springline_model::capability::{Grants, Ledger};
use springline_model::manifest::{Health as Judged, Observed};
use springline_model::plugin::{CallError, Limits};
use springline_model::port::Target;

use super::Common;
use super::error::{CliError, Kind};
use crate::builtin;
use crate::desk::{Desk, OnDesk};
use crate::show::table::{Table, plain, styled};
use crate::show::tree::style_of;
use crate::show::{self, BAD, FAINT, visible};
use input::{Input, Unreadable};
use rules::Own;

/// The built-in plugin that judges.
const PLUGIN: &str = "target-kubernetes";

/// Judges Kubernetes objects in files as a deploy to a cluster would, without a cluster.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline health -f live.yaml\n  \
                        kubectl get deploy,pods -o yaml | springline health -f - -o json\n  \
                        springline health -f objects --rules rules.yaml")]
pub struct Health {
    /// Files with objects as YAML or JSON, directories with such files, or - for standard input
    #[arg(short, long = "file", value_name = "FILE|DIR|-", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// Rules of your own: the `health` of an environment's `target-with`, in a file
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
}

/// An object and how it is.
struct Row {
    input: Input,
    health: Judged,
}

impl Health {
    /// Judges. What can be read is judged, also if something else can't.
    ///
    /// # Errors
    /// Wrong rules; a plugin that fails.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let own = self.rules.as_deref().map(Own::read).transpose()?;
        let read = input::read(&self.files);
        let desk = Desk::open()?;
        let plugin = load(&desk)?;
        let health = own.as_ref().map_or_else(|| json!([]), |own| own.rules.clone());
        let config = json!({ "cluster": "none", "application": { "health": health } });
        let call = TargetCall { call: call(&plugin, &config, cancel), desired: Vec::new().into() };
        let target = desk.plugins.target(call)?;
        if let Some(own) = &own {
            own.check(target.as_ref())?;
        }
        let mut rows = Vec::new();
        for input in read.objects {
            let health = judge(target.as_ref(), &input.object)?;
            rows.push(Row { input, health });
        }
        show::data(common, &as_json(&rows, &read.unreadable), |_| print(&rows, &read.unreadable))?;
        Ok(if read.unreadable.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(Kind::Usage.code()) })
    }
}

fn load(desk: &Desk) -> Result<OnDesk, CliError> {
    let Some(builtin) = builtin::named(PLUGIN) else {
        return Err(CliError::new(Kind::Plugin, format!("this program was built without the plugin `{PLUGIN}`"))
            .hint("take a released program, or build one with `cargo xtask`"));
    };
    desk.load_bytes(PLUGIN, builtin.bytes)
}

fn call(plugin: &OnDesk, config: &Value, cancel: &Cancel) -> Call {
    let context = Context {
        application: "health".to_owned(),
        environment: Some("health".to_owned()),
        revision: String::new(),
        commit_time: 0,
        values: canonical_json(&json!({})),
        artifacts: BTreeMap::new(),
    };
    Call {
        plugin: plugin.pinned.clone(),
        config: canonical_json(config).into(),
        context: Arc::new(context),
        limits: Limits::default(),
        grants: Grants::default(),
        ledger: Ledger::default(),
        cancel: cancel.clone(),
    }
}

fn judge(target: &dyn Target, object: &Value) -> Result<Judged, CallError> {
    let observed = Observed {
        live: name_of(object),
        version: Some("read".to_owned()),
        state: canonical_json(object).into_bytes(),
    };
    Ok(target.judge(&observed)?.value)
}

/// `KIND.GROUP/NAMESPACE/NAME`, without what is missing.
fn name_of(object: &Value) -> String {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let metadata = |field: &str| text(object.get("metadata").and_then(|metadata| metadata.get(field)));
    let mut name = text(object.get("kind"));
    if let Some((group, _)) = text(object.get("apiVersion")).split_once('/') {
        name = format!("{name}.{group}");
    }
    for part in [metadata("namespace"), metadata("name")].iter().filter(|part| !part.is_empty()) {
        name = format!("{name}/{part}");
    }
    name
}

fn as_json(rows: &[Row], unreadable: &[Unreadable]) -> Value {
    let row = |Row { input, health }: &Row| {
        let metadata = |field: &str| input.object.get("metadata").and_then(|metadata| metadata.get(field));
        json!({
            "file": input.file,
            "document": input.document,
            "api-version": input.object.get("apiVersion"),
            "kind": input.object.get("kind"),
            "namespace": metadata("namespace"),
            "name": metadata("name"),
            "status": health.status,
            "message": health.message,
        })
    };
    let error = |error: &Unreadable| json!({ "file": error.file, "error": error.message });
    json!({
        "objects": rows.iter().map(row).collect::<Vec<_>>(),
        "unreadable": unreadable.iter().map(error).collect::<Vec<_>>(),
    })
}

fn print(rows: &[Row], unreadable: &[Unreadable]) {
    let mut table = Table::new(&["FILE", "OBJECT", "HEALTH", "MESSAGE"]);
    for Row { input, health } in rows {
        let file = match input.document {
            1 => input.file.clone(),
            document => format!("{} ({document})", input.file),
        };
        let message = health.message.split_whitespace().collect::<Vec<_>>().join(" ");
        let status = styled(style_of(health.status), health.status);
        table.row(vec![styled(FAINT, file), plain(name_of(&input.object)), status, plain(message)]);
    }
    if !rows.is_empty() {
        table.print();
    }
    for Unreadable { file, message } in unreadable {
        let (file, message) = (visible(file), visible(message));
        show::note(format_args!("{} {file}: {message}", show::paint(BAD, "error:")));
    }
}
