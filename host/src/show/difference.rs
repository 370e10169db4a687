//! Differences between live and desired, as unified diffs.

use similar::{ChangeTag, TextDiff};
use springline_engine::status::{Differences, Explained};
use springline_model::manifest::{Action, Hook};

use super::{BAD, FAINT, GOOD, NOTE, STRONG, alone, line, paint, visible};

/// Unchanged lines around a change.
pub const CONTEXT: usize = 3;

/// The sign and the word of what a change does.
pub const fn word(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Create => ("+", "create"),
        Action::Update => ("~", "update"),
        Action::Delete => ("-", "delete"),
        Action::Adopt => ("=", "adopt"),
        Action::Deferred => ("?", "plan later"),
    }
}

/// Prints all that differs in an environment. `way` is the verb that deploys it.
pub fn print((environment, way): (&str, &str), differences: &Differences) {
    let number = differences.changes.len();
    if number == 0 {
        let ignored = match differences.alone.ignored.len() {
            0 => String::new(),
            n => format!(", {n} ignored"),
        };
        let (number, noun) = (differences.desired, if differences.desired == 1 { "object" } else { "objects" });
        line(format_args!("{} in sync ({number} {noun}{ignored})", paint(STRONG, environment)));
    } else {
        let noun = if number == 1 { "change" } else { "changes" };
        line(format_args!("{} {number} {noun}", paint(STRONG, environment)));
    }
    for Explained { change: done, difference } in &differences.changes {
        change(done.action, &done.live, &done.summary, [difference.live.as_deref(), difference.desired.as_deref()]);
    }
    if number == 0 && !differences.hooks.is_empty() {
        line(paint(FAINT, "  the last sync did not end well, so the next one runs the hooks"));
    }
    hooks(&differences.hooks);
    for left in &differences.left {
        line(paint(FAINT, format_args!("  {left} is no longer desired and stays, as pruning is off")));
    }
    alone::print_difference((environment, way), &differences.alone);
}

/// Prints what is done with an object, and how its text differs, if it has any.
pub fn change(action: Action, name: &str, summary: &str, [before, after]: [Option<&str>; 2]) {
    let (sign, word) = word(action);
    let style = match action {
        Action::Create | Action::Adopt => GOOD,
        Action::Update | Action::Deferred => NOTE,
        Action::Delete => BAD,
    };
    let summary = if summary.is_empty() { String::new() } else { format!(" ({})", visible(summary)) };
    line(format_args!("{} {}{}", paint(style, format_args!("{sign} {word}")), visible(name), paint(FAINT, summary)));
    if before.is_some() || after.is_some() {
        unified(before.unwrap_or_default(), after.unwrap_or_default());
    }
}

/// Prints how two texts differ, as a unified diff; what differs within a line is underlined.
pub fn unified(live: &str, desired: &str) {
    let diff = TextDiff::from_lines(live, desired);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        line(paint(FAINT, hunk.header().to_string().trim_end()));
        for change in hunk.ops().iter().flat_map(|op| diff.iter_inline_changes(op)) {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ("-", BAD),
                ChangeTag::Insert => ("+", GOOD),
                ChangeTag::Equal => (" ", anstyle::Style::new()),
            };
            let mut text = paint(style, sign);
            for (differs, piece) in change.iter_strings_lossy() {
                let style = if differs { style.underline() } else { style };
                text.push_str(&paint(style, visible(piece.trim_end_matches(['\n', '\r']))));
            }
            line(text);
        }
    }
}

/// Prints the hooks that a sync would run.
fn hooks(hooks: &[Hook]) {
    for Hook { live, phase, wave, .. } in hooks {
        line(format_args!(
            "{} {live}{}",
            paint(NOTE, "! run hook"),
            paint(FAINT, format_args!(" ({phase}, wave {wave})"))
        ));
    }
}
