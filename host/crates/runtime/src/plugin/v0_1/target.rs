//! A deploy target's functions.

use springline_model::manifest::{Account, Applied, Change, Child, Difference, Health, Hook, Identity, Observed};
use springline_model::plugin::Fault;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::worlds::deploy_target::exports::springline::plugin::{deploy_target as guest, hooks, insight};
use super::{Returned, from_guest, optional, to_guest, types};
use crate::state::CallState;

/// A deploy target, linked. Each function is called in an instance of its own.
pub(crate) struct TargetPlugin {
    instance: InstancePre<CallState>,
    target: guest::GuestIndices,
    hooks: Option<hooks::GuestIndices>,
    insight: Option<insight::GuestIndices>,
}

const HOOKS: &str = "springline:plugin/hooks@0.1.0";
const INSIGHT: &str = "springline:plugin/insight@0.1.0";

/// The result of a function: first as the guest returned it, then checked.
type Unchecked<T> = Returned<T>;

impl TargetPlugin {
    /// The deploy target of this linked component.
    ///
    /// # Errors
    /// Its exports are not those of the contract.
    pub(super) fn new(instance: InstancePre<CallState>) -> wasmtime::Result<Self> {
        let exports = |name| instance.component().get_export_index(None, name).is_some();
        Ok(Self {
            target: guest::GuestIndices::new(&instance)?,
            hooks: exports(HOOKS).then(|| hooks::GuestIndices::new(&instance)).transpose()?,
            insight: exports(INSIGHT).then(|| insight::GuestIndices::new(&instance)).transpose()?,
            instance,
        })
    }

    async fn instantiate(&self, store: &mut Store<CallState>) -> wasmtime::Result<Instance> {
        self.instance.instantiate_async(store).await
    }

    async fn guest(&self, store: &mut Store<CallState>) -> wasmtime::Result<guest::Guest> {
        let instance = self.instantiate(store).await?;
        self.target.load(store, &instance)
    }

    /// Whether it has hooks.
    pub(crate) fn has_hooks(&self) -> bool {
        self.hooks.is_some()
    }

    /// Whether it gives insight.
    pub(crate) fn has_insight(&self) -> bool {
        self.insight.is_some()
    }

    /// Calls `identify`.
    pub(crate) async fn identify(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        desired: &[types::Object],
    ) -> Unchecked<Result<Vec<Identity>, Fault>> {
        let target = self.guest(store).await?;
        let returned = target.call_identify(&mut *store, config, desired).await?;
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
        let target = self.guest(store).await?;
        let input = guest::PlanInput { config: config.to_owned(), desired: desired.to_vec(), owned: owned.to_vec() };
        let returned = target.call_plan(&mut *store, &input).await?;
        Ok(returned.map(|changes| from_guest::changes(changes, desired, store.data().powers.masks())))
    }

    /// Calls `explain`.
    pub(crate) async fn explain(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        change: &Change,
    ) -> Unchecked<Result<Difference, Fault>> {
        let target = self.guest(store).await?;
        let change = to_guest::change(change);
        let returned = target.call_explain(&mut *store, config, &change).await?;
        Ok(returned.map(|difference| Ok(from_guest::difference(&difference, store.data().powers.masks()))))
    }

    /// Calls `apply`.
    pub(crate) async fn apply(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        change: &Change,
    ) -> Unchecked<Result<Applied, Fault>> {
        let target = self.guest(store).await?;
        let change = to_guest::change(change);
        let returned = target.call_apply(&mut *store, config, &change).await?;
        Ok(returned.map(|applied| from_guest::applied(applied, store.data().powers.masks())))
    }

    /// Calls `observe`.
    pub(crate) async fn observe(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        live: &[String],
    ) -> Unchecked<Result<Vec<Observed>, Fault>> {
        let target = self.guest(store).await?;
        let returned = target.call_observe(&mut *store, config, live).await?;
        Ok(returned.map(|objects| from_guest::observed(objects, live, store.data().powers.masks())))
    }

    /// Calls `judge`.
    pub(crate) async fn judge(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        object: &Observed,
    ) -> Unchecked<Result<Health, Fault>> {
        let target = self.guest(store).await?;
        let object = to_guest::observed(object);
        let returned = target.call_judge(&mut *store, config, &object).await?;
        Ok(returned.map(|health| Ok(from_guest::health(&health, store.data().powers.masks()))))
    }

    /// Calls `owned`.
    pub(crate) async fn owned(
        &self,
        store: &mut Store<CallState>,
        config: &str,
    ) -> Unchecked<Result<Vec<String>, Fault>> {
        let target = self.guest(store).await?;
        let returned = target.call_owned(&mut *store, config).await?;
        Ok(returned.map(|references| from_guest::references(references, store.data().powers.masks())))
    }

    /// Calls `hooks`.
    pub(crate) async fn hooks(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        desired: &[types::Object],
    ) -> Unchecked<Result<Vec<Hook>, Fault>> {
        let hooks = self.hooks.as_ref().ok_or_else(|| absent(HOOKS))?;
        let instance = self.instantiate(store).await?;
        let returned = hooks.load(&mut *store, &instance)?.call_hooks(&mut *store, config, desired).await?;
        Ok(returned.map(|hooks| optional::hooks(hooks, desired, store.data().powers.masks())))
    }

    /// Calls `children`.
    pub(crate) async fn children(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        live: &[String],
    ) -> Unchecked<Result<Vec<Child>, Fault>> {
        let insight = self.insight.as_ref().ok_or_else(|| absent(INSIGHT))?;
        let instance = self.instantiate(store).await?;
        let returned = insight.load(&mut *store, &instance)?.call_children(&mut *store, config, live).await?;
        Ok(returned.map(|children| optional::children(children, live, store.data().powers.masks())))
    }

    /// Calls `explain-health`.
    pub(crate) async fn explain_health(
        &self,
        store: &mut Store<CallState>,
        config: &str,
        live: &[String],
    ) -> Unchecked<Result<Vec<Account>, Fault>> {
        let insight = self.insight.as_ref().ok_or_else(|| absent(INSIGHT))?;
        let instance = self.instantiate(store).await?;
        let returned = insight.load(&mut *store, &instance)?.call_explain_health(&mut *store, config, live).await?;
        Ok(returned.map(|accounts| optional::accounts(accounts, live, store.data().powers.masks())))
    }
}

/// Whether it is there is asked before any call.
fn absent(interface: &str) -> wasmtime::Error {
    wasmtime::Error::msg(format!("a plugin was asked for `{interface}`, which it does not export"))
}
