//! How far a transfer is: a bar, in a terminal.

use indicatif::{ProgressBar, ProgressStyle};

use super::console;

/// A transfer of a known number of bytes.
pub struct Transfer(ProgressBar);

impl Transfer {
    /// Nothing is shown where standard error is no terminal.
    pub fn new(what: &str, bytes: u64) -> Self {
        let bar = ProgressBar::hidden();
        bar.set_length(bytes);
        bar.set_draw_target(console::bars());
        if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}") {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        Self(bar)
    }

    /// So many more bytes went over the wire.
    pub fn moved(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
