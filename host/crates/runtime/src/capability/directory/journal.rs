//! The journal `.springline-owned`: who owns what in a lent directory, as lines of JSON.
//!
//! Lines are appended and synced before what they stand for is done; a line that a crash cut off
//! stands for nothing. Whoever writes holds a lock on the file, so processes take turns operation
//! by operation, and each first reads what the others appended.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, Stat, flock, fstat, fsync, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;

use super::DirectoryError;
use super::beneath::Root;
use super::marks::{Line, Marks, Unreadable, to_text};
use super::names::JOURNAL;
use super::temporary::temporary_name;

/// How long one operation of another process is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Below so many lines no journal is worth being written anew.
const MANY_LINES: usize = 1_000;

/// The journal of one directory, parsed.
#[derive(Default)]
pub(super) struct Journal {
    file: Option<Opened>,
    /// How many bytes of the file are good lines, all of them in `marks`.
    bytes: u64,
    lines: usize,
    marks: Marks,
}

struct Opened {
    file: File,
    /// What it was when it was opened, for its identity.
    stat: Stat,
    writable: bool,
}

impl Opened {
    fn is(&self, stat: &Stat) -> bool {
        self.stat.st_ino == stat.st_ino && self.stat.st_dev == stat.st_dev
    }
}

/// The journal while nobody else may write it. Released when dropped.
pub(super) struct Locked<'a> {
    journal: &'a mut Journal,
    root: &'a Root,
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if let Some(opened) = &self.journal.file {
            // Nothing can be done about a failure; closing the file releases the lock as well.
            let _ = flock(&opened.file, FlockOperation::Unlock);
        }
    }
}

impl std::ops::Deref for Locked<'_> {
    type Target = Journal;

    fn deref(&self) -> &Journal {
        self.journal
    }
}

impl Journal {
    /// What it says.
    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Reads what was appended since the last look, or everything if it was written anew. Needs
    /// no lock and no permission to write.
    pub(super) fn refresh(&mut self, root: &Root) -> Result<(), DirectoryError> {
        let failed = |error| DirectoryError::from_os("read", &root.full(JOURNAL), error);
        let stat = match statat(root.fd(), JOURNAL, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => {
                *self = Self::default();
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        let same = self.file.as_ref().is_some_and(|opened| opened.is(&stat));
        if !same {
            let Some(opened) = open(root, OFlags::RDONLY)? else {
                *self = Self::default();
                return Ok(());
            };
            *self = Self { file: Some(opened), ..Self::default() };
        }
        self.read_new(root)
    }

    /// Locks the journal, which is made if it is missing.
    pub(super) fn lock<'a>(&'a mut self, root: &'a Root) -> Result<Locked<'a>, DirectoryError> {
        self.lock_within(root, PATIENCE)?.ok_or_else(|| {
            DirectoryError::Conflict(format!("another Springline is writing to {}: try again later", root.full("")))
        })
    }

    /// Locks the journal if that takes no longer than this.
    pub(super) fn lock_within<'a>(
        &'a mut self,
        root: &'a Root,
        patience: Duration,
    ) -> Result<Option<Locked<'a>>, DirectoryError> {
        let deadline = Instant::now() + patience;
        loop {
            let opened = match self.file.take().filter(|opened| opened.writable) {
                Some(opened) => opened,
                None => {
                    *self = Self::default();
                    open_or_make(root)?
                }
            };
            let locked = lock_until(&opened.file, deadline)
                .map_err(|error| DirectoryError::from_os("lock", &root.full(JOURNAL), error))?;
            let opened = self.file.insert(opened);
            if !locked {
                return Ok(None);
            }
            // Somebody may have put a new file in its place while we waited.
            let current = statat(root.fd(), JOURNAL, AtFlags::SYMLINK_NOFOLLOW);
            if current.is_ok_and(|stat| opened.is(&stat)) {
                break;
            }
            self.file = None;
        }
        let mut locked = Locked { journal: self, root };
        locked.settle()?;
        Ok(Some(locked))
    }

    /// Reads the file from where the good lines ended.
    fn read_new(&mut self, root: &Root) -> Result<(), DirectoryError> {
        let failed = |error: &std::io::Error| DirectoryError::from_io("read", &root.full(JOURNAL), error);
        let Some(opened) = &mut self.file else { return Ok(()) };
        let length = opened.file.metadata().map_err(|error| failed(&error))?.len();
        if length < self.bytes {
            (self.bytes, self.lines, self.marks) = (0, 0, Marks::default());
        }
        if length == self.bytes {
            return Ok(());
        }
        let mut text = Vec::new();
        opened.file.seek(SeekFrom::Start(self.bytes)).map_err(|error| failed(&error))?;
        opened.file.read_to_end(&mut text).map_err(|error| failed(&error))?;
        let (lines, bytes) = self.marks.read(self.lines, &text).map_err(|error| unusable(root, &error))?;
        self.lines += lines;
        self.bytes += bytes as u64;
        Ok(())
    }
}

impl Locked<'_> {
    /// Brings memory and file together: reads what others wrote, cuts off what a crash left, and
    /// writes the whole anew when most of it is out of date.
    fn settle(&mut self) -> Result<(), DirectoryError> {
        self.journal.read_new(self.root)?;
        if let Some(opened) = &self.journal.file {
            let length = opened.file.metadata().map_err(|error| self.failed(&error))?.len();
            if length > self.journal.bytes {
                opened.file.set_len(self.journal.bytes).map_err(|error| self.failed(&error))?;
            }
        }
        if self.journal.lines > MANY_LINES && self.journal.lines > 4 * self.journal.marks.lines() {
            self.compact()?;
        }
        Ok(())
    }

    /// Appends lines, and syncs them. Either all of them count or none does.
    pub(super) fn append(&mut self, lines: Vec<Line>) -> Result<(), DirectoryError> {
        if lines.is_empty() {
            return Ok(());
        }
        let lines: Vec<_> = if self.journal.bytes == 0 { [vec![Line::FIRST], lines].concat() } else { lines };
        let text = to_text(&lines).map_err(|error| DirectoryError::Io(error.to_string()))?;
        let at = self.journal.bytes;
        let Some(opened) = &self.journal.file else {
            return Err(DirectoryError::Io(format!("{} is closed", self.root.full(JOURNAL))));
        };
        let written = opened.file.write_all_at(&text, at).and_then(|()| opened.file.sync_data());
        if let Err(error) = written {
            // If cutting fails as well, the next who locks it cuts.
            let _ = opened.file.set_len(at);
            return Err(self.failed(&error));
        }
        self.journal.bytes += text.len() as u64;
        self.journal.lines += lines.len();
        lines.into_iter().for_each(|line| self.journal.marks.apply(line));
        Ok(())
    }

    /// Writes the fewest lines that say the same to a new file, and puts it in the old one's
    /// place, locked from before it is there.
    fn compact(&mut self) -> Result<(), DirectoryError> {
        let lines = self.journal.marks.to_lines();
        let text = to_text(&lines).map_err(|error| DirectoryError::Io(error.to_string()))?;
        let name = temporary_name();
        let made = openat(self.root.fd(), name.as_str(), WRITABLE | OFlags::CREATE | OFlags::EXCL, MODE);
        let Ok(fd) = made else { return Ok(()) };
        let Ok(opened) = self.replace(fd, &name, &text) else {
            // The old one is as good; a disk too full for a new one must not stop a removal.
            let _ = unlinkat(self.root.fd(), name.as_str(), AtFlags::empty());
            return Ok(());
        };
        self.journal.file = Some(opened);
        self.journal.bytes = text.len() as u64;
        self.journal.lines = lines.len();
        fsync(self.root.fd()).map_err(|error| self.failed(&error.into()))
    }

    fn replace(&self, fd: OwnedFd, name: &str, text: &[u8]) -> std::io::Result<Opened> {
        flock(&fd, FlockOperation::NonBlockingLockExclusive)?;
        let stat = fstat(&fd)?;
        let mut file = File::from(fd);
        file.write_all(text)?;
        file.sync_all()?;
        renameat(self.root.fd(), name, self.root.fd(), JOURNAL)?;
        Ok(Opened { file, stat, writable: true })
    }

    fn failed(&self, error: &std::io::Error) -> DirectoryError {
        DirectoryError::from_io("write", &self.root.full(JOURNAL), error)
    }
}

const WRITABLE: OFlags = OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const MODE: Mode = Mode::from_raw_mode(0o644);

/// Opens the journal; none if there is none.
fn open(root: &Root, flags: OFlags) -> Result<Option<Opened>, DirectoryError> {
    let what = if flags.contains(OFlags::RDWR) { "write" } else { "read" };
    let failed = |error| DirectoryError::from_os(what, &root.full(JOURNAL), error);
    let no_file = || DirectoryError::Io(format!("{} is no regular file", root.full(JOURNAL)));
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = match openat(root.fd(), JOURNAL, flags, MODE) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP | Errno::ISDIR) => return Err(no_file()),
        Err(error) => return Err(failed(error)),
    };
    let stat = fstat(&fd).map_err(failed)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(no_file());
    }
    let writable = flags.contains(OFlags::RDWR);
    Ok(Some(Opened { file: File::from(fd), stat, writable }))
}

/// Opens the journal for writing; a new one is durable in its directory.
fn open_or_make(root: &Root) -> Result<Opened, DirectoryError> {
    loop {
        if let Some(opened) = open(root, OFlags::RDWR)? {
            return Ok(opened);
        }
        let failed = |error| DirectoryError::from_os("write", &root.full(JOURNAL), error);
        match openat(root.fd(), JOURNAL, WRITABLE | OFlags::CREATE | OFlags::EXCL, MODE) {
            Ok(_) => fsync(root.fd()).map_err(failed)?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Takes the lock, asking again now and then, since waiting in the kernel could not be ended.
fn lock_until(file: &File, deadline: Instant) -> rustix::io::Result<bool> {
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(Errno::WOULDBLOCK | Errno::INTR) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

fn unusable(root: &Root, error: &Unreadable) -> DirectoryError {
    let hint = match error {
        Unreadable::Damaged(_) => "; mend the line, or remove the file and let Springline adopt what is there",
        Unreadable::Newer(_) => "",
    };
    DirectoryError::Io(format!("{} can't be used: {error}{hint}", root.full(JOURNAL)))
}
