//! What a run does, while it does it: a line a stage, and in a terminal a bar below them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use springline_engine::event::{Awaited, Event, Observer, Waiting};
use springline_engine::record::Recovered;
use springline_model::history::Done;
use springline_model::manifest::Action;
use springline_model::run::{How, Stage};

use super::console::{self, Client};
use super::difference::word;
use super::time::duration;
use super::{BAD, FAINT, GOOD, NOTE, STRONG, paint};
use crate::cli::error::way_out;
use crate::cli::named;
use crate::cli::{Common, Output};
use crate::project::show_revision;

/// How often the bar of a call that takes long moves.
const TICK: Duration = Duration::from_millis(300);
/// When git is told what it could not be told.
const AGAIN: &str = "a watch tries again by itself, and else the next `springline run`";

/// Shows what happens.
pub struct Progress {
    /// Whether lines are printed: not in JSON.
    lines: bool,
    /// The application that `--app` names.
    app: Option<String>,
    /// For whom; calls end on threads of their own.
    client: Option<Arc<Client>>,
    bar: ProgressBar,
    /// What was told last of a wait, and the account of the worst object.
    told: Mutex<(String, Vec<String>)>,
}

impl Progress {
    /// Progress for this command.
    pub fn new(common: &Common) -> Self {
        let lines = common.output == Output::Text;
        let bar = ProgressBar::hidden();
        if lines {
            bar.set_draw_target(console::bars());
        }
        let template = "{spinner} {prefix} {wide_bar} {pos}/{len} {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { lines, app: common.app.clone(), client: console::client(), bar, told: Mutex::default() }
    }

    fn line(&self, text: impl std::fmt::Display) {
        if self.lines {
            self.bar.suspend(|| console::with(self.client.clone(), || super::note(text)));
        }
    }

    /// What git was told, or was not.
    fn git(&self, event: &Event<'_>) {
        match event {
            Event::Told { place, reference, commit: Some(commit) } => {
                let head = paint(STRONG, format_args!("{:<7}", "told"));
                let short = show_revision(commit);
                self.line(format_args!("{head} {:<12} {reference} {}", place.environment, paint(FAINT, short)));
            }
            Event::Recovered { place, what: Recovered { account, reference, .. } } => {
                let (release, revision) = (account.release.id.short(), show_revision(&account.release.revision));
                self.line(format_args!(
                    "{}: nothing was known of it here; {reference} tells that release {release} of {revision} is \
                     deployed, as record {} of the history that is lost",
                    place, account.history.0
                ));
                if ["redeploy", "rollback"].iter().any(|cause| account.cause.starts_with(cause)) {
                    super::warn(format_args!(
                        "{place}: it was there by {}, and what held it there is lost with the state: what comes next \
                         takes its place",
                        account.cause
                    ));
                    let what = format!(
                        "  `springline redeploy --env {} {release}` holds it again; pins, approvals and suspensions are \
                         not in git",
                        place.environment
                    );
                    super::note(named(&what, self.app.as_deref()));
                }
            }
            event => self.bar.suspend(|| warn_of_git(event, &named(AGAIN, self.app.as_deref()))),
        }
    }

    fn stage(&self, stage: Stage, environment: Option<&str>, detail: &str, took: Duration) {
        let place = environment.unwrap_or_default();
        let head = paint(STRONG, format_args!("{:<7}", stage.to_string()));
        let took = paint(FAINT, duration(took));
        self.line(format_args!("{head} {place:<12} {detail:<44} {took}"));
    }

    /// A failure, or a hook that is done.
    fn changed(&self, done: &Done) {
        let (_, word) = word(done.action);
        let hook = done.hook.map(|phase| format!(" (hook, {phase})")).unwrap_or_default();
        match &done.error {
            Some(error) => {
                self.line(format_args!("  {} to {word} {}{hook}: {error}", paint(BAD, "failed"), done.live));
            }
            None if done.hook.is_some() && done.action != Action::Delete => {
                self.line(format_args!("  {} {}{hook}", paint(GOOD, "ran     "), done.live));
            }
            None => {}
        }
    }

    /// In a terminal a line that moves, elsewhere one for each change of what is waited for. What the
    /// target tells of the worst is a line in both.
    fn waiting(&self, waiting: &Waiting) {
        let Some(worst) = waiting.worst.first() else { return };
        let (what, left) = (awaited(waiting), duration(waiting.left));
        self.bar.set_message(format!("{what}; {worst} ({left} left)"));
        if waiting.awaited == Awaited::Everything {
            self.bar.set_position((waiting.all - waiting.unhealthy) as u64);
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (format!("{what}; {worst}"), worst.why.clone());
        let head = paint(NOTE, "waiting ");
        if self.bar.is_hidden() && told.0 != now.0 {
            self.line(format_args!("  {head} {} ({left} left)", now.0));
        }
        if told.1 != now.1 {
            if !self.bar.is_hidden() && !now.1.is_empty() {
                self.line(format_args!("  {head} {worst}"));
            }
            now.1.iter().for_each(|why| self.line(paint(FAINT, format_args!("           {why}"))));
        }
        *told = now;
    }

    fn called(&self, name: &str, how: &How, summary: &str, took: Duration) {
        self.bar.inc(1);
        match how {
            How::Reused(_) | How::Observed(_) => {
                if self.bar.length().is_none_or(|all| all <= SHOW_SKIPPED) {
                    self.line(format_args!(
                        "  {} {name:<20} {}",
                        paint(FAINT, "skipped "),
                        paint(FAINT, how_text(how))
                    ));
                }
            }
            How::Executed(_) => self.line(format_args!(
                "  {} {name:<20} {}{}  {}",
                paint(GOOD, "executed"),
                how_text(how),
                if summary.is_empty() { String::new() } else { format!(": {summary}") },
                paint(FAINT, duration(took)),
            )),
            How::Failed => self.line(format_args!("  {} {name}", paint(BAD, "failed  "))),
        }
    }
}

/// What is waited for, in a few words.
fn awaited(waiting: &Waiting) -> String {
    let Waiting { awaited, unhealthy, all, .. } = waiting;
    match awaited {
        Awaited::Wave(wave) => format!("wave {wave}: {unhealthy} of {all} not healthy"),
        Awaited::Applied => format!("before anything is deleted: {unhealthy} of {all} not healthy"),
        Awaited::Hooks(phase) => format!("hooks ({phase}): {unhealthy} of {all} not done"),
        Awaited::Everything => format!("{unhealthy} of {all} not healthy"),
    }
}

/// Skipped steps are shown one by one up to so many steps in all.
const SHOW_SKIPPED: u64 = 20;

/// Why a call was executed or skipped.
pub fn how_text(how: &How) -> String {
    match how {
        How::Executed(why) => why.clone(),
        How::Reused(run) => format!("nothing it reads changed since run {run}"),
        How::Observed(run) => format!("it used powers: what run {run} made of it is taken"),
        How::Failed => "failed".into(),
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event<'_>) {
        crate::crash::maybe(event);
        match event {
            Event::Begun { run, resumed: Some(stage) } => {
                self.line(format_args!("run {run} goes on: it was cut off after {stage}"));
            }
            Event::StageBegun { stage, environment, units } => {
                self.bar.reset();
                self.bar.set_length(units.unwrap_or(1));
                self.bar.set_prefix(match environment {
                    Some(environment) => format!("{stage} {environment}"),
                    None => stage.to_string(),
                });
                self.bar.set_message("");
            }
            Event::Executing { name, why } => {
                self.bar.set_message(format!("{name}: {why}"));
                self.bar.enable_steady_tick(TICK);
            }
            Event::Called { name, how, summary, took } => self.called(name, how, summary, *took),
            Event::Applying { live, action } => self.bar.set_message(format!("{} {live}", word(*action).1)),
            Event::Changed(done) => {
                self.bar.inc(1);
                self.changed(done);
            }
            Event::Waiting(waiting) => self.waiting(waiting),
            Event::StageDone { stage, environment, detail, took } => {
                self.bar.disable_steady_tick();
                self.stage(*stage, *environment, detail, *took);
            }
            Event::Skipped { environment, obstacle } => {
                let way_out = way_out(environment, obstacle).map(|way| format!(" ({way})")).unwrap_or_default();
                let way_out = named(&way_out, self.app.as_deref());
                let head = paint(NOTE, "left alone");
                self.line(format_args!(
                    "{head} {environment}: {}{}",
                    super::visible(&obstacle.to_string()),
                    paint(FAINT, way_out)
                ));
            }
            Event::Remaking { what } => self.line(format_args!("{} {what}: it is made again", paint(NOTE, "lost:"))),
            Event::Told { .. } | Event::Untold { .. } | Event::Meddled { .. } | Event::Recovered { .. } => {
                self.git(event)
            }
            Event::Begun { resumed: None, .. } | Event::Passed(_) | Event::Unchanged(_) => {}
        }
    }
}

/// Warns of what git could not be told, and when that is tried again, and of what others wrote where only Springline does.
pub fn warn_of_git(event: &Event<'_>, again: &str) {
    match event {
        Event::Untold { place, error } => {
            super::warn(format_args!("git does not tell yet what is deployed in {place}: {error}"));
            if let Some(hint) = error.trouble.hint() {
                super::note(format_args!("  {hint}"));
            }
            super::note(format_args!("  the deployment stands; {again}"));
        }
        Event::Meddled { place, what } => super::warn(format_args!("{place}: {what}")),
        _ => {}
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
