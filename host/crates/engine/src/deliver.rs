//! Hands things over to other repositories: what was rendered, or the ids of what was built.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use springline_model::Digest;
use springline_model::call::Context;
use springline_model::history::{Done, Record, Sealed};
use springline_model::manifest::Action;
use springline_model::plugin::Pinned;
use springline_model::port::{Repositories, RepositoryError};
use springline_model::repository::{At, Author, Commit, Draft, Edit, Next, Tip, Trouble, Written};
use springline_model::run::{Place, Run, Stage, StepRecord};

use crate::Ports;
use crate::build::{Artifacts, Source};
use crate::chain::{Chain, Delivery, Handed};
use crate::error::{Reason, StageError};
use crate::event::{Event, Point};
use crate::keep::{Observed, Trust};
use crate::progress::Progress;
use crate::record::{branch, secrets};
use crate::release;
use crate::render::{Rendering, render};
use crate::sync::{Because, End, Synced, finish, is_said};

/// What the names of deliveries begin with, where they stand among environments.
const PLACE: &str = "deliver/";
/// What the trailers' keys of commits begin with.
const TRAILER: &str = "Springline-Delivery: ";
/// What the trailer with the revision begins with.
const REVISION: &str = "Springline-Revision: ";

/// Where a delivery's history is.
pub fn place(application: &str, delivery: &str) -> Place {
    Place { application: application.to_owned(), environment: format!("{PLACE}{delivery}") }
}

/// The name of the delivery whose history is there; none of an environment.
pub fn delivery(place: &Place) -> Option<&str> {
    place.environment.strip_prefix(PLACE)
}

/// What a delivery is made from.
#[derive(Clone, Copy)]
pub(crate) struct From<'a> {
    pub chain: &'a Chain,
    pub source: Source<'a>,
    pub artifacts: &'a Artifacts,
    pub how: (u64, Trust, Observed<'a>),
}

/// Hands one thing over, and writes down how that ended.
pub(crate) fn deliver(
    ports: Ports<'_>,
    run: &mut Run,
    from: From<'_>,
    (delivery, last): (&Delivery, bool),
) -> Result<Synced, Box<(StageError, Option<Synced>)>> {
    let place = place(&from.chain.application, &delivery.name);
    let (started, began) = (ports.clock.now(), Instant::now());
    ports.observer.event(&Event::StageBegun {
        stage: Stage::Apply,
        environment: Some(&place.environment),
        units: None,
    });
    let mut steps = Vec::new();
    let mut progress = Progress::default();
    let result = handed_over(ports, from, delivery, &place, &mut steps);
    run.steps.extend(steps.into_iter().map(Arc::new));
    ports.observer.event(&Event::Passed(Point::Delivered));
    let took = began.elapsed();
    progress.stages.push((Stage::Apply, took));
    let mut note = None;
    let error = match result {
        Ok(over) => {
            let detail = over.detail();
            note = Some(detail.clone());
            ports.observer.event(&Event::StageDone {
                stage: Stage::Apply,
                environment: Some(&place.environment),
                detail: &detail,
                took,
            });
            if over.written.changed() {
                let done = over.done(detail);
                *progress.counts.of(done.action) += 1;
                progress.done.push(done);
            }
            None
        }
        Err(error) => {
            let is_same = |last: &Record| last.revision == run.revision && last.cause == run.cause;
            if is_said(ports, &place, &error, is_same) {
                return Err(Box::new((error, None)));
            }
            Some(error)
        }
    };
    let ended = End {
        place: place.clone(),
        release: None,
        plugins: plugins(from.chain, delivery),
        used: Default::default(),
        began: started,
        took,
        error: error.as_ref(),
        failed: None,
        because: Because { note, ..Because::of(run.cause.clone()) },
        last: last || error.is_some(),
    };
    let recorded = finish(ports, run, ended, &progress);
    let synced = |sealed: Sealed| Synced { done: progress.done, ..Synced::untried(sealed) };
    match (error, recorded) {
        (None, Ok(sealed)) => Ok(synced(sealed)),
        (Some(error), Ok(sealed)) => Err(Box::new((error, Some(synced(sealed))))),
        (Some(error), Err(_)) => Err(Box::new((error, None))),
        (None, Err(reason)) => Err(Box::new((reason.at(Stage::Record, Some(&place.environment)), None))),
    }
}

fn plugins(chain: &Chain, delivery: &Delivery) -> Vec<Pinned> {
    let render = match &delivery.what {
        Handed::Objects { render, .. } => Some(&**render),
        Handed::Values(_) => None,
    };
    release::plugins(chain, render)
}

/// What came of it.
struct Over {
    at: At,
    written: Written,
    propose: bool,
    /// What is there already, if it comes after what was to be handed over.
    newer: Option<String>,
}

impl Over {
    fn branch(&self) -> &str {
        self.at.reference.trim_start_matches("refs/heads/")
    }

    fn detail(&self) -> String {
        let repository = self.at.repository.as_deref().unwrap_or_default();
        let branch = self.branch();
        if let Some(newer) = &self.newer {
            return format!(
                "{branch} of {repository} has {}, which comes after this revision: it stays (`--revision` goes back)",
                branch::short(newer)
            );
        }
        match (&self.written.commit, self.written.changed()) {
            (Some(commit), true) if self.propose => {
                format!("{} proposed on {branch} of {repository}", branch::short(commit))
            }
            (Some(commit), true) => format!("{} pushed to {branch} of {repository}", branch::short(commit)),
            (Some(_), false) if self.propose => format!("{branch} of {repository} proposes it already"),
            (Some(_), false) => format!("{branch} of {repository} has it already"),
            (None, true) => format!("{branch} of {repository} removed: there is nothing to propose any more"),
            (None, false) => format!("{repository} has it already: nothing to propose"),
        }
    }

    fn done(&self, summary: String) -> Done {
        Done {
            live: format!("{} {}", self.at.repository.as_deref().unwrap_or_default(), self.branch()),
            action: match (&self.written.before, &self.written.commit) {
                (None, _) => Action::Create,
                (_, None) => Action::Delete,
                _ => Action::Update,
            },
            before: self.written.before.clone(),
            after: self.written.commit.clone(),
            summary,
            error: None,
            hook: None,
        }
    }
}

fn handed_over(
    ports: Ports<'_>,
    from: From<'_>,
    delivery: &Delivery,
    place: &Place,
    steps: &mut Vec<StepRecord>,
) -> Result<Over, StageError> {
    let environment = Some(place.environment.as_str());
    let repositories = ports.repositories.ok_or_else(|| {
        Reason::from(RepositoryError::new(Trouble::Unknown, "no repository is written to here"))
            .at(Stage::Apply, environment)
    })?;
    let at = |error: RepositoryError| Reason::from(error).at(Stage::Apply, environment);
    let branch = match &delivery.branch {
        Some(branch) => branch.clone(),
        None => repositories.default_branch(Some(&delivery.repository)).map_err(at)?,
    };
    let edits = edits(ports, from, (delivery, &branch), place, steps)?;
    let draft = draft(from, delivery, edits);
    let (over, meddled) = write(repositories, from, (delivery, &branch), &draft).map_err(at)?;
    if let Some(what) = meddled {
        ports.observer.event(&Event::Meddled { place, what: &what });
    }
    Ok(over)
}

fn edits(
    ports: Ports<'_>,
    from: From<'_>,
    (delivery, branch): (&Delivery, &str),
    place: &Place,
    steps: &mut Vec<StepRecord>,
) -> Result<Vec<Edit>, StageError> {
    let environment = Some(place.environment.as_str());
    match &delivery.what {
        Handed::Values(values) => Ok(values
            .iter()
            .map(|value| Edit::Value {
                path: value.file.clone(),
                pointer: value.pointer.clone(),
                value: match &value.artifact {
                    Some(name) => from.artifacts.digests.get(name).map(Digest::to_string).unwrap_or_default(),
                    None => from.source.revision.id.clone(),
                },
            })
            .collect()),
        Handed::Objects { directory, render: uses, input } => {
            let at = |reason: Reason| reason.at(Stage::Render, environment);
            let context = Context {
                application: from.chain.application.clone(),
                environment: Some(delivery.name.clone()),
                revision: from.source.revision.id.clone(),
                commit_time: from.source.revision.time,
                values: "{}".into(),
                artifacts: from.artifacts.digests.clone(),
            };
            let what = Rendering { name: &place.environment, uses, input };
            let rendered = render(ports, what, from.source, &Arc::new(context), from.how, steps).map_err(at)?;
            if rendered.objects.is_empty() {
                return Err(at(Reason::EmptyDelivery { directory: directory.clone() }));
            }
            secrets::check(ports, &rendered.objects, branch).map_err(at)?;
            let tree = branch::tree_of(ports, &rendered.objects).map_err(at)?;
            Ok(vec![Edit::Replace { path: directory.trim_end_matches('/').to_owned(), tree }])
        }
    }
}

/// The commit, the same for the same source and artifacts whenever it is made.
fn draft(from: From<'_>, delivery: &Delivery, edits: Vec<Edit>) -> Draft {
    let application = &from.chain.application;
    let revision = &from.source.revision;
    let mut message = format!("Update {application}/{} to {}\n", delivery.name, branch::short(&revision.id));
    if !revision.subject.is_empty() {
        message.push_str(&format!("\n{}\n", revision.subject));
    }
    let mut trailers = format!("{}\n{REVISION}{}\n", trailer(from.chain, delivery), revision.id);
    for (name, digest) in &from.artifacts.digests {
        trailers.push_str(&format!("Springline-Artifact: {name} {digest}\n"));
    }
    let author = Author { name: String::new(), email: String::new(), seconds: revision.time };
    Draft { edits, message, trailers, shows_difference: delivery.propose, author, even_if_same: false }
}

/// The line by which its commits are known.
fn trailer(chain: &Chain, delivery: &Delivery) -> String {
    format!("{TRAILER}{}/{}", chain.application, delivery.name)
}

fn write(
    repositories: &dyn Repositories,
    from: From<'_>,
    (delivery, branch): (&Delivery, &str),
    draft: &Draft,
) -> Result<(Over, Option<String>), RepositoryError> {
    let repository = Some(delivery.repository.clone());
    let target = format!("refs/heads/{branch}");
    let trailer = trailer(from.chain, delivery);
    let missing = || {
        let message = format!("`{}` has no branch `{branch}`", delivery.repository);
        RepositoryError::new(Trouble::Content, message)
    };
    let mut newer = None;
    if !delivery.propose {
        let at = At { repository, reference: target };
        let makes = matches!(delivery.what, Handed::Objects { .. });
        let written = repositories.update(&at, None, &mut |tip: &Tip, _| {
            newer = newer_on(tip, &trailer, from.source);
            match tip.tree {
                None if !makes => Err(missing()),
                _ if newer.is_some() => Ok(Next::Keep),
                _ => Ok(Next::Commit(draft.clone())),
            }
        })?;
        return Ok((Over { at, written, propose: false, newer }, None));
    }
    let name = format!("springline/update-{}-{}", from.chain.application, delivery.name);
    let at = At { repository, reference: format!("refs/heads/{name}") };
    let mut meddled = None;
    let written = repositories.update(&at, Some(&target), &mut |tip: &Tip, onto: Option<&Tip>| {
        let onto = onto.filter(|onto| onto.tree.is_some()).ok_or_else(missing)?;
        newer = newer_on(tip, &trailer, from.source).or_else(|| newer_on(onto, &trailer, from.source));
        meddled = None;
        if newer.is_some() {
            return Ok(Next::Keep);
        }
        let proposed = proposed(tip, onto);
        if let Some(other) = proposed.iter().find_map(|commit| delivered_by(commit)).filter(|other| *other != trailer) {
            let whose = other.trim_start_matches(TRAILER);
            let message = format!("the branch `{name}` proposes `{whose}` already: give one of the two another name");
            return Err(RepositoryError::new(Trouble::Content, message));
        }
        let Some(theirs) = theirs(&proposed, &trailer) else { return Ok(Next::Instead(draft.clone())) };
        let who = format!("{} <{}>", theirs.committer.name, theirs.committer.email);
        meddled = Some(format!(
            "{who} added commit {} to the proposal; it stays, and the update goes on top of it",
            branch::short(&theirs.id)
        ));
        Ok(Next::Commit(draft.clone()))
    })?;
    Ok((Over { at, written, propose: true, newer }, meddled))
}

/// The line of a commit that says which delivery made it.
fn delivered_by(commit: &Commit) -> Option<&str> {
    commit.message.lines().find(|line| line.starts_with(TRAILER))
}

/// The revision that a delivery handed over last, if it comes after the one that is to be.
fn newer_on(tip: &Tip, trailer: &str, source: Source<'_>) -> Option<String> {
    let last = tip.commits.iter().find(|commit| delivered_by(commit) == Some(trailer))?;
    let revision = last.message.lines().find_map(|line| line.strip_prefix(REVISION))?;
    (source.is_before)(revision, last.author.seconds).then(|| revision.to_owned())
}

/// The commits of a proposal that are not on the branch that it is for.
fn proposed<'t>(tip: &'t Tip, onto: &Tip) -> Vec<&'t Commit> {
    let known: HashSet<&str> = onto.commits.iter().map(|commit| commit.id.as_str()).collect();
    tip.commits.iter().filter(|commit| !known.contains(commit.id.as_str())).collect()
}

/// The newest commit of somebody else in a proposal: on top of what was proposed, between, or in the
/// place of it.
fn theirs<'t>(proposed: &[&'t Commit], trailer: &str) -> Option<&'t Commit> {
    // What somebody has written anew, with our words in it, has another committer.
    let is_ours = |commit: &Commit| delivered_by(commit) == Some(trailer) && commit.author == commit.committer;
    // Below the first of ours is what the branch was made from, however far that has gone on.
    let first = proposed.iter().rposition(|commit| is_ours(commit)).unwrap_or(proposed.len().saturating_sub(1));
    proposed.iter().copied().take(first + 1).find(|commit| !is_ours(commit))
}

#[cfg(test)]
mod tests;
