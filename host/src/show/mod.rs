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

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::json;

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
        let _ = json(&json!({ "error": error.json(), "exit-code": error.kind.code() }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(visible("a\u{1b}[2Jb\tc"), "a\\u{1b}[2Jb\tc");
    }
}
