//! Promotions: the chain of the release's own revision, in the environment that it moves to.

use springline_engine::Ports;
use springline_engine::build::Source;
use springline_engine::chain::{Chain, Environment};
use springline_engine::promote::{self, Decision, Pending, Preview, Route};
use springline_engine::run::{Failure, Report, Request};
use springline_model::application::{Application, Gates};
use springline_model::run::{Cause, Place, Release};

use crate::app::App;
use crate::cli::RevisionArgs;
use crate::cli::error::{CliError, Kind};
use crate::cli::failure::explain;
use crate::project::{Configured, Picked, show_revision};
use crate::resolve::{self, Purpose};
use crate::secret;

/// Decides what there is to promote between two environments of an application, and what it waits for.
///
/// # Errors
/// What the store or the target reports.
pub fn decide(
    ports: Ports<'_>,
    application: &str,
    (from, to, gates): (&str, &str, &Gates),
    named: Option<&Release>,
) -> Result<Decision, CliError> {
    let place = |environment: &str| Place { application: application.into(), environment: environment.into() };
    let (from, to) = (place(from), place(to));
    Ok(promote::decide(ports, Route { from: &from, to: &to, gates }, named)?)
}

/// A promotion that can be shown and carried out.
pub struct Prepared {
    picked: Picked,
    declared: Configured<Application>,
    chain: Chain,
}

/// The revision of a release, as it is looked for in its source.
///
/// # Errors
/// A release of uncommitted state.
pub fn revision_of(release: &Release) -> Result<RevisionArgs, CliError> {
    if release.revision.starts_with("worktree") {
        let message = format!("release {} was made of uncommitted state, which nobody has", release.id.short());
        return Err(CliError::new(Kind::Usage, message).hint("commit it and run again, then promote what that deploys"));
    }
    Ok(RevisionArgs { revision: Some(release.revision.clone()), worktree: false })
}

impl Prepared {
    /// Reads what the release's revision declares. These removals are confirmed.
    ///
    /// # Errors
    /// A revision that does not declare the environment; plugins that are gone.
    pub fn new(
        app: &App,
        picked: Picked,
        release: &Release,
        (to, confirmed): (&str, Option<String>),
    ) -> Result<Self, CliError> {
        let declared = picked.application()?;
        if declared.value.application != release.application || !declared.value.environments.contains_key(to) {
            let revision = show_revision(&release.revision);
            let message = format!("revision {revision} of release {} declares no `{to}`", release.id.short());
            return Err(CliError::new(Kind::Usage, message).hint("deploy a revision that does, and promote that"));
        }
        let mut chain = resolve::chain_of(app, &picked, &declared, Purpose::Promote(release, to))?;
        for environment in &mut chain.environments {
            environment.sync.confirm_prune.confirmed.clone_from(&confirmed);
        }
        Ok(Self { picked, declared, chain })
    }

    /// Shows what it would do.
    ///
    /// # Errors
    /// What rendering or the target reports; artifacts that are lost.
    pub fn preview(&self, ports: Ports<'_>, pending: &Pending) -> Result<Preview, CliError> {
        let shown = self.with(pending, ("", None), |request| promote::preview(ports, request));
        let mut shown = shown.map_err(|failure| self.explain(failure))?;
        secret::hide_in(&mut shown.differences);
        Ok(shown)
    }

    /// Carries it out.
    ///
    /// # Errors
    /// Whatever fails in it.
    pub fn carry_out(
        &self,
        ports: Ports<'_>,
        pending: &Pending,
        (actor, why): (&str, Option<&str>),
    ) -> Result<Report, CliError> {
        let note = pending.note(why);
        let report = self.with(pending, (actor, note.as_deref()), |request| promote::promote(ports, request));
        report.map_err(|failure| self.explain(failure))
    }

    fn explain(&self, failure: Failure) -> CliError {
        explain(&self.chain, &self.declared.document, failure)
    }

    fn with<T>(&self, pending: &Pending, (actor, note): (&str, Option<&str>), act: impl FnOnce(Request<'_>) -> T) -> T {
        let environments: Vec<&Environment> = self.chain.environments.iter().collect();
        let source = Source::chosen(&self.picked.revision, self.picked.tree.as_ref());
        let request = Request::new(&self.chain, source, &Cause::Promotion, actor);
        act(Request { environments: &environments, note, moved: Some(pending.moved()), ..request })
    }
}
