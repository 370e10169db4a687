//! Targets, as the operator binds them.

use springline_engine::chain::{Target, Targets};
use springline_engine::error::Reason;
use springline_model::application;
use springline_model::operator::TargetBinding;
use springline_model::plugin::Kind;
use springline_model::run::Release;

use super::{Place, Resolver};
use crate::app::App;
use crate::cli::error::CliError;
use crate::cli::redeploy;
use crate::project::Configured;
use crate::{grants, paths};

/// The target of an environment as the operator binds it, and what the application says to it. `place` is
/// the environment's.
///
/// # Errors
/// A target that the operator's file does not name; a plugin or a config that is wrong.
pub fn target(
    app: &App,
    resolver: &mut Resolver<'_>,
    environment: &application::Environment,
    place: &Place<'_>,
) -> Result<Target, CliError> {
    let application::Environment { target: name, target_with: with, sync, .. } = environment;
    let (binding, bound) = bound(app, name, place)?;
    let said = place.key("target-with");
    let part = (!with.is_empty()).then_some((with, &said));
    let plugin = &binding.plugin;
    let known = resolver.plugin(None, plugin, &bound.key("plugin"))?;
    let (leaves, guards) = (known.leaves(), known.guards());
    if let Some(rule) = sync.ignore.iter().position(|rule| !rule.is_whole()).filter(|_| !leaves) {
        let place = place.key(&format!("sync/ignore/{rule}"));
        let message = format!("the target `{name}` can't leave single fields alone: plugin `{plugin}` knows none");
        let help = "leave `pointers` and `managers` out, and the objects are left alone as a whole";
        return Err(place.suggest(message, Some(help.to_owned())));
    }
    if leaves && with.contains_key("sync") {
        let help = "say it in `sync` of the environment".to_owned();
        return Err(said.key("sync").suggest("this is not for `target-with`".to_owned(), Some(help)));
    }
    let of = format!("plugin `{plugin}`");
    let mut uses = resolver.usage_of(known, Kind::DeployTarget, (plugin, &binding.with, part), &bound, &of)?;
    uses.grants = binding.grants.clone();
    Ok(Target { name: name.clone(), with: with.clone(), uses, leaves, guards })
}

/// How the operator binds a target, and where that is said. `place` is that of who names it.
fn bound<'a>(app: &'a App, name: &str, place: &Place<'_>) -> Result<(&'a TargetBinding, Place<'a>), CliError> {
    let Configured { value: operator, document } = &app.operator;
    let Some(binding) = operator.targets.get(name) else {
        let near = springline_config::nearest(name, operator.targets.keys().map(String::as_str));
        let near = near.map(|near| format!("did you mean `{near}`?"));
        let file = app.project.state().join(paths::OPERATOR);
        return Err(place.key("target").suggest(format!("the operator's file binds no target `{name}`"), near).hint(format!(
            "add it to {}: `targets: {{ {name}: {{ plugin: target-directory, grants: {{ directory: {{ path: DIR }} }} }} }}`",
            file.display()
        )));
    };
    Ok((binding, Place::new(document, format!("/targets/{name}"))))
}

impl Targets for App {
    fn of(&self, release: &Release) -> Result<Target, Reason> {
        let found = Resolver::of_operator(self).and_then(|mut operator| pinned_target(self, &mut operator, release));
        found.map_err(|error| Reason::NoTarget { release: release.id, message: error.message })
    }
}

/// The target that a release goes to: bound as the operator binds it today, with the plugin that
/// deployed the release.
///
/// # Errors
/// A target that is no longer bound, or a plugin that is gone.
pub fn pinned_target(app: &App, resolver: &mut Resolver<'_>, release: &Release) -> Result<Target, CliError> {
    let (name, with) = (&release.target, &release.target_with);
    let (binding, bound) = bound(app, name, &Place::new(&app.operator.document, format!("/targets/{name}")))?;
    let mut known = resolver.plugin(None, &binding.plugin, &bound.key("plugin"))?;
    if known.pinned.digest != release.target_plugin.digest {
        redeploy::ensure_there(app, &release.target_plugin)?;
        resolver.shared.recheck(&release.target_plugin)?;
        known = resolver.describe(release.target_plugin.clone())?;
    }
    // What the application said is in the release, and in no file: of the files, the binding is next to it.
    let part = (!with.is_empty()).then_some((with, &bound));
    let of = format!("plugin `{}` of release {}", known.pinned.name, release.id.short());
    let wanted = (binding.plugin.as_str(), &binding.with, part);
    let (leaves, guards) = (known.leaves(), known.guards());
    let mut uses = resolver.usage_of(known, Kind::DeployTarget, wanted, &bound, &of)?;
    uses.grants = binding.grants.clone();
    let mut target = Target { name: name.clone(), with: with.clone(), uses, leaves, guards };
    grants::give_target(&app.operator.value, &mut target, &release.application, &release.environment);
    Ok(target)
}
