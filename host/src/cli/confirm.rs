//! Confirmations of removals: by number on the command line, or by a yes in a terminal.

use clap::Args;
use springline_engine::restraint::Unconfirmed;

use super::error::{CliError, Kind};
use super::{Common, Output};
use crate::show::{self, BAD, FAINT, STRONG, console, paint, visible};

/// How many removals are named before it is asked whether they may be made.
const NAMED: usize = 20;

/// The yes to removals that need one.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfirmArgs {
    /// Remove so many live objects, though `confirm-prune` wants a confirmation: the number that was shown
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    confirm_prune: Option<u64>,
}

impl ConfirmArgs {
    /// The number that was confirmed. It is for one environment: the yes to what one removes is none to
    /// what another does.
    ///
    /// # Errors
    /// Several environments.
    pub fn number(&self, environments: usize) -> Result<Option<u64>, CliError> {
        if self.confirm_prune.is_some() && environments != 1 {
            let message = "--confirm-prune is for one environment, and there are several";
            return Err(CliError::new(Kind::Usage, message).hint("name it with --env"));
        }
        Ok(self.confirm_prune)
    }
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
        show::note(paint(FAINT, format_args!("  ... and {} more: `springline diff` shows them all", number - NAMED)));
    }
    let question = format!("Type {number} to remove them, anything else to leave all as it is: ");
    console::ask(&question).is_some_and(|answer| answer.trim() == number.to_string())
}
