//! What the YAML parser could not read, in words that help.

use saphyr_parser::ScanError;

use crate::issue::Issue;
use crate::source::Source;
use crate::span::Span;

/// Parts of the parser's messages, and the way out. The first that fits is taken.
const HELP: &[(&str, &str)] = &[
    ("recursion limit", "nest less"),
    ("tab", "indent with spaces; YAML takes no tabs there"),
    ("unexpected character", "put quotes around the text"),
    (
        "mapping values are not allowed",
        "put quotes around a text that contains `: `, or indent the line as its neighbours are",
    ),
    ("illegal placement of ':'", "put quotes around a text that contains `:`"),
    (
        "unknown anchor",
        "name the value with `&NAME` before `*NAME` is used, or put quotes around a text that begins with `*`",
    ),
    ("quoted scalar", "check that the quote is closed, and that a `\\` in double quotes begins a known escape"),
    ("flow", "check that each `[` and `{` is closed, and that commas stand between the items"),
    ("bracket", "check that each `[` and `{` is closed, and that commas stand between the items"),
    ("expected key", "check that the line is indented as its neighbours are"),
    ("'-' indicator", "check that the line is indented as its neighbours are"),
    ("indent", "check that the line is indented as its neighbours are"),
    ("':'", "write `KEY: VALUE`, with a space after the colon"),
    ("simple key", "write `KEY: VALUE`, with a space after the colon"),
];

/// The issue for what the parser said.
pub(crate) fn explain(source: &Source, error: &ScanError) -> Issue {
    let info = error.info();
    let help = HELP.iter().find(|(part, _)| info.contains(part)).map(|(_, help)| (*help).to_owned());
    Issue::at(source, Span::from(*error.marker()), "", format!("not valid YAML: {info}"), help)
}

/// The issue for a merge that was left unsettled, which makes all other issues noise.
pub(crate) fn conflict(source: &Source) -> Option<Issue> {
    let at = source.text.lines().position(|line| line.starts_with("<<<<<<< "))?;
    let span = Span { line: u32::try_from(at + 1).ok()?, column: 1, length: 7 };
    let help = "settle the conflict between `<<<<<<<` and `>>>>>>>`".to_owned();
    Some(Issue::at(source, span, "", "a merge conflict is not settled", Some(help)))
}
