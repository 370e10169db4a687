//! The functions of `wasi:filesystem`.

use std::sync::Arc;

use springline_model::Hasher;
use springline_model::tree::EntryKind;
use wasmtime::component::Resource;
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

use super::content::{OutFile, ReadFile, WriteFile};
use super::{At, Descriptor, FsError, FsResult, Listing, type_of};
use crate::bindings::wasi::filesystem::preopens;
use crate::bindings::wasi::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode, Filesize,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use crate::files::{FileError, Open};
use crate::state::CallState;
use crate::wasi::clocks::WALL_CLOCK;
use crate::wasi::streams::{CHUNK, FileInput, FileOutput};

impl preopens::Host for CallState {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let mut directories = Vec::new();
        for (at, path) in self.roots() {
            let flags = match at {
                At::Out(_) => DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY,
                At::Artifacts | At::Mount { .. } => DescriptorFlags::READ,
            };
            directories.push((self.table.push(Descriptor { at, flags })?, path.to_owned()));
        }
        Ok(directories)
    }
}

impl types::Host for CallState {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        match error {
            FsError::Code(code) => Ok(code),
            FsError::Trap(error) => Err(error),
        }
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(self.table.get(&error)?.downcast_ref::<ErrorCode>().copied())
    }
}

impl CallState {
    fn descriptor(&self, descriptor: &Resource<Descriptor>) -> FsResult<&Descriptor> {
        Ok(self.table.get(descriptor)?)
    }

    fn at(&self, descriptor: &Resource<Descriptor>) -> FsResult<At> {
        Ok(self.descriptor(descriptor)?.at.clone())
    }

    /// A node of `/out`, to be changed. Everything else is read-only.
    fn changeable(&self, descriptor: &Resource<Descriptor>) -> FsResult<super::OutNode> {
        match &self.descriptor(descriptor)?.at {
            At::Out(node) => Ok(node.clone()),
            At::Artifacts | At::Mount { .. } => Err(FileError::ReadOnly.into()),
        }
    }

    /// A file of `/out` that was opened for writing.
    fn writable(&self, descriptor: &Resource<Descriptor>) -> FsResult<super::OutNode> {
        let node = self.changeable(descriptor)?;
        if !self.descriptor(descriptor)?.writes() {
            return Err(ErrorCode::BadDescriptor.into());
        }
        Ok(node)
    }

    fn readable_file(&self, descriptor: &Resource<Descriptor>) -> FsResult<ReadFile> {
        let descriptor = self.descriptor(descriptor)?;
        if descriptor.writes() && !descriptor.flags.contains(DescriptorFlags::READ) {
            return Err(ErrorCode::BadDescriptor.into());
        }
        match &descriptor.at {
            At::Artifacts => Err(FileError::IsDirectory.into()),
            At::Mount { mount, path, kind } => match kind {
                EntryKind::Directory => Err(FileError::IsDirectory.into()),
                _ => Ok(ReadFile::Mount {
                    mounts: Arc::clone(&self.files.mounts),
                    mount: *mount,
                    path: path.clone(),
                    bytes: None,
                }),
            },
            At::Out(node) => match node.with(|out, node| out.stat(node))?.kind {
                EntryKind::Directory => Err(FileError::IsDirectory.into()),
                _ => Ok(ReadFile::Out(OutFile(node.clone()))),
            },
        }
    }

    fn stat_of(&self, at: &At) -> FsResult<DescriptorStat> {
        let (kind, size) = match at {
            At::Artifacts => (EntryKind::Directory, 0),
            At::Mount { kind: EntryKind::Directory, .. } => (EntryKind::Directory, 0),
            At::Mount { mount, path, kind } => (*kind, self.files.mounts.size(*mount, path)?),
            At::Out(node) => {
                let stat = node.with(|out, node| out.stat(node))?;
                (stat.kind, stat.size)
            }
        };
        Ok(stat(kind, size))
    }

    /// Identifies a place, and says nothing of what is there.
    fn hash_of(&self, at: &At) -> MetadataHashValue {
        let mut hasher = Hasher::default();
        match at {
            At::Artifacts => hasher.field(b"artifacts"),
            At::Mount { mount, path, .. } => hasher.field(&mount.to_le_bytes()).field(path.as_bytes()),
            At::Out(node) => hasher.field(b"out").field(format!("{:?}", node.id()).as_bytes()),
        };
        let digest = hasher.finish();
        let half = |start: usize| u64::from_le_bytes(std::array::from_fn(|at| digest.as_bytes()[start + at]));
        MetadataHashValue { lower: half(0), upper: half(8) }
    }

    fn open_mounted(
        &mut self,
        from: &At,
        path: &str,
        follow: bool,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<At> {
        let changes = DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY;
        if flags.intersects(changes) || open.contains(OpenFlags::TRUNCATE) {
            return Err(FileError::ReadOnly.into());
        }
        let found = match self.look_up(from, path, follow) {
            Err(FileError::NotFound) if open.contains(OpenFlags::CREATE) => return Err(FileError::ReadOnly.into()),
            found => found?,
        };
        if open.contains(OpenFlags::CREATE | OpenFlags::EXCLUSIVE) {
            return Err(FileError::Exists.into());
        }
        match &found {
            At::Mount { kind: EntryKind::Symlink, .. } => Err(FileError::Loop.into()),
            At::Mount { kind: EntryKind::File | EntryKind::Executable, .. } if open.contains(OpenFlags::DIRECTORY) => {
                Err(FileError::NotDirectory.into())
            }
            _ => Ok(found),
        }
    }
}

fn stat(kind: EntryKind, size: u64) -> DescriptorStat {
    DescriptorStat {
        type_: type_of(kind),
        link_count: 1,
        size,
        data_access_timestamp: Some(WALL_CLOCK),
        data_modification_timestamp: Some(WALL_CLOCK),
        status_change_timestamp: Some(WALL_CLOCK),
    }
}

impl types::HostDescriptor for CallState {
    fn read_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        let file = self.readable_file(&descriptor)?;
        let stream: DynInputStream = Box::new(FileInput { file, offset });
        Ok(self.table.push(stream)?)
    }

    fn write_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        let file = WriteFile(self.writable(&descriptor)?);
        let stream: DynOutputStream = Box::new(FileOutput { file, offset: Some(offset) });
        Ok(self.table.push(stream)?)
    }

    fn append_via_stream(&mut self, descriptor: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        let file = WriteFile(self.writable(&descriptor)?);
        let stream: DynOutputStream = Box::new(FileOutput { file, offset: None });
        Ok(self.table.push(stream)?)
    }

    fn advise(&mut self, descriptor: Resource<Descriptor>, _: Filesize, _: Filesize, _: Advice) -> FsResult<()> {
        self.descriptor(&descriptor)?;
        Ok(())
    }

    fn sync_data(&mut self, descriptor: Resource<Descriptor>) -> FsResult<()> {
        self.sync(descriptor)
    }

    fn sync(&mut self, descriptor: Resource<Descriptor>) -> FsResult<()> {
        self.descriptor(&descriptor)?;
        Ok(())
    }

    fn get_flags(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        Ok(self.descriptor(&descriptor)?.flags)
    }

    fn get_type(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorType> {
        Ok(match &self.descriptor(&descriptor)?.at {
            At::Artifacts => DescriptorType::Directory,
            At::Mount { kind, .. } => type_of(*kind),
            At::Out(node) => type_of(node.with(|out, node| out.stat(node))?.kind),
        })
    }

    fn set_size(&mut self, descriptor: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        Ok(self.writable(&descriptor)?.with(|out, node| out.set_size(node, size))?)
    }

    /// All times are constant. Setting them is no error, as many programs do after writing.
    fn set_times(&mut self, descriptor: Resource<Descriptor>, _: NewTimestamp, _: NewTimestamp) -> FsResult<()> {
        self.changeable(&descriptor)?;
        Ok(())
    }

    fn read(
        &mut self,
        descriptor: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        let size = usize::try_from(length).unwrap_or(usize::MAX).min(CHUNK);
        let bytes = self.readable_file(&descriptor)?.read(offset, size)?;
        let ended = bytes.is_empty() && size > 0;
        Ok((bytes.into(), ended))
    }

    fn write(&mut self, descriptor: Resource<Descriptor>, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        WriteFile(self.writable(&descriptor)?).write(offset, &bytes)?;
        Ok(bytes.len() as u64)
    }

    fn read_directory(&mut self, descriptor: Resource<Descriptor>) -> FsResult<Resource<Listing>> {
        let listing = match self.at(&descriptor)? {
            At::Artifacts => Listing::Artifacts(self.list_artifacts()?.into_iter()),
            At::Mount { mount, path, .. } => Listing::Mounted(self.files.mounts.list(mount, &path)?, 0),
            At::Out(node) => {
                node.with(|out, node| out.next_entry(node, None))?;
                Listing::Out(node, None)
            }
        };
        Ok(self.table.push(listing)?)
    }

    fn create_directory_at(&mut self, descriptor: Resource<Descriptor>, path: String) -> FsResult<()> {
        Ok(self.changeable(&descriptor)?.with(|out, node| out.mkdir(node, &path))?)
    }

    fn stat(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.stat_of(&self.at(&descriptor)?)
    }

    fn stat_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let follow = flags.contains(PathFlags::SYMLINK_FOLLOW);
        let at = self.at(&descriptor)?;
        let found = self.look_up(&at, &path, follow)?;
        self.stat_of(&found)
    }

    fn set_times_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        _: NewTimestamp,
        _: NewTimestamp,
    ) -> FsResult<()> {
        let follow = flags.contains(PathFlags::SYMLINK_FOLLOW);
        self.changeable(&descriptor)?.with(|out, node| out.lookup(node, &path, follow))?;
        Ok(())
    }

    /// There are no hard links.
    fn link_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        _: PathFlags,
        _: String,
        _: Resource<Descriptor>,
        _: String,
    ) -> FsResult<()> {
        self.changeable(&descriptor)?;
        Err(FileError::NotPermitted.into())
    }

    fn open_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let follow = path_flags.contains(PathFlags::SYMLINK_FOLLOW);
        let at = match self.at(&descriptor)? {
            At::Out(node) => At::Out(node.open(
                &path,
                Open {
                    write: flags.contains(DescriptorFlags::WRITE),
                    create: open.contains(OpenFlags::CREATE),
                    exclusive: open.contains(OpenFlags::EXCLUSIVE),
                    truncate: open.contains(OpenFlags::TRUNCATE),
                    directory: open.contains(OpenFlags::DIRECTORY),
                    follow,
                },
            )?),
            from => self.open_mounted(&from, &path, follow, open, flags)?,
        };
        Ok(self.table.push(Descriptor { at, flags })?)
    }

    fn readlink_at(&mut self, descriptor: Resource<Descriptor>, path: String) -> FsResult<String> {
        let at = self.at(&descriptor)?;
        match self.look_up(&at, &path, false)? {
            At::Artifacts => Err(FileError::Invalid.into()),
            At::Mount { mount, path, .. } => Ok(self.files.mounts.readlink(mount, &path)?),
            At::Out(link) => Ok(link.with(|out, link| out.readlink(link).map(str::to_owned))?),
        }
    }

    fn remove_directory_at(&mut self, descriptor: Resource<Descriptor>, path: String) -> FsResult<()> {
        Ok(self.changeable(&descriptor)?.with(|out, node| out.rmdir(node, &path))?)
    }

    fn rename_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (from, to) = (self.changeable(&descriptor)?, self.changeable(&new_descriptor)?.id());
        Ok(from.with(|out, from| out.rename(from, &path, to, &new_path))?)
    }

    fn symlink_at(&mut self, descriptor: Resource<Descriptor>, target: String, path: String) -> FsResult<()> {
        Ok(self.changeable(&descriptor)?.with(|out, node| out.symlink(node, &path, &target))?)
    }

    fn unlink_file_at(&mut self, descriptor: Resource<Descriptor>, path: String) -> FsResult<()> {
        Ok(self.changeable(&descriptor)?.with(|out, node| out.unlink(node, &path))?)
    }

    fn is_same_object(&mut self, a: Resource<Descriptor>, b: Resource<Descriptor>) -> wasmtime::Result<bool> {
        Ok(match (&self.table.get(&a)?.at, &self.table.get(&b)?.at) {
            (At::Artifacts, At::Artifacts) => true,
            (At::Mount { mount, path, .. }, At::Mount { mount: other, path: other_path, .. }) => {
                mount == other && path == other_path
            }
            (At::Out(a), At::Out(b)) => a.id() == b.id(),
            _ => false,
        })
    }

    fn metadata_hash(&mut self, descriptor: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        Ok(self.hash_of(&self.descriptor(&descriptor)?.at))
    }

    fn metadata_hash_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let follow = flags.contains(PathFlags::SYMLINK_FOLLOW);
        let at = self.at(&descriptor)?;
        let found = self.look_up(&at, &path, follow)?;
        Ok(self.hash_of(&found))
    }

    fn drop(&mut self, descriptor: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.table.delete(descriptor)?;
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for CallState {
    fn read_directory_entry(&mut self, listing: Resource<Listing>) -> FsResult<Option<DirectoryEntry>> {
        Ok(self.table.get_mut(&listing)?.next()?)
    }

    fn drop(&mut self, listing: Resource<Listing>) -> wasmtime::Result<()> {
        self.table.delete(listing)?;
        Ok(())
    }
}
