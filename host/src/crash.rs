//! Crashes on demand, for the tests that prove that nothing is lost by one. Not in a release
//! build.

use springline_engine::event::Event;

/// The variable that names a boundary ([`springline_engine::event::Point`]) at which the process
/// kills itself.
#[cfg(debug_assertions)]
const VARIABLE: &str = "SPRINGLINE_CRASH_AT";

/// Ends the process by SIGKILL if it was asked to at this point.
#[cfg(debug_assertions)]
pub fn maybe(event: &Event<'_>) {
    if let Event::Passed(point) = event
        && std::env::var_os(VARIABLE).is_some_and(|wanted| wanted == point.name())
    {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::process::abort();
    }
}

/// Does nothing.
#[cfg(not(debug_assertions))]
pub fn maybe(_: &Event<'_>) {}
