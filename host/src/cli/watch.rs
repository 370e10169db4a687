//! `springline watch`.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use springline_model::Cancel;

use super::error::{CliError, Kind};
use super::run::known_environments;
use super::{Common, Output, RevisionArgs};
use crate::app::App;
use crate::control::{Control, Fleet, Settings, Waker};
use crate::project::Project;
use crate::socket::WATCH;
use crate::{endpoint, heaps, paths, resolve, show, socket};

/// The fewest workers.
const FEWEST: usize = 2;

/// Deploys new revisions as they come, and keeps what is deployed as it was deployed: drift is removed
/// as soon as it is there.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline watch\n  springline watch --env production --every 60 -o json\n  \
                  springline watch --passes 1\n  springline watch --state /srv/springline --fleet fleet.yaml")]
pub struct Watch {
    /// Only this environment (may be given more than once)
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
    /// The applications to look after [default: fleet.yaml in the state directory, else the one of --repo]
    #[arg(long, value_name = "FILE")]
    fleet: Option<PathBuf>,
    /// How often everything is looked at and every source is asked, whether something was heard of it or not
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Ask the plugins in every pass, also where nothing can have changed
    #[arg(long)]
    thorough: bool,
    /// How many applications are worked on at a time, besides those that wait or take long [default: as many as
    /// there are processors, at least 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    workers: Option<u16>,
    /// End after everything was looked at so many times; without it, go on until stopped. The exit code says
    /// whether something failed in the last look
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    passes: Option<u64>,
    /// Listen for notifications by HTTP, at an address of this machine's own; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

impl Watch {
    /// Watches until it is stopped.
    ///
    /// # Errors
    /// What keeps it from beginning. What fails later is told and tried again.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        // Before anything is open.
        heaps::share()?;
        let file = match &self.fleet {
            Some(file) => Some(common.path(file)),
            None => Some(Project::state_of(common)?.join(paths::FLEET)).filter(|file| file.exists()),
        };
        let project = match &file {
            Some(_) => Project::for_many(common)?,
            None => Project::find(common, None, cancel)?,
        };
        let waker = Waker::default();
        let wakes = waker.clone();
        let single = match &file {
            Some(_) => None,
            None => {
                let (declared, wrong) = project.last_declared()?;
                known_environments(&self.environments, declared.value.environments.keys().map(String::as_str))?;
                match wrong {
                    None => Some((project.pick(&RevisionArgs::default())?, declared)),
                    // What is live is kept until there is a commit that is right.
                    Some(_) => None,
                }
            }
        };
        let app = App::open_watching(common, project, WATCH, cancel, Arc::new(move |place| wakes.wake(place)))?;
        if let Some((picked, declared)) = &single {
            // What is wrong from the beginning is told as every verb tells it.
            let (chain, mut unbound) = resolve::chain_where_bound(&app, picked, declared)?;
            if let (true, Some((_, error))) = (chain.environments.is_empty(), unbound.pop_first()) {
                return Err(error);
            }
        }
        let processors = std::thread::available_parallelism().map_or(FEWEST, NonZero::get);
        let settings = Settings {
            environments: self.environments.clone(),
            every: Duration::from_secs(self.every),
            workers: self.workers.map_or(processors.max(FEWEST), usize::from),
            thorough: self.thorough,
            passes: self.passes,
            output: common.output,
        };
        let fleet = file.map_or(Fleet::Single(common), Fleet::File);
        let control = Control::new(app, &fleet, settings, cancel)?;
        waker.set(&control);
        let controls = Arc::new(control.clone());
        let _serving = socket::serve(control.app().owner(), controls.clone(), cancel)?;
        let endpoint = self.listen.map(|address| endpoint::listen(address, controls)).transpose()?;
        if let Some(endpoint) = &endpoint {
            let address = endpoint.address();
            match common.output {
                Output::Json => show::json_line(&json!({ "listening": address }))?,
                Output::Text => show::line(format_args!("listening at http://{address}")),
            }
        }
        let _printing = show::background::begin(cancel)
            .map_err(|error| CliError::new(Kind::State, format!("nothing can be printed: {error}")))?;
        Ok(control.run()?.map_or(ExitCode::SUCCESS, |kind| ExitCode::from(kind.code())))
    }
}
