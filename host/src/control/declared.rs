//! Whether a source says today that something is to be deployed, where no watch knows it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use springline_config::load_application;
use springline_model::Cancel;
use springline_model::application::Application;
use springline_model::port::{Sources as _, Store as _};
use springline_model::run::Place;
use springline_model::tree::join_path;

use super::find::Discovery;
use super::fleet;
use super::plan::{Address, Plan, Rule};
use super::poll::{self, Before, Searched, poll};
use crate::app::App;
use crate::cli::Common;
use crate::cli::error::CliError;
use crate::paths;
use crate::project::read_text;

/// What the sources say of an environment.
#[derive(Debug, Default)]
pub struct Declared {
    /// What declares it.
    pub by: Option<String>,
    /// What could not be read, and may declare it.
    pub unread: Vec<String>,
}

/// Asks the sources that an environment may come from: those of the fleet file, if there is one, else where a watch
/// found it; and the repository that is meant, unless a watch found it elsewhere.
///
/// # Errors
/// A fleet file that is wrong; what the store reports.
pub fn declared(common: &Common, app: &App, place: &Place, cancel: &Cancel) -> Result<Declared, CliError> {
    let origin = app.store.standing(place)?.origin;
    let file = app.project.state().join(paths::FLEET);
    let fleet = file.exists().then(|| fleet::open(file, Duration::ZERO)).transpose()?;
    let mut declared = Declared::default();
    let mut plans = Vec::new();
    if fleet.is_none() || origin.is_none() {
        plans.push((Plan::single(common, Duration::ZERO)?, false));
    }
    match (fleet, origin) {
        (Some((_, fleet)), _) => plans.push((fleet, false)),
        (None, Some(origin)) => plans.push((Plan::of_origin(&origin), true)),
        (None, None) => {}
    }
    for (plan, is_origin) in &plans {
        for (at, address) in plan.repositories.iter().enumerate() {
            let rules = plan.rules.iter().filter(|rule| rule.repository == at);
            declared.ask((app, cancel), (address, rules.cloned().collect()), (place, *is_origin));
        }
    }
    Ok(declared)
}

impl Declared {
    /// Takes in what the rules find in a repository. What is where a watch found the application may be called as a
    /// fleet file elsewhere says.
    fn ask(
        &mut self,
        (app, cancel): (&App, &Cancel),
        (address, rules): (&Address, Vec<Rule>),
        (place, is_origin): (&Place, bool),
    ) {
        let source = poll::Place::new(&address.url, &app.project.state().join(paths::SOURCES));
        let searched = |(at, rule)| Searched { at, rule, known: Arc::default(), is_stale: true };
        let before = Before { rules: rules.into_iter().enumerate().map(searched).collect(), heads: HashMap::new() };
        let asked = poll(&source, &before, (app.operator.value.git.patience(), cancel));
        let found = match asked {
            Ok(polled) => polled.found,
            Err(error) => return self.unread.push(format!("{}: {}", address.shown, error.message)),
        };
        for (_, found) in found {
            match found {
                Ok(found) => self.look(&source, address, &found, (place, is_origin)),
                Err(why) => self.unread.push(format!("{}: {why}", address.shown)),
            }
        }
    }

    fn look(&mut self, source: &poll::Place, address: &Address, found: &Discovery, (place, is_origin): (&Place, bool)) {
        let named = found.candidates.iter().filter(|found| is_origin || *found.name == *place.application);
        let named = named.map(|found| (true, &found.revision, &found.path));
        let unnamed = found.unnamed.iter().map(|found| (false, &found.revision, &found.path));
        for (is_named, revision, path) in named.chain(unnamed) {
            let file = format!("{} of {} at {revision}", join_path(path, paths::APPLICATION), address.shown);
            match read(source, revision, path) {
                Ok(Some(read)) if is_named && read.environments.contains_key(&place.environment) => {
                    if is_origin && read.application != place.application {
                        self.unread
                            .push(format!("{file} calls itself `{}`, and a fleet file may not", read.application));
                    } else {
                        self.by = Some(file);
                    }
                }
                Ok(_) => {}
                Err(error) => self.unread.push(format!("{file}: {}", error.message)),
            }
        }
    }
}

/// The application in a directory of a repository that was asked; none if there is none.
fn read(source: &poll::Place, revision: &str, path: &str) -> Result<Option<Application>, CliError> {
    let Some(asked) = source.source() else { return Ok(None) };
    let tree = source.tree(&asked, &asked.resolve(revision)?)?;
    let file = join_path(path, paths::APPLICATION);
    let Some(text) = read_text(tree.as_ref(), &file)? else { return Ok(None) };
    Ok(Some(load_application(&file, &text)?.0))
}
