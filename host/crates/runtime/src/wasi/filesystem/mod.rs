//! `wasi:filesystem` over a call's own files: `/in` and `/artifacts`, which are read-only mounts,
//! and `/out`. No file of the machine is behind any of it.

mod content;
mod host;
mod place;

use springline_model::tree::EntryKind;

pub(crate) use self::content::{ReadFile, WriteFile};
pub(crate) use self::place::{ARTIFACTS, CallFiles, FilesFailure, INPUT};

pub(crate) use self::content::OutNode;
use crate::bindings::wasi::filesystem::types::{DescriptorFlags, DescriptorType, DirectoryEntry, ErrorCode};
use crate::files::FileError;

/// An open file or directory.
pub struct Descriptor {
    at: At,
    flags: DescriptorFlags,
}

/// Where a descriptor is.
#[derive(Clone)]
pub(crate) enum At {
    /// The directory `/artifacts`, whose entries are mounts.
    Artifacts,
    /// In a read-only mount: its index, the resolved path and what is there.
    Mount { mount: usize, path: String, kind: EntryKind },
    /// In `/out`.
    Out(OutNode),
}

impl Descriptor {
    /// Whether it was opened for writing.
    fn writes(&self) -> bool {
        self.flags.contains(DescriptorFlags::WRITE)
    }
}

/// A directory's entries on their way to the guest.
pub struct Listing(std::vec::IntoIter<DirectoryEntry>);

/// How a function of `wasi:filesystem` fails.
#[derive(Debug)]
pub enum FsError {
    /// The guest is told this code.
    Code(ErrorCode),
    /// The call ends.
    Trap(wasmtime::Error),
}

type FsResult<T> = Result<T, FsError>;

impl From<ErrorCode> for FsError {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl From<FileError> for FsError {
    fn from(error: FileError) -> Self {
        Self::Code(code_of(&error))
    }
}

impl From<wasmtime::component::ResourceTableError> for FsError {
    fn from(error: wasmtime::component::ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

impl From<wasmtime::Error> for FsError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

fn code_of(error: &FileError) -> ErrorCode {
    match error {
        FileError::NotFound => ErrorCode::NoEntry,
        FileError::NotDirectory => ErrorCode::NotDirectory,
        FileError::IsDirectory => ErrorCode::IsDirectory,
        FileError::NotPermitted => ErrorCode::NotPermitted,
        FileError::Exists => ErrorCode::Exist,
        FileError::NotEmpty => ErrorCode::NotEmpty,
        FileError::ReadOnly => ErrorCode::ReadOnly,
        FileError::Invalid => ErrorCode::Invalid,
        FileError::Loop => ErrorCode::Loop,
        FileError::QuotaBytes | FileError::QuotaEntries => ErrorCode::Quota,
        FileError::Tree(_) | FileError::Io(_) => ErrorCode::Io,
    }
}

const fn type_of(kind: EntryKind) -> DescriptorType {
    match kind {
        EntryKind::File | EntryKind::Executable => DescriptorType::RegularFile,
        EntryKind::Symlink => DescriptorType::SymbolicLink,
        EntryKind::Directory | EntryKind::Submodule => DescriptorType::Directory,
    }
}
