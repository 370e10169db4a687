//! `springline diff --against`: what a revision would change of what is deployed.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::Serialize;
use springline_engine::chain::Environment;
use springline_engine::event::Silent;
use springline_engine::render::Rendered;
use springline_engine::review::{self, Changed, Version};
use springline_engine::run::{Report, Trust, Until};
use springline_engine::status::{Comparison, Differences, compare, current};
use springline_model::manifest::{Action, Change, Difference, Object};
use springline_model::plugin::Pinned;
use springline_model::port::{Blobs, Store as _};
use springline_model::run::{Cause, How, Place, Release};
use springline_model::{Cancel, Digest};

use super::error::{CliError, Kind};
use super::run::{Manner, Ready, known_environments};
use super::{Common, Output, RevisionArgs};
use crate::grants::{self, Withheld};
use crate::project::show_revision;
use crate::resolve::Resolver;
use crate::secret;
use crate::show::{self, markdown, review as text};

/// So many bytes of text a review holds at once; what goes beyond is told by its size.
const MOST_TEXT: u64 = 64 * 1024 * 1024;
/// The same for a comment, which shows but a part of it.
const MOST_FOR_COMMENT: u64 = 2 * 1024 * 1024;

/// What is compared with what is deployed, and how it is shown.
#[derive(Debug, Args)]
pub struct Against {
    /// Compare with what is deployed in this environment, and not with what is live there (may be given more
    /// than once): what merging the revision would change
    #[arg(long, value_name = "ENV", conflicts_with = "environments")]
    pub against: Vec<String>,
    /// With --against: compare with what is live all the same
    #[arg(long, requires = "against")]
    live: bool,
    /// With --against: how it is shown; Markdown is made for a comment on a pull request
    #[arg(long, value_name = "FORMAT", requires = "against", default_value = "text")]
    format: Format,
}

/// How a review is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal.
    Text,
    /// For a comment, at most 65,536 characters.
    Markdown,
}

/// What a revision would change in one environment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Review {
    /// The environment.
    pub environment: String,
    /// The revision.
    pub revision: String,
    /// The first line of its message.
    pub subject: String,
    /// What it is compared with; none if nothing was deployed there.
    pub against: Option<Deployed>,
    /// Whether objects are compared with live ones, and not with those of the release.
    pub live: bool,
    /// Whether the revision declares no such environment.
    pub gone: bool,
    /// The target that it would go to, if it is another one.
    pub moves: Option<Move>,
    /// Whether nothing would change.
    pub in_sync: bool,
    /// The objects that would change.
    pub objects: Vec<ObjectChange>,
    /// How many would not.
    pub unchanged: usize,
    /// The artifacts.
    pub artifacts: Vec<ArtifactChange>,
    /// The plugins whose bytes would change.
    pub plugins: Vec<DigestChange>,
    /// What else is worth knowing before it is merged.
    pub notes: Vec<String>,
}

/// What is deployed.
#[derive(Debug, Serialize)]
pub struct Deployed {
    /// The release.
    pub release: Digest,
    /// Its revision.
    pub revision: String,
}

/// Another target.
#[derive(Debug, Serialize)]
pub struct Move {
    /// Where it is deployed.
    pub from: String,
    /// Where it would go.
    pub to: String,
}

/// An object, or a file of one, that would change.
#[derive(Debug, Serialize)]
pub struct ObjectChange {
    /// Its name.
    pub name: String,
    /// What would be done.
    pub action: Action,
    /// What differs, in a line.
    pub summary: String,
    /// Its text now; none if it has none.
    pub before: Option<String>,
    /// Its text afterwards.
    pub after: Option<String>,
}

/// An artifact.
#[derive(Debug, Serialize)]
pub struct ArtifactChange {
    /// Its name, and its digests.
    #[serde(flatten)]
    pub digests: DigestChange,
    /// Whether it was built for this.
    pub built: bool,
}

/// Something whose digest changes.
#[derive(Debug, Serialize)]
pub struct DigestChange {
    /// Its name.
    pub name: String,
    /// The digest in what is deployed.
    pub before: Option<Digest>,
    /// The digest in the revision.
    pub after: Option<Digest>,
}

impl DigestChange {
    /// Whether it is another one.
    pub fn differs(&self) -> bool {
        self.before != self.after
    }
}

impl Review {
    /// How many objects would be made, changed and removed.
    pub fn counts(&self) -> [usize; 3] {
        [Action::Create, Action::Update, Action::Delete]
            .map(|action| self.objects.iter().filter(|object| object.action == action).count())
    }
}

/// Compares, and shows it.
///
/// # Errors
/// Whatever fails.
pub fn run(
    common: &Common,
    against: &Against,
    revision: &RevisionArgs,
    only: Option<&str>,
    cancel: &Cancel,
) -> Result<ExitCode, CliError> {
    if common.output == Output::Json && against.format == Format::Markdown {
        return Err(CliError::new(Kind::Usage, "it is either JSON or Markdown").hint("leave `-o json` out"));
    }
    let mut ready = Ready::open_for(common, revision, "diff", cancel, &against.against)?;
    check_application(&ready)?;
    let withheld = withhold(&mut ready)?;
    withheld.iter().for_each(|withheld| show::warn(show::visible(&withheld.to_string())));
    let declared: Vec<String> = ready.chain.environments.iter().map(|environment| environment.name.clone()).collect();
    let manner = Manner { cause: Cause::Diff, until: Until::Render, trust: Trust::Kept, only: None, prune_all: false };
    let quiet = Common { output: Output::Json, ..common.clone() };
    // With no environment left there is nothing to render, and the artifacts are nobody's.
    let report = if declared.is_empty() { None } else { Some(ready.go(&quiet, &declared, &manner)?) };
    let mut reviews = Vec::new();
    let mut room = if against.format == Format::Markdown { MOST_FOR_COMMENT } else { MOST_TEXT };
    for name in &against.against {
        let reviewer = Reviewer::new(&ready, name, only)?;
        let environment = ready.chain.environments.iter().find(|environment| environment.name == *name);
        let review = match (environment, &report) {
            (Some(environment), Some(report)) => reviewer.review(environment, report, (against.live, &mut room))?,
            _ => reviewer.gone()?,
        };
        let is_here = |withheld: &&Withheld| withheld.environment.as_ref().is_none_or(|at| at == name);
        let notes = withheld.iter().filter(is_here).map(ToString::to_string);
        reviews.push(Review { notes: notes.chain(review.notes).collect(), ..review });
    }
    match (common.output, against.format) {
        (Output::Json, _) => show::json(&reviews)?,
        (Output::Text, Format::Markdown) => show::line(markdown::comment(&reviews)),
        (Output::Text, Format::Text) => reviews.iter().for_each(text::print),
    }
    let differs = reviews.iter().any(|review| !review.in_sync);
    Ok(if differs { ExitCode::from(Kind::Differs.code()) } else { ExitCode::SUCCESS })
}

/// Refuses a revision that calls itself by the name of another application: it would be shown what that one has
/// deployed. What the application is called says the repository's own branch.
fn check_application(ready: &Ready) -> Result<(), CliError> {
    let name = &ready.chain.application;
    let declared = |revision: &str| {
        let wanted = RevisionArgs { revision: Some(revision.to_owned()), worktree: false };
        Some(ready.app.project.pick(&wanted).ok()?.application().ok()?.value.application)
    };
    let refuse = |message: String| {
        Err(CliError::new(Kind::Usage, message)
            .hint("a revision is reviewed against what its own application has deployed; merge the name first"))
    };
    match ["origin/HEAD", "HEAD"].into_iter().find_map(declared) {
        Some(own) if own == *name => Ok(()),
        Some(own) => {
            refuse(format!("the revision calls the application `{name}`, and the repository calls it `{own}`"))
        }
        None if ready.app.store.places()?.iter().any(|place| place.application == *name) => refuse(format!(
            "the revision calls the application `{name}`, which is deployed here, and the repository declares none"
        )),
        None => Ok(()),
    }
}

/// Takes the powers from plugins that are not what is deployed, and not what the operator has pinned: a revision
/// that nobody has merged chooses its plugins and their bytes itself.
fn withhold(ready: &mut Ready) -> Result<Vec<Withheld>, CliError> {
    let Ready { app, chain, .. } = ready;
    let operator = &app.operator.value;
    let pinned = Resolver::of_operator(app)?.lock.lock;
    let mut deployed: Vec<(String, Release)> = Vec::new();
    for environment in &chain.environments {
        let place = Place { application: chain.application.clone(), environment: environment.name.clone() };
        if let Some(release) = current(app.ports(&Silent), &place)? {
            deployed.push((environment.name.clone(), release));
        }
    }
    let is_known = |plugin: &Pinned, environment: Option<&str>| {
        let of_operator = operator.source_of(&plugin.name).unwrap_or(&plugin.name);
        let mut releases = deployed.iter().filter(|(name, _)| environment.is_none_or(|wanted| name == wanted));
        pinned.get(of_operator).is_some_and(|locked| locked.digest == plugin.digest)
            || releases.any(|(_, release)| release.plugins.contains(plugin))
    };
    Ok(grants::withhold(operator, chain, is_known))
}

/// Reviews one environment.
struct Reviewer<'a> {
    ready: &'a Ready,
    place: Place,
    only: Option<&'a str>,
    deployed: Option<Release>,
}

impl<'a> Reviewer<'a> {
    fn new(ready: &'a Ready, environment: &str, only: Option<&'a str>) -> Result<Self, CliError> {
        let place = Place { application: ready.chain.application.clone(), environment: environment.to_owned() };
        let deployed = current(ready.app.ports(&Silent), &place)?;
        Ok(Self { ready, place, only, deployed })
    }

    fn blank(&self) -> Result<Review, CliError> {
        let revision = &self.ready.picked.revision;
        let against =
            self.deployed.as_ref().map(|release| Deployed { release: release.id, revision: release.revision.clone() });
        let mut notes = Vec::new();
        let standing = self.ready.app.store.standing(&self.place)?;
        if let Some(suspension) = standing.suspended {
            notes.push(format!(
                "it is suspended by {}: {}: until it is resumed, a watch does nothing of this",
                suspension.by, suspension.why
            ));
        }
        if let Some(pin) = standing.pin {
            let why = if pin.why.is_empty() { String::new() } else { format!(": {}", pin.why) };
            let release = pin.release.short();
            notes.push(format!(
                "it is pinned to release {release} by {}{why}: until it is unpinned, nothing of this happens",
                pin.by
            ));
        }
        Ok(Review {
            environment: self.place.environment.clone(),
            revision: revision.id.clone(),
            subject: revision.subject.clone(),
            against,
            live: false,
            gone: false,
            moves: None,
            in_sync: true,
            objects: Vec::new(),
            unchanged: 0,
            artifacts: Vec::new(),
            plugins: Vec::new(),
            notes,
        })
    }

    /// The revision does not declare it any more.
    fn gone(&self) -> Result<Review, CliError> {
        if self.deployed.is_none() {
            let known = self.ready.declared.value.environments.keys().map(String::as_str);
            known_environments(std::slice::from_ref(&self.place.environment), known)?;
        }
        Ok(Review { gone: true, in_sync: false, ..self.blank()? })
    }

    fn review(
        &self,
        environment: &Environment,
        report: &Report,
        (live, room): (bool, &mut u64),
    ) -> Result<Review, CliError> {
        let mut review = Review { live, ..self.blank()? };
        let rendered = report.rendered.iter().find(|(name, _)| *name == environment.name).map(|(_, rendered)| rendered);
        let Some(rendered) = rendered else { return Ok(review) };
        let blobs: &dyn Blobs = self.ready.app.blobs.as_ref();
        if live {
            self.check_target(environment)?;
            self.live(&mut review, environment, rendered, report)?;
        } else {
            let before = match &self.deployed {
                Some(release) => review::objects(self.ready.app.ports(&Silent), release)?,
                None => Vec::new(),
            };
            self.check_meant(before.iter().chain(rendered.objects.iter()))?;
            let (changed, same) = review::changes(blobs, &before, &rendered.objects)?;
            review.unchanged = same;
            for changed in changed.iter().filter(|changed| self.is_meant(&changed.name)) {
                review.objects.push(object(blobs, changed, room)?);
            }
        }
        review.artifacts = artifacts(self.deployed.as_ref(), report);
        review.plugins = self.plugins(environment);
        review.moves = self
            .deployed
            .as_ref()
            .filter(|release| release.target != environment.target.name)
            .map(|release| Move { from: release.target.clone(), to: environment.target.name.clone() });
        let says_else = self.deployed.as_ref().is_some_and(|release| release.target_with != environment.target.with);
        if says_else {
            review.notes.push("what it says to its target (`target-with`) changes".to_owned());
        }
        if self.deployed.as_ref().is_some_and(|release| release.sync != environment.sync) {
            review.notes.push("how it is synced (`sync`) changes".to_owned());
        }
        if let Some(from) = &environment.promote_from {
            review.notes.push(format!("releases are promoted to it from `{from}`: merging alone deploys nothing here"));
        }
        review.in_sync = review.objects.is_empty() && review.moves.is_none() && !says_else;
        Ok(review)
    }

    /// Refuses to look at what is live on a target that the revision alone chooses.
    fn check_target(&self, environment: &Environment) -> Result<(), CliError> {
        let target = &environment.target.name;
        match &self.deployed {
            Some(release) if release.target == *target => Ok(()),
            _ => Err(CliError::new(
                Kind::Usage,
                format!(
                    "`{}` is not deployed to the target `{target}`, so `--live` does not look there",
                    environment.name
                ),
            )
            .hint("leave `--live` out: the revision is compared with what is deployed")),
        }
    }

    fn is_meant(&self, name: &str) -> bool {
        self.only.is_none_or(|only| is_in(name, only))
    }

    /// Refuses to look at one object alone that is neither here nor there.
    fn check_meant<'o>(&self, mut objects: impl Iterator<Item = &'o Object>) -> Result<(), CliError> {
        let Some(only) = self.only else { return Ok(()) };
        if objects.any(|object| is_in(&object.id, only) || is_in(only, &object.id)) {
            return Ok(());
        }
        let environment = &self.place.environment;
        Err(CliError::new(Kind::Usage, format!("`{environment}` has no object `{only}`, nor would it have one"))
            .hint(format!("`springline render --env {environment}` lists the objects")))
    }

    fn live(
        &self,
        review: &mut Review,
        environment: &Environment,
        rendered: &Rendered,
        report: &Report,
    ) -> Result<(), CliError> {
        let comparison = Comparison {
            place: &self.place,
            target: &environment.target,
            context: Arc::new(self.ready.context(environment, report)),
            desired: rendered.objects.clone(),
            input: &environment.input,
            policy: &environment.sync,
            only: self.only,
        };
        let mut found = compare(self.ready.app.ports(&Silent), &comparison)?;
        secret::hide_in(&mut found);
        let Differences { changes, desired, alone, .. } = found;
        let changed = changes.iter().filter(|explained| explained.change.action != Action::Delete).count();
        review.unchanged = desired.saturating_sub(changed);
        review.objects = changes
            .into_iter()
            .map(|explained| {
                let Difference { live: before, desired: after } = explained.difference;
                let Change { live: name, action, summary, .. } = explained.change;
                ObjectChange { name, action, summary, before, after }
            })
            .collect();
        if !alone.ignored.is_empty() {
            review.notes.push(format!("{} ignored differences stay as they are", alone.ignored.len()));
        }
        if !alone.protected.is_empty() {
            review.notes.push(format!("{} protected objects stay, though nothing desires them", alone.protected.len()));
        }
        review.notes.extend(alone.stays.iter().map(|stays| format!("what is there stays: {stays}")));
        if let Some(unconfirmed) = alone.unconfirmed {
            let (number, limit) = (unconfirmed.removals.len(), unconfirmed.limit);
            review.notes.push(format!("{number} objects would be removed, and {limit} needs a confirmation"));
        }
        Ok(())
    }

    /// The plugins whose digests are others than those of what is deployed.
    fn plugins(&self, environment: &Environment) -> Vec<DigestChange> {
        let chain = &self.ready.chain;
        let steps = chain.artifacts.iter().flat_map(|artifact| &artifact.steps).map(|step| &step.uses.plugin);
        let after = steps.chain([&environment.render.plugin, &environment.target.uses.plugin]);
        let deployed = self.deployed.iter();
        let before = deployed.flat_map(|release| release.plugins.iter().chain([&release.target_plugin]));
        let pairs = |pinned: &mut dyn Iterator<Item = &springline_model::plugin::Pinned>| -> Vec<(String, Digest)> {
            pinned.map(|pinned| (pinned.name.clone(), pinned.digest)).collect()
        };
        let (before, after) = (pairs(&mut before.into_iter()), pairs(&mut after.into_iter()));
        changed(&before, &after).into_iter().filter(DigestChange::differs).collect()
    }
}

/// Whether a name is that of an object, or of a file below it.
fn is_in(name: &str, object: &str) -> bool {
    name.strip_prefix(object).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What has a digest before, afterwards or both, sorted by name.
fn changed(before: &[(String, Digest)], after: &[(String, Digest)]) -> Vec<DigestChange> {
    let mut names: Vec<&String> = before.iter().chain(after).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    let of =
        |all: &[(String, Digest)], name: &str| all.iter().find(|(known, _)| known == name).map(|(_, digest)| *digest);
    let change = |name: &String| DigestChange { name: name.clone(), before: of(before, name), after: of(after, name) };
    names.into_iter().map(change).collect()
}

fn artifacts(deployed: Option<&Release>, report: &Report) -> Vec<ArtifactChange> {
    let pairs = |artifacts: &std::collections::BTreeMap<String, Digest>| -> Vec<(String, Digest)> {
        artifacts.iter().map(|(name, digest)| (name.clone(), *digest)).collect()
    };
    let before = deployed.map(|release| pairs(&release.artifacts)).unwrap_or_default();
    let built = |name: &str| {
        let is_its = |step: &str| step.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        report.run.steps.iter().any(|step| is_its(&step.name) && matches!(step.how, How::Executed(_)))
    };
    let change = |digests: DigestChange| ArtifactChange { built: built(&digests.name), digests };
    changed(&before, &pairs(&report.artifacts.digests)).into_iter().map(change).collect()
}

/// A file of a desired object, with what may be shown of its text as long as there is room for it.
fn object(blobs: &dyn Blobs, changed: &Changed, room: &mut u64) -> Result<ObjectChange, CliError> {
    let versions = [changed.before, changed.after];
    let mut wanted = 0;
    for version in versions.iter().flatten() {
        wanted += blobs.size(&version.digest)?;
    }
    let text = |version: Option<Version>| match version {
        Some(version) => review::text(blobs, version),
        None => Ok(None),
    };
    let mut texts = if wanted <= *room { [text(changed.before)?, text(changed.after)?] } else { [None, None] };
    // One that is shown in part alone would look as if it were made or removed as a whole.
    if (0..2).any(|at| versions[at].is_some() && texts[at].is_none()) {
        texts = [None, None];
    }
    *room = room.saturating_sub(texts.iter().flatten().map(|text| text.len() as u64).sum());
    let [before, after] = secret::hide(texts);
    let has_text = before.is_some() || after.is_some();
    let summary = match (changed.before, changed.after) {
        (Some(before), Some(after)) if before.kind != after.kind => "it becomes another kind of file".to_owned(),
        _ if has_text => String::new(),
        (before, after) => sizes(blobs, before, after)?,
    };
    Ok(ObjectChange { name: changed.name.clone(), action: changed.action(), summary, before, after })
}

/// `no text: 12 -> 15 bytes`.
fn sizes(blobs: &dyn Blobs, before: Option<Version>, after: Option<Version>) -> Result<String, CliError> {
    let size = |version: Option<Version>| version.map(|version| blobs.size(&version.digest)).transpose();
    let sizes: Vec<String> = [size(before)?, size(after)?].iter().flatten().map(ToString::to_string).collect();
    Ok(format!("not shown as text: {} bytes", sizes.join(" -> ")))
}

/// `release 3f9a1c2b of 1a2b3c4`, or that there is none.
pub fn told(against: Option<&Deployed>) -> String {
    match against {
        Some(deployed) => format!("release {} of {}", deployed.release.short(), show_revision(&deployed.revision)),
        None => "nothing, as nothing was deployed there yet".to_owned(),
    }
}
