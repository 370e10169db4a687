//! `springline completion`.

use std::io;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline completion bash > ~/.local/share/bash-completion/completions/springline")]
pub struct Completion {
    /// The shell
    shell: Shell,
}

impl Completion {
    /// Prints the script.
    pub fn run(&self) -> ExitCode {
        clap_complete::generate(self.shell, &mut super::Cli::command(), "springline", &mut io::stdout());
        ExitCode::SUCCESS
    }
}
