//! What the loop tells: lines for people, or JSON.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use springline_engine::restraint::Unconfirmed;
use springline_engine::run::Report;
use springline_model::manifest::Change;

use super::pass::Came;
use super::state::{News, Stays};
use crate::cli::error::CliError;
use crate::cli::{Output, in_command, named};
use crate::paths;
use crate::project::show_revision;
use crate::show::time::duration;
use crate::show::{self, BAD, FAINT, GOOD, NOTE, paint};

/// Tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Teller {
    pub output: Output,
    /// Whether there are applications to be told apart.
    pub many: bool,
}

/// What was changed, or would be.
pub(super) enum Told<'a> {
    Deployed(&'a Report),
    Delivered(&'a Report),
    Repaired(&'a Report),
    Removed(&'a Report),
    Drifted(&'a [Change]),
}

impl Teller {
    fn is_json(self) -> bool {
        self.output == Output::Json
    }

    /// The application, where there are others that it has to be told from.
    pub(super) fn told(self, application: &str) -> Option<&str> {
        self.many.then_some(application)
    }

    fn name(self, application: &str, environment: Option<&str>) -> String {
        match environment {
            None => application.to_owned(),
            Some(environment) if self.many => format!("{application}/{environment}"),
            Some(environment) => environment.to_owned(),
        }
    }

    /// A line of JSON, or of text.
    fn line(self, json: impl FnOnce() -> Value, text: impl FnOnce() -> String) {
        // Whoever reads this is gone: then the loop goes on all the same.
        if self.is_json() {
            drop(show::json_line(&json()));
        } else {
            show::line(text());
        }
    }

    /// What became of an environment.
    pub(super) fn changed(
        self,
        (application, environment): (&str, &str),
        told: &Told<'_>,
        (took, pause): (Duration, Option<Duration>),
    ) {
        let done = |report: &Report| -> Vec<Value> {
            report.synced.iter().flat_map(|synced| &synced.done).map(|done| json!(done)).collect()
        };
        let (word, color, changes, report) = match told {
            Told::Deployed(report) => ("deployed", GOOD, done(report), Some(report)),
            Told::Delivered(report) => ("delivered", GOOD, done(report), Some(report)),
            Told::Repaired(report) => ("repaired", GOOD, done(report), None),
            Told::Removed(report) => ("removed", NOTE, done(report), None),
            Told::Drifted(changes) => ("drifted", NOTE, changes.iter().map(|change| json!(change)).collect(), None),
        };
        let revision = report.map(|report| report.run.revision.as_str());
        if self.is_json() {
            let milliseconds = milliseconds(took);
            let mut line = json!({ "application": application, "environment": environment, word: changes, "milliseconds": milliseconds });
            if let Some(revision) = revision {
                line["revision"] = json!(revision);
            }
            if let Some(synced) = report.and_then(|report| report.synced.last()).filter(|it| !it.stays.is_empty()) {
                line["stays"] = json!(synced.stays);
            }
            if let Some(pause) = pause {
                line["again-after-milliseconds"] = json!(self::milliseconds(pause));
            }
            drop(show::json_line(&line));
            return;
        }
        let name = self.name(application, Some(environment));
        let of = revision.map(|revision| format!(" {}", show_revision(revision))).unwrap_or_default();
        let took = paint(FAINT, duration(took));
        show::line(format_args!("{name}: {}{of} {took}", paint(color, word)));
        for change in changes {
            let text = |key: &str| change[key].as_str().unwrap_or_default().to_owned();
            show::line(format_args!("  {} {} {}", text("action"), text("live"), paint(FAINT, text("summary"))));
        }
        if let Some(synced) = report.and_then(|report| report.synced.last()) {
            show::alone::warn_of_stays(&synced.sealed.record.place, &synced.stays);
        }
        if let Some(pause) = pause {
            let why = format!("  somebody undoes what is repaired: again in {} at the earliest", duration(pause));
            show::line(paint(NOTE, why));
        }
    }

    /// What was promoted.
    pub(super) fn promoted(self, (application, environment): (&str, &str), report: &Report, took: Duration) {
        let Some((sealed, stays)) = report.synced.last().map(|synced| (&synced.sealed, &synced.stays)) else { return };
        let json = || {
            let promoted = crate::cli::history::as_json(sealed);
            let mut line = json!({
                "application": application, "environment": environment, "promoted": promoted,
                "milliseconds": milliseconds(took),
            });
            if !stays.is_empty() {
                line["stays"] = json!(stays);
            }
            line
        };
        self.line(json, || {
            let release = sealed.record.release.map(|release| release.short()).unwrap_or_default();
            let (name, of) = (self.name(application, Some(environment)), show_revision(&sealed.record.revision));
            let took = paint(FAINT, duration(took));
            format!("{name}: {} release {release} of {of} {took}", paint(GOOD, "promoted"))
        });
        if !self.is_json() {
            show::alone::warn_of_stays(&sealed.record.place, stays);
        }
    }

    /// What failed, and when it is tried again.
    pub(super) fn failed(self, (application, environment): (&str, Option<&str>), error: &CliError, pause: Duration) {
        let error = error.clone().in_app(self.told(application));
        let json = || {
            json!({
                "application": application,
                "environment": environment,
                "error": error.json(),
                "again-after-milliseconds": milliseconds(pause),
            })
        };
        self.line(json, || {
            let name = self.name(application, environment);
            let again = paint(FAINT, format_args!("  again in {}", duration(pause)));
            format!("{name}: {} {}\n{again}", paint(BAD, "failed"), error.message)
        });
    }

    /// That nothing declares an environment any more.
    pub(super) fn environment_gone(self, (application, environment): (&str, &str)) {
        self.line(
            || json!({ "application": application, "environment": environment, "orphaned": true, "prune": false }),
            || {
                let name = self.name(application, Some(environment));
                let way = paint(FAINT, format_args!("  springline remove {application} --env {environment}"));
                let what = "nothing declares it any more: what is deployed of it stays";
                format!("{name}: {} {what}\n{way}", paint(NOTE, "orphaned"))
            },
        );
    }

    /// That a fleet file is followed that says something else, or why it is not.
    pub(super) fn fleet(self, file: &Path, error: Option<&CliError>) {
        let json = || match error {
            Some(error) => json!({ "fleet": file, "error": error.json() }),
            None => json!({ "fleet": file, "read": true }),
        };
        self.line(json, || match error {
            Some(error) => {
                format!("{}: {} {}\n  what it said before holds", file.display(), paint(BAD, "failed"), error.message)
            }
            None => format!("{}: {} again", file.display(), paint(GOOD, "read")),
        });
    }

    /// That no application has an environment that only is to be looked after.
    pub(super) fn nowhere(self, environment: &str) {
        let message = format!("no application has an environment `{environment}`");
        self.line(
            || json!({ "environment": environment, "error": { "kind": "usage", "message": message } }),
            || format!("--env {environment}: {} {message}", paint(BAD, "failed")),
        );
    }

    /// That removals wait for a confirmation, which this verb takes.
    pub(super) fn unconfirmed(self, (application, environment): (&str, &str), waits: &Unconfirmed, verb: &str) {
        self.line(
            || json!({ "application": application, "environment": environment, "unconfirmed": waits }),
            || {
                let Unconfirmed { removals, owned, limit, confirmation, .. } = waits;
                let (name, number) = (self.name(application, Some(environment)), removals.len());
                let waits = paint(NOTE, "waits");
                let verb = in_command(verb, self.told(application));
                let way = format_args!("  springline {verb} --confirm-prune {confirmation}");
                format!(
                    "{name}: {waits} {number} of {owned} live objects would be removed, and {limit} needs a \
                     confirmation\n{}",
                    paint(FAINT, way)
                )
            },
        );
    }

    /// That something of what is deployed is not here any more, or is not what it was.
    pub(super) fn lost(self, (application, environment): (&str, &str), what: &str) {
        self.line(
            || json!({ "application": application, "environment": environment, "lost": what }),
            || {
                let way = in_command(&format!("run --env {environment}"), self.told(application));
                let way = format_args!("  springline {way} makes it again");
                format!(
                    "{}: {} {what}\n{}",
                    self.name(application, Some(environment)),
                    paint(BAD, "lost"),
                    paint(FAINT, way)
                )
            },
        );
    }

    /// That there is another operator's file, or why it is not taken over.
    pub(super) fn operator(self, problem: Option<&CliError>) {
        self.line(
            || match problem {
                Some(error) => json!({ "error": error.json() }),
                None => json!({ "operator": paths::OPERATOR }),
            },
            || match problem {
                Some(error) => format!("{}: {} {}", paths::OPERATOR, paint(BAD, "failed"), error.message),
                None => format!("{}: {} everything is looked at anew", paths::OPERATOR, paint(GOOD, "new")),
            },
        );
    }

    /// That an environment is as it is, and is left so.
    pub(super) fn left(self, (application, environment): (&str, &str), came: Came, why: &str) {
        let word = came.word();
        let why = named(why, self.told(application));
        self.line(
            || json!({ "application": application, "environment": environment, "left": word, "why": why }),
            || {
                let name = self.name(application, Some(environment));
                // Some reasons begin with it.
                let why = why.strip_prefix(word).unwrap_or(&why).trim_start();
                format!("{name}: {} {why}", paint(NOTE, word.replace('-', " ")))
            },
        );
    }

    /// That a run was stopped for something newer.
    pub(super) fn superseded(self, (application, environment): (&str, &str), revision: &str) {
        self.line(
            || json!({ "application": application, "environment": environment, "superseded": revision }),
            || {
                let name = self.name(application, Some(environment));
                format!("{name}: {} {}", paint(NOTE, "superseded"), show_revision(revision))
            },
        );
    }

    /// What a pass came to.
    pub(super) fn pass(self, number: u64, figures: &[(&'static str, usize)], took: Duration) {
        let json = || {
            let mut told = json!({ "pass": number, "milliseconds": milliseconds(took) });
            figures.iter().for_each(|(word, n)| told[*word] = json!(n));
            told
        };
        self.line(json, || {
            let said: Vec<_> = figures
                .iter()
                .filter(|(_, n)| *n > 0)
                .map(|(word, n)| format!("{n} {}", word.replace('-', " ")))
                .collect();
            let said = if said.is_empty() { "no environments".to_owned() } else { said.join(", ") };
            format!("{said} {}", paint(FAINT, duration(took)))
        });
    }

    /// What happened to sources and names. `url` is the repository's address, which took so long to be
    /// asked.
    pub(super) fn news(self, news: &News, (url, asked): (&str, Duration)) {
        match news {
            News::Revision { revision, commit, concerned, others, took } => self.line(
                || {
                    json!({
                        "repository": url, "revision": **revision, "commit": commit, "concerned": concerned,
                        "unchanged": others, "asked-milliseconds": milliseconds(asked),
                        "decided-microseconds": u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                    })
                },
                || {
                    let others = if *others > 0 { format!(", nothing for {others}") } else { String::new() };
                    let name = if self.many { format!("{url} {revision}") } else { revision.to_string() };
                    format!("{name}: {} {} for {concerned}{others}", paint(GOOD, "new"), show_revision(commit))
                },
            ),
            News::Unreadable { revision, why, .. } => self.line(
                || json!({ "repository": url, "revision": **revision, "error": { "kind": "source", "message": why } }),
                || format!("{url}: {} {why}", paint(BAD, "failed")),
            ),
            News::Taken { name, rule, why } => self.line(
                || json!({ "application": **name, "error": { "kind": "config", "message": why, "place": rule } }),
                || format!("{rule}: {} {why}", paint(BAD, "failed")),
            ),
            News::Orphaned { name, stays } => self.line(
                || {
                    let why = stays.and_then(Stays::why);
                    json!({ "application": **name, "orphaned": true, "prune": stays.is_none(), "why": why })
                },
                || {
                    let orphaned = paint(NOTE, "orphaned");
                    let Some(stays) = stays else {
                        return format!(
                            "{name}: {orphaned} nothing finds it any more: what is deployed of it is removed"
                        );
                    };
                    let why = stays.why().map(|why| format!(", as {why}")).unwrap_or_default();
                    let way = paint(FAINT, format_args!("  springline remove {name}"));
                    format!("{name}: {orphaned} nothing finds it any more: what is deployed of it stays{why}\n{way}")
                },
            ),
        }
    }
}

impl Stays {
    /// Why, where its rule says that what is gone is removed.
    fn why(self) -> Option<&'static str> {
        match self {
            Self::Unasked => None,
            Self::Retired => Some("fleet.yaml does not name it any more"),
            Self::Alone => Some("its rule finds nothing at all any more, which may be a slip"),
            Self::Renamed => Some("it is still there, by another name"),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
