//! `target-kubernetes`: deploys to Kubernetes clusters by server-side apply.
//!
//! What differs is told by the API server itself, by a dry run: its defaults and what admission does
//! to objects are no drift. Every object carries its owner's name, and the fields of other managers
//! are left to them.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod apply;
mod config;
mod content;
mod desired;
mod difference;
mod document;
mod explain;
mod family;
mod hook;
mod ignore;
mod live;
mod notes;
mod observe;
mod options;
mod order;
mod owner;
mod plan;
mod reference;
mod refusal;
mod scope;
mod takeover;
#[cfg(test)]
mod tests;
mod told;
mod trial;

use springline_sdk::kubernetes::Freshness;
use springline_sdk::prelude::*;
use springline_sdk::{Account, Child, Hook};

use config::Config;
use hook::Role;
use notes::Notes;
use owner::Owner;
use reference::Ref;

/// Deploys objects to Kubernetes clusters by server-side apply.
#[deploy_target(
    hooks,
    insight,
    capabilities(kubernetes = "applies what it deploys to these clusters, and removes what it applied")
)]
impl Target for Config {
    fn identify(&self, desired: &[Object], deploy: &mut Deploy) -> Result<Vec<Identity>> {
        let everything = desired::read(self, desired, deploy)?;
        let identity = |desired: desired::Desired| Identity { live: desired.live.to_string(), object: desired.id };
        Ok(everything.kept.into_iter().map(identity).collect())
    }

    fn plan(&self, desired: &[Object], owned: &[String], deploy: &mut Deploy) -> Result<Vec<Change>> {
        plan::plan(self, desired, owned, deploy)
    }

    fn explain(&self, change: &Change, deploy: &mut Deploy) -> Result<Difference> {
        explain::explain(self, change, deploy)
    }

    fn apply(&self, change: &Change, deploy: &mut Deploy) -> Result<Applied> {
        match change.action {
            Action::Delete => apply::delete(self, change, deploy),
            Action::Create | Action::Update | Action::Adopt => apply::put(self, change, deploy),
            Action::Deferred => Err(Error::failed(format!("`{}` waits for an earlier wave", change.live))),
        }
    }

    fn observe(&self, live: &[String], _: &mut Deploy) -> Result<Vec<Observed>> {
        observe::observe(live)
    }

    fn judge(&self, observed: &Observed) -> Result<Health> {
        observe::judge(self, observed)
    }

    fn owned(&self, deploy: &mut Deploy) -> Result<Vec<String>> {
        observe::owned(self, &Owner::of(deploy))
    }
}

impl Hooks for Config {
    fn hooks(&self, desired: &[Object], deploy: &mut Deploy) -> Result<Vec<Hook>> {
        let mut hooks = Vec::new();
        for desired in desired::read(self, desired, deploy)?.hooks {
            let Role::Run(runs) = desired.role else { continue };
            let (once, force) = (runs.once, desired.options.force);
            let notes = Notes { digest: desired.digest, hook: true, once, force, ..Notes::default() };
            hooks.extend(runs.phases.into_iter().map(|phase| Hook {
                live: desired.live.to_string(),
                object: desired.id.clone(),
                phase,
                wave: runs.wave,
                cleanup: runs.cleanup,
                state: notes.write(),
            }));
        }
        Ok(hooks)
    }
}

impl Insight for Config {
    fn children(&self, live: &[String], _: &mut Deploy) -> Result<Vec<Child>> {
        let rules = self.rules()?;
        let refs = live.iter().map(|text| Ref::parse(text)).collect::<Result<Vec<_>>>()?;
        let found = live::get_refs(&refs, Freshness::Any)?;
        let roots: Vec<_> = refs.into_iter().zip(found).filter_map(|(live, there)| Some((live, there?))).collect();
        let child = |member: family::Member| Child {
            parent: member.parent.to_string(),
            live: member.live.to_string(),
            health: observe::health(&rules, &member.object),
        };
        Ok(family::members(&roots).into_iter().map(child).collect())
    }

    fn explain_health(&self, live: &[String], _: &mut Deploy) -> Result<Vec<Account>> {
        let refs = live.iter().map(|text| Ref::parse(text)).collect::<Result<Vec<_>>>()?;
        account::accounts(&self.rules()?, &refs)
    }
}
