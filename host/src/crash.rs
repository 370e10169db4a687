//! Crashes on demand, for the tests that prove that nothing is lost by one. Not in a release
//! build.

use springline_engine::event::Event;

/// The variable that names a boundary ([`springline_engine::event::Point`]) at which the process
/// kills itself.
#[cfg(debug_assertions)]
const VARIABLE: &str = "SPRINGLINE_CRASH_AT";

/// Ends the process by SIGKILL if it was asked to at this point; panics if it was asked for `panic:POINT`.
#[cfg(debug_assertions)]
pub fn maybe(event: &Event<'_>) {
    if let Event::Passed(point) = event
        && let Ok(wanted) = std::env::var(VARIABLE)
        && wanted.strip_prefix("panic:").unwrap_or(&wanted) == point.name()
    {
        assert!(!wanted.starts_with("panic:"), "asked for at {wanted}");
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::process::abort();
    }
}

/// Does nothing.
#[cfg(not(debug_assertions))]
pub fn maybe(_: &Event<'_>) {}
