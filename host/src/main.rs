//! Springline: from a git revision to reality, built, rendered and deployed by Wasm plugins.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod app;
mod builtin;
mod cli;
mod control;
mod crash;
mod desk;
mod endpoint;
mod grants;
mod handover;
mod heaps;
mod lockfile;
mod paths;
mod plugin_diff;
mod project;
mod promotion;
mod repositories;
mod resolve;
mod sdk;
mod secret;
mod shared;
mod show;
mod site;
mod socket;
mod trust;
mod turns;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser as _;
use springline_model::Cancel;

use cli::error::{CliError, Kind};
use cli::{Cli, Output};

/// The verb under which the program compiles a plugin for another instance of itself.
pub const COMPILE_VERB: &str = "__compile";

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|verb| verb == COMPILE_VERB) {
        return springline_runtime::compile_child();
    }
    let mut cli = Cli::parse();
    let output = cli.common.output;
    show::choose_colors(cli.common.color);
    // Where there is no working directory any more, paths stay as they were given.
    cli.common.called_from(&std::env::current_dir().unwrap_or_default());
    let cancel = Cancel::new();
    let result = stop_on_signals(&cancel).and_then(|()| cli::here_or_by_the_owner(cli, &cancel));
    match result {
        Ok(code) => code,
        Err(error) => {
            show::error(&error, output == Output::Json);
            ExitCode::from(error.kind.code())
        }
    }
}

/// The first signal asks for an orderly end, the second ends the process.
fn stop_on_signals(cancel: &Cancel) -> Result<(), CliError> {
    let cancel = cancel.clone();
    let asked = AtomicBool::new(false);
    let handler = move || {
        if asked.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(Kind::Cancelled.code()));
        }
        cancel.cancel();
    };
    ctrlc::set_handler(handler).map_err(|error| CliError::new(Kind::State, format!("no signal handler: {error}")))
}
