//! What the journal says, in memory and as lines.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The version of the journal's format.
const FORMAT: u32 = 1;

/// One line of the journal. Later lines override earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line {
    /// The first line: the version of the format.
    Format(u32),
    /// The path has this owner.
    Own {
        /// The path.
        path: String,
        /// Its owner.
        owner: String,
    },
    /// The path has no owner any more.
    Free(String),
    /// Springline made this directory.
    Made(String),
    /// The directory is gone, or was not made by Springline after all.
    Unmade(String),
}

impl Line {
    /// The first line of every journal.
    pub(super) const FIRST: Self = Self::Format(FORMAT);
}

/// Lines as they are written, each with its line break.
pub(super) fn to_text(lines: &[Line]) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Why a journal can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// A line that is not the last is not one of ours.
    #[error("line {0} is damaged")]
    Damaged(usize),
    /// A newer Springline wrote it.
    #[error("its format is {0}, and this Springline knows {FORMAT}: use a newer Springline")]
    Newer(u32),
}

/// Which path has which owner, and which directories Springline made.
#[derive(Debug, Default)]
pub(super) struct Marks {
    owners: BTreeMap<String, String>,
    made: BTreeSet<String>,
}

impl Marks {
    /// The owner of a path.
    pub(super) fn owner(&self, path: &str) -> Option<&str> {
        self.owners.get(path).map(String::as_str)
    }

    /// Whether Springline made the directory.
    pub(super) fn made(&self, directory: &str) -> bool {
        self.made.contains(directory)
    }

    /// Every path of one owner, sorted.
    pub(super) fn owned_by(&self, owner: &str) -> Vec<String> {
        self.owners.iter().filter(|(_, other)| *other == owner).map(|(path, _)| path.clone()).collect()
    }

    /// Every owned path, sorted.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.owners.keys().map(String::as_str)
    }

    /// How many lines it takes to say all this.
    pub(super) fn lines(&self) -> usize {
        1 + self.owners.len() + self.made.len()
    }

    /// The fewest lines that say all this.
    pub(super) fn to_lines(&self) -> Vec<Line> {
        let made = self.made.iter().map(|directory| Line::Made(directory.clone()));
        let owned = self.owners.iter().map(|(path, owner)| Line::Own { path: path.clone(), owner: owner.clone() });
        std::iter::once(Line::FIRST).chain(made).chain(owned).collect()
    }

    /// Takes a line in.
    pub(super) fn apply(&mut self, line: Line) {
        match line {
            Line::Format(_) => {}
            Line::Own { path, owner } => drop(self.owners.insert(path, owner)),
            Line::Free(path) => drop(self.owners.remove(&path)),
            Line::Made(directory) => drop(self.made.insert(directory)),
            Line::Unmade(directory) => drop(self.made.remove(&directory)),
        }
    }

    /// Takes in text of the journal, after `before` lines, and returns how many lines and bytes
    /// of it are good. What a crash cut off at the end is not.
    pub(super) fn read(&mut self, before: usize, text: &[u8]) -> Result<(usize, usize), Unreadable> {
        let (mut lines, mut bytes) = (0, 0);
        while let Some(length) = text[bytes..].iter().position(|byte| *byte == b'\n') {
            let end = bytes + length + 1;
            match serde_json::from_slice(&text[bytes..end]) {
                Ok(Line::Format(format)) if format > FORMAT => return Err(Unreadable::Newer(format)),
                Ok(line) => self.apply(line),
                // A crash can leave the last line's end on disk without its start.
                Err(_) if end == text.len() => break,
                Err(_) => return Err(Unreadable::Damaged(before + lines + 1)),
            }
            lines += 1;
            bytes = end;
        }
        Ok((lines, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(path: &str, owner: &str) -> Line {
        Line::Own { path: path.to_owned(), owner: owner.into() }
    }

    #[test]
    fn marks_survive_being_written_and_read() {
        let lines = [
            Line::FIRST,
            Line::Made("d".to_owned()),
            own("d/\"ü\"", "app/site"),
            own("x", "other/site"),
            own("y", "app/site"),
            Line::Free("x".to_owned()),
            Line::Made("e".to_owned()),
            Line::Unmade("e".to_owned()),
        ];
        let text = to_text(&lines).unwrap();
        let mut marks = Marks::default();
        assert_eq!(marks.read(0, &text), Ok((lines.len(), text.len())));
        assert_eq!(marks.owned_by("app/site"), ["d/\"ü\"", "y"]);
        assert!(marks.made("d") && !marks.made("e"));
        let short = marks.to_lines();
        assert_eq!(short, [Line::FIRST, Line::Made("d".to_owned()), own("d/\"ü\"", "app/site"), own("y", "app/site")]);
        assert_eq!(marks.lines(), short.len());
    }

    #[test]
    fn any_cut_of_the_end_loses_whole_lines_only() {
        let text = to_text(&[Line::FIRST, own("a", "o"), own("b", "o")]).unwrap();
        let ends: Vec<_> = (0..text.len()).filter(|at| text[*at] == b'\n').map(|at| at + 1).collect();
        for cut in 0..=text.len() {
            let (lines, bytes) = Marks::default().read(0, &text[..cut]).unwrap();
            assert_eq!(lines, ends.iter().filter(|end| **end <= cut).count(), "cut at {cut}");
            assert_eq!(bytes, ends.iter().copied().filter(|end| *end <= cut).max().unwrap_or(0));
        }
    }

    #[test]
    fn damage_is_forgiven_in_the_last_line_only() {
        let mut text = to_text(&[Line::FIRST, own("a", "o"), own("b", "o")]).unwrap();
        let second = text.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let last = text.len() - 4;
        text[last] = 0;
        assert_eq!(Marks::default().read(0, &text).unwrap().0, 2);
        text[second] = 0;
        assert_eq!(Marks::default().read(10, &text), Err(Unreadable::Damaged(12)));
        assert_eq!(Marks::default().read(0, b"{\"format\":2}\n"), Err(Unreadable::Newer(2)));
    }
}
