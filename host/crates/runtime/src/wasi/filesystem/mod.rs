//! `wasi:filesystem` over a call's own files: `/in` and `/artifacts`, which are read-only mounts,
//! and `/out`. No file of the machine is behind any of it.

mod content;
mod host;
mod place;

use std::sync::Arc;

use springline_model::tree::{Directory, EntryKind};

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

/// A directory's entries on their way to the guest. A guest may begin thousands of listings, so none has
/// a copy of its directory.
pub enum Listing {
    /// The names of the artifacts.
    Artifacts(std::vec::IntoIter<String>),
    /// A directory of a mount, and how many of its entries were told.
    Mounted(Arc<Directory>, usize),
    /// A directory of `/out`, and the entry told last.
    Out(OutNode, Option<String>),
}

impl Listing {
    /// The next entry; none at the end.
    fn next(&mut self) -> Result<Option<DirectoryEntry>, FileError> {
        let next = match self {
            Self::Artifacts(names) => names.next().map(|name| (name, EntryKind::Directory)),
            Self::Mounted(directory, told) => {
                let entry = directory.entries().get(*told);
                *told += 1;
                entry.map(|entry| (entry.name.clone(), entry.kind))
            }
            Self::Out(node, last) => {
                let next = node.with(|out, node| out.next_entry(node, last.as_deref()))?;
                if let Some((name, _)) = &next {
                    *last = Some(name.clone());
                }
                next
            }
        };
        Ok(next.map(|(name, kind)| DirectoryEntry { type_: type_of(kind), name }))
    }
}

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
        FileError::Untraceable | FileError::Tree(_) | FileError::Io(_) => ErrorCode::Io,
    }
}

const fn type_of(kind: EntryKind) -> DescriptorType {
    match kind {
        EntryKind::File | EntryKind::Executable => DescriptorType::RegularFile,
        EntryKind::Symlink => DescriptorType::SymbolicLink,
        EntryKind::Directory | EntryKind::Submodule => DescriptorType::Directory,
    }
}
