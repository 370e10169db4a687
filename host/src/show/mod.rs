//! What people see: colours, tables, times, differences and progress.

pub mod alone;
pub mod background;
pub mod console;
pub mod difference;
pub mod markdown;
pub mod progress;
pub mod review;
pub mod table;
pub mod time;
pub mod transfer;
pub mod tree;

use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::{Value, json};

use self::console::Stream;
use crate::cli::error::{CliError, Kind};
use crate::cli::{Color, Common, Output};

/// What is good.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is worth a look.
pub const NOTE: Style = AnsiColor::Yellow.on_default();
/// What is bad.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What is beside the point.
pub const FAINT: Style = AnsiColor::BrightBlack.on_default();
/// What a line is about.
pub const STRONG: Style = Style::new().bold();

/// Sets when colours are used, for everything that is printed from here on.
pub fn choose_colors(color: Color) {
    match color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
}

/// The text in a style.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Text from elsewhere, with nothing in it that a terminal would obey.
pub fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() && c != '\t' { c.escape_default().collect() } else { vec![c] })
        .collect()
}

/// Prints a line of data. A reader that went away ends nothing.
pub fn line(text: impl std::fmt::Display) {
    console::print(Stream::Out, &format!("{text}\n"));
}

/// Prints a line beside the data.
pub fn note(text: impl std::fmt::Display) {
    console::print(Stream::Err, &format!("{text}\n"));
}

/// Warns.
pub fn warn(text: impl std::fmt::Display) {
    note(format_args!("{} {text}", paint(NOTE, "warning:")));
}

/// Prints data as JSON.
///
/// # Errors
/// If it can't be written as JSON, which is a bug.
pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| CliError::new(Kind::State, format!("the answer can't be written as JSON: {error}")))?;
    line(text);
    Ok(())
}

/// Prints data as one line of JSON, for what goes on and on.
///
/// # Errors
/// As [`fn@json`].
pub fn json_line<T: Serialize + ?Sized>(value: &T) -> Result<(), CliError> {
    let text = serde_json::to_string(value)
        .map_err(|error| CliError::new(Kind::State, format!("the answer can't be written as JSON: {error}")))?;
    line(text);
    Ok(())
}

/// Prints data in the format that was asked for.
///
/// # Errors
/// As [`fn@json`].
pub fn data<T: Serialize + ?Sized>(common: &Common, value: &T, text: impl FnOnce(&T)) -> Result<(), CliError> {
    match common.output {
        Output::Json => json(value),
        Output::Text => {
            text(value);
            Ok(())
        }
    }
}

/// As [`data`], and what failed besides, if something did: programs get one object of both.
///
/// # Errors
/// What failed; as [`fn@json`].
pub fn data_and<T: Serialize + ?Sized>(
    common: &Common,
    value: &T,
    text: impl FnOnce(&T),
    failed: Option<CliError>,
) -> Result<ExitCode, CliError> {
    match (failed, common.output) {
        (Some(error), Output::Json) => {
            Err(CliError { answer: serde_json::to_value(value).ok().map(Box::new), ..error })
        }
        (failed, _) => {
            data(common, value, text)?;
            failed.map_or(Ok(ExitCode::SUCCESS), Err)
        }
    }
}

/// How many lines of a failed plugin's log are shown.
const LOG_TAIL: usize = 10;

/// Prints a failure: for people on standard error, for programs as an object on standard output
/// as well.
pub fn error(error: &CliError, as_json: bool) {
    let tail = &error.log[error.log.len().saturating_sub(LOG_TAIL)..];
    if !tail.is_empty() {
        note(paint(FAINT, "the last lines that the plugin logged:"));
        for log in tail {
            note(paint(FAINT, format_args!("  | {}", log.text)));
        }
    }
    note(format_args!("{} {}", paint(BAD, "error:"), error.message));
    if let Some(hint) = &error.hint {
        note(format_args!("{} {hint}", paint(GOOD, "help:")));
    }
    if as_json {
        let _ = json(&as_answer(error));
    }
}

/// All that programs get of a failed verb.
fn as_answer(error: &CliError) -> Value {
    let mut told = json!({ "error": error.json(), "exit-code": error.kind.code() });
    if let Some(answer) = &error.answer {
        told["answer"] = Value::clone(answer);
    }
    told
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn what_fails_beside_an_answer_is_one_object_with_it() {
        let common = Cli::parse_from(["springline", "apps", "-o", "json"]).common;
        let failed = data_and(&common, &[1, 2], |_| {}, Some(CliError::new(Kind::Differs, "not whole"))).unwrap_err();
        let error = json!({ "kind": "differs", "message": "not whole", "hint": null });
        assert_eq!(as_answer(&failed), json!({ "error": error, "exit-code": 1, "answer": [1, 2] }));
    }

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(visible("a\u{1b}[2Jb\tc"), "a\\u{1b}[2Jb\tc");
    }
}
