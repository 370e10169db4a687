//! What is wrong with a file, and where: printed as a compiler prints it.

use std::fmt;

use serde::Serialize;

use crate::source::{Source, printable};
use crate::span::Span;

/// How many issues one error keeps. Past that, a file is not worth more memory.
const MAX_ISSUES: usize = 1_000;

/// Everything that is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigError {
    /// The file, as the caller named it.
    pub name: String,
    /// What is wrong, in the order of the file; never empty.
    pub issues: Vec<Issue>,
    /// How many more issues there are than are kept.
    pub omitted: usize,
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The place in the document, a JSON pointer.
    pub pointer: String,
    /// What is wrong, in one line.
    pub message: String,
    /// The offending line, or the part of a very long one around the column. Control characters
    /// are replaced.
    pub text: Option<String>,
    /// Where in `text` the place is, from 1.
    pub caret: u32,
    /// How many characters of `text` it takes, at least 1.
    pub length: u32,
    /// The way out.
    pub suggestion: Option<String>,
}

impl ConfigError {
    /// Everything that is wrong with the file of that name. Brings the issues into the file's
    /// order and drops doubles, which an alias can make.
    pub(crate) fn new(name: &str, mut issues: Vec<Issue>) -> Self {
        issues.sort_by_key(|issue| (issue.line, issue.column));
        issues.dedup_by(|a, b| (a.line, a.column, &a.message) == (b.line, b.column, &b.message));
        let omitted = issues.len().saturating_sub(MAX_ISSUES);
        issues.truncate(MAX_ISSUES);
        Self { name: name.to_owned(), issues, omitted }
    }
}

impl Issue {
    /// An issue at a span of a source.
    pub(crate) fn at(
        source: &Source,
        span: Span,
        pointer: impl Into<String>,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) -> Self {
        let excerpt = source.excerpt(span);
        Self {
            line: span.line,
            column: span.column,
            pointer: pointer.into(),
            message: harmless(&message.into()),
            text: excerpt.text,
            caret: excerpt.caret,
            length: excerpt.length,
            suggestion: suggestion.as_deref().map(harmless),
        }
    }
}

/// A text of which nothing speaks to a terminal, whatever was quoted in it. Its lines stay.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { c } else { printable(c) }).collect()
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, issue) in self.issues.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{}:{issue}", self.name)?;
        }
        if self.omitted > 0 {
            write!(f, "\n\n{}: {} more", self.name, self.omitted)?;
        }
        Ok(())
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        if let Some(text) = &self.text {
            let number = self.line.to_string();
            let (before, under) = (self.caret as usize - 1, self.length as usize);
            write!(f, "\n{number} | {text}")?;
            write!(f, "\n{:gutter$} | {:before$}{:^<under$}", "", "", "", gutter = number.len())?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "\nhelp: {suggestion}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(line: u32, column: u32, message: &str) -> Issue {
        let source = Source::new("springline.yaml", "application: handbook\nartefacts: {}\n");
        Issue::at(&source, Span { line, column, length: 9 }, "", message, None)
    }

    #[test]
    fn it_reads_like_a_compilers_message() {
        let mut wrong = issue(2, 1, "unknown key `artefacts`");
        wrong.suggestion = Some("did you mean `artifacts`?".into());
        assert_eq!(
            ConfigError::new("springline.yaml", vec![wrong]).to_string(),
            "springline.yaml:2:1: unknown key `artefacts`\n\
             2 | artefacts: {}\n  | ^^^^^^^^^\n\
             help: did you mean `artifacts`?"
        );
    }

    #[test]
    fn issues_come_in_the_files_order_and_once() {
        let error = ConfigError::new("x", vec![issue(2, 1, "b"), issue(1, 3, "a"), issue(2, 1, "b")]);
        assert_eq!(error.issues.iter().map(|issue| issue.message.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let issues = (0..1_002).map(|number| issue(1, 1, &number.to_string())).collect();
        let error = ConfigError::new("x", issues);
        assert_eq!((error.issues.len(), error.omitted), (1_000, 2));
        assert!(error.to_string().ends_with("x: 2 more"));
    }
}
