//! `springline update`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_model::{Cancel, Digest};

use super::error::{CliError, Kind};
use super::{Common, RevisionArgs};
use crate::app::App;
use crate::project::{Configured, Project};
use crate::resolve::{Place, Resolver};
use crate::show::{self, FAINT, GOOD, paint};

/// Pins what plugin names stand for today: what this host carries, or what lies at their paths.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline update\n  springline update step-site\n\nCommit springline.lock afterwards."
)]
pub struct Update {
    /// Only this plugin, as springline.yaml or host.yaml names it
    #[arg(value_name = "PLUGIN")]
    plugin: Option<String>,
}

/// What became of a pin.
struct Pin {
    name: String,
    old: Option<Digest>,
    new: Digest,
}

impl Update {
    /// Pins.
    ///
    /// # Errors
    /// A plugin that can't be found, or that nobody names.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let project = Project::find(common, None, cancel)?;
        let picked = match project.pick(&RevisionArgs { revision: None, worktree: true }) {
            Ok(picked) => picked,
            Err(_) => project.pick(&RevisionArgs::default())?,
        };
        let declared = project.application(&picked)?;
        let app = App::open(common, project, "update", cancel)?;
        let mut source = Resolver::of_source(&app, &picked)?;
        let mut operator = Resolver::of_operator(&app)?;

        let Configured { value, document } = &declared;
        let mut wanted: Vec<(String, String)> = Vec::new();
        for (artifact, declared) in &value.artifacts {
            for (at, step) in declared.steps.iter().enumerate() {
                wanted.push((step.plugin.clone(), format!("/artifacts/{artifact}/steps/{at}/plugin")));
            }
        }
        for (name, environment) in &value.environments {
            wanted.push((environment.render.plugin.clone(), format!("/environments/{name}/render/plugin")));
        }
        let places = wanted.iter().map(|(name, pointer)| (name, Place::new(document, pointer.as_str())));
        let mut pins = self.pin(&mut source, places)?;

        let Configured { value, document } = &app.operator;
        let targets = value.targets.iter();
        let places =
            targets.map(|(name, binding)| (&binding.plugin, Place::new(document, format!("/targets/{name}/plugin"))));
        pins.extend(self.pin(&mut operator, places)?);
        if let (Some(plugin), true) = (&self.plugin, pins.is_empty()) {
            return Err(CliError::new(
                Kind::Usage,
                format!("neither springline.yaml nor host.yaml names a plugin `{plugin}`"),
            ));
        }
        source.save()?;
        operator.save()?;
        print(common, &pins)?;
        Ok(ExitCode::SUCCESS)
    }

    fn pin<'n>(
        &self,
        resolver: &mut Resolver<'_>,
        places: impl Iterator<Item = (&'n String, Place<'n>)>,
    ) -> Result<Vec<Pin>, CliError> {
        let mut pins: Vec<Pin> = Vec::new();
        for (name, place) in places {
            let skipped = self.plugin.as_ref().is_some_and(|plugin| plugin != name);
            if skipped || pins.iter().any(|pin| pin.name == *name) {
                continue;
            }
            let old = resolver.lock.lock.get(name).map(|locked| locked.digest);
            let new = resolver.find(name, &place)?;
            pins.push(Pin { name: name.clone(), old, new });
        }
        Ok(pins)
    }
}

fn print(common: &Common, pins: &[Pin]) -> Result<(), CliError> {
    let rows: Vec<_> = pins.iter().map(|pin| json!({ "plugin": pin.name, "old": pin.old, "new": pin.new })).collect();
    show::data(common, &rows, |_| {
        for Pin { name, old, new } in pins {
            let what = match old {
                Some(old) if old == new => paint(FAINT, format_args!("stays at {}", new.short())),
                Some(old) => paint(GOOD, format_args!("{} -> {}", old.short(), new.short())),
                None => paint(GOOD, format_args!("pinned at {}", new.short())),
            };
            show::line(format_args!("{name} {what}"));
        }
        if pins.iter().any(|pin| pin.old != Some(pin.new)) {
            show::note("commit springline.lock: a run of a commit takes the pins that are committed with it");
        }
    })
}
