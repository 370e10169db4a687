//! The contents of the files read last, so that reading one piece by piece fetches it once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use springline_model::ObjectId;

/// Files kept.
const MAX_FILES: usize = 32;
/// Bytes kept; a single larger file is kept all the same, alone.
const MAX_BYTES: usize = 64 << 20;

/// Bytes that open streams of a call may hold besides.
const MAX_HELD: usize = 256 << 20;

/// How much the streams of a call hold, in bytes. Clones count for the same call.
#[derive(Clone, Default)]
pub(super) struct Holding(Arc<AtomicUsize>);

impl Holding {
    /// Holds a file's content for a stream; not if streams hold so much already that it has to be fetched
    /// again for each piece.
    pub(super) fn hold(&self, bytes: Bytes) -> Option<Held> {
        let held = self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        let content = Held { bytes, holding: self.clone() };
        (held < MAX_HELD).then_some(content)
    }
}

/// The content of a file, held for a stream.
pub struct Held {
    bytes: Bytes,
    holding: Holding,
}

impl Held {
    /// The content.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.holding.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// The contents of the files read last, the latest at the back.
#[derive(Default)]
pub(super) struct Contents {
    files: VecDeque<(ObjectId, Bytes)>,
    bytes: usize,
}

impl Contents {
    /// The content of this identity, if it is still here.
    pub(super) fn get(&mut self, id: &ObjectId) -> Option<Bytes> {
        let at = self.files.iter().rposition(|(kept, _)| kept == id)?;
        let file = self.files.remove(at)?;
        let bytes = file.1.clone();
        self.files.push_back(file);
        Some(bytes)
    }

    /// Keeps a content that is not here yet.
    pub(super) fn keep(&mut self, id: ObjectId, bytes: Bytes) {
        self.bytes += bytes.len();
        self.files.push_back((id, bytes));
        while self.files.len() > 1 && (self.files.len() > MAX_FILES || self.bytes > MAX_BYTES) {
            if let Some((_, oldest)) = self.files.pop_front() {
                self.bytes -= oldest.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_a_look_renews() {
        let id = |n: usize| ObjectId::Git(n.to_string());
        let mut contents = Contents::default();
        for n in 0..MAX_FILES {
            contents.keep(id(n), Bytes::from_static(b"x"));
        }
        assert!(contents.get(&id(0)).is_some());
        contents.keep(id(MAX_FILES), Bytes::from_static(b"x"));
        assert!(contents.get(&id(0)).is_some());
        assert!(contents.get(&id(1)).is_none());
    }

    #[test]
    fn streams_hold_only_so_much() {
        let holding = Holding::default();
        let half = Bytes::from(vec![0; MAX_HELD / 2]);
        let held = [holding.hold(half.clone()), holding.hold(half.clone()), holding.hold(half.clone())];
        assert_eq!([true, true, false], held.each_ref().map(Option::is_some));
        drop(held);
        assert!(holding.hold(half).is_some());
    }

    #[test]
    fn a_file_larger_than_everything_is_kept_alone() {
        let id = |n: usize| ObjectId::Git(n.to_string());
        let mut contents = Contents::default();
        contents.keep(id(0), Bytes::from_static(b"x"));
        contents.keep(id(1), Bytes::from(vec![0; MAX_BYTES + 1]));
        assert!(contents.get(&id(0)).is_none());
        assert!(contents.get(&id(1)).is_some());
        contents.keep(id(2), Bytes::from_static(b"x"));
        assert!(contents.get(&id(1)).is_none());
        assert_eq!(contents.bytes, 1);
    }
}
