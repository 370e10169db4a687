//! Finds what is repeated: the half of Zstandard compression that decides how small it gets.
//!
//! The encoder brings matchers of its own, compiled once for each of its strategies: together they
//! would double the size of this plugin. This one is a plain chain of hashes with lazy matching, and
//! comes as close.

use structured_zstd::encoding::{CompressionLevel, HistoryBuf, Matcher, Sequence};

/// How far back a match may lie, in bytes. Every decoder must accept 8 MiB.
const WINDOW: usize = 1 << 22;
const HASH_BITS: u32 = 17;
/// The shortest match; also what is hashed.
const SHORTEST: usize = 4;
/// A match of this length is taken without a look for a longer one.
const LONG: usize = 128;
/// Where nothing matches, one more byte is skipped at a time for every so many bytes.
const PATIENCE: usize = 128;

/// A chain of hashes over a sliding window.
pub struct HashChain {
    /// How many earlier places are tried for each match.
    tries: usize,
    /// The window, the block, and what was read beyond the block.
    history: HistoryBuf,
    /// Where the block starts and ends in the history.
    block: (usize, usize),
    /// The places before this one are in the chains.
    inserted: usize,
    /// By hash, the last place with it, plus 1; 0 for none.
    heads: Vec<u32>,
    /// By place (modulo the window), the place before it with the same hash, plus 1.
    previous: Vec<u32>,
    /// The offsets of the last two matches: to repeat one costs next to nothing.
    repeated: [usize; 2],
}

/// A match and what it saves.
#[derive(Clone, Copy, Default)]
struct Match {
    offset: usize,
    length: usize,
    /// Roughly four times the bytes saved, less the bits that the offset costs.
    gain: usize,
}

impl HashChain {
    /// A matcher that looks `level` (1 to 9) hard.
    pub fn new(level: u32) -> Self {
        Self {
            tries: 1 << level.clamp(1, 9).saturating_sub(1),
            history: HistoryBuf::new(),
            block: (0, 0),
            inserted: 0,
            heads: vec![0; 1 << HASH_BITS],
            previous: Vec::new(),
            repeated: [0; 2],
        }
    }

    /// Puts every place before `end` into the chains, as far as there is enough to hash.
    fn insert_before(&mut self, end: usize) {
        let history: &[u8] = &self.history;
        let end = end.min((self.block.1 + 1).saturating_sub(SHORTEST));
        for at in self.inserted..end {
            let head = &mut self.heads[hash(history, at)];
            match self.previous.get_mut(at % WINDOW) {
                Some(previous) => *previous = *head,
                None => self.previous.push(*head),
            }
            *head = at as u32 + 1;
        }
        self.inserted = self.inserted.max(end);
    }

    /// The best match at `at`, which may be none.
    fn find(&mut self, at: usize) -> Match {
        let mut best = Match::default();
        if at + SHORTEST > self.block.1 {
            return best;
        }
        self.insert_before(at);
        let history = &self.history[..self.block.1];
        for offset in self.repeated {
            if (1..=at.min(WINDOW)).contains(&offset) {
                let length = common(history, at - offset, at);
                best = better(best, Match { offset, length, gain: length * 4 });
            }
        }
        let mut place = self.heads[hash(history, at)] as usize;
        for _ in 0..self.tries {
            if place == 0 || at - (place - 1) > WINDOW || at + best.length >= history.len() {
                break;
            }
            let (candidate, offset) = (place - 1, at - (place - 1));
            // Only what agrees where the best one ends can be longer.
            if history[candidate + best.length] == history[at + best.length] {
                let length = common(history, candidate, at);
                best =
                    better(best, Match { offset, length, gain: (length * 4).saturating_sub(offset.ilog2() as usize) });
            }
            let next = self.previous[candidate % WINDOW] as usize;
            if best.length >= LONG || next >= place {
                break;
            }
            place = next;
        }
        best
    }

    /// Forgets the oldest window of bytes. Places keep their remainder, so the chains stay.
    fn slide(&mut self) {
        self.history.drain_front(WINDOW);
        self.block = (self.block.0 - WINDOW, self.block.1 - WINDOW);
        self.inserted -= WINDOW;
        for place in self.heads.iter_mut().chain(&mut self.previous) {
            *place = place.saturating_sub(WINDOW as u32);
        }
    }
}

/// How many bytes from `earlier` on equal those from `at` on.
fn common(history: &[u8], earlier: usize, at: usize) -> usize {
    let (a, b) = (&history[earlier..], &history[at..]);
    let eights = a.chunks_exact(8).zip(b.chunks_exact(8)).take_while(|(a, b)| a == b).count() * 8;
    eights + a[eights..].iter().zip(&b[eights..]).take_while(|(a, b)| a == b).count()
}

fn better(best: Match, other: Match) -> Match {
    if other.length >= SHORTEST && other.gain > best.gain { other } else { best }
}

fn hash(history: &[u8], at: usize) -> usize {
    let bytes = history[at..].first_chunk().copied().unwrap_or_default();
    (u32::from_le_bytes(bytes).wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize
}

impl Matcher for HashChain {
    fn get_last_space(&mut self) -> &[u8] {
        &self.history[self.block.0..self.block.1]
    }

    fn fill_in_place(
        &mut self,
        capacity: usize,
        fill: &mut dyn FnMut(&mut HistoryBuf) -> (usize, bool),
    ) -> (usize, bool) {
        if self.block.0 >= 2 * WINDOW && self.inserted >= WINDOW {
            self.slide();
        }
        self.history.reserve(capacity);
        fill(&mut self.history)
    }

    fn uncommitted_input(&self) -> &[u8] {
        &self.history[self.block.1..]
    }

    fn commit_filled(&mut self, length: usize) {
        self.block = (self.block.1, self.block.1 + length);
    }

    fn skip_matching(&mut self) {
        self.insert_before(self.block.1);
    }

    fn start_matching(&mut self, mut handle_sequence: impl FnMut(Sequence)) {
        let (mut literals_from, end) = self.block;
        let mut at = literals_from;
        while at < end {
            let mut found = self.find(at);
            if found.length == 0 {
                at += 1 + (at - literals_from) / PATIENCE;
                continue;
            }
            while found.length < LONG {
                let next = self.find(at + 1);
                if next.gain <= found.gain + 4 {
                    break;
                }
                (at, found) = (at + 1, next);
            }
            let Match { offset, length, .. } = found;
            handle_sequence(Sequence::Triple { literal_len: at - literals_from, offset, match_len: length });
            if offset != self.repeated[0] {
                self.repeated = [offset, self.repeated[0]];
            }
            at += length;
            literals_from = at;
        }
        if literals_from < end {
            handle_sequence(Sequence::Literals { len: end - literals_from });
        }
        self.insert_before(end);
    }

    fn reset(&mut self, _level: CompressionLevel) {
        let tries = self.tries;
        *self = Self { tries, ..Self::new(1) };
    }

    fn window_size(&self) -> u64 {
        WINDOW as u64
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use structured_zstd::encoding::StreamingEncoder;

    use super::*;

    fn round_trip(level: u32, plain: &[u8], piece: usize) -> usize {
        let matcher = HashChain::new(level);
        let mut encoder = StreamingEncoder::new_with_matcher(matcher, Vec::new(), CompressionLevel::Default);
        encoder.set_content_checksum(true).unwrap();
        for piece in plain.chunks(piece) {
            encoder.write_all(piece).unwrap();
        }
        let packed = encoder.finish().unwrap();
        let mut unpacked = Vec::new();
        ruzstd::decoding::StreamingDecoder::new(&packed[..]).unwrap().read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == plain, "level {level}, {} bytes in pieces of {piece}", plain.len());
        packed.len()
    }

    /// Bytes that repeat earlier ones as often as they are new, by a generator with this seed.
    fn sample(length: usize, mut seed: u64) -> Vec<u8> {
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let take = 1 + random(60);
            if bytes.is_empty() || random(2) == 0 {
                bytes.extend((0..take).map(|_| random(256) as u8));
            } else {
                let from = random(bytes.len());
                let end = (from + take * 4).min(bytes.len());
                bytes.extend_from_within(from..end);
            }
        }
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn what_is_packed_comes_out_again() {
        for seed in 1..=40 {
            println!("seed {seed}");
            let length = sample(2, seed)[0] as usize * 997;
            let plain = sample(length, seed);
            round_trip(1 + seed as u32 % 9, &plain, 1 + seed as usize * 311);
        }
    }

    #[test]
    fn the_edges_come_out_again() {
        for length in [0, 1, 3, 4, 5, 131_071, 131_072, 131_073] {
            round_trip(3, &vec![b'x'; length], 4096);
            round_trip(3, &sample(length, 7), 4096);
        }
    }

    #[test]
    fn matches_are_found_within_the_window_and_not_beyond() {
        let part = sample(WINDOW / 2, 1);
        let alone = round_trip(1, &part, 1 << 16);
        // Twice in a row, the second copy is nearly free; three windows apart it is not.
        let twice = round_trip(1, &[&part[..], &part[..]].concat(), 1 << 16);
        assert!(twice < alone + alone / 20, "{twice} {alone}");
        let far = [&part[..], &vec![0; 3 * WINDOW], &part[..]].concat();
        let far = round_trip(1, &far, 1 << 16);
        assert!(far > alone * 19 / 10, "{far} {alone}");
    }
}
