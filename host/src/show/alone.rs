//! What is left alone: ignored differences, what stays though it is no longer desired, and removals that
//! wait for a confirmation.

use springline_engine::owned::Stays;
use springline_engine::restraint::{Protected, Unconfirmed};
use springline_engine::status::{Alone, Explained, Status};
use springline_model::manifest::Change;
use springline_model::run::Place;

use super::difference::unified;
use super::{BAD, FAINT, NOTE, STRONG, line, paint, visible, warn};

/// How many objects of a kind are named, unless all are asked for.
const NAMED: usize = 20;

/// Prints what is left alone of an environment, a line each. `way` is the verb that takes a confirmation.
pub fn print_status((environment, way): (&str, &str), found: &Status, all: bool) {
    let most = if all { usize::MAX } else { NAMED };
    let Status { alone: Alone { ignored, untold, protected, unconfirmed, stays }, left, .. } = found;
    let pruning_off = |live: &String| format!("{} is no longer desired and stays, as pruning is off", visible(live));
    list(environment, "ignored", ignored.iter().map(ignored_line), most);
    list(environment, "not removed", left.iter().map(pruning_off).chain(protected.iter().map(protected_line)), most);
    stays.iter().for_each(|stays| warn(format_args!("{environment}: {}", stays_line(stays))));
    tell((environment, way), untold.as_deref(), unconfirmed.as_ref());
}

/// Prints what is left alone of an environment, with the text of what is ignored.
pub fn print_difference((environment, way): (&str, &str), alone: &Alone<Explained>) {
    let Alone { ignored, untold, protected, unconfirmed, stays } = alone;
    for Explained { change, difference } in ignored {
        line(format_args!("{} {}", paint(FAINT, "| ignored"), ignored_line(change)));
        let (is, would_be) = (difference.live.as_deref(), difference.desired.as_deref());
        if is.is_some() || would_be.is_some() {
            unified(is.unwrap_or_default(), would_be.unwrap_or_default());
        }
    }
    protected.iter().for_each(|kept| line(paint(FAINT, format_args!("  {}", protected_line(kept)))));
    stays.iter().for_each(|stays| warn(format_args!("{environment}: {}", stays_line(stays))));
    tell((environment, way), untold.as_deref(), unconfirmed.as_ref());
}

/// Warns of what stays on targets that a place was on before, and tells what removes it.
pub fn warn_of_stays(place: &Place, stays: &[Stays]) {
    let way_out = format!("`springline remove {} --env {}`", place.application, place.environment);
    for stays in stays {
        warn(format_args!("{}: {}; {way_out} removes it", place.environment, stays_line(stays)));
    }
}

fn stays_line(stays: &Stays) -> String {
    visible(&format!("what is there stays: {stays}, where it was before"))
}

fn ignored_line(change: &Change) -> String {
    let summary = if change.summary.is_empty() { String::new() } else { format!(" ({})", visible(&change.summary)) };
    format!("{}{}", visible(&change.live), paint(FAINT, summary))
}

fn protected_line(kept: &Protected) -> String {
    visible(&kept.to_string())
}

fn list(environment: &str, what: &str, lines: impl Iterator<Item = String>, most: usize) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    line(format_args!("{} {what}", paint(STRONG, environment)));
    lines.iter().take(most).for_each(|text| line(format_args!("  {text}")));
    if lines.len() > most {
        line(paint(FAINT, format_args!("  ... and {} more (--all shows them)", lines.len() - most)));
    }
}

fn tell((environment, way): (&str, &str), untold: Option<&str>, unconfirmed: Option<&Unconfirmed>) {
    if let Some(why) = untold {
        warn(format_args!("{environment}: which fields are ignored can't be told: {why}"));
    }
    if let Some(Unconfirmed { removals, owned, limit, confirmation, .. }) = unconfirmed {
        let number = removals.len();
        line(format_args!(
            "{} {} of {owned} live objects wait to be removed, as {limit} needs a confirmation: {}",
            paint(STRONG, environment),
            paint(BAD, number),
            paint(NOTE, format_args!("springline {way} --confirm-prune {confirmation}")),
        ));
    }
}
