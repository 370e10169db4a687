//! A deploy target's functions.

use springline_model::manifest::{Applied, Change, Difference, Health, Identity, Observed};
use springline_model::plugin::Fault;
use wasmtime::Store;

use super::worlds::deploy_target::DeploysPre;
use super::worlds::deploy_target::exports::springline::plugin::deploy_target as guest;
use super::{Returned, from_guest, to_guest, types};
use crate::state::CallState;

/// A deploy target, linked. Each function is called in an instance of its own.
pub(crate) struct TargetPlugin(pub(super) DeploysPre<CallState>);

/// The result of a function: first as the guest returned it, then checked.
type Unchecked<T> = Returned<T>;

impl TargetPlugin {
    /// Calls `identify`.
    pub(crate) async fn identify(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        desired: &[types::Object],
    ) -> Unchecked<Result<Vec<Identity>, Fault>> {
        let target = self.0.instantiate_async(&mut *store).await?;
        let returned = target.springline_plugin_deploy_target().call_identify(&mut *store, config, desired).await?;
        Ok(returned.map(|identities| from_guest::identities(identities, desired, store.data().powers.masks())))
    }

    /// Calls `plan`.
    pub(crate) async fn plan(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        desired: &[types::Object],
        owned: &[String],
    ) -> Unchecked<Result<Vec<Change>, Fault>> {
        let target = self.0.instantiate_async(&mut *store).await?;
        let input = guest::PlanInput { config: config.to_owned(), desired: desired.to_vec(), owned: owned.to_vec() };
        let returned = target.springline_plugin_deploy_target().call_plan(&mut *store, &input).await?;
        Ok(returned.map(|changes| from_guest::changes(changes, desired, store.data().powers.masks())))
    }

    /// Calls `explain`.
    pub(crate) async fn explain(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        change: &Change,
    ) -> Unchecked<Result<Difference, Fault>> {
        let target = self.0.instantiate_async(&mut *store).await?;
        let change = to_guest::change(change);
        let returned = target.springline_plugin_deploy_target().call_explain(&mut *store, config, &change).await?;
        Ok(returned.map(|difference| Ok(from_guest::difference(&difference, store.data().powers.masks()))))
    }

    /// Calls `apply`.
    pub(crate) async fn apply(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        change: &Change,
    ) -> Unchecked<Result<Applied, Fault>> {
        let target = self.0.instantiate_async(&mut *store).await?;
        let change = to_guest::change(change);
        let returned = target.springline_plugin_deploy_target().call_apply(&mut *store, config, &change).await?;
        Ok(returned.map(|applied| from_guest::applied(applied, store.data().powers.masks())))
    }

    /// Calls `observe`.
    pub(crate) async fn observe(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        live: &[String],
    ) -> Unchecked<Result<Vec<Observed>, Fault>> {
        let target = self.0.instantiate_async(&mut *store).await?;
        let returned = target.springline_plugin_deploy_target().call_observe(&mut *store, config, live).await?;
        Ok(returned.map(|objects| from_guest::observed(objects, live, store.data().powers.masks())))
    }

    /// Calls `judge`.
    pub(crate) async fn judge(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        object: &Observed,
    ) -> Unchecked<Result<Health, Fault>> {
        let target = self.0.instantiate_async(&mut *store).await?;
        let object = to_guest::observed(object);
        let returned = target.springline_plugin_deploy_target().call_judge(&mut *store, config, &object).await?;
        Ok(returned.map(|health| Ok(from_guest::health(&health, store.data().powers.masks()))))
    }

    /// Calls `owned`.
    pub(crate) async fn owned(
        &self,
        store: &mut Store<CallState>,
        config: &str,
    ) -> Unchecked<Result<Vec<String>, Fault>> {
        let target = self.0.instantiate_async(&mut *store).await?;
        let returned = target.springline_plugin_deploy_target().call_owned(&mut *store, config).await?;
        Ok(returned.map(|references| from_guest::references(references, store.data().powers.masks())))
    }
}
