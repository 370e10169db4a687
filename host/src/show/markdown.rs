//! What a revision would change of what is deployed, as Markdown for a comment on a pull request. Whatever
//! stands in names and texts is shown and does nothing: it mentions nobody, links nowhere and closes nothing.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};
use springline_model::Digest;

use super::difference::word;
use super::review::{remarks, sentence};
use super::visible;
use crate::cli::review::{ArtifactChange, DigestChange, ObjectChange, Review, told};
use crate::project::show_revision;

/// How long a comment may be, in bytes: where characters are counted, there are no more of them.
const MOST: usize = 65_536;
/// What is kept for the words about what is left out, and for what closes.
const RESERVE: usize = 1024;
/// How long a name, a line about an object or a subject may be.
const MOST_NAME: usize = 300;
/// How long a line of a text may be.
const MOST_LINE: usize = 500;
/// Below this, a part of a difference is not worth its frame.
const LEAST: usize = 1024;
/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// One comment about all of them.
pub fn comment(reviews: &[Review]) -> String {
    let most = MOST - RESERVE;
    let mut text = String::new();
    for (at, review) in reviews.iter().enumerate() {
        let (room, left) = (most.saturating_sub(text.len()), reviews.len() - at);
        let share = if left == 1 { room } else { (room / left).max(LEAST * 4).min(room) };
        let blocks = [one(review, share), title(review)];
        let Some(block) = blocks.iter().find(|block| block.len() <= room) else {
            let _ = writeln!(text, "**{left} more environments** do not fit here: `springline diff` shows them all.");
            break;
        };
        text.push_str(block);
    }
    text
}

/// Which environment it is about, and what becomes of it.
fn title(review: &Review) -> String {
    format!("### {}: {}\n\n", code(&short(&review.environment)), escaped(&sentence(review)))
}

/// What is to be said of one environment, in at most so many bytes.
fn one(review: &Review, most: usize) -> String {
    let room = most.saturating_sub(RESERVE);
    let mut text = head(review, room / 2);
    table(review, room / 3, &mut text);
    let shown = review.objects.iter().filter(|object| object.before.is_some() || object.after.is_some());
    let (mut cut, mut left_out) = (0, 0);
    // No one difference takes the place of all others.
    let share = (room.saturating_sub(text.len()) / 4).max(LEAST * 4);
    for object in shown {
        let rest = room.saturating_sub(text.len());
        match details(object, share.min(rest)) {
            Some((block, is_cut)) => {
                text.push_str(&block);
                cut += usize::from(is_cut);
            }
            None => left_out += 1,
        }
    }
    if cut + left_out > 0 {
        let mut parts = Vec::new();
        if cut > 0 {
            parts.push(format!("{cut} differences are cut"));
        }
        if left_out > 0 {
            parts.push(format!("{left_out} are left out"));
        }
        let revision = code(show_revision(&review.revision));
        let _ = writeln!(
            text,
            "**{}**, as a comment holds 65,536 characters. `springline diff` with `--revision` {revision} and `--against` {} shows them all.\n",
            parts.join(" and "),
            code(&short(&review.environment)),
        );
    }
    text
}

/// What is said before the objects: at most so many bytes, and the first two lines anyway.
fn head(review: &Review, most: usize) -> String {
    let Review { revision, subject, .. } = review;
    let against = if review.live { "what is live".to_owned() } else { told(review.against.as_ref()) };
    let mut text = title(review);
    let _ = writeln!(
        text,
        "{} {} against {}.\n",
        code(show_revision(revision)),
        escaped(&short(subject)),
        escaped(&against)
    );
    let remarks = remarks(review);
    let remark = |remark: &String| format!("> **Note:** {}\n\n", escaped(&short(remark)));
    if let Some(left) = fill(&mut text, most * 2 / 3, remarks.iter().map(remark)) {
        let _ = writeln!(text, "> and {left} more notes\n");
    }
    let artifacts: Vec<&ArtifactChange> =
        review.artifacts.iter().filter(|artifact| artifact.digests.differs()).collect();
    if artifacts.is_empty() && review.plugins.is_empty() {
        return text;
    }
    text.push_str("| | before | after |\n|---|---|---|\n");
    let row = |what: &str, change: &DigestChange, more: &str| {
        let digest = |digest: Option<Digest>| digest.map_or("none".to_owned(), |digest| code(&digest.short()));
        format!(
            "| {what} {} | {} | {}{more} |\n",
            code(&short(&change.name)),
            digest(change.before),
            digest(change.after)
        )
    };
    let artifacts = artifacts
        .iter()
        .map(|artifact| row("artifact", &artifact.digests, if artifact.built { " (built)" } else { "" }));
    let plugins = review.plugins.iter().map(|plugin| row("plugin", plugin, ""));
    if let Some(left) = fill(&mut text, most, artifacts.chain(plugins)) {
        let _ = writeln!(text, "| and {left} more | | |");
    }
    text.push('\n');
    text
}

/// Puts parts behind a text until it is so long; how many are left, if any are.
fn fill(text: &mut String, most: usize, parts: impl Iterator<Item = String>) -> Option<usize> {
    let mut left = 0;
    for part in parts {
        if left > 0 || text.len() + part.len() > most {
            left += 1;
        } else {
            text.push_str(&part);
        }
    }
    (left > 0).then_some(left)
}

/// The table of objects, in so many bytes.
fn table(review: &Review, most: usize, text: &mut String) {
    if review.objects.is_empty() {
        return;
    }
    text.push_str("| | object | |\n|---|---|---|\n");
    let end = text.len() + most;
    for (at, object) in review.objects.iter().enumerate() {
        let (sign, word) = word(object.action);
        let summary = escaped(&short(&object.summary));
        let row = format!("| {} {word} | {} | {summary} |\n", escaped(sign), code(&short(&object.name)));
        if text.len() + row.len() > end {
            let _ = writeln!(text, "| | and {} more | |", review.objects.len() - at);
            break;
        }
        text.push_str(&row);
    }
    text.push('\n');
}

/// The difference of an object, folded away, and whether it is cut; none if there is no room for it.
fn details(object: &ObjectChange, most: usize) -> Option<(String, bool)> {
    if most < LEAST / 4 {
        return None;
    }
    let (_, word) = word(object.action);
    let lines = unified(object.before.as_deref().unwrap_or_default(), object.after.as_deref().unwrap_or_default());
    let fence = fence(&lines);
    let before = format!("<details><summary>{word} {}</summary>\n\n{fence}diff\n", code(&short(&object.name)));
    let after = format!("{fence}\n\n</details>\n\n");
    let cut_off = |lines: usize| format!("... and {lines} more lines\n");
    let frame = before.len() + after.len() + cut_off(lines.len()).len();
    let room = most.checked_sub(frame)?;
    let mut body = String::new();
    let mut shown = 0;
    for line in &lines {
        if body.len() + line.len() + 1 > room {
            break;
        }
        body.push_str(line);
        body.push('\n');
        shown += 1;
    }
    if shown < lines.len() {
        if body.len() < LEAST.min(most / 2) {
            return None;
        }
        body.push_str(&cut_off(lines.len() - shown));
    }
    Some((format!("{before}{body}{after}"), shown < lines.len()))
}

/// The lines of a unified diff. One that is the same but for what can't be seen says so.
fn unified(before: &str, after: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(hunk.header().to_string().trim_end().to_owned());
        for change in hunk.iter_changes() {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let text = change.value().trim_end_matches(['\n', '\r']);
            lines.push(format!("{sign}{}", cut(&plain(text), MOST_LINE)));
        }
    }
    if lines.is_empty() {
        lines.push("(the same text)".to_owned());
    }
    lines
}

/// A fence that nothing in the lines closes.
fn fence(lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A text in one line, with nothing in it that hides or turns round what is next to it.
fn plain(text: &str) -> String {
    let is_unseen = |c: char| matches!(u32::from(c), 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff);
    let shown = visible(text);
    if !shown.chars().any(is_unseen) {
        return shown;
    }
    shown.chars().flat_map(|c| if is_unseen(c) { c.escape_unicode().collect() } else { vec![c] }).collect()
}

fn short(text: &str) -> String {
    cut(text, MOST_NAME)
}

/// The beginning of a text, if it is too long.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A hyphen, and a joiner that nobody sees.
const HYPHEN: &str = "-&#8288;";

/// A text in which no mark-up is left: what could be a part of any becomes an entity, which never is.
fn escaped(text: &str) -> String {
    let text = plain(text);
    // Without these, no address becomes a link.
    let is_address = text.to_ascii_lowercase().contains("www.");
    let mut escaped = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // A mention and what stands for an issue, a merge request or a milestone are found in the text that
            // comes of entities as well, but not with a joiner in it.
            '@' | '#' | '!' | '%' | '~' | '$' | '&' | '^' if chars.peek().is_some_and(|next| !next.is_whitespace()) => {
                let _ = write!(escaped, "&#{};&#8288;", u32::from(c));
            }
            // So is `GH-12`, and whatever other prefix means an issue.
            '-' if chars.peek().is_some_and(char::is_ascii_digit) => escaped.push_str(HYPHEN),
            '.' if is_address => escaped.push_str("&#46;"),
            '-' | ',' | ' ' | '/' | '.' => escaped.push(c),
            '\t' => escaped.push(' '),
            c if c.is_ascii_punctuation() => drop(write!(escaped, "&#{};", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A text as code, in which no issue is looked for. People copy names from there.
fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text).replace(HYPHEN, "-"))
}

#[cfg(test)]
mod tests {
    use springline_model::manifest::Action;

    use super::*;

    fn review(objects: Vec<ObjectChange>) -> Review {
        Review {
            environment: "production".into(),
            revision: "0123456789abcdef".into(),
            subject: "Close #12 for @somebody: see https://example.org <b>now</b>".into(),
            against: None,
            live: false,
            gone: false,
            moves: None,
            in_sync: objects.is_empty(),
            objects,
            unchanged: 3,
            artifacts: Vec::new(),
            plugins: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn object(name: &str, before: &str, after: &str) -> ObjectChange {
        let (before, after) = (Some(before.into()), Some(after.into()));
        ObjectChange { name: name.into(), action: Action::Update, summary: String::new(), before, after }
    }

    /// The lines that stand in no fence.
    fn outside(text: &str) -> String {
        let mut fence: Option<&str> = None;
        let mut outside = String::new();
        for line in text.lines() {
            match fence {
                // A fence closes with one that is as long, after up to three spaces.
                Some(open) => {
                    let closing = line.trim_start_matches(' ');
                    let is_closed = line.len() - closing.len() < 4
                        && closing.len() >= open.len()
                        && closing.trim_end().chars().all(|c| c == '`');
                    fence = if is_closed { None } else { fence };
                }
                None if line.starts_with("```") => fence = Some(line.trim_end_matches("diff")),
                None => outside.push_str(&format!("{line}\n")),
            }
        }
        assert_eq!(fence, None, "{text}");
        outside
    }

    #[test]
    fn nothing_in_names_or_texts_acts() {
        let nasty = "```\n</details>\n<script>x</script>\n@everyone\n````\n[a](https://example.org)\n| a | b |\n# x\n";
        let names =
            ["`a` | b @team <img src=x> [x](y) #1 http://a.b www.a.b", "</code></summary><h1>", "a\u{202e}b\n\n# c"];
        let objects = names.map(|name| object(name, "", nasty)).into_iter().chain([object("z", nasty, "")]).collect();
        let text = comment(&[review(objects)]);
        let outside = outside(&text);
        for word in [
            "@team",
            "@somebody",
            "@everyone",
            "<script",
            "<img",
            "<b>",
            "http:",
            "www.",
            " #1",
            "[x]",
            "<h1>",
            "\u{202e}",
            "\n# ",
        ] {
            assert!(!outside.contains(word), "`{word}` acts in:\n{outside}");
        }
        assert_eq!(outside.matches("<details>").count(), 4);
        assert_eq!(outside.matches("</details>").count(), 4);
        assert!(text.contains("`````diff\n"), "{text}");
        // A row is a row whatever is in it.
        let rows = outside.lines().filter(|line| line.starts_with("| ~") || line.starts_with("| &#126;"));
        assert!(rows.clone().count() == 4 && rows.clone().all(|row| row.matches('|').count() == 4), "{outside}");
    }

    #[test]
    fn nothing_becomes_a_link_to_something_of_the_forges() {
        let mut named = review(vec![object("a", "", "x")]);
        named.subject = "GH-12 !34 %56 ~bug $78 &90 ^alert JIRA-1".into();
        let text = comment(&[named]);
        let decoded = |code: u32, c: char| text.replace(&format!("&#{code};"), &c.to_string());
        for (mark, number) in
            [('-', "12"), ('!', "34"), ('%', "56"), ('~', "bug"), ('$', "78"), ('&', "90"), ('^', "alert")]
        {
            let decoded = decoded(u32::from(mark), mark);
            assert!(decoded.contains(&format!("{mark}&#8288;{number}")), "{mark}: {decoded}");
            assert!(!decoded.contains(&format!("{mark}{number}")), "{mark}: {decoded}");
        }
    }

    #[test]
    fn it_fits_a_comment_and_says_what_is_left_out() {
        let line = |at: usize| format!("line {at} with some words in it\n");
        let long: String = (0..2_000).map(line).collect();
        let many: Vec<_> = (0..3_000).map(|at| object(&format!("deploy/object-{at}.yaml"), "a\n", "b\n")).collect();
        let several: Vec<_> = (0..9).map(|at| object(&format!("{at}.txt"), "", &long)).collect();
        for (objects, words) in [
            (vec![object("a", "", &long)], "1 differences are cut"),
            (several, "are left out"),
            (many, "more | |"),
            (vec![object("a", &"x".repeat(100_000), "y"), object("b", "1\n", "2\n")], "-xxxxx"),
        ] {
            let text = comment(&[review(objects)]);
            assert!(text.len() <= MOST, "{}", text.len());
            assert!(text.contains(words), "`{words}` is not in:\n{text}");
            outside(&text);
        }
        let two = comment(&[review(vec![object("a", "", &long)]), review(vec![object("b", "", &long)])]);
        assert!(two.len() <= MOST && two.matches("### ").count() == 2 && two.contains("update <code>b</code>"));
    }

    #[test]
    fn many_environments_and_long_heads_fit_as_well() {
        let digest = |at: usize| Some(Digest::of(at.to_string()));
        let plugin = |at| DigestChange { name: "@".repeat(400), before: digest(at), after: None };
        let mut long = review(vec![object("a", "1\n", "2\n")]);
        long.notes = vec!["#".repeat(400); 60];
        long.plugins = (0..60).map(plugin).collect();
        let few = || review(vec![object("a", "1\n", "2\n")]);
        for (reviews, titles) in [
            ((0..200).map(|_| few()).collect::<Vec<_>>(), 150),
            ((0..2_000).map(|_| few()).collect(), 150),
            (vec![long, few()], 2),
        ] {
            let text = comment(&reviews);
            assert!(text.len() <= MOST, "{}", text.len());
            let shown = text.matches("### ").count();
            assert!(shown >= titles.min(reviews.len()), "{shown} of {}:\n{text}", reviews.len());
            assert_eq!(shown < reviews.len(), text.contains("more environments**"), "{text}");
            outside(&text);
        }
    }

    #[test]
    fn what_changes_is_shown() {
        let text = comment(&[review(vec![object("robots.txt", "a\nb\n", "a\nc\n")])]);
        assert!(text.starts_with("### <code>production</code>: 1 to update, 3 objects stay as they are\n"), "{text}");
        assert!(text.contains("```diff\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n```\n\n</details>"), "{text}");
        let nothing = comment(&[review(Vec::new())]);
        assert!(nothing.contains("nothing changes") && !nothing.contains("<details>"), "{nothing}");
    }
}
