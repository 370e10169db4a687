//! How much of what was freed the C library's allocator keeps.

use std::num::NonZero;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::{env, thread};

use crate::cli::error::{CliError, Kind};

/// How glibc is told how many heaps there may be; it looks when a program starts, and never again.
const VARIABLE: &str = "MALLOC_ARENA_MAX";
/// The fewest heaps.
const FEWEST: usize = 2;

/// Lets threads share as many heaps as there are processors, unless the environment says how many already. glibc
/// would make one for each thread, up to eight a processor, and what a thread frees in its own stays there: with many
/// applications that is as much as all that is in use. So the program starts once more, as the same process, with
/// the variable set.
///
/// # Errors
/// The program can't be started; nor could it be to compile a plugin.
pub fn share() -> Result<(), CliError> {
    if cfg!(not(all(target_os = "linux", target_env = "gnu"))) || env::var_os(VARIABLE).is_some() {
        return Ok(());
    }
    let heaps = thread::available_parallelism().map_or(FEWEST, NonZero::get).max(FEWEST);
    let again = env::current_exe().map(|program| {
        let mut arguments = env::args_os();
        let mut again = Command::new(&program);
        again.arg0(arguments.next().unwrap_or_else(|| program.into()));
        again.args(arguments).env(VARIABLE, heaps.to_string()).exec()
    });
    let error = again.unwrap_or_else(|error| error);
    let hint = format!("with {VARIABLE}={heaps} in its environment it need not be");
    Err(CliError::new(Kind::State, format!("this program can't be started again: {error}")).hint(hint))
}
