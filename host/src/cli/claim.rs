//! Which places an application may claim, and which it has left.

use std::path::Path;

use springline_engine::event::Silent;
use springline_engine::remove::undeclared;
use springline_engine::status::current;
use springline_model::port::{Sources as _, Store as _};
use springline_model::run::{Origin, Place};
use springline_source::GitSource;

use super::error::{CliError, Kind};
use super::{Common, confirm};
use crate::app::App;
use crate::project::show_revision;
use crate::show;
use crate::socket::controls::same_repository;

/// Refuses places that a watch found in another repository.
///
/// # Errors
/// A place of another repository; what the store reports.
pub fn check(app: &App, places: &[Place]) -> Result<(), CliError> {
    for place in places {
        let Some(Foreign { origin, deployed }) = foreign(app, place)? else { continue };
        let (there, deployed) = (origin.repository, show_revision(&deployed));
        let here = GitSource::shown(app.project.repository());
        let message = format!("{place} comes from {there}, and {deployed}, which is deployed there, is not in {here}");
        let hint = "give it another name, or keep it in another state directory with --state; if it is the same \
                    repository, fetch that commit into it";
        return Err(CliError::new(Kind::Usage, message).hint(hint));
    }
    Ok(())
}

/// A place of another repository, and the revision that is deployed there.
struct Foreign {
    origin: Origin,
    deployed: String,
}

/// What a watch found in another repository. One that has the commit that is deployed there is the same one,
/// wherever it is now.
fn foreign(app: &App, place: &Place) -> Result<Option<Foreign>, CliError> {
    let Some(origin) = app.store.standing(place)?.origin else { return Ok(None) };
    let source = app.project.source()?;
    let is_here = source.root_dir().canonicalize().is_ok_and(|root| root == Path::new(&origin.repository));
    if is_here || same_repository(&origin.repository, app.project.repository()) {
        return Ok(None);
    }
    let deployed = current(app.ports(&Silent), place)?.map(|release| release.revision);
    let is_known = |revision: &String| revision.starts_with("worktree") || source.resolve(revision).is_ok();
    Ok(deployed.filter(|revision| !is_known(revision)).map(|deployed| Foreign { origin, deployed }))
}

/// Warns of environments that the newest revision declares no more and that something is deployed in, as after another
/// name for one; their names. `declared` are all that it declares.
///
/// # Errors
/// What the store reports.
pub fn warn_of_left<'d>(
    common: &Common,
    app: &App,
    application: &str,
    declared: impl IntoIterator<Item = &'d String>,
) -> Result<Vec<String>, CliError> {
    let declared: Vec<&str> = declared.into_iter().map(String::as_str).collect();
    let mut left = Vec::new();
    for place in undeclared(app.ports(&Silent), application, &declared)? {
        if !is_of_here(app, &place)? {
            continue;
        }
        let (application, environment) = (confirm::word(application), &place.environment);
        let given = common.again();
        show::warn(format_args!(
            "{environment} is declared no more, and what is deployed of it stays: `springline remove {application}{given} \
             --env {}` removes it; what has another name now can be deployed when that is gone",
            confirm::word(environment)
        ));
        left.push(place.environment);
    }
    Ok(left)
}

/// Whether it is this repository's newest revision that says whether a place is there: who deploys by hand means that
/// one, and a watch may follow another.
fn is_of_here(app: &App, place: &Place) -> Result<bool, CliError> {
    let Some(origin) = app.store.standing(place)?.origin else { return Ok(true) };
    let source = app.project.source()?;
    let commit = |revision: &str| source.resolve(revision).ok().map(|revision| revision.id);
    let is_followed =
        app.project.site().directory == origin.path && commit(&origin.revision) == commit(app.project.followed());
    Ok(is_followed && foreign(app, place)?.is_none())
}
