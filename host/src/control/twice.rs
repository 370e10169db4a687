//! A file that is followed while the loop runs: what it says holds once it has said so twice.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a file is looked at.
pub(super) const EVERY: Duration = Duration::from_secs(2);

/// What a file says, or why it can't be read.
type Said = Result<String, String>;

/// A file, as it was read last.
pub(super) struct Twice {
    path: PathBuf,
    /// What was made known of it last.
    said: Said,
    /// What is there instead, since the last look: who writes it may not be through.
    next: Option<Said>,
    due: Instant,
}

impl Twice {
    /// A file, as it is now. It need not be there.
    pub(super) fn open(path: PathBuf) -> Self {
        let said = read(&path);
        Self { path, said, next: None, due: Instant::now() + EVERY }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it said last, or why it could not be read.
    pub(super) fn said(&self) -> Result<&str, &str> {
        self.said.as_deref().map_err(String::as_str)
    }

    /// What it says from now on, if that is something else; so is that it can't be read any more.
    pub(super) fn look(&mut self, now: Instant) -> Option<Result<&str, &str>> {
        if now < self.due {
            return None;
        }
        self.due = now + EVERY;
        let said = Some(read(&self.path)).filter(|said| *said != self.said);
        let is_settled = said.is_some() && said == self.next;
        self.next = said;
        if !is_settled {
            return None;
        }
        self.said = self.next.take()?;
        Some(self.said())
    }
}

fn read(path: &Path) -> Said {
    let read = || match fs::metadata(path)?.is_file() {
        true => fs::read_to_string(path),
        // A pipe may never say anything, and a device may never end.
        false => Err(io::Error::other("it is no file")),
    };
    read().map_err(|error| format!("{} can't be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Looks at it again and again, always when it is due.
    struct Looks(Twice, Instant);

    impl Looks {
        fn at(path: &Path) -> Self {
            Self(Twice::open(path.to_owned()), Instant::now())
        }

        fn look(&mut self) -> Option<Result<String, String>> {
            self.1 += EVERY * 2;
            self.0.look(self.1).map(|said| said.map(str::to_owned).map_err(str::to_owned))
        }

        /// What so many looks tell.
        fn tell(&mut self, looks: usize) -> Vec<Result<String, String>> {
            (0..looks).filter_map(|_| self.look()).collect()
        }
    }

    fn says(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    #[test]
    fn what_a_file_says_twice_holds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("host.yaml");
        let mut file = Looks::at(&path);
        // There is none, and then there is.
        assert_eq!(file.tell(3), []);
        fs::write(&path, "first\n").unwrap();
        assert_eq!((file.look(), file.look()), (None, Some(says("first\n"))));
        fs::write(&path, "half\n").unwrap();
        assert_eq!(file.look(), None);
        fs::write(&path, "whole\n").unwrap();
        assert_eq!((file.look(), file.look()), (None, Some(says("whole\n"))));
        // Gone for a moment, as while it is replaced.
        fs::remove_file(&path).unwrap();
        assert_eq!(file.look(), None);
        fs::write(&path, "whole\n").unwrap();
        assert_eq!(file.tell(3), []);
    }

    #[test]
    fn that_it_can_not_be_read_is_told_once_and_so_is_that_it_is_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fleet.yaml");
        fs::write(&path, "good\n").unwrap();
        let mut file = Looks::at(&path);
        let hide: [(&str, &dyn Fn()); 5] = [
            ("No such file", &|| {}),
            ("is no file", &|| fs::create_dir(&path).unwrap()),
            ("is no file", &|| drop(std::os::unix::net::UnixListener::bind(&path).unwrap())),
            ("valid UTF-8", &|| fs::write(&path, b"\xff\xfe").unwrap()),
            ("No such file", &|| symlink("nowhere", &path).unwrap()),
        ];
        for (why, hide) in hide {
            fs::remove_file(&path).unwrap();
            hide();
            let told = file.tell(5);
            assert!(matches!(&told[..], [Err(told)] if told.contains(why) && told.contains("fleet.yaml")), "{told:?}");
            let _ = fs::remove_dir(&path);
            let _ = fs::remove_file(&path);
            fs::write(&path, "good\n").unwrap();
            assert_eq!(file.tell(5), [says("good\n")]);
        }
    }

    /// As Kubernetes mounts a ConfigMap: the file leads through `..data` to a directory, and another one is put in
    /// its place at once.
    #[test]
    fn a_link_that_leads_elsewhere_is_followed() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let mount = |version: &str, text: &str| {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("fleet.yaml"), text).unwrap();
            symlink(version, at("..data_tmp")).unwrap();
            fs::rename(at("..data_tmp"), at("..data")).unwrap();
        };
        mount("..1", "first\n");
        symlink("..data/fleet.yaml", at("fleet.yaml")).unwrap();
        let mut file = Looks::at(&at("fleet.yaml"));
        assert_eq!(file.0.said(), Ok("first\n"));
        mount("..2", "second\n");
        fs::remove_dir_all(at("..1")).unwrap();
        assert_eq!(file.tell(4), [says("second\n")]);
        mount("..3", "second\n");
        fs::remove_dir_all(at("..2")).unwrap();
        assert_eq!(file.tell(4), []);
    }
}
