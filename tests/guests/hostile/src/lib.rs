//! A build step that does what its config names, all of it harm. What the standard library and the SDK
//! can't do is in C, in `c/`; README.md has the whole list.

mod files;
mod machine;
mod text;

use springline_sdk::prelude::*;

#[config]
struct Config {
    /// What to do.
    attack: Attack,
    /// How often, how much or how deep; what it means depends on the attack.
    #[serde(default)]
    count: u64,
}

#[config]
#[derive(Copy)]
enum Attack {
    /// Computes for ever.
    Loop,
    /// Sleeps for longer than anybody waits.
    Sleep,
    /// Waits for standard input in a loop.
    WaitForInput,
    /// Takes memory for ever.
    Memory,
    /// Recurses without end.
    Recurse,
    /// Recurses without end, with a large frame in linear memory.
    RecurseInMemory,
    /// Looks for anything that an earlier call left, and leaves something itself.
    State,
    /// Logs a line of `count` MiB.
    LogLong,
    /// Logs `count` lines.
    LogFlood,
    /// Logs all that a terminal would obey, through every stream.
    LogPoison,
    /// Panics with such a message.
    PanicPoison,
    /// Fails with a message of `count` MiB.
    ErrorLong,
    /// Fails with `count` violations whose texts are poison.
    Violations,
    /// Says of itself what a terminal would obey.
    SummaryPoison,
    /// Opens files for ever.
    OpenFiles,
    /// Lists directories for ever, and reads none to its end.
    Listings,
    /// Writes a file of `count` MiB and goes on if it can't.
    LargeFile,
    /// Makes `count` files and goes on if it can't.
    ManyFiles,
    /// Makes `count` directories in each other.
    Nest,
    /// Makes and follows links that lead out, with and without a slash behind them.
    Links,
    /// Opens and makes names that lead out.
    Names,
    /// Changes the input in every way.
    ReadOnly,
    /// Writes files whose names an archive or a terminal could be fooled with.
    OddNames,
    /// Writes files and links as an archive that leads out has them.
    Archive,
}

/// Does what its config says.
#[build_step]
fn hostile(config: Config, step: &mut Step) -> Result<String> {
    match config.attack {
        Attack::Loop => machine::compute(),
        Attack::Sleep => Ok(machine::sleep()),
        Attack::WaitForInput => Ok(machine::wait_for_input()),
        Attack::Memory => Ok(machine::eat()),
        Attack::Recurse => Ok(machine::recurse(config.count).to_string()),
        Attack::RecurseInMemory => Ok(machine::recurse_in_memory(config.count).to_string()),
        Attack::State => machine::remember(),
        Attack::LogLong => Ok(text::log_long(config.count)),
        Attack::LogFlood => Ok(text::log_flood(config.count)),
        Attack::LogPoison => Ok(text::log_poison()),
        Attack::PanicPoison => panic!("{}", text::POISON),
        Attack::ErrorLong => Err(Error::failed("x".repeat(text::mib(config.count)))),
        Attack::Violations => Err(Error::Invalid(text::violations(config.count))),
        Attack::SummaryPoison => Ok(text::POISON.to_owned()),
        Attack::OpenFiles => files::open(step),
        Attack::Listings => files::list(step),
        Attack::LargeFile => Ok(files::large(step, config.count)),
        Attack::ManyFiles => Ok(files::many(step, config.count)),
        Attack::Nest => Ok(files::nest(step, config.count)),
        Attack::Links => files::links(step),
        Attack::Names => files::names(step),
        Attack::ReadOnly => files::read_only(step),
        Attack::OddNames => files::odd_names(step),
        Attack::Archive => files::archive(step),
    }
}
