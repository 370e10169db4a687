//! Where `/out` keeps what is too much for memory: one anonymous file, in blocks.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// The length of a block in bytes.
pub(super) const BLOCK: usize = 64 << 10;
/// How much of all files together is held in memory, in bytes.
const MAX_MEMORY: usize = 64 << 20;

static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// One temporary file for the large files of one `/out`, however many they are: a file of its own
/// for each would use up the process's file descriptors.
pub(super) struct Spool {
    scratch: PathBuf,
    file: Option<File>,
    blocks: u32,
    free: Vec<u32>,
    memory: usize,
}

impl Spool {
    /// A spool that makes its file below this directory when it first needs one.
    pub(super) fn new(scratch: PathBuf) -> Self {
        Self { scratch, file: None, blocks: 0, free: Vec::new(), memory: 0 }
    }

    /// Whether so many more bytes may be held in memory; if so, they are counted.
    pub(super) fn take_memory(&mut self, bytes: usize) -> bool {
        let fits = self.memory + bytes <= MAX_MEMORY;
        if fits {
            self.memory += bytes;
        }
        fits
    }

    /// Gives back counted bytes.
    pub(super) fn give_memory(&mut self, bytes: usize) {
        self.memory = self.memory.saturating_sub(bytes);
    }

    /// A block of zeros.
    pub(super) fn allocate(&mut self) -> io::Result<u32> {
        if self.file.is_none() {
            self.file = Some(tempfile::tempfile_in(&self.scratch)?);
        }
        if let Some(block) = self.free.pop() {
            self.write(block, 0, &ZEROS)?;
            return Ok(block);
        }
        let block = self.blocks;
        self.blocks = block.checked_add(1).ok_or_else(|| io::Error::other("too many blocks"))?;
        Ok(block)
    }

    /// Takes a block back.
    pub(super) fn release(&mut self, block: u32) {
        self.free.push(block);
    }

    /// Writes into a block.
    pub(super) fn write(&self, block: u32, at: usize, bytes: &[u8]) -> io::Result<()> {
        self.file()?.write_all_at(bytes, position(block, at))
    }

    /// Writes zeros into a block, from `at` to its end.
    pub(super) fn clear(&self, block: u32, at: usize) -> io::Result<()> {
        self.write(block, at, &ZEROS[at..])
    }

    /// Fills the buffer from a block. What was never written is zero.
    pub(super) fn read(&self, block: u32, at: usize, mut buffer: &mut [u8]) -> io::Result<()> {
        let mut position = position(block, at);
        while !buffer.is_empty() {
            match self.file()?.read_at(buffer, position) {
                Ok(0) => {
                    buffer.fill(0);
                    break;
                }
                Ok(count) => {
                    buffer = &mut buffer[count..];
                    position += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn file(&self) -> io::Result<&File> {
        self.file.as_ref().ok_or_else(|| io::Error::other("nothing was spooled"))
    }
}

fn position(block: u32, at: usize) -> u64 {
    u64::from(block) * BLOCK as u64 + at as u64
}
