//! As little of WASI as a renderer calls: files in memory, without limits, trace or modes.

use std::sync::Arc;

use wasmtime::component::Resource;

use crate::bare::bindings::wasi::cli::environment;
use crate::bare::bindings::wasi::filesystem::preopens;
use crate::bare::bindings::wasi::filesystem::types::{
    self, Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
    ErrorCode, InputStream, MetadataHashValue, NewTimestamp, OpenFlags, OutputStream, PathFlags,
};
use crate::bare::bindings::wasi::io::streams::StreamError;
use crate::bare::bindings::wasi::io::{error, poll, streams};
use crate::bare::bindings::wasi::random::{insecure_seed, random};
use crate::raw::Nobody;

/// A flat directory; a descriptor is 0 for it, and the place of a file in it plus 1.
pub struct Nodes(Vec<(String, Vec<u8>)>);

impl Nodes {
    /// Of these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect())
    }

    fn find(&self, path: &str) -> Result<u32, ErrorCode> {
        if matches!(path, "" | ".") {
            return Ok(0);
        }
        let at = self.0.iter().position(|(name, _)| name == path).ok_or(ErrorCode::NoEntry)?;
        Ok(at as u32 + 1)
    }

    fn file(&self, descriptor: u32) -> Result<&[u8], ErrorCode> {
        let (_, bytes) = self.0.get((descriptor as usize).wrapping_sub(1)).ok_or(ErrorCode::IsDirectory)?;
        Ok(bytes)
    }

    fn stat(&self, descriptor: u32) -> DescriptorStat {
        DescriptorStat {
            type_: kind(descriptor),
            link_count: 1,
            size: self.file(descriptor).map_or(0, |bytes| bytes.len() as u64),
            data_access_timestamp: None,
            data_modification_timestamp: None,
            status_change_timestamp: None,
        }
    }
}

const fn kind(descriptor: u32) -> DescriptorType {
    match descriptor {
        0 => DescriptorType::Directory,
        _ => DescriptorType::RegularFile,
    }
}

const fn hash(descriptor: u32) -> MetadataHashValue {
    MetadataHashValue { lower: descriptor as u64, upper: 0 }
}

/// One call's files.
pub struct Files {
    nodes: Arc<Nodes>,
    /// A file and the place of the next byte, each.
    streams: Vec<(u32, usize)>,
    /// The place of the next entry, each.
    listings: Vec<usize>,
    /// Who answers about the context.
    pub nobody: Nobody,
}

impl Files {
    /// Nothing open yet.
    pub const fn new(nodes: Arc<Nodes>) -> Self {
        Self { nodes, streams: Vec::new(), listings: Vec::new(), nobody: Nobody }
    }

    fn next(&mut self, stream: &Resource<InputStream>, length: u64) -> Result<Vec<u8>, StreamError> {
        let (file, offset) = &mut self.streams[stream.rep() as usize];
        let rest = &self.nodes.file(*file).map_err(|_| StreamError::Closed)?[*offset..];
        if rest.is_empty() {
            return Err(StreamError::Closed);
        }
        let bytes = &rest[..rest.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
        *offset += bytes.len();
        Ok(bytes.to_vec())
    }
}

impl preopens::Host for Files {
    fn get_directories(&mut self) -> Vec<(Resource<Descriptor>, String)> {
        vec![(Resource::new_own(0), "/in".to_owned())]
    }
}

/// Functions that no renderer calls.
macro_rules! unsupported {
    ($($name:ident($($argument:ty),*) -> Result<$value:ty, $error:ty>;)*) => {
        $(fn $name(&mut self, $(_: $argument),*) -> Result<$value, $error> {
            Err(<$error>::from(Unsupported))
        })*
    };
}

struct Unsupported;

impl From<Unsupported> for ErrorCode {
    fn from(_: Unsupported) -> Self {
        Self::Unsupported
    }
}

impl From<Unsupported> for StreamError {
    fn from(_: Unsupported) -> Self {
        Self::Closed
    }
}

impl types::Host for Files {
    fn filesystem_error_code(&mut self, _: Resource<types::Error>) -> Option<ErrorCode> {
        None
    }
}

impl types::HostDescriptor for Files {
    fn read_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: u64,
    ) -> Result<Resource<InputStream>, ErrorCode> {
        self.streams.push((descriptor.rep(), usize::try_from(offset).unwrap_or(usize::MAX)));
        Ok(Resource::new_own(self.streams.len() as u32 - 1))
    }

    fn get_flags(&mut self, _: Resource<Descriptor>) -> Result<DescriptorFlags, ErrorCode> {
        Ok(DescriptorFlags::READ)
    }

    fn get_type(&mut self, descriptor: Resource<Descriptor>) -> Result<DescriptorType, ErrorCode> {
        Ok(kind(descriptor.rep()))
    }

    fn read(
        &mut self,
        descriptor: Resource<Descriptor>,
        length: u64,
        offset: u64,
    ) -> Result<(Vec<u8>, bool), ErrorCode> {
        let bytes = self.nodes.file(descriptor.rep())?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(bytes.len());
        Ok((bytes[start..end].to_vec(), end == bytes.len()))
    }

    fn read_directory(&mut self, _: Resource<Descriptor>) -> Result<Resource<DirectoryEntryStream>, ErrorCode> {
        self.listings.push(0);
        Ok(Resource::new_own(self.listings.len() as u32 - 1))
    }

    fn stat(&mut self, descriptor: Resource<Descriptor>) -> Result<DescriptorStat, ErrorCode> {
        Ok(self.nodes.stat(descriptor.rep()))
    }

    fn stat_at(&mut self, _: Resource<Descriptor>, _: PathFlags, path: String) -> Result<DescriptorStat, ErrorCode> {
        Ok(self.nodes.stat(self.nodes.find(&path)?))
    }

    fn open_at(
        &mut self,
        _: Resource<Descriptor>,
        _: PathFlags,
        path: String,
        _: OpenFlags,
        _: DescriptorFlags,
    ) -> Result<Resource<Descriptor>, ErrorCode> {
        Ok(Resource::new_own(self.nodes.find(&path)?))
    }

    fn is_same_object(&mut self, a: Resource<Descriptor>, b: Resource<Descriptor>) -> bool {
        a.rep() == b.rep()
    }

    fn metadata_hash(&mut self, descriptor: Resource<Descriptor>) -> Result<MetadataHashValue, ErrorCode> {
        Ok(hash(descriptor.rep()))
    }

    fn metadata_hash_at(
        &mut self,
        _: Resource<Descriptor>,
        _: PathFlags,
        path: String,
    ) -> Result<MetadataHashValue, ErrorCode> {
        Ok(hash(self.nodes.find(&path)?))
    }

    unsupported! {
        write_via_stream(Resource<Descriptor>, u64) -> Result<Resource<OutputStream>, ErrorCode>;
        append_via_stream(Resource<Descriptor>) -> Result<Resource<OutputStream>, ErrorCode>;
        advise(Resource<Descriptor>, u64, u64, Advice) -> Result<(), ErrorCode>;
        sync_data(Resource<Descriptor>) -> Result<(), ErrorCode>;
        sync(Resource<Descriptor>) -> Result<(), ErrorCode>;
        set_size(Resource<Descriptor>, u64) -> Result<(), ErrorCode>;
        set_times(Resource<Descriptor>, NewTimestamp, NewTimestamp) -> Result<(), ErrorCode>;
        write(Resource<Descriptor>, Vec<u8>, u64) -> Result<u64, ErrorCode>;
        create_directory_at(Resource<Descriptor>, String) -> Result<(), ErrorCode>;
        set_times_at(Resource<Descriptor>, PathFlags, String, NewTimestamp, NewTimestamp) -> Result<(), ErrorCode>;
        link_at(Resource<Descriptor>, PathFlags, String, Resource<Descriptor>, String) -> Result<(), ErrorCode>;
        readlink_at(Resource<Descriptor>, String) -> Result<String, ErrorCode>;
        remove_directory_at(Resource<Descriptor>, String) -> Result<(), ErrorCode>;
        rename_at(Resource<Descriptor>, String, Resource<Descriptor>, String) -> Result<(), ErrorCode>;
        symlink_at(Resource<Descriptor>, String, String) -> Result<(), ErrorCode>;
        unlink_file_at(Resource<Descriptor>, String) -> Result<(), ErrorCode>;
    }

    fn drop(&mut self, _: Resource<Descriptor>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for Files {
    fn read_directory_entry(
        &mut self,
        listing: Resource<DirectoryEntryStream>,
    ) -> Result<Option<DirectoryEntry>, ErrorCode> {
        let next = &mut self.listings[listing.rep() as usize];
        *next += 1;
        let entry = self.nodes.0.get(*next - 1);
        Ok(entry.map(|(name, _)| DirectoryEntry { type_: DescriptorType::RegularFile, name: name.clone() }))
    }

    fn drop(&mut self, _: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl streams::Host for Files {}

impl streams::HostInputStream for Files {
    fn read(&mut self, stream: Resource<InputStream>, length: u64) -> Result<Vec<u8>, StreamError> {
        self.next(&stream, length)
    }

    fn blocking_read(&mut self, stream: Resource<InputStream>, length: u64) -> Result<Vec<u8>, StreamError> {
        self.next(&stream, length)
    }

    unsupported! {
        skip(Resource<InputStream>, u64) -> Result<u64, StreamError>;
        blocking_skip(Resource<InputStream>, u64) -> Result<u64, StreamError>;
    }

    fn subscribe(&mut self, _: Resource<InputStream>) -> Resource<poll::Pollable> {
        Resource::new_own(0)
    }

    fn drop(&mut self, _: Resource<InputStream>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl streams::HostOutputStream for Files {
    unsupported! {
        check_write(Resource<OutputStream>) -> Result<u64, StreamError>;
        write(Resource<OutputStream>, Vec<u8>) -> Result<(), StreamError>;
        blocking_write_and_flush(Resource<OutputStream>, Vec<u8>) -> Result<(), StreamError>;
        flush(Resource<OutputStream>) -> Result<(), StreamError>;
        blocking_flush(Resource<OutputStream>) -> Result<(), StreamError>;
        write_zeroes(Resource<OutputStream>, u64) -> Result<(), StreamError>;
        blocking_write_zeroes_and_flush(Resource<OutputStream>, u64) -> Result<(), StreamError>;
        splice(Resource<OutputStream>, Resource<InputStream>, u64) -> Result<u64, StreamError>;
        blocking_splice(Resource<OutputStream>, Resource<InputStream>, u64) -> Result<u64, StreamError>;
    }

    fn subscribe(&mut self, _: Resource<OutputStream>) -> Resource<poll::Pollable> {
        Resource::new_own(0)
    }

    fn drop(&mut self, _: Resource<OutputStream>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl poll::Host for Files {
    fn poll(&mut self, all: Vec<Resource<poll::Pollable>>) -> Vec<u32> {
        (0..all.len() as u32).collect()
    }
}

impl poll::HostPollable for Files {
    fn ready(&mut self, _: Resource<poll::Pollable>) -> bool {
        true
    }

    fn block(&mut self, _: Resource<poll::Pollable>) {}

    fn drop(&mut self, _: Resource<poll::Pollable>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl error::Host for Files {}

impl error::HostError for Files {
    fn to_debug_string(&mut self, _: Resource<error::Error>) -> String {
        String::new()
    }

    fn drop(&mut self, _: Resource<error::Error>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl environment::Host for Files {
    fn get_environment(&mut self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn get_arguments(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn initial_cwd(&mut self) -> Option<String> {
        None
    }
}

impl insecure_seed::Host for Files {
    fn insecure_seed(&mut self) -> (u64, u64) {
        (1, 2)
    }
}

impl random::Host for Files {
    fn get_random_bytes(&mut self, length: u64) -> Vec<u8> {
        vec![1; usize::try_from(length).unwrap_or_default()]
    }

    fn get_random_u64(&mut self) -> u64 {
        1
    }
}
