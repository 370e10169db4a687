//! Log lines and progress. They are kept with the run and are never a part of a result.
//!
//! [`info!`](crate::info), [`warn!`](crate::warn), [`debug!`](crate::debug) and
//! [`error!`](macro@crate::error) take what `format!` takes.

use crate::host::{Current, Host as _};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the plugin's author.
    Debug,
    /// For whoever reads the log.
    Info,
    /// For whoever runs it.
    Warn,
    /// What failed.
    Error,
}

/// Writes a line; a line break in it starts a new one of the same level.
pub fn write(level: Level, message: &str) {
    Current::log(level, message);
}

/// Says how far the work is: `done` of `total` units, `total` 0 where it is not known.
pub fn progress(done: u64, total: u64) {
    Current::progress(done, total);
}

/// Logs for the plugin's author.
#[macro_export]
macro_rules! debug {
    ($($format:tt)+) => { $crate::log::write($crate::log::Level::Debug, &::std::format!($($format)+)) };
}

/// Logs for whoever reads the log.
#[macro_export]
macro_rules! info {
    ($($format:tt)+) => { $crate::log::write($crate::log::Level::Info, &::std::format!($($format)+)) };
}

/// Logs for whoever runs the plugin.
#[macro_export]
macro_rules! warn {
    ($($format:tt)+) => { $crate::log::write($crate::log::Level::Warn, &::std::format!($($format)+)) };
}

/// Logs what failed.
#[macro_export]
macro_rules! error {
    ($($format:tt)+) => { $crate::log::write($crate::log::Level::Error, &::std::format!($($format)+)) };
}
