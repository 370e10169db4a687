//! A file that is followed while the loop runs: what it says holds once it has said so twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a file is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// A file, as it was read last.
pub(super) struct Twice {
    path: PathBuf,
    /// What is in force, or was refused.
    text: String,
    /// What is there instead, since the last look: who writes it may not be through.
    next: Option<String>,
    due: Instant,
}

impl Twice {
    /// A file that says this now.
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        Self { path, text, next: None, due: Instant::now() + EVERY }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says from now on, if that is something else. One that can't be read, as while it is being
    /// replaced, says what it said.
    pub(super) fn look(&mut self, now: Instant) -> Option<&str> {
        if now < self.due {
            return None;
        }
        self.due = now + EVERY;
        let text = fs::read_to_string(&self.path).ok().filter(|text| *text != self.text);
        let is_settled = text.is_some() && text == self.next;
        self.next = text;
        if !is_settled {
            return None;
        }
        self.text = self.next.take()?;
        Some(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_twice_holds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("host.yaml");
        let mut file = Twice::new(path.clone(), String::new());
        let mut now = Instant::now();
        let mut look = |file: &mut Twice| {
            now += EVERY * 2;
            file.look(now).map(str::to_owned)
        };
        // There is none, and then there is.
        assert_eq!((look(&mut file), look(&mut file)), (None, None));
        fs::write(&path, "first\n").unwrap();
        assert_eq!((look(&mut file), look(&mut file)), (None, Some("first\n".to_owned())));
        fs::write(&path, "half\n").unwrap();
        assert_eq!(look(&mut file), None);
        fs::write(&path, "whole\n").unwrap();
        assert_eq!((look(&mut file), look(&mut file)), (None, Some("whole\n".to_owned())));
        assert_eq!(look(&mut file), None);
        // Gone, as while it is replaced; and back as it was.
        fs::remove_file(&path).unwrap();
        assert_eq!((look(&mut file), look(&mut file)), (None, None));
        fs::write(&path, "whole\n").unwrap();
        assert_eq!((look(&mut file), look(&mut file)), (None, None));
    }
}
