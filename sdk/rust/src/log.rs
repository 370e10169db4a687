//! Log lines and progress. They are kept with the run and are never a part of a result.
//!
//! [`info!`](crate::info), [`warn!`](crate::warn), [`debug!`](crate::debug) and
//! [`error!`](macro@crate::error) take what `format!` takes, and a topic before it if there is one:
//! `info!(topic: "links", "{count} are broken")`.

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
    Current::log("", level, message);
}

/// Writes a line of a topic, which stands in front of it: `links: 3 are broken`.
pub fn write_to(topic: &str, level: Level, message: &str) {
    Current::log(topic, level, message);
}

/// Says how far the work is: `done` of `total` units, `total` 0 where it is not known.
pub fn progress(done: u64, total: u64) {
    Current::progress(done, total);
}

/// Logs for the plugin's author.
#[macro_export]
macro_rules! debug {
    (topic: $topic:expr, $($format:tt)+) => {
        $crate::log::write_to($topic, $crate::log::Level::Debug, &::std::format!($($format)+))
    };
    ($($format:tt)+) => { $crate::log::write($crate::log::Level::Debug, &::std::format!($($format)+)) };
}

/// Logs for whoever reads the log.
#[macro_export]
macro_rules! info {
    (topic: $topic:expr, $($format:tt)+) => {
        $crate::log::write_to($topic, $crate::log::Level::Info, &::std::format!($($format)+))
    };
    ($($format:tt)+) => { $crate::log::write($crate::log::Level::Info, &::std::format!($($format)+)) };
}

/// Logs for whoever runs the plugin.
#[macro_export]
macro_rules! warn {
    (topic: $topic:expr, $($format:tt)+) => {
        $crate::log::write_to($topic, $crate::log::Level::Warn, &::std::format!($($format)+))
    };
    ($($format:tt)+) => { $crate::log::write($crate::log::Level::Warn, &::std::format!($($format)+)) };
}

/// Logs what failed.
#[macro_export]
macro_rules! error {
    (topic: $topic:expr, $($format:tt)+) => {
        $crate::log::write_to($topic, $crate::log::Level::Error, &::std::format!($($format)+))
    };
    ($($format:tt)+) => { $crate::log::write($crate::log::Level::Error, &::std::format!($($format)+)) };
}
