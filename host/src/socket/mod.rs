//! The socket of a state directory: while one process owns the directory, the verbs of others are
//! executed by it.
//!
//! `springline.sock` lies in the state directory, for its user alone. Who owns the directory is said by
//! its lock, never by the socket: what a dead owner left is replaced by the next one.

mod client;
pub mod controls;
mod execute;
mod frame;
mod outbox;
mod serve;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

pub use self::client::reach;
pub use self::controls::Controls;
pub use self::serve::serve;

/// The socket's name in the state directory.
const NAME: &str = "springline.sock";
/// The longest path that the address of a socket holds, without the zero after it.
const LONGEST: usize = 107;
/// The verb that answers at the socket while it owns a directory.
pub const WATCH: &str = "watch";

/// A name in a directory, as the address of a socket: a path that is too long for one leads through the
/// open directory.
struct Address {
    path: PathBuf,
    _directory: Option<File>,
}

impl Address {
    fn of(directory: &Path, name: &str) -> io::Result<Self> {
        let path = directory.join(name);
        if path.as_os_str().as_bytes().len() <= LONGEST {
            return Ok(Self { path, _directory: None });
        }
        let directory = File::open(directory)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", directory.as_raw_fd()));
        Ok(Self { path, _directory: Some(directory) })
    }
}

fn connect(state: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(Address::of(state, NAME)?.path)
}

/// Whether somebody answers at the socket of this state directory.
pub fn is_there(state: &Path) -> bool {
    connect(state).is_ok()
}

/// Whether an owner, as its lock tells of it, answers at the socket sooner or later.
pub fn answers(owner: &str) -> bool {
    owner.starts_with(&format!("`springline {WATCH}`"))
}

/// Whether it may: one that has just taken the lock has not said yet who it is.
pub fn may_answer(owner: &str) -> bool {
    owner == "another process" || answers(owner)
}
