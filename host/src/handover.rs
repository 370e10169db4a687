//! What goes to other repositories, and what comes from them: deliveries, and artifacts that were
//! built elsewhere.

use springline_config::{EditError, value_at};
use springline_engine::chain::{Delivery, Handed, HandedValue};
use springline_model::Digest;
use springline_model::application::{self, Taken};
use springline_model::history::Outcome;
use springline_model::plugin::Kind;
use springline_model::port::{Blobs as _, Page, Store as _};
use springline_model::run::Timestamp;

use crate::app::App;
use crate::cli::error::{CliError, Kind as ErrorKind};
use crate::cli::history::changes_of;
use crate::project::{Configured, Picked, read_text, show_revision};
use crate::resolve::{Place, Resolver};
use crate::show::table::{Table, plain, styled};
use crate::show::{BAD, GOOD, NOTE};

/// The deliveries that a revision declares, every plugin pinned and every repository bound.
///
/// # Errors
/// Whatever is wrong with them, with its place.
pub fn deliveries<'a>(
    app: &App,
    (resolver, operator): (&mut Resolver<'a>, &mut Resolver<'a>),
    picked: &Picked,
    configured: &Configured<application::Application>,
) -> Result<Vec<Delivery>, CliError> {
    let Configured { value: declared, document } = configured;
    let mut deliveries = Vec::new();
    for (name, delivery) in &declared.deliver {
        let place = Place::new(document, format!("/deliver/{name}"));
        bound(app, &delivery.repository, &place)?;
        let what = match (&delivery.directory, &delivery.render) {
            (Some(directory), Some(render)) => {
                let wanted = (render.plugin.as_str(), &render.with, None);
                let uses = resolver.usage(Some(&mut *operator), Kind::Renderer, wanted, &place.key("render"))?;
                Handed::Objects {
                    directory: directory.clone(),
                    render: Box::new(uses),
                    input: picked.site.path(render.input.as_deref().unwrap_or_default()),
                }
            }
            _ => Handed::Values(delivery.values.iter().map(value).collect()),
        };
        deliveries.push(Delivery {
            name: name.clone(),
            repository: delivery.repository.clone(),
            branch: delivery.branch.clone(),
            propose: delivery.propose,
            what,
        });
    }
    Ok(deliveries)
}

fn value(edit: &application::ValueEdit) -> HandedValue {
    let artifact = edit.value.strip_prefix("artifact ").map(|name| name.trim().to_owned());
    HandedValue { file: edit.file.clone(), pointer: edit.pointer.clone(), artifact }
}

fn bound(app: &App, name: &str, place: &Place<'_>) -> Result<(), CliError> {
    let repositories = &app.operator.value.repositories;
    if repositories.contains_key(name) {
        return Ok(());
    }
    let near = springline_config::nearest(name, repositories.keys().map(String::as_str));
    let near = near.map(|near| format!("did you mean `{near}`?"));
    let file = app.project.state().join(crate::paths::OPERATOR);
    let error = place.key("repository").suggest(format!("the operator's file binds no repository `{name}`"), near);
    Err(error.hint(format!("add it to {}: `repositories: {{ {name}: {{ url: … }} }}`", file.display())))
}

/// The artifact that a file of the source names; its bytes are here.
///
/// # Errors
/// A file or a value that is not there, that is no digest, or whose bytes are not here.
pub fn taken(app: &App, picked: &Picked, name: &str, taken: &Taken, place: &Place<'_>) -> Result<Digest, CliError> {
    let path = picked.site.path(&taken.file);
    let Some(text) = read_text(picked.tree.as_ref(), &path)? else {
        return Err(place.key("file").suggest(format!("there is no file `{path}` in this revision"), None));
    };
    let value = value_at(&path, &text, &taken.pointer).map_err(|error| {
        let key = if matches!(error, EditError::Missing { .. }) { "pointer" } else { "file" };
        place.key(key).suggest(error.to_string(), None)
    })?;
    let Ok(digest) = value.parse::<Digest>() else {
        let message = format!("`{path}` has `{value}` at `{}`, and a digest (`sha256:…`) belongs there", taken.pointer);
        return Err(place.key("pointer").suggest(message, None));
    };
    if !app.blobs.contains(&digest) {
        let message = format!(
            "artifact `{name}` is {}, as `{path}` says at `{}`, and its bytes are not in {}",
            digest.short(),
            taken.pointer,
            app.project.state().display()
        );
        return Err(CliError::new(ErrorKind::State, message).hint(
            "build it with the same state directory: `springline run --repo WHERE-IT-IS-BUILT --state THIS-ONE`",
        ));
    }
    Ok(digest)
}

/// How a delivery went last.
#[derive(Debug, serde::Serialize)]
pub struct Last {
    delivery: String,
    repository: String,
    outcome: Option<Outcome>,
    at: Option<Timestamp>,
    revision: Option<String>,
    what: Option<String>,
}

/// How each delivery of an application went last.
///
/// # Errors
/// What the store reports.
pub fn last(app: &App, declared: &application::Application) -> Result<Vec<Last>, CliError> {
    let mut rows = Vec::new();
    for (name, delivery) in &declared.deliver {
        let place = springline_engine::deliver::place(&declared.application, name);
        let newest = app.store.history(&Page::of(&place, 1))?.records.into_iter().next();
        let record = newest.map(|sealed| sealed.record);
        let done = match &record {
            Some(record) => changes_of(app, record)?,
            None => Some(Vec::new()),
        };
        rows.push(Last {
            delivery: name.clone(),
            repository: delivery.repository.clone(),
            at: record.as_ref().map(|record| record.started),
            revision: record.as_ref().map(|record| record.revision.clone()),
            what: match done {
                Some(done) => done.first().map(|done| done.summary.clone()),
                None => Some("what it did is lost".to_owned()),
            },
            outcome: record.map(|record| record.outcome),
        });
    }
    Ok(rows)
}

/// Shows how deliveries went.
pub fn print(rows: &[Last]) {
    if rows.is_empty() {
        return;
    }
    let mut table = Table::new(&["DELIVERY", "REPOSITORY", "OUTCOME", "REVISION", "WHAT"]);
    for row in rows {
        let outcome = match &row.outcome {
            None => styled(NOTE, "never made"),
            Some(Outcome::Succeeded) => styled(GOOD, "succeeded"),
            Some(outcome) => styled(BAD, outcome),
        };
        let what = match (&row.what, &row.outcome) {
            (_, Some(Outcome::Failed { message, .. })) => message.as_str(),
            (Some(what), _) => what.as_str(),
            (None, None) => "-",
            (None, _) => "nothing to hand over",
        };
        let revision = row.revision.as_deref().map_or("-", show_revision);
        table.row(vec![plain(&row.delivery), plain(&row.repository), outcome, plain(revision), plain(what)]);
    }
    table.print();
}
