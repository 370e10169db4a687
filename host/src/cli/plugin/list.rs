//! `springline plugin list`.

use std::process::ExitCode;

use clap::Args;
use springline_model::Cancel;
use springline_model::plugin::Pinned;

use super::as_json;
use crate::app::App;
use crate::builtin;
use crate::cli::error::CliError;
use crate::cli::{Common, Output};
use crate::project::Project;
use crate::show::table::{Table, plain};
use crate::show::{self, time};

/// Lists the built-in plugins.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline plugin list -o json")]
pub struct List;

impl List {
    /// Lists.
    ///
    /// # Errors
    /// A state directory that can't be opened.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let app = App::open(common, Project::find_state(common, cancel)?, "plugin", cancel)?;
        list(common, &app)
    }
}

fn list(common: &Common, app: &App) -> Result<ExitCode, CliError> {
    let mut all = Vec::new();
    for builtin in builtin::all() {
        let pinned = Pinned { name: builtin.name.to_owned(), digest: builtin.digest };
        all.push((builtin, app.describe(&pinned)?));
    }
    if common.output == Output::Json {
        let all = all.iter().map(|(builtin, description)| as_json(&builtin.digest, builtin.bytes.len(), description));
        show::json(&all.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&["PLUGIN", "KIND", "VERSION", "DIGEST", "SIZE", "WHAT IT DOES"]);
    for (builtin, description) in &all {
        table.row(vec![
            plain(builtin.name),
            plain(description.kind),
            plain(&description.version),
            plain(builtin.digest.short()),
            plain(time::bytes(builtin.bytes.len() as u64)),
            plain(&description.summary),
        ]);
    }
    table.print();
    Ok(ExitCode::SUCCESS)
}
