//! What is shown of an environment besides its objects: pins, approvals, and what a promotion waits for.

use serde_json::{Value, json};
use springline_engine::promote::{Pending, Wait};
use springline_engine::run::Report;
use springline_engine::standing::{Obstacle, RolledBack};
use springline_model::history::Record;
use springline_model::run::{Approval, Pin, Suspension};

use crate::project::show_revision;
use crate::show::time::{moment, rfc3339};
use crate::show::visible;

/// A pin as JSON.
pub fn pin_json(Pin { release, by, why, at }: &Pin) -> Value {
    json!({ "release": release.hex(), "by": by, "why": why, "at": rfc3339(*at) })
}

/// An approval as JSON.
pub fn approval_json(Approval { release, by, why, at }: &Approval) -> Value {
    json!({ "release": release.hex(), "by": by, "why": why, "at": rfc3339(*at) })
}

/// A try to deploy a release that never got to the target, as JSON.
pub fn refused_json(Record { release, revision, started, cause, outcome, .. }: &Record) -> Value {
    let release = release.map(|release| release.hex());
    json!({ "release": release, "revision": revision, "at": rfc3339(*started), "cause": cause, "outcome": outcome })
}

/// What was rolled back, as JSON.
pub fn rolled_back_json(RolledBack { release, revision, at, why }: &RolledBack) -> Value {
    json!({ "release": release.hex(), "revision": revision, "at": rfc3339(*at), "why": why })
}

fn suspension_json(Suspension { by, why, at }: &Suspension) -> Value {
    json!({ "by": by, "why": why, "at": rfc3339(*at) })
}

/// Why an environment is left alone, as JSON.
pub fn obstacle_json(obstacle: &Obstacle) -> Value {
    match obstacle {
        Obstacle::Pinned(pin) => json!({ "is": "pinned", "pin": pin_json(pin) }),
        Obstacle::Suspended(suspended) => json!({ "is": "suspended", "suspension": suspension_json(suspended) }),
        Obstacle::Promoted { from } => json!({ "is": "promoted", "from": from }),
        Obstacle::Manual => json!({ "is": "manual" }),
        Obstacle::RolledBack(back) => json!({ "is": "rolled-back", "rolled-back": rolled_back_json(back) }),
    }
}

/// What a promotion waits for, as JSON.
pub fn wait_json(wait: &Wait) -> Value {
    match wait {
        Wait::Pinned(pin) => json!({ "is": "pinned", "pin": pin_json(pin) }),
        Wait::Suspended(suspended) => json!({ "is": "suspended", "suspension": suspension_json(suspended) }),
        Wait::SourcePinned(pin) => json!({ "is": "source-pinned", "pin": pin_json(pin) }),
        Wait::SourceSuspended(suspended) => {
            json!({ "is": "source-suspended", "suspension": suspension_json(suspended) })
        }
        Wait::RolledBack(back) => json!({ "is": "rolled-back", "rolled-back": rolled_back_json(back) }),
        Wait::NotHealthy { why } => json!({ "is": "not-healthy", "why": why }),
        Wait::Soaking { since, until } => {
            json!({ "is": "soaking", "since": rfc3339(*since), "until": rfc3339(*until) })
        }
        Wait::Approval => json!({ "is": "approval" }),
    }
}

/// A release that is to be promoted, as JSON.
pub fn pending_json(pending: &Pending) -> Value {
    json!({
        "from": pending.release.environment,
        "release": pending.release.id.hex(),
        "revision": pending.release.revision,
        "ready": pending.waits.is_empty(),
        "waits": pending.waits.iter().map(wait_json).collect::<Vec<_>>(),
        "approvals": pending.approvals.iter().map(approval_json).collect::<Vec<_>>(),
        "healthy-since": pending.healthy_since.map(rfc3339),
    })
}

/// What a promotion waits for, in a few words.
pub fn wait_text(pending: &Pending, to: &str, wait: &Wait) -> String {
    let from = &pending.release.environment;
    let text = match wait {
        Wait::Pinned(pin) => format!("{to} is {}", Obstacle::Pinned(pin.clone())),
        Wait::Suspended(suspended) => format!("{to} is {}", Obstacle::Suspended(suspended.clone())),
        Wait::SourcePinned(pin) => {
            format!("{from} is {}: it moves on when somebody asks", Obstacle::Pinned(pin.clone()))
        }
        Wait::SourceSuspended(suspended) => {
            format!("{from} is {}: it moves on when somebody asks", Obstacle::Suspended(suspended.clone()))
        }
        Wait::RolledBack(back) => {
            format!("it was rolled back in {to} ({}): it moves on when somebody asks", moment(back.at))
        }
        Wait::NotHealthy { why } => format!("it is not healthy in {from}: {why}"),
        Wait::Soaking { until, .. } => format!("it has to stay healthy in {from} until {}", moment(*until)),
        Wait::Approval => format!("it waits for approval: `springline approve --env {to} --why TEXT`"),
    };
    visible(&text)
}

/// `release 51d8fbfe4807 of 8eeb6c5`.
pub fn release_text(release: &springline_model::run::Release) -> String {
    format!("release {} of {}", release.id.short(), show_revision(&release.revision))
}

/// How much the syncs of a run applied.
pub fn applied_text(report: &Report) -> String {
    applied(report.synced.iter().map(|synced| synced.sealed.record.counts.applied()).sum())
}

/// `1 change applied`, `2 changes applied`.
pub fn applied(number: u64) -> String {
    match number {
        1 => "1 change applied".to_owned(),
        n => format!("{n} changes applied"),
    }
}
