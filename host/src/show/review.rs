//! What a revision would change of what is deployed, for a terminal.

use springline_model::Digest;

use super::difference::change;
use super::{FAINT, NOTE, STRONG, line, paint, visible};
use crate::cli::review::{DigestChange, Review, told};
use crate::project::show_revision;

/// Prints it.
pub fn print(review: &Review) {
    let against = if review.live { "what is live".to_owned() } else { told(review.against.as_ref()) };
    line(format_args!(
        "{} {} {} against {against}",
        paint(STRONG, &review.environment),
        show_revision(&review.revision),
        visible(&review.subject),
    ));
    line(format_args!("  {}", sentence(review)));
    remarks(review).iter().for_each(|remark| line(paint(NOTE, format_args!("  {}", visible(remark)))));
    for artifact in review.artifacts.iter().filter(|artifact| artifact.digests.differs()) {
        let built = if artifact.built { " (built)" } else { "" };
        line(format_args!("  artifact {}{}", digests(&artifact.digests), paint(FAINT, built)));
    }
    review.plugins.iter().for_each(|plugin| line(format_args!("  plugin {}", digests(plugin))));
    for object in &review.objects {
        let texts = [object.before.as_deref(), object.after.as_deref()];
        change(object.action, &object.name, &object.summary, texts);
    }
}

/// `1 to create, 2 to update, 14 stay as they are`.
pub fn sentence(review: &Review) -> String {
    if review.gone {
        return "the revision declares no such environment: what is deployed stays as it is, and nobody looks after it"
            .into();
    }
    let [created, updated, deleted] = review.counts();
    let others = review.objects.len() - created - updated - deleted;
    let parts = [
        (created, "to create"),
        (updated, "to update"),
        (deleted, "to delete"),
        (others, "to take over or plan later"),
    ];
    let mut parts: Vec<String> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, words)| format!("{number} {words}")).collect();
    if parts.is_empty() {
        parts.push("nothing changes".to_owned());
    }
    if review.unchanged > 0 {
        let stay = if review.unchanged == 1 {
            "1 object stays as it is".to_owned()
        } else {
            format!("{} objects stay as they are", review.unchanged)
        };
        parts.push(stay);
    }
    parts.join(", ")
}

/// What else is worth knowing.
pub fn remarks(review: &Review) -> Vec<String> {
    let moves = review.moves.iter().map(|moves| {
        let (from, to) = (&moves.from, &moves.to);
        format!("it goes to the target `{to}`: everything is made there anew, and what is on `{from}` stays")
    });
    moves.chain(review.notes.iter().cloned()).collect()
}

/// `NAME 1a2b3c4d -> 5e6f7a8b`.
pub fn digests(change: &DigestChange) -> String {
    let short = |digest: Option<Digest>| digest.map_or("none".to_owned(), |digest| digest.short());
    format!("{} {} -> {}", visible(&change.name), short(change.before), short(change.after))
}
