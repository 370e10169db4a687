//! `springline cancel`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::Common;
use super::error::{CliError, Kind};
use super::notify;
use crate::show::{self, NOTE, paint};
use crate::socket::Controls;
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
    #[arg(value_name = "RUN")]
    run: Option<u64>,
}

impl CancelArgs {
    /// Asks.
    ///
    /// # Errors
    /// No such run, or several where none was named.
    pub fn run(&self, common: &Common) -> Result<ExitCode, CliError> {
        let controls = notify::controls(common)?;
        let flights = common.session.owner.as_ref().map(|owner| owner.turns.flights()).unwrap_or_default();
        let meant = self.meant((&flights, common.app.as_deref()), controls.as_ref())?;
        meant.iter().for_each(|flight| flight.cancel());
        let asked = |flight: &&Flight| json!({ "application": flight.wish.application, "run": flight.run, "verb": flight.wish.verb, "actor": flight.wish.actor });
        show::data(common, &json!({ "cancelled": meant.iter().map(asked).collect::<Vec<_>>() }), |_| {
            for flight in &meant {
                show::line(format_args!("{} {}: {flight}", paint(NOTE, "asked to stop"), flight.wish.application));
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }

    fn meant<'f>(
        &self,
        (flights, application): (&'f [Flight], Option<&str>),
        controls: &dyn Controls,
    ) -> Result<Vec<&'f Flight>, CliError> {
        let wrong = |message: String| CliError::new(Kind::Usage, message);
        if self.run.is_some() && application.is_some() {
            return Err(wrong("a run and --app: one of them is enough".into()).hint("leave one of them out"));
        }
        if let Some(run) = self.run {
            let one = flights.iter().find(|flight| flight.run == Some(run));
            return one.map(|flight| vec![flight]).ok_or_else(|| {
                wrong(format!("run {run} is not under way")).hint("`springline logs` lists the latest runs")
            });
        }
        let all = flights.iter().filter(|flight| match application {
            Some(name) => name == flight.wish.application,
            None => true,
        });
        let all: Vec<&Flight> = all.collect();
        match (all.len(), application) {
            (0, Some(name)) => {
                let watched = controls.applications();
                let names = watched.iter().map(|looked| looked.application.as_str());
                // Before everything was looked at once nobody knows what there is.
                match controls.is_ready() && !names.clone().any(|known| known == name) {
                    true => Err(notify::unknown(name, names)),
                    false => Err(wrong(format!("nothing of `{name}` is under way"))),
                }
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::controls::{Looked, Looking, Notice};
    use crate::turns::{Turns, Wish};

    /// It watches one application; whether it knows that yet.
    struct Shop(bool);

    impl Controls for Shop {
        fn notify(&self, _: &Notice) -> usize {
            0
        }

        fn is_ready(&self) -> bool {
            self.0
        }

        fn looks_after(&self, _: &str, _: &str) -> bool {
            true
        }

        fn origin(&self, _: &str) -> Option<springline_model::run::Origin> {
            None
        }

        fn applications(&self) -> Vec<Looked> {
            vec![Looked {
                application: "shop".into(),
                revision: None,
                state: Looking::InSync,
                error: None,
                environments: Vec::new(),
            }]
        }
    }

    /// What it says if this application is meant, and what it hints at.
    fn refused(name: &str, flights: &[Flight], is_ready: bool) -> (String, Option<String>) {
        let cancel = CancelArgs { run: None };
        let error = cancel.meant((flights, Some(name)), &Shop(is_ready)).unwrap_err();
        assert_eq!(error.kind, Kind::Usage);
        (error.message, error.hint)
    }

    #[test]
    fn an_application_that_does_not_exist_is_told_from_one_of_which_nothing_is_under_way() {
        let idle = |name: &str| format!("nothing of `{name}` is under way");
        let nobody = |name: &str| format!("nothing that is watched is called `{name}`");
        assert_eq!(refused("shop", &[], true), (idle("shop"), None));
        assert_eq!(refused("shpo", &[], true), (nobody("shpo"), Some("did you mean `shop`?".into())));
        assert_eq!(refused("zoo", &[], true), (nobody("zoo"), Some("`springline apps` lists what is watched".into())));
        assert_eq!(refused("zoo", &[], false), (idle("zoo"), None), "what there is, is not known yet");
    }

    #[test]
    fn what_a_person_runs_of_what_is_not_watched_can_be_cancelled_as_well() {
        let turns = std::sync::Arc::<Turns>::default();
        let wish = Wish { application: "blog".into(), reads: false, verb: "run".into(), actor: "me".into() };
        let _turn = turns.try_take(wish, &springline_model::Cancel::new()).unwrap();
        let cancel = CancelArgs { run: None };
        let flights = turns.flights();
        assert_eq!(cancel.meant((&flights, Some("blog")), &Shop(true)).unwrap().len(), 1);
    }
}
