//! `springline cancel`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::Common;
use super::error::{CliError, Kind};
use super::notify;
use crate::show::{self, NOTE, paint};
use crate::turns::Flight;

/// Stops a run that is under way, at the next point where nothing is left half done. It is recorded as
/// cancelled; what it has applied stays.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline cancel\n  springline cancel 12\n  springline cancel --app handbook\n\nTo keep \
                        `springline watch` from trying again, `springline suspend` comes first."
)]
pub struct CancelArgs {
    /// The run's number [default: the one run that is under way]
    #[arg(value_name = "RUN", conflicts_with = "application")]
    run: Option<u64>,
    /// What is under way of this application
    #[arg(long = "app", value_name = "NAME")]
    application: Option<String>,
}

impl CancelArgs {
    /// Asks.
    ///
    /// # Errors
    /// No such run, or several where none was named.
    pub fn run(&self, common: &Common) -> Result<ExitCode, CliError> {
        notify::controls(common)?;
        let flights = common.session.owner.as_ref().map(|owner| owner.turns.flights()).unwrap_or_default();
        let meant = self.meant(&flights)?;
        meant.iter().for_each(|flight| flight.cancel());
        let asked = |flight: &&Flight| json!({ "application": flight.wish.application, "run": flight.run, "verb": flight.wish.verb, "actor": flight.wish.actor });
        show::data(common, &json!({ "cancelled": meant.iter().map(asked).collect::<Vec<_>>() }), |_| {
            for flight in &meant {
                show::line(format_args!("{} {}: {flight}", paint(NOTE, "asked to stop"), flight.wish.application));
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }

    fn meant<'f>(&self, flights: &'f [Flight]) -> Result<Vec<&'f Flight>, CliError> {
        let wrong = |message: String| CliError::new(Kind::Usage, message);
        if let Some(run) = self.run {
            let one = flights.iter().find(|flight| flight.run == Some(run));
            return one.map(|flight| vec![flight]).ok_or_else(|| {
                wrong(format!("run {run} is not under way")).hint("`springline logs` lists the latest runs")
            });
        }
        let all = flights.iter().filter(|flight| match &self.application {
            Some(name) => *name == flight.wish.application,
            None => true,
        });
        let all: Vec<&Flight> = all.collect();
        match (all.len(), &self.application) {
            (0, Some(name)) => Err(wrong(format!("nothing of `{name}` is under way"))),
            (0, None) => Err(wrong("nothing is under way".into())),
            (1, _) | (_, Some(_)) => Ok(all),
            (_, None) => {
                let of = |flight: &&Flight| format!("{}: {flight}", flight.wish.application);
                let said: Vec<_> = all.iter().map(of).collect();
                Err(wrong(format!("several runs are under way: {}", said.join("; ")))
                    .hint("name one: its number, or --app NAME"))
            }
        }
    }
}
