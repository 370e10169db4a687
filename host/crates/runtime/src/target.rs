//! A deploy target in use.

use std::sync::Arc;

use springline_model::call::{Call, Called, Usage};
use springline_model::manifest::{
    Account, Applied, Change, Child, Difference, Health, Hook, Identity, Object, Observed,
};
use springline_model::plugin::{CallError, Fault};
use springline_model::port::{Seen, Target};
use wasmtime::Store;

use crate::bindings::springline::plugin::types;
use crate::capability::guard::Guarded;
use crate::capability::lending::Lending;
use crate::capability::readable::{Given, Readable};
use crate::loaded::Loaded;
use crate::plugin::v0_1::{self, Returned, TargetPlugin};
use crate::runtime::Runtime;
use crate::state::CallState;

/// A deploy target with its config, its powers and what it is to deploy. Every call gets an
/// instance of its own.
pub(crate) struct TargetInUse<'r> {
    runtime: &'r Runtime,
    loaded: Arc<Loaded>,
    call: Call,
    desired: Vec<types::Object>,
    given: Arc<Given>,
    lending: Lending,
}

impl<'r> TargetInUse<'r> {
    /// A target for these desired objects.
    pub(crate) fn new(
        runtime: &'r Runtime,
        loaded: Arc<Loaded>,
        call: Call,
        desired: &[Object],
        lending: Lending,
    ) -> Self {
        Self {
            runtime,
            loaded,
            call,
            desired: v0_1::desired(desired),
            given: Arc::new(Given::objects(desired)),
            lending,
        }
    }

    fn plugin(&self) -> Result<&TargetPlugin, CallError> {
        let failed = |fault| CallError { plugin: self.call.plugin.clone(), fault, log: Vec::new() };
        self.loaded.plugin.target().map_err(failed)
    }

    fn run<T: Guarded>(
        &self,
        body: impl AsyncFnOnce(&TargetPlugin, &mut Store<CallState>) -> Returned<Result<T, Fault>>,
    ) -> Result<Called<T>, CallError> {
        let plugin = self.plugin()?;
        let mut state = self.runtime.call_state(&self.loaded, &self.call)?;
        state.readable = Readable::new(Arc::clone(&self.given));
        state.lending = self.lending.clone();
        self.runtime.call(
            (&self.call.plugin, &self.loaded),
            &self.call.cancel,
            state,
            async |store| body(plugin, store).await,
            |checked, _| checked,
        )
    }
}

impl Target for TargetInUse<'_> {
    fn identify(&self) -> Result<Called<Vec<Identity>>, CallError> {
        self.run(async |plugin, store| plugin.identify(store, &self.call.config, &self.desired).await)
    }

    fn plan(&self, owned: &[String]) -> Result<Called<Vec<Change>>, CallError> {
        self.run(async |plugin, store| plugin.plan(store, &self.call.config, &self.desired, owned).await)
    }

    fn explain(&self, change: &Change) -> Result<Called<Difference>, CallError> {
        self.run(async |plugin, store| plugin.explain(store, &self.call.config, change).await)
    }

    fn apply(&self, change: &Change) -> Result<Called<Applied>, CallError> {
        self.run(async |plugin, store| plugin.apply(store, &self.call.config, change).await)
    }

    fn observe(&self, live: &[String]) -> Result<Called<Vec<Observed>>, CallError> {
        self.run(async |plugin, store| plugin.observe(store, &self.call.config, live).await)
    }

    fn judge(&self, object: &Observed) -> Result<Called<Health>, CallError> {
        self.run(async |plugin, store| plugin.judge(store, &self.call.config, object).await)
    }

    fn owned(&self) -> Result<Called<Vec<String>>, CallError> {
        self.run(async |plugin, store| plugin.owned(store, &self.call.config).await)
    }

    fn hooks(&self) -> Result<Called<Vec<Hook>>, CallError> {
        if !self.plugin()?.has_hooks() {
            return Ok(nothing());
        }
        self.run(async |plugin, store| plugin.hooks(store, &self.call.config, &self.desired).await)
    }

    fn children(&self, live: &[String]) -> Result<Called<Vec<Child>>, CallError> {
        if live.is_empty() || !self.plugin()?.has_insight() {
            return Ok(nothing());
        }
        self.run(async |plugin, store| plugin.children(store, &self.call.config, live).await)
    }

    fn explain_health(&self, live: &[String]) -> Result<Called<Vec<Account>>, CallError> {
        if live.is_empty() || !self.plugin()?.has_insight() {
            return Ok(nothing());
        }
        self.run(async |plugin, store| plugin.explain_health(store, &self.call.config, live).await)
    }

    /// What the lent directory was, where the plugin can see nothing else of the world.
    fn seen(&self) -> Option<Arc<dyn Seen>> {
        let grants = &self.call.grants;
        let alone = grants.http.is_empty() && grants.secrets.is_empty() && grants.kubernetes.is_empty();
        if alone && self.call.ledger.used().is_empty() { self.lending.seen() } else { None }
    }
}

fn nothing<T>() -> Called<Vec<T>> {
    Called { value: Vec::new(), log: Vec::new(), usage: Usage::default() }
}
