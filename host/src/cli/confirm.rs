//! Confirmations of removals: on the command line by what stands for them, or by a yes in a terminal.

use clap::Args;
use springline_engine::error::{Reason, StageError};
use springline_engine::restraint::Unconfirmed;
use springline_model::newest::Newest;
use springline_model::port::Store;
use springline_model::run::{Cause, Place};

use super::error::{CliError, Kind};
use super::{Common, Output};
use crate::show::{self, BAD, FAINT, STRONG, console, paint, visible};

/// How many removals are named before it is asked whether they may be made.
const NAMED: usize = 20;

/// The yes to removals that need one.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfirmArgs {
    /// Remove these live objects and no others, though `confirm-prune` wants a confirmation: how many and what, as
    /// it was shown
    #[arg(long, value_name = "N-DIGEST", value_parser = confirmation)]
    confirm_prune: Option<String>,
}

impl ConfirmArgs {
    /// What was confirmed. It is for one environment: the yes to what one removes is none to what another does.
    ///
    /// # Errors
    /// Several environments.
    pub fn confirmed(&self, environments: usize) -> Result<Option<String>, CliError> {
        if self.confirm_prune.is_some() && environments != 1 {
            let message = "--confirm-prune is for one environment, and there are several";
            return Err(CliError::new(Kind::Usage, message).hint("name it with --env"));
        }
        Ok(self.confirm_prune.clone())
    }
}

fn confirmation(text: &str) -> Result<String, String> {
    let is_one = text.split_once('-').is_some_and(|(number, digest)| {
        number.parse::<u64>().is_ok_and(|number| number > 0)
            && digest.len() >= 8
            && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    if is_one {
        return Ok(text.to_owned());
    }
    Err("a confirmation is how many are removed and what they are, as in 3-1a2b3c4d: without it, it is shown"
        .to_owned())
}

/// The way to confirm what a command failed of: the same command, with a confirmation.
pub fn way_out(error: &StageError, command: &str) -> Option<String> {
    let Reason::Unconfirmed(unconfirmed) = &error.reason else { return None };
    let named = command.split(' ').any(|word| word == "--env" || word == "--to");
    let environment = error.environment.as_deref().filter(|_| !named);
    let environment = environment.map(|name| format!(" --env {name}")).unwrap_or_default();
    let Unconfirmed { removals, confirmation, .. } = &**unconfirmed;
    let mut names: Vec<String> = removals.iter().take(NAMED).map(|live| visible(live)).collect();
    if removals.len() > NAMED {
        names.push(format!("{} more", removals.len() - NAMED));
    }
    let are = if names.len() == 1 { "is" } else { "are" };
    let names = names.join(", ");
    Some(format!("if {names} {are} to go: `springline {command}{environment} --confirm-prune {confirmation}`"))
}

/// The verb that takes a confirmation in a place: what is pinned or was promoted is not synced. It asks for
/// nothing else.
pub fn taken_by(store: &dyn Store, place: &Place) -> String {
    let environment = word(&place.environment);
    let pin = store.standing(place).ok().and_then(|standing| standing.pin);
    let last = store.newest(place, Newest::Attempt).ok().flatten();
    match (pin, last.map(|last| (last.record.cause, last.record.release))) {
        (Some(pin), _) => format!("redeploy --env {environment} {}", pin.release.short()),
        (None, Some((Cause::Promotion, Some(release)))) => {
            format!("promote --to {environment} --expect {}", release.short())
        }
        (None, Some((Cause::Redeploy | Cause::Rollback, Some(release)))) => {
            format!("redeploy --env {environment} {} --no-pin", release.short())
        }
        _ => format!("sync --env {environment}"),
    }
}

/// A word of a command, as a shell reads it.
pub fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@^~+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Asks in a terminal whether these removals may be made; no if there is nobody to ask.
pub fn ask(common: &Common, environment: &str, unconfirmed: &Unconfirmed) -> bool {
    if common.output != Output::Text || !console::answers() {
        return false;
    }
    let Unconfirmed { removals, owned, limit, .. } = unconfirmed;
    let number = removals.len();
    show::note(format_args!(
        "{}: {} of {owned} live objects would be removed, and {limit} needs a confirmation:",
        paint(STRONG, environment),
        paint(BAD, number),
    ));
    for live in removals.iter().take(NAMED) {
        show::note(format_args!("  {} {}", paint(BAD, "-"), visible(live)));
    }
    if number > NAMED {
        let more = format!("  ... and {} more: `springline diff` shows them all", number - NAMED);
        show::note(paint(FAINT, common.named(&more)));
    }
    let question = format!("Type {number} to remove them, anything else to leave all as it is: ");
    console::ask(&question).is_some_and(|answer| answer.trim() == number.to_string())
}
