//! `springline render`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_engine::run::{Trust, Until};
use springline_model::manifest::{Body, Object, manifest_digest};
use springline_model::port::Blobs as _;
use springline_model::run::Cause;
use springline_model::{Cancel, tree};

use super::error::{CliError, Kind};
use super::run::{Manner, Ready};
use super::{Common, Output, RevisionArgs};
use crate::app::App;
use crate::show::{self, FAINT, paint};

/// Prints the desired objects: with one object its bytes, else a list.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline render --env site\n  springline render --env site --object robots.txt")]
pub struct Render {
    /// Only in this environment (may be given more than once)
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
    /// Print the bytes of this object
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    #[command(flatten)]
    revision: RevisionArgs,
}

impl Render {
    /// Renders.
    ///
    /// # Errors
    /// Whatever fails.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let ready = Ready::open(common, &self.revision, "render", cancel, &self.environments)?;
        // What it lists is there: what is lost of it is made again.
        let manner =
            Manner { cause: Cause::Render, until: Until::Render, trust: Trust::Checked, only: None, prune_all: false };
        let report = ready.go(common, &self.environments, &manner)?;
        if let Some(id) = &self.object {
            let objects = report.rendered.iter().flat_map(|(_, rendered)| rendered.objects.iter());
            return print_object(&ready.app, objects, id);
        }
        if common.output == Output::Json {
            let environments = report.rendered.iter().map(|(name, rendered)| {
                json!({
                    "environment": name,
                    "manifest": manifest_digest(&rendered.objects),
                    "objects": rendered.objects.as_ref(),
                })
            });
            show::json(&environments.collect::<Vec<_>>())?;
            return Ok(ExitCode::SUCCESS);
        }
        for (name, rendered) in &report.rendered {
            show::line(format_args!("{name}: manifest {}", manifest_digest(&rendered.objects)));
            for object in rendered.objects.iter() {
                let (kind, digest) = match &object.body {
                    Body::Blob(digest) => ("file", digest),
                    Body::Tree(digest) => ("tree", digest),
                };
                show::line(format_args!(
                    "  {} {}",
                    object.id,
                    paint(FAINT, format_args!("({kind} {})", digest.short()))
                ));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print_object<'o>(app: &App, mut objects: impl Iterator<Item = &'o Object>, id: &str) -> Result<ExitCode, CliError> {
    let Some(object) = objects.find(|object| object.id == id) else {
        return Err(CliError::new(Kind::Usage, format!("no object `{id}` is desired"))
            .hint("`springline render` lists the objects"));
    };
    match &object.body {
        Body::Blob(digest) => {
            // A reader that went away wants no more.
            let _ = show::console::bytes(&app.blobs.get(digest)?);
        }
        Body::Tree(digest) => {
            let tree = app.blobs.tree(digest)?;
            for (path, entry) in super::artifact::walk(tree.as_ref())? {
                if entry.kind != tree::EntryKind::Directory {
                    show::line(format_args!("{path} {}", paint(FAINT, entry.id)));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
