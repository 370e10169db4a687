//! A call's log: bounded, and safe to show on a terminal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use springline_model::plugin::{Level, Limits, LogLine};

use crate::capability::masks::Masks;
use crate::escape::escape_into;

/// The longest line, in bytes. Longer ones are broken.
const LINE: usize = 16 << 10;
/// What a line costs beyond its text, so that empty ones are bounded as well.
const OVERHEAD: usize = 24;

/// A call's log. Clones write to the same one.
#[derive(Clone)]
pub(crate) struct Logs(Arc<Mutex<State>>);

struct State {
    lines: Vec<LogLine>,
    /// What is left of the limit, in bytes.
    left: usize,
    kib: u64,
    dropped: u64,
    /// Output without a line break yet, by the level of its stream.
    partial: BTreeMap<Level, Vec<u8>>,
    /// The secrets that it must not show.
    masks: Masks,
}

impl Logs {
    /// An empty one, in which these secrets are masked.
    pub(crate) fn new(limits: &Limits, masks: Masks) -> Self {
        let left = usize::try_from(limits.log_kib.saturating_mul(1024)).unwrap_or(usize::MAX);
        Self(Arc::new(Mutex::new(State {
            lines: Vec::new(),
            left,
            kib: limits.log_kib,
            dropped: 0,
            partial: BTreeMap::new(),
            masks,
        })))
    }

    /// Writes a message, each of its lines as one.
    pub(crate) fn message(&self, level: Level, topic: &str, message: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // As a whole, as a secret may have several lines.
        let masks = state.masks.clone();
        let masked = masks.mask(message);
        let mut rest = Some(&*masked);
        while let Some(text) = rest {
            if state.drops(text.as_bytes()) {
                state.dropped += 1;
                return;
            }
            let (line, after) = text.split_once('\n').map_or((text, None), |(line, after)| (line, Some(after)));
            state.line(level, topic, line.as_bytes());
            rest = after;
        }
    }

    /// Writes bytes of an output stream, whose lines may come in pieces.
    pub(crate) fn stream(&self, level: Level, bytes: &[u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.drops(bytes) {
            return;
        }
        let mut partial = state.partial.remove(&level).unwrap_or_default();
        for (at, piece) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if at > 0 {
                state.line(level, "", &partial);
                partial.clear();
            }
            for chunk in piece.chunks(LINE) {
                if partial.len() + chunk.len() > LINE + state.masks.longest() {
                    state.overflow(level, &mut partial);
                }
                partial.extend_from_slice(chunk);
            }
        }
        if !partial.is_empty() {
            state.partial.insert(level, partial);
        }
    }

    /// Ends the log: what has no line break yet becomes a line, and the last line says how many
    /// were dropped.
    pub(crate) fn finish(&self) -> Vec<LogLine> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (level, partial) in std::mem::take(&mut state.partial) {
            state.line(level, "", &partial);
        }
        let mut lines = std::mem::take(&mut state.lines);
        // What was logged before the secret was read.
        if !state.masks.is_empty() {
            lines.iter_mut().for_each(|line| line.text = state.masks.mask(&line.text).into_owned());
        }
        if state.dropped > 0 {
            let text =
                format!("{} more lines were dropped: the log may have {} KiB (`log-kib`)", state.dropped, state.kib);
            lines.push(LogLine { level: Level::Warn, text });
        }
        lines
    }
}

impl State {
    /// Whether the log is full. If so the line breaks of this are counted, and it needs no other look.
    fn drops(&mut self, bytes: &[u8]) -> bool {
        if self.dropped > 0 {
            self.dropped += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        self.dropped > 0
    }

    /// Writes what there is of a line that grows too long. Of what could be the beginning of a
    /// secret, nothing is written yet.
    fn overflow(&mut self, level: Level, partial: &mut Vec<u8>) {
        let masked = self.masks.mask_bytes(partial).into_owned();
        let cut = masked.len().saturating_sub(self.masks.longest());
        self.line(level, "", &masked[..cut]);
        *partial = masked[cut..].to_vec();
    }

    fn line(&mut self, level: Level, topic: &str, line: &[u8]) {
        let masks = self.masks.clone();
        let (topic, line) = (masks.mask(topic), masks.mask_bytes(line));
        let line = String::from_utf8_lossy(&line);
        let mut rest = line.strip_suffix('\r').unwrap_or(&line);
        loop {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(LINE));
            self.piece(level, &topic, piece);
            if after.is_empty() {
                return;
            }
            rest = after;
        }
    }

    fn piece(&mut self, level: Level, topic: &str, piece: &str) {
        // A line that is dropped is not even copied.
        let least = piece.len() + topic.len() + OVERHEAD;
        if self.dropped > 0 || least > self.left {
            self.dropped += 1;
            return;
        }
        let mut text = String::with_capacity(least);
        if !topic.is_empty() {
            escape_into(topic, &mut text);
            text.push_str(": ");
        }
        escape_into(piece, &mut text);
        self.left = self.left.saturating_sub(text.len() + OVERHEAD);
        self.lines.push(LogLine { level, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(kib: u64) -> Logs {
        Logs::new(&Limits { log_kib: kib, ..Limits::default() }, Masks::default())
    }

    fn texts(logs: &Logs) -> Vec<String> {
        logs.finish().into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn nothing_reaches_the_terminal_but_text() {
        let logs = logs(1);
        logs.message(Level::Info, "to\npic", "a\u{1b}[31mred\r\u{7}\t\u{202e}end\n2nd\u{9b}");
        assert_eq!(texts(&logs), ["to\\u{a}pic: a\\u{1b}[31mred\\u{d}\\u{7}\t\\u{202e}end", "to\\u{a}pic: 2nd\\u{9b}"]);
    }

    #[test]
    fn streams_are_cut_into_lines_and_kept_apart() {
        let logs = logs(1);
        logs.stream(Level::Info, b"one\ntw");
        logs.stream(Level::Warn, b"warning");
        logs.stream(Level::Info, b"o\r\n\n\xff");
        let lines = logs.finish();
        let found: Vec<_> = lines.iter().map(|line| (line.level, line.text.as_str())).collect();
        assert_eq!(
            found,
            [
                (Level::Info, "one"),
                (Level::Info, "two"),
                (Level::Info, ""),
                (Level::Info, "\u{fffd}"),
                (Level::Warn, "warning")
            ]
        );
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let logs = logs(1);
        for _ in 0..1000 {
            logs.message(Level::Error, "", "");
        }
        let texts = texts(&logs);
        let kept = 1024 / OVERHEAD;
        assert_eq!(texts.len(), kept + 1);
        assert_eq!(texts[kept], format!("{} more lines were dropped: the log may have 1 KiB (`log-kib`)", 1000 - kept));
    }

    #[test]
    fn a_stream_without_line_breaks_is_bounded() {
        let logs = logs(64);
        for _ in 0..100 {
            logs.stream(Level::Info, &[b'x'; 4096]);
        }
        let lines = logs.finish();
        assert!(lines.iter().all(|line| line.text.len() <= LINE));
        assert!(lines.iter().map(|line| line.text.len()).sum::<usize>() <= (64 << 10) + 100);
    }

    #[test]
    fn a_secret_is_masked_wherever_it_is_split() {
        let masks = Masks::default();
        let logs = Logs::new(&Limits { log_kib: 1024, ..Limits::default() }, masks.clone());
        logs.message(Level::Info, "", "hunter2hunter2 before it was read");
        masks.add("token", b"hunter2hunter2").unwrap();
        logs.message(Level::Info, "hunter2hunter2", "is hunter2hunter2");
        for piece in [b"is hunt".as_slice(), b"er2hun", b"ter2\n"] {
            logs.stream(Level::Info, piece);
        }
        // Across the place where a line without an end is broken, whatever that is.
        for byte in [vec![b'x'; LINE - 5], b"hunter2hunter2".to_vec(), vec![b'y'; 2 * LINE]].concat() {
            logs.stream(Level::Info, &[byte]);
        }
        let texts = texts(&logs);
        assert_eq!(texts[1], "[secret token]: is [secret token]");
        assert_eq!(texts[2], "is [secret token]");
        assert!(texts.len() > 4);
        let all = texts.concat();
        assert!(!all.contains("hunter") && all.matches("[secret token]").count() == 5, "{all}");
    }

    #[test]
    fn a_long_line_is_broken_between_characters() {
        let logs = logs(64);
        logs.message(Level::Info, "", &"ü".repeat(LINE));
        let texts = texts(&logs);
        assert!(texts.len() >= 2 && texts.iter().all(|text| text.chars().all(|c| c == 'ü')));
    }
}
