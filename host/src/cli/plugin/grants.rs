//! `springline plugin grants`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use springline_model::Cancel;
use springline_model::capability::{DIRECTORY, KUBERNETES};
use springline_model::port::Store as _;

use crate::cli::error::CliError;
use crate::cli::run::Ready;
use crate::cli::{Common, RevisionArgs};
use crate::grants::{self, Power, powers};
use crate::show::table::{Table, plain, styled};
use crate::show::{self, FAINT, GOOD, NOTE};

/// Shows which powers the plugins of this application ask for, why, and what host.yaml grants them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline plugin grants\n  springline plugin grants --worktree -o json")]
pub struct GrantsArgs {
    #[command(flatten)]
    revision: RevisionArgs,
}

impl GrantsArgs {
    /// Shows them.
    ///
    /// # Errors
    /// Whatever is wrong with the files or the plugins.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let ready = Ready::open(common, &self.revision, "plugin", cancel, &[])?;
        let runs = ready.app.store.runs(grants::RUNS)?;
        let powers = powers(&ready.app, &ready.chain, Some(&runs))?;
        show::data(common, &powers.iter().map(as_json).collect::<Vec<_>>(), |_| print(&powers))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn print(powers: &[Power]) {
    if powers.is_empty() {
        show::note("no plugin here asks for more than files and logs, and none is granted more");
        return;
    }
    let mut table = Table::new(&["PLUGIN", "WHERE", "POWER", "WHY", "GRANTED", "LINE", "USED"]);
    for power in powers {
        let head = vec![
            plain(&power.plugin.name),
            plain(power.environment.as_deref().unwrap_or("build")),
            plain(&power.capability),
            plain(power.reason.as_deref().unwrap_or("-")),
        ];
        if power.granted.is_empty() {
            table.row([head.clone(), vec![styled(NOTE, "nothing"), plain("-"), plain("-")]].concat());
        }
        for granted in &power.granted {
            let used = match granted.used {
                Some(0) => styled(FAINT, "never"),
                Some(count) => styled(GOOD, format!("{count}x")),
                None => plain("-"),
            };
            table.row([head.clone(), vec![plain(&granted.what), plain(granted.line), used]].concat());
        }
    }
    table.print();
    powers.iter().filter_map(remark).for_each(show::note);
}

/// What is odd about a power, and the way out.
fn remark(power: &Power) -> Option<String> {
    let Power { plugin, capability, .. } = power;
    let place = match &power.environment {
        Some(environment) => format!("{} in {environment}", plugin.name),
        None => format!("{} in the build", plugin.name),
    };
    if power.reason.is_none() {
        return Some(format!("{place} is granted {capability} and does not ask for it: it gets none"));
    }
    if !power.imported {
        return Some(format!("{place} asks for {capability} and does not import it: it can't use any"));
    }
    if power.granted.is_empty() {
        return Some(format!("{place} asks for {capability}; this in host.yaml would grant it: `{}`", power.line));
    }
    None
}

fn as_json(power: &Power) -> Value {
    let granted: Vec<_> = power
        .granted
        .iter()
        .map(|granted| json!({ "what": granted.what, "line": granted.line, "used": granted.used }))
        .collect();
    json!({
        "plugin": power.plugin,
        "environment": power.environment,
        "capability": power.capability,
        "reason": power.reason,
        "imported": power.imported,
        "granted": granted,
        "remark": remark(power),
    })
}

/// Tells of the powers that plugins have not used yet, before they do.
///
/// # Errors
/// As [`powers`].
pub fn announce(ready: &Ready) -> Result<(), CliError> {
    let chain = &ready.chain;
    let steps = chain.artifacts.iter().flat_map(|artifact| &artifact.steps).map(|step| &step.uses);
    let environments = chain.environments.iter().flat_map(|known| [&known.render, &known.target.uses]);
    if steps.chain(environments).all(|uses| uses.grants.observing().is_empty()) {
        return Ok(());
    }
    // What stands at a target that the operator binds is no news.
    let bound = [DIRECTORY, KUBERNETES];
    let powers: Vec<Power> = powers(&ready.app, chain, None)?
        .into_iter()
        .filter(|power| !bound.contains(&power.capability.as_str()))
        .collect();
    if powers.is_empty() {
        return Ok(());
    }
    let runs = ready.app.store.runs(RUNS)?;
    let known = |power: &Power| {
        let steps = runs.iter().flat_map(|run| &run.steps);
        steps.into_iter().any(|step| step.plugin.digest == power.plugin.digest && step.used.uses(&power.capability))
    };
    for power in powers.iter().filter(|power| !known(power)) {
        for granted in &power.granted {
            let place = power.environment.as_deref().unwrap_or("build");
            let why = power.reason.as_deref().unwrap_or("its author does not say why, so it gets none");
            show::note(format_args!(
                "{} ({place}) may use {}: {} (line {} of host.yaml): {why}",
                power.plugin.name, power.capability, granted.what, granted.line
            ));
        }
    }
    Ok(())
}

/// Runs that are looked through for a plugin that has used a power.
const RUNS: usize = 100;
