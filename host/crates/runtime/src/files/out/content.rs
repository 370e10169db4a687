//! The bytes of one file of `/out`.

use std::io;

use super::spool::{BLOCK, Spool};

/// The largest file that is held in memory, in bytes.
const MAX_MEMORY: usize = 256 << 10;

/// A file's bytes: in memory while it is small, else in the spool. Bytes of the last block past
/// the end are zero, so that a file can grow without touching it; a missing block is all zeros.
pub(super) enum Content {
    Memory(Vec<u8>),
    Spooled { length: u64, blocks: Vec<Option<u32>> },
}

impl Default for Content {
    fn default() -> Self {
        Self::Memory(Vec::new())
    }
}

impl Content {
    /// The length in bytes.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Spooled { length, .. } => *length,
        }
    }

    /// Reads from an offset into the buffer; 0 at the end.
    pub(super) fn read_at(&self, spool: &Spool, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.len().saturating_sub(offset);
        let count = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let buffer = &mut buffer[..count];
        if count == 0 {
            return Ok(0);
        }
        match self {
            Self::Memory(bytes) => {
                let start = offset as usize;
                buffer.copy_from_slice(&bytes[start..start + count]);
            }
            Self::Spooled { blocks, .. } => {
                for (index, at, range) in pieces(offset, count) {
                    match blocks[index] {
                        Some(block) => spool.read(block, at, &mut buffer[range])?,
                        None => buffer[range].fill(0),
                    }
                }
            }
        }
        Ok(count)
    }

    /// Writes at an offset. A gap before it becomes zeros.
    pub(super) fn write_at(&mut self, spool: &mut Spool, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.set_len(spool, self.len().max(offset + bytes.len() as u64))?;
        match self {
            Self::Memory(content) => {
                let start = offset as usize;
                content[start..start + bytes.len()].copy_from_slice(bytes);
            }
            Self::Spooled { blocks, .. } => {
                for (index, at, range) in pieces(offset, bytes.len()) {
                    let block = match blocks[index] {
                        Some(block) => block,
                        None => *blocks[index].insert(spool.allocate()?),
                    };
                    spool.write(block, at, &bytes[range])?;
                }
            }
        }
        Ok(())
    }

    /// Cuts the file, or lets it grow by zeros.
    pub(super) fn set_len(&mut self, spool: &mut Spool, length: u64) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => {
                let old = bytes.len();
                if length <= old as u64 {
                    bytes.truncate(length as usize);
                    bytes.shrink_to(length as usize);
                    spool.give_memory(old - length as usize);
                } else if length <= MAX_MEMORY as u64 && spool.take_memory(length as usize - old) {
                    bytes.resize(length as usize, 0);
                } else {
                    self.spill(spool)?;
                    return self.set_len(spool, length);
                }
            }
            Self::Spooled { length: old, blocks } => {
                let kept = length.div_ceil(BLOCK as u64) as usize;
                for block in blocks.drain(kept.min(blocks.len())..).flatten() {
                    spool.release(block);
                }
                blocks.resize(kept, None);
                let tail = (length % BLOCK as u64) as usize;
                if length < *old
                    && tail > 0
                    && let Some(Some(block)) = blocks.last()
                {
                    spool.clear(*block, tail)?;
                }
                *old = length;
            }
        }
        Ok(())
    }

    /// Gives back whatever it takes.
    pub(super) fn release(self, spool: &mut Spool) {
        match self {
            Self::Memory(bytes) => spool.give_memory(bytes.len()),
            Self::Spooled { blocks, .. } => blocks.into_iter().flatten().for_each(|block| spool.release(block)),
        }
    }

    fn spill(&mut self, spool: &mut Spool) -> io::Result<()> {
        let Self::Memory(bytes) = self else { return Ok(()) };
        let bytes = std::mem::take(bytes);
        spool.give_memory(bytes.len());
        *self = Self::Spooled { length: 0, blocks: Vec::new() };
        self.write_at(spool, 0, &bytes)
    }
}

/// The blocks that a range of a file touches: their index, where in them it starts, and the part
/// of the range.
fn pieces(offset: u64, count: usize) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let position = offset + done as u64;
        let at = (position % BLOCK as u64) as usize;
        let part = (BLOCK - at).min(count - done);
        let range = done..done + part;
        done += part;
        (part > 0).then_some(((position / BLOCK as u64) as usize, at, range))
    })
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    use super::*;

    /// Compares a content with a plain vector through random writes, cuts and growth, around the
    /// sizes where it changes its shape.
    #[test]
    fn behaves_like_a_vector() {
        for seed in 0..20 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut below = |limit: u64| random.next_u64() % limit;
            let mut spool = Spool::new(std::env::temp_dir());
            let mut content = Content::default();
            let mut model: Vec<u8> = Vec::new();
            for step in 0..60 {
                let place = below(5 * MAX_MEMORY as u64 / 2);
                if below(3) == 0 {
                    content.set_len(&mut spool, place).unwrap();
                    model.resize(place as usize, 0);
                } else {
                    let bytes = vec![step as u8 + 1; below(3 * BLOCK as u64) as usize];
                    content.write_at(&mut spool, place, &bytes).unwrap();
                    let end = place as usize + bytes.len();
                    if !bytes.is_empty() {
                        model.resize(model.len().max(end), 0);
                        model[place as usize..end].copy_from_slice(&bytes);
                    }
                }
                assert_eq!(content.len(), model.len() as u64, "seed {seed}, step {step}");
                let mut read = vec![0xff; model.len()];
                assert_eq!(content.read_at(&spool, 0, &mut read).unwrap(), model.len());
                assert!(read == model, "seed {seed}, step {step}");
                let mut piece = [0; 100];
                let count = content.read_at(&spool, place, &mut piece).unwrap();
                assert_eq!(piece[..count], model[model.len().min(place as usize)..][..count]);
            }
            content.release(&mut spool);
            assert!(spool.take_memory(64 << 20), "seed {seed}: memory is given back");
        }
    }
}
