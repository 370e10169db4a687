//! Whether a source says today that something is to be deployed, where no watch knows it.

use std::collections::{BTreeSet, HashMap};
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

/// What the sources say of an application.
#[derive(Debug, Default)]
pub struct Declared {
    /// The environments that are declared, each with the file that does.
    pub by: HashMap<String, String>,
    /// What could not be read, and may declare more.
    pub unread: BTreeSet<String>,
}

/// What of a repository is looked into: whether an application is there by the name that a watch found it by.
struct Sought<'a> {
    address: &'a Address,
    rules: Vec<Rule>,
    is_origin: bool,
}

/// Asks the sources that these environments of an application may come from, each once: those of the fleet file, if
/// there is one, else where a watch found them; and the repository that is meant, unless the fleet file is asked of
/// what a watch found.
///
/// # Errors
/// A fleet file that is wrong; what the store reports.
pub fn declared(
    common: &Common,
    app: &App,
    (application, places): (&str, &[Place]),
    cancel: &Cancel,
) -> Result<Declared, CliError> {
    let standings = places.iter().map(|place| app.store.standing(place)).collect::<Result<Vec<_>, _>>()?;
    let origins: Vec<_> = standings.into_iter().map(|standing| standing.origin).collect();
    let file = app.project.state().join(paths::FLEET);
    let fleet = file.exists().then(|| fleet::open(file, Duration::ZERO)).transpose()?;
    let single = Plan::single(common, Duration::ZERO)?;
    let mut plans: Vec<(Plan, bool)> = Vec::new();
    if fleet.is_none() {
        for plan in origins.iter().flatten().map(Plan::of_origin) {
            if !plans.iter().any(|(other, _)| other.is_one(&plan)) {
                plans.push((plan, true));
            }
        }
    }
    if fleet.is_none() || origins.contains(&None) {
        // It may be where a watch found it.
        match plans.iter_mut().find(|(other, _)| other.is_one(&single)) {
            Some((same, _)) => *same = single,
            None => plans.push((single, false)),
        }
    }
    plans.extend(fleet.map(|(_, fleet)| (fleet, false)));
    let mut declared = Declared::default();
    for (plan, is_origin) in &plans {
        for (at, address) in plan.repositories.iter().enumerate() {
            let rules = plan.rules.iter().filter(|rule| rule.repository == at).cloned().collect();
            declared.ask((app, cancel), Sought { address, rules, is_origin: *is_origin }, application);
        }
    }
    Ok(declared)
}

impl Declared {
    /// Takes in what the rules find in a repository.
    fn ask(&mut self, (app, cancel): (&App, &Cancel), sought: Sought<'_>, application: &str) {
        let Sought { address, rules, is_origin } = sought;
        let source = poll::Place::new(&address.url, &app.project.state().join(paths::SOURCES));
        let searched = |(at, rule)| Searched { at, rule, known: Arc::default(), is_stale: true };
        let before = Before { rules: rules.into_iter().enumerate().map(searched).collect(), heads: HashMap::new() };
        let of_it = |why: String| format!("{}: {why}", address.shown);
        let polled = match poll(&source, &before, (app.operator.value.git.patience(), cancel)) {
            Ok(polled) => polled,
            Err(error) => return self.unread.extend([of_it(error.message)]),
        };
        // A revision that is not there is told of itself, and nothing is found by it.
        self.unread.extend(polled.heads.into_values().filter_map(Result::err).map(of_it));
        for (_, found) in polled.found {
            match found {
                Ok(found) => self.look(&source, (address, is_origin), &found, application),
                Err(why) => self.unread.extend([of_it(why)]),
            }
        }
    }

    /// What is where a watch found the application may be called as a fleet file elsewhere says.
    fn look(
        &mut self,
        source: &poll::Place,
        (address, is_origin): (&Address, bool),
        found: &Discovery,
        application: &str,
    ) {
        let named = found.candidates.iter().filter(|found| is_origin || *found.name == *application);
        let named = named.map(|found| (true, &found.revision, &found.path));
        let unnamed = found.unnamed.iter().map(|found| (false, &found.revision, &found.path));
        for (is_named, revision, path) in named.chain(unnamed) {
            let file = format!("{} of {} at {revision}", join_path(path, paths::APPLICATION), address.shown);
            match read(source, revision, path) {
                Ok(Some(read)) if is_named && is_origin && read.application != application => {
                    self.unread
                        .extend([format!("{file} calls itself `{}`, and a fleet file may not", read.application)]);
                }
                Ok(Some(read)) if is_named => {
                    self.by.extend(read.environments.into_keys().map(|environment| (environment, file.clone())));
                }
                Ok(_) => {}
                Err(error) => self.unread.extend([format!("{file}: {}", error.message)]),
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
