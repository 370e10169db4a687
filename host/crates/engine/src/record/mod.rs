//! What git is told of deployments, and what it tells of them when the state is lost.
//!
//! That git has to be told is written down with the sync itself. Here it is told: by a note of the
//! deployed commit, or by a commit on a branch of the environment. Both are made from what was
//! written down alone, so that a second attempt, after whatever crash, makes the same.

mod account;
pub(crate) mod branch;
mod note;
pub(crate) mod secrets;
mod time;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use springline_model::Digest;
use springline_model::application::RecordIn;
use springline_model::history::{Counts, Outcome, Record, Sealed, seal};
use springline_model::manifest::{Body, Object, manifest_digest};
use springline_model::outbox::{Outgoing, Settled};
use springline_model::port::{Finish, Page, Repositories, RepositoryError};
use springline_model::repository::{At, Author, Commit, Draft, Edit, Next, Tip, Trouble, Written};
use springline_model::run::{Cause, Place, Release, Run, RunState, Timestamp};

pub use self::account::Account;
use crate::Ports;
use crate::error::Reason;
use crate::event::{Event, Point};
use crate::keep::{read_json, to_json};
use crate::past;
use crate::release;
use crate::run::fresh;

/// What the messages of commits of notes begin with.
const RECORD: &str = "Record ";
/// How long what failed is left alone by those who come by all the time, in milliseconds; doubled by every
/// failure, the first one too.
const FIRST_PAUSE: i64 = 5_000;
/// The longest such pause.
const LONGEST_PAUSE: i64 = 15 * 60 * 1000;

/// Tells git what it was not told yet of this application, each place's syncs in their order. What can't be
/// told is told to the observer, and tried again the next time.
///
/// # Errors
/// What the store reports.
pub(crate) fn settle(ports: Ports<'_>, application: &str) -> Result<(), Reason> {
    let outgoing = ports.store.outgoing(Some(application))?;
    settle_these(ports, &outgoing)
}

/// Tells git what it was not told yet of this application, for somebody who comes by all the time: what
/// failed is tried again after a pause that doubles each time, and holds up its own place only. How long it is
/// till the first of them ends, if something is left.
///
/// # Errors
/// What the store reports.
pub fn settle_when_due(ports: Ports<'_>, application: &str) -> Result<Option<Duration>, Reason> {
    let mut outgoing = ports.store.outgoing(Some(application))?;
    let pausing = pauses(&outgoing, ports.clock.now());
    let due: Vec<_> = outgoing.iter().filter(|one| !pausing.contains_key(&one.place)).cloned().collect();
    if !due.is_empty() {
        settle_these(ports, &due)?;
        outgoing = ports.store.outgoing(Some(application))?;
    }
    Ok(pauses(&outgoing, ports.clock.now()).into_values().min())
}

/// The places that are left alone, and for how long.
fn pauses(outgoing: &[Outgoing], now: Timestamp) -> BTreeMap<Place, Duration> {
    let mut pauses = BTreeMap::new();
    for one in outgoing {
        let Some(left) = pause_left(one, now) else { continue };
        let longest = pauses.entry(one.place.clone()).or_insert(left);
        *longest = left.max(*longest);
    }
    pauses
}

/// How much too early it is to try again. A clock that was set back since makes nothing wait for it.
fn pause_left(one: &Outgoing, now: Timestamp) -> Option<Duration> {
    let pause = FIRST_PAUSE.saturating_mul(1 << one.attempts.min(10)).min(LONGEST_PAUSE);
    let elapsed = now.saturating_sub(one.tried?);
    let left = (0..pause).contains(&elapsed).then(|| pause - elapsed)?;
    u64::try_from(left).ok().map(Duration::from_millis)
}

fn settle_these(ports: Ports<'_>, outgoing: &[Outgoing]) -> Result<(), Reason> {
    let Some(repositories) = ports.repositories else { return Ok(()) };
    let (mut blocked, mut unreachable) = (BTreeSet::new(), None);
    for at in 0..outgoing.len() {
        let one = &outgoing[at];
        if blocked.contains(&one.place) {
            continue;
        }
        if let Some(error) = &unreachable {
            // As it would be for this one: it is not asked again for each place.
            failed(ports, one, error)?;
            blocked.insert(one.place.clone());
            continue;
        }
        let Untold { error, lost } = match tell(ports, repositories, one) {
            Ok(()) => continue,
            Err(untold) => untold,
        };
        let is_last = outgoing.get(at + 1).is_none_or(|next| next.place != one.place);
        ports.observer.event(&Event::Untold { place: &one.place, error: &error });
        if lost || (error.trouble == Trouble::Content && !is_last) {
            // It never will be, and what comes after it is what matters.
            given_up(ports, one, &error)?;
            continue;
        }
        failed(ports, one, &error)?;
        if error.trouble == Trouble::Cancelled {
            return Ok(());
        }
        blocked.insert(one.place.clone());
        unreachable = Some(error).filter(|error| error.trouble == Trouble::Unreachable);
    }
    Ok(())
}

/// Writes down that git could not be told of a sync this time.
fn failed(ports: Ports<'_>, one: &Outgoing, error: &RepositoryError) -> Result<(), Reason> {
    let error = Some(error.message.clone());
    let tried = Outgoing { attempts: one.attempts + 1, tried: Some(ports.clock.now()), error, ..one.clone() };
    Ok(ports.store.attempted(&tried)?)
}

/// Why git was not told of a sync.
struct Untold {
    error: RepositoryError,
    /// Whether what was deployed is not known any more, so that it never will be told.
    lost: bool,
}

impl From<RepositoryError> for Untold {
    fn from(error: RepositoryError) -> Self {
        Self { error, lost: false }
    }
}

impl From<Reason> for Untold {
    fn from(reason: Reason) -> Self {
        let trouble = if matches!(reason, Reason::SecretInGit { .. }) { Trouble::Content } else { Trouble::Other };
        let lost = reason.is_lost() || matches!(reason, Reason::NoRelease(_));
        Self { error: RepositoryError::new(trouble, reason.to_string()), lost }
    }
}

/// Tells git of one sync.
fn tell(ports: Ports<'_>, repositories: &dyn Repositories, outgoing: &Outgoing) -> Result<(), Untold> {
    let release = past::release(ports, &outgoing.place, &outgoing.release)?;
    let (Some(release), Some(reference)) = (release, outgoing.to.reference()) else {
        return Err(Reason::NoRelease(outgoing.release).into());
    };
    ports.observer.event(&Event::Passed(Point::Telling));
    let at = At { repository: None, reference: reference.clone() };
    let written = match &outgoing.to {
        RecordIn::None => None,
        // Uncommitted state has no commit that could have a note.
        RecordIn::Notes if release.revision.starts_with("worktree-") => None,
        RecordIn::Notes => Some(noted(ports, repositories, &at, &Account::new(outgoing, &release))?),
        RecordIn::Branch(name) => Some(branched(ports, repositories, (&at, name), outgoing, &release)?),
    };
    ports.observer.event(&Event::Passed(Point::Told));
    let settled = Settled {
        sequence: outgoing.sequence,
        hash: outgoing.hash,
        reference: reference.clone(),
        commit: written.as_ref().and_then(|written| written.commit.clone()),
        at: ports.clock.now(),
        error: None,
    };
    ports.store.settle(&outgoing.place, &settled).map_err(Reason::from)?;
    let commit = settled.commit.as_deref();
    ports.observer.event(&Event::Told { place: &outgoing.place, reference: &reference, commit });
    ports.observer.event(&Event::Passed(Point::Settled));
    Ok(())
}

fn given_up(ports: Ports<'_>, outgoing: &Outgoing, error: &RepositoryError) -> Result<(), Reason> {
    let settled = Settled {
        sequence: outgoing.sequence,
        hash: outgoing.hash,
        reference: outgoing.to.reference().unwrap_or_default(),
        commit: None,
        at: ports.clock.now(),
        error: Some(error.message.clone()),
    };
    Ok(ports.store.settle(&outgoing.place, &settled)?)
}

/// A commit of a sync that ended then. Who it is by is the repositories' to say.
fn draft(edits: Vec<Edit>, message: String, (at, even_if_same): (Timestamp, bool)) -> Draft {
    let author = Author { name: String::new(), email: String::new(), seconds: at.div_euclid(1000) };
    Draft { edits, message, trailers: String::new(), shows_difference: false, author, even_if_same }
}

/// The note of the deployed commit gets the block of this environment.
fn noted(
    ports: Ports<'_>,
    repositories: &dyn Repositories,
    at: &At,
    account: &Account,
) -> Result<Written, RepositoryError> {
    let (commit, place) = (&account.release.revision, account.place());
    let last = last_written(ports, &place, at);
    let mut meddled = None;
    let written = repositories.update(at, None, &mut |tip: &Tip, _| {
        let unreadable = |error| RepositoryError::new(Trouble::Other, format!("the notes can't be read: {error}"));
        let places = note::places(tip.tree.as_deref(), commit).map_err(unreadable)?;
        let mut before = Vec::new();
        for (_, entry) in &places.there {
            if let Some(tree) = &tip.tree {
                if before.last().is_some_and(|last| *last != b'\n') {
                    before.push(b'\n');
                }
                before.extend_from_slice(&tree.read(entry).map_err(unreadable)?);
            }
        }
        let note = String::from_utf8_lossy(&before);
        let block = note::block_of(&note, &place).filter(|block| *block != note::block(account));
        let is_edited = block.map_or(Ok(false), |block| is_edited(ports, &place, block));
        let is_edited = is_edited.map_err(|reason| RepositoryError::new(Trouble::Other, reason.to_string()))?;
        meddled = is_edited.then(|| edited_note(tip, last.as_deref(), (commit, &place)));
        let after = note::with(&before, account);
        if after == before && places.there.len() == 1 {
            return Ok(Next::Keep);
        }
        let message = format!("{RECORD}{place} at {}\n", branch::short(commit));
        let edits = note::edits(&places, after);
        Ok(Next::Commit(draft(edits, message, (account.at, false))))
    })?;
    if let Some(what) = meddled {
        ports.observer.event(&Event::Meddled { place: &place, what: &what });
    }
    Ok(written)
}

/// The commit that was written last, of a place.
fn last_written(ports: Ports<'_>, place: &Place, at: &At) -> Option<String> {
    let last = ports.store.settled(place).ok().flatten().filter(|last| last.reference == at.reference);
    last.and_then(|last| last.commit)
}

/// Whether a block of a note says something else than whoever wrote it had written. What another host has
/// written is known by the release alone, which has to be what its id says.
fn is_edited(ports: Ports<'_>, place: &Place, block: &str) -> Result<bool, Reason> {
    let Some(account) = note::accounts(block).pop() else { return Ok(true) };
    let Account { release, history: (sequence, hash), .. } = &account;
    if release::id(release) != release.id {
        return Ok(true);
    }
    let Some(record) = past::numbered(ports, place, (&release.id, *sequence))? else { return Ok(false) };
    let sealed = Sealed { hash: seal(&record), record };
    let known = past::release(ports, place, &release.id)?;
    let (Some(known), Some(outgoing)) = (known, Outgoing::of(&sealed, RecordIn::Notes)) else { return Ok(false) };
    Ok(sealed.hash == *hash && note::block(&Account::new(&outgoing, &known)).trim_end() != block.trim_end())
}

/// Who may have edited a note, in words: others than this program have written these commits since.
fn edited_note(tip: &Tip, last: Option<&str>, (commit, place): (&str, &Place)) -> String {
    let since = tip.commits.iter().take_while(|commit| last != Some(commit.id.as_str()));
    let foreign: Vec<_> = since.filter(|commit| !commit.message.starts_with(RECORD)).collect();
    let who = match foreign.first() {
        Some(newest) => format!(": {}", by_others(newest, foreign.len(), "or one of {} more before it")),
        None => String::new(),
    };
    format!(
        "the note of {} was edited by hand where it tells of {place}{who}; what was written there stays in the \
         history of the notes, below what was deployed",
        branch::short(commit)
    )
}

/// `commit 8eeb6c5 by Ann <ann@example.org> at …`, and how many more there are.
fn by_others(commit: &Commit, number: usize, more: &str) -> String {
    let Author { name, email, seconds } = &commit.author;
    let when = time::text(seconds.saturating_mul(1000));
    let more = match number {
        1 => String::new(),
        n => format!(" {}", more.replace("{}", &(n - 1).to_string())),
    };
    format!("commit {} by {name} <{email}> at {when}{more}", branch::short(&commit.id))
}

/// The branch of the environment gets a commit with the objects.
fn branched(
    ports: Ports<'_>,
    repositories: &dyn Repositories,
    (at, name): (&At, &str),
    outgoing: &Outgoing,
    release: &Release,
) -> Result<Written, Untold> {
    let objects: Vec<Object> = read_json(ports, &release.objects)?;
    secrets::check(ports, &objects, name)?;
    let tree = branch::tree_of(ports, &objects)?;
    let mut account = Account::new(outgoing, release);
    let is_directory = |object: &&Object| matches!(object.body, Body::Tree(_));
    account.directories = objects.iter().filter(is_directory).map(|object| object.id.clone()).collect();
    let last = last_written(ports, &outgoing.place, at);
    let is_nothing = |release: &Release| release.manifest == manifest_digest(&[]);
    let (mut meddled, mut is_taken) = (None, false);
    let written = repositories.update(at, None, &mut |tip: &Tip, _| {
        let ours = tip.commits.iter().position(|commit| branch::account(&commit.message).is_some());
        if ours.is_none() && !tip.commits.is_empty() {
            return Err(RepositoryError::new(
                Trouble::Content,
                format!(
                    "the branch `{name}` is there and Springline did not make it: name another one in `record`, or \
                     delete it if nobody needs it"
                ),
            ));
        }
        meddled = meddling(tip, ours, last.as_deref(), name);
        let known = ours.and_then(|ours| branch::account(&tip.commits[ours].message));
        let others = known.as_ref().filter(|known| known.place() != outgoing.place);
        // Where nothing is deployed any more nothing has to be told.
        if let Some(other) = others.filter(|other| !is_nothing(&other.release)).map(Account::place) {
            is_taken = true;
            return Err(RepositoryError::new(
                Trouble::Content,
                format!(
                    "the branch `{name}` is the record of {other}: give each place its own in `record`, for example \
                     `branch: 'env/{{application}}/{{environment}}'`"
                ),
            ));
        }
        let even_if_same = known.is_none_or(|known| known.release.id != release.id);
        let edits = vec![Edit::Replace { path: String::new(), tree: tree.clone() }];
        let message = branch::message(&account);
        Ok(Next::Commit(draft(edits, message, (account.at, even_if_same))))
    });
    // What was removed was never told of there, and nobody comes back to tell of it.
    let written = written.map_err(|error| Untold { lost: is_taken && is_nothing(release), error })?;
    if let Some(what) = meddled {
        ports.observer.event(&Event::Meddled { place: &outgoing.place, what: &what });
    }
    Ok(written)
}

/// What others did to a branch since it was written last, in words.
fn meddling(tip: &Tip, ours: Option<usize>, last: Option<&str>, name: &str) -> Option<String> {
    let foreign = &tip.commits[..ours.unwrap_or_default()];
    if let Some(commit) = foreign.first() {
        let who = by_others(commit, foreign.len(), "and {} more before it");
        return Some(format!(
            "the branch `{name}` was edited by hand: {who}; it stays in the branch's history, below what was deployed"
        ));
    }
    let last = last?;
    let is_rewritten = !tip.commits.is_empty() && tip.commits.iter().all(|commit| commit.id != last);
    is_rewritten.then(|| {
        format!(
            "the branch `{name}` was rewritten: commit {}, which was written last, is not in it any more",
            branch::short(last)
        )
    })
}

/// A deployment that git told of.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// What git says.
    pub account: Account,
    /// The reference that says it.
    pub reference: String,
}

/// Where the store knows nothing of a place and git does, takes over what git says: then it is known
/// what is deployed, and where the history stood. What belongs to it on the target is found by its
/// marks, as ever.
///
/// # Errors
/// What the repository, the store or the blob store reports.
pub fn recover(ports: Ports<'_>, place: &Place, from: &RecordIn, actor: &str) -> Result<Option<Recovered>, Reason> {
    let (Some(repositories), Some(reference)) = (ports.repositories, from.reference()) else { return Ok(None) };
    if !ports.store.history(&Page::of(place, 1))?.records.is_empty() {
        return Ok(None);
    }
    let tip = repositories.tip(&At { repository: None, reference: reference.clone() })?;
    let Some(tree) = &tip.tree else { return Ok(None) };
    let mut found: Option<Account> = None;
    let mut fits = true;
    match from {
        RecordIn::None => {}
        RecordIn::Notes => note::all(tree.as_ref(), ports.cancel, &mut |text| {
            let here = note::accounts(text).into_iter().filter(|account| account.place() == *place);
            let latest = found.take().into_iter().chain(here).max_by_key(|account| (account.at, account.history.0));
            found = latest;
        })?,
        RecordIn::Branch(name) => {
            let newest = tip.commits.first();
            found = newest.and_then(|commit| branch::account(&commit.message));
            found = found.filter(|account| account.place() == *place);
            if let (None, Some(newest)) = (&found, newest) {
                let id = branch::short(&newest.id);
                let what = format!(
                    "commit {id}, the last of the branch `{name}`, tells of no deployment here: nothing is taken from it"
                );
                ports.observer.event(&Event::Meddled { place, what: &what });
            }
            if let Some(account) = &mut found {
                let objects = branch::objects_of(ports, tree.as_ref(), &account.directories)?;
                fits = manifest_digest(&objects) == account.release.manifest;
                account.release.objects = ports.blobs.put(&to_json(&objects))?;
            }
        }
    }
    if ports.cancel.is_cancelled() {
        return Err(Reason::Cancelled);
    }
    let Some(account) = found else { return Ok(None) };
    if !fits || release::id(&account.release) != account.release.id {
        ports.observer.event(&Event::Meddled {
            place,
            what: &format!("what {reference} says of release {} does not fit together", account.release.id.short()),
        });
        return Ok(None);
    }
    written_down(ports, place, (&account, &reference), actor)?;
    let recovered = Recovered { account, reference };
    ports.observer.event(&Event::Recovered { place, what: &recovered });
    Ok(Some(recovered))
}

/// Writes down what git told: the first record of a new chain, which names the head of the old one.
fn written_down(
    ports: Ports<'_>,
    place: &Place,
    (account, reference): (&Account, &str),
    actor: &str,
) -> Result<(), Reason> {
    let now = ports.clock.now();
    let of = (place.application.as_str(), account.release.revision.as_str());
    let mut run = Run { ended: Some(now), state: RunState::Succeeded, ..fresh(ports, &Cause::Recovery, of, actor) };
    ports.blobs.sync()?;
    run.number = ports.store.begin(&run)?;
    let (sequence, hash) = account.history;
    let note = format!("from {reference}, where it was record {sequence} of a history that ended with {hash}");
    let record = Record {
        sequence: 0,
        previous: springline_model::history::GENESIS,
        place: place.clone(),
        run: run.number,
        started: now,
        took: std::time::Duration::ZERO,
        cause: Cause::Recovery,
        actor: actor.to_owned(),
        revision: account.release.revision.clone(),
        release: Some(account.release.id),
        plugins: account.release.plugins.clone(),
        used: account.release.used.clone(),
        counts: Counts::default(),
        changes: None,
        inventory: None,
        outcome: Outcome::Succeeded,
        stages: Vec::new(),
        note: Some(note),
        from: None,
        healthy: Some(false),
        resumed: false,
    };
    let release = Some(Release { run: run.number, ..account.release.clone() });
    ports.store.finish(Finish { run, record, release, inventory: None, touched: Vec::new(), tells: None, at: now })?;
    Ok(())
}

/// Where git is to be told of a sync that ended like this.
pub(crate) fn due(
    ports: Ports<'_>,
    place: &Place,
    (cause, outcome, release): (&Cause, &Outcome, Option<&Digest>),
) -> Result<Option<RecordIn>, Reason> {
    // A repair deploys nothing new.
    if ports.repositories.is_none() || *outcome != Outcome::Succeeded || *cause == Cause::Drift || release.is_none() {
        return Ok(None);
    }
    Ok(Some(ports.store.standing(place)?.record).filter(|record| !record.is_none()))
}

#[cfg(test)]
mod tests;
