//! A build step for tests: `mode` says what it does.

mod files;
mod harm;
mod world;

use springline_sdk::prelude::*;

#[config]
struct Config {
    /// What to do.
    mode: Mode,
    /// How often, how much or how long; what it means depends on the mode.
    #[serde(default)]
    count: u64,
}

#[config]
#[derive(Copy)]
enum Mode {
    /// Copies `/in` to `/out`: files, links, modes.
    Copy,
    /// Reads `/in/read.txt` alone, and writes nothing.
    ReadOne,
    /// Does all that files can do, and checks it.
    Files,
    /// Writes to `/out/world.txt` what it can see of the world: clocks, chance, environment.
    World,
    /// Asks the context everything there is.
    Ask,
    /// Logs to every stream, with escapes in it.
    Log,
    /// Panics.
    Panic,
    /// Computes for ever.
    Loop,
    /// Sleeps for `count` milliseconds.
    Sleep,
    /// Takes `count` MiB of memory, and for ever more if that is 0.
    Memory,
    /// Recurses without end; with a `count`, in linear memory.
    Recurse,
    /// Logs `count` lines.
    Flood,
    /// Writes a file of `count` MiB, and carries on if it can't.
    Fill,
    /// Makes `count` empty files, and carries on if it can't.
    Litter,
    /// Opens `count` files at once.
    Open,
    /// Asks for `count` random bytes at once.
    Random,
    /// Ends itself with exit code `count`.
    Exit,
    /// Connects to a host of the internet.
    Connect,
    /// Writes below `/in`, and reads outside of it.
    Escape,
    /// Fails with each of the errors, by `count`.
    Fail,
}

/// Does what its config says.
#[build_step]
fn probe_step(config: Config, step: &mut Step) -> Result<String> {
    match config.mode {
        Mode::Copy => files::copy(step),
        Mode::ReadOne => step.read("read.txt").map(|bytes| format!("{} bytes", bytes.len())),
        Mode::Files => files::exercise(step),
        Mode::World => world::look(step),
        Mode::Ask => Ok(world::ask(step)),
        Mode::Log => Ok(world::log()),
        Mode::Panic => panic!("as told"),
        Mode::Loop => harm::compute(),
        Mode::Sleep => Ok(harm::sleep(config.count)),
        Mode::Memory => Ok(harm::eat(config.count)),
        Mode::Recurse => Ok(harm::recurse(config.count > 0).to_string()),
        Mode::Flood => Ok(harm::flood(config.count)),
        Mode::Fill => Ok(harm::fill(step, config.count)),
        Mode::Litter => Ok(harm::litter(step, config.count)),
        Mode::Open => harm::open(step, config.count),
        Mode::Random => Ok(world::random(config.count)),
        Mode::Exit => std::process::exit(i32::try_from(config.count).unwrap_or(1)),
        Mode::Connect => Ok(harm::connect()),
        Mode::Escape => files::escape(step),
        Mode::Fail => Err(harm::fail(config.count)),
    }
}
