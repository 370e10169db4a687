//! What a developer runs: `cargo xtask VERB`.

mod bench;
mod c_guests;
mod cargo;
#[cfg(feature = "componentize")]
mod componentize;
mod context;
mod demo;
mod dist;
mod freeze;
mod guests;
mod licences;
mod process;
mod setup;
mod test;
mod toolchain;

use std::process::ExitCode;

use anyhow::{Result, bail};
use context::Context;

const USAGE: &str = "\
Usage: cargo xtask VERB [ARGUMENTS]

  setup                find or install what building the plugins takes
  guests               build the plugins and the tests' guests
  demo [-- --repo DIR] build everything, then show the whole chain on a real repository
  test                 everything that CI checks
  bench [PART...]      measure, and write docs/benchmarks.md
  dist                 a release archive of the program, with its checksum
  freeze TRACK         freeze a track of the plugin contract, such as 0.1
  freeze --tag RELEASE keep the contract of a release, such as 0.1.0-pre.1, for the tests

Environment:
  CARGO_TARGET_DIR            where everything is compiled; by default a directory in the user's
                              cache, one for each clone of the project
  SPRINGLINE_GUEST_TOOLCHAIN  `rustup` or `debian`: how plugins are compiled; by default whichever
                              of the two works, in this order";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<()> {
    let Some((verb, args)) = args.split_first() else { bail!("no verb\n\n{USAGE}") };
    match verb.as_str() {
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        #[cfg(feature = "componentize")]
        "componentize" => componentize::run(args),
        #[cfg(feature = "componentize")]
        "embed" => componentize::embed(args),
        "setup" => setup::run(&Context::locked()?, args),
        "guests" => guests::run(&Context::locked()?, args),
        "demo" => demo::run(&Context::locked()?, args),
        "test" => test::run(&Context::locked()?, args),
        "bench" => bench::run(&Context::locked()?, args),
        "dist" => dist::run(&Context::locked()?, args),
        "freeze" => freeze::run(&Context::locked()?, args),
        _ => bail!("there is no verb `{verb}`\n\n{USAGE}"),
    }
}

/// Fails if there are arguments: for a verb that takes none.
fn no_arguments(verb: &str, args: &[String]) -> Result<()> {
    match args.first() {
        None => Ok(()),
        Some(first) => bail!("`cargo xtask {verb}` takes no arguments, but was given `{first}`"),
    }
}
