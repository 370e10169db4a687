//! `springline update`, also `springline plugin update`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_config::LockedPlugin;
use springline_model::plugin::{Description, Pinned};
use springline_model::port::Blobs as _;
use springline_model::{Cancel, Digest};

use super::error::{CliError, Kind};
use super::plugin::diff::print_changes;
use super::{Common, RevisionArgs};
use crate::app::App;
use crate::plugin_diff::{self, PluginDiff};
use crate::project::{Configured, Project};
use crate::resolve::{Place, Resolver};
use crate::show::{self, FAINT, GOOD, NOTE, STRONG, paint};

/// Pins what plugin names stand for today: what this host carries, what lies at their paths, or what
/// their registries have. A plugin that asks for more than before needs a yes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  springline update\n  springline update step-site\n  springline update \
                  'oci://registry.example.com/team/step:^1.2' --accept-capabilities\n\nCommit springline.lock afterwards.")]
pub struct Update {
    /// Only this plugin, as springline.yaml or host.yaml names it
    #[arg(value_name = "PLUGIN")]
    plugin: Option<String>,
    /// Take plugins that ask for more powers than before without being asked
    #[arg(long)]
    accept_capabilities: bool,
}

/// What becomes of a pin.
struct Pin {
    name: String,
    old: Option<Digest>,
    new: LockedPlugin,
    /// The versions that the plugins say they are, where they were asked.
    versions: (Option<String>, Option<String>),
    /// What differs, where something was pinned before.
    diff: Option<PluginDiff>,
}

impl Pin {
    fn changes(&self) -> bool {
        self.old != Some(self.new.digest)
    }

    fn asks_for_more(&self) -> bool {
        self.diff.as_ref().is_some_and(PluginDiff::asks_for_more)
    }
}

impl Update {
    /// Pins.
    ///
    /// # Errors
    /// A plugin that can't be found, or that nobody names; one that asks for more and got no yes:
    /// then nothing is pinned.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let project = Project::find(common, None, cancel)?;
        let picked = match project.pick(&RevisionArgs { revision: None, worktree: true }) {
            Ok(picked) => picked,
            Err(_) => project.pick(&RevisionArgs::default())?,
        };
        let declared = picked.application()?;
        let app = App::open(common, project, "update", cancel)?;
        let mut source = Resolver::of_source(&app, &picked)?;
        let mut operator = Resolver::of_operator(&app)?;

        // What host.yaml puts another plugin in the stead of need not be here, and its pin stays.
        let is_used = |name: &str| self.means(name) && app.operator.value.source_of(name).is_none();

        let Configured { value, document } = &declared;
        let mut wanted: Vec<(&str, String)> = Vec::new();
        for (artifact, declared) in &value.artifacts {
            for (at, step) in declared.steps.iter().enumerate() {
                wanted.push((&step.plugin, format!("/artifacts/{artifact}/steps/{at}/plugin")));
            }
        }
        for (name, environment) in &value.environments {
            wanted.push((&environment.render.plugin, format!("/environments/{name}/render/plugin")));
        }
        let wanted = wanted.into_iter().filter(|(name, _)| is_used(name));
        let of_source = look(&app, &source, wanted.map(|(name, pointer)| (name, Place::new(document, pointer))))?;

        let Configured { value, document } = &app.operator;
        let targets = value.targets.iter().map(|(name, binding)| (name, binding.plugin.as_str()));
        let targets = targets.filter(|(_, plugin)| is_used(plugin));
        let places = targets.map(|(name, plugin)| (plugin, Place::new(document, format!("/targets/{name}/plugin"))));
        let replacements = value.plugins.iter().filter_map(|(name, settings)| {
            let source = settings.source.as_deref().filter(|source| self.means(name) || self.means(source))?;
            Some((source, Place::of_replacement(document, name)))
        });
        let of_operator = look(&app, &operator, places.chain(replacements))?;
        if let (Some(plugin), true) = (&self.plugin, of_source.is_empty() && of_operator.is_empty()) {
            return Err(CliError::new(
                Kind::Usage,
                format!("neither springline.yaml nor host.yaml names a plugin `{plugin}`"),
            ));
        }
        let shown = self.consent(of_source.iter().chain(&of_operator))?;
        of_source.iter().for_each(|pin| source.lock.pin(&pin.name, &pin.new));
        of_operator.iter().for_each(|pin| operator.lock.pin(&pin.name, &pin.new));
        source.save()?;
        operator.save()?;
        print(common, &of_source.into_iter().chain(of_operator).collect::<Vec<_>>(), shown)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Whether the plugin of that name is to be looked at.
    fn means(&self, name: &str) -> bool {
        self.plugin.as_ref().is_none_or(|plugin| plugin == name)
    }

    /// Gets a yes for what asks for more than before, and returns whether it was shown for that.
    fn consent<'p>(&self, pins: impl Iterator<Item = &'p Pin>) -> Result<bool, CliError> {
        let asking: Vec<&Pin> = pins.filter(|pin| pin.asks_for_more()).collect();
        let Some(first) = asking.first().filter(|_| !self.accept_capabilities) else { return Ok(false) };
        for Pin { name, diff, .. } in &asking {
            show::note(paint(STRONG, name));
            for (sign, text) in diff.iter().flat_map(PluginDiff::lines) {
                show::note(format_args!("{} {text}", paint(NOTE, sign)));
            }
        }
        let refused = |message: String| CliError::new(Kind::Denied, message);
        if !show::console::answers() {
            return Err(refused(format!(
                "{} asks for more powers than what is pinned; nothing was changed",
                first.name
            ))
            .hint("if that is right, say so: `springline update --accept-capabilities`"));
        }
        let it = if asking.len() == 1 { "it" } else { "them" };
        let answer = show::console::ask(&format!("Take {it}? [y/N] ")).unwrap_or_default();
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(true),
            _ => Err(refused("nothing was changed".into())),
        }
    }
}

/// What the names stand for today, each once.
fn look<'n>(
    app: &App,
    resolver: &Resolver<'_>,
    places: impl Iterator<Item = (&'n str, Place<'n>)>,
) -> Result<Vec<Pin>, CliError> {
    let mut pins: Vec<Pin> = Vec::new();
    for (name, place) in places {
        if pins.iter().any(|pin| pin.name == *name) {
            continue;
        }
        let old = resolver.lock.lock.get(name).map(|locked| locked.digest);
        let new = resolver.find(name, &place)?;
        pins.push(compare(app, name, old, new)?);
    }
    Ok(pins)
}

/// What changes from the old to the new plugin of a name.
fn compare(app: &App, name: &str, old: Option<Digest>, new: LockedPlugin) -> Result<Pin, CliError> {
    let changes = old.is_some_and(|old| old != new.digest);
    if !changes && new.manifest.is_none() {
        return Ok(Pin { name: name.to_owned(), old, new, versions: (None, None), diff: None });
    }
    let describe = |digest| app.describe(&Pinned { name: name.to_owned(), digest });
    let after = describe(new.digest)?;
    // What can't be asked any more counts as one that asked for nothing.
    let before = old.filter(|old| changes && (app.blobs.contains(old) || crate::builtin::bytes(old).is_some()));
    let before = before.and_then(|old| describe(old).ok());
    let nothing = || Description { capabilities: Vec::new(), imports: Vec::new(), ..after.clone() };
    let diff = changes.then(|| plugin_diff::compare(before.as_ref().unwrap_or(&nothing()), &after));
    let versions = (before.map(|before| before.version), Some(after.version));
    Ok(Pin { name: name.to_owned(), old, new, versions, diff })
}

/// Prints what was pinned; what asks for more is not shown again.
fn print(common: &Common, pins: &[Pin], shown: bool) -> Result<(), CliError> {
    let row = |pin: &Pin| {
        let mut row = json!({ "plugin": pin.name, "old": pin.old, "new": pin.new.digest });
        for (key, value) in
            [("manifest", pin.new.manifest.map(|digest| digest.to_string())), ("tag", pin.new.tag.clone())]
        {
            if let Some(value) = value {
                row[key] = json!(value);
            }
        }
        if let Some(diff) = &pin.diff {
            row["changes"] = json!(diff);
            row["asks-for-more"] = json!(diff.asks_for_more());
        }
        row
    };
    let rows: Vec<_> = pins.iter().map(row).collect();
    show::data(common, &rows, |_| {
        for pin in pins {
            let Pin { name, old, new, .. } = pin;
            let new_digest = new.digest;
            let what = match old {
                Some(old) if *old == new_digest => paint(FAINT, format_args!("stays at {}", new_digest.short())),
                Some(old) => paint(GOOD, format_args!("{} -> {}", old.short(), new_digest.short())),
                None => paint(GOOD, format_args!("pinned at {}", new_digest.short())),
            };
            show::line(format_args!("{name} {what}{}", versions(pin)));
            if let Some(diff) = pin.diff.as_ref().filter(|diff| !(shown && diff.asks_for_more())) {
                print_changes(diff);
            }
        }
        if pins.iter().any(Pin::changes) {
            show::note("commit springline.lock: a run of a commit takes the pins that are committed with it");
        }
    })
}

/// The versions, where a plugin was asked.
fn versions(pin: &Pin) -> String {
    match &pin.versions {
        (_, None) => String::new(),
        (Some(old), Some(new)) if pin.changes() => format!(" ({old} -> {new})"),
        (_, Some(new)) => format!(" ({new})"),
    }
}
