//! A deploy target whose reality is a [`Live`].

use springline_model::call::{Called, TargetCall};
use springline_model::manifest::{
    Account, Action, Applied, Body, Change, Child, Difference, Health, HealthStatus, Hook, Identity, Object, Observed,
};
use springline_model::plugin::{CallError, Fault};
use springline_model::port::{Blobs, Target};

use crate::live::{Live, LiveObject};
use crate::plugins::{FakePlugins, called, failed};

/// What a hook's changes carry.
const HOOK: &[u8] = b"hook";

/// A deploy target in use.
pub(crate) struct FakeTarget<'a> {
    plugins: &'a FakePlugins,
    name: String,
    live: Live,
    target: TargetCall,
    owner: String,
}

impl<'a> FakeTarget<'a> {
    pub(crate) fn new(plugins: &'a FakePlugins, name: String, live: Live, target: TargetCall) -> Self {
        let context = &target.call.context;
        let owner = format!("{}/{}", context.application, context.environment.as_deref().unwrap_or_default());
        Self { plugins, name, live, target, owner }
    }

    /// Makes one call: counts it, lets it fail if it is to, and then does it.
    fn call<T>(
        &self,
        function: &'static str,
        name: &str,
        act: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<Called<T>, CallError> {
        let call = &self.target.call;
        self.plugins.count(&self.name, function);
        let value = if call.cancel.is_cancelled() {
            Err(Fault::Cancelled)
        } else {
            self.live.next_fault(function, name).and_then(|()| act())
        };
        match value {
            Ok(value) => Ok(called(value, Vec::new())),
            Err(fault) => Err(failed(&call.plugin, fault, Vec::new())),
        }
    }

    fn desired(&self, id: &str) -> Result<&Object, Fault> {
        let found = self.target.desired.iter().find(|object| object.id == id);
        found.ok_or_else(|| Fault::Failed { message: format!("no object `{id}` was given to this call") })
    }

    fn is_hook(&self, object: &Object) -> bool {
        !self.live.hooks(&object.id).is_empty()
    }

    fn plan_object(&self, desired: &Object, owned: &[String]) -> Result<Option<Change>, Fault> {
        let live = self.live.get(&desired.id);
        let after = desired.body.digest().to_string();
        let before = live.as_ref().map(LiveObject::version);
        let (action, summary) = match &live {
            _ if self.live.is_waiting(&desired.id) => (Action::Deferred, "it waits for another object"),
            None => (Action::Create, ""),
            Some(live) if !live.owner.is_empty() && live.owner != self.owner => {
                return Err(conflict(format!("`{}` belongs to {}", desired.id, live.owner)));
            }
            Some(live) if live.version() != after && live.owner.is_empty() && !owned.contains(&desired.id) => {
                return Err(conflict(format!("`{}` is there and is not ours", desired.id)));
            }
            Some(live) if live.version() != after => (Action::Update, "content"),
            Some(live) if live.owner.is_empty() || !owned.contains(&desired.id) => (Action::Adopt, "it is there"),
            Some(_) => return Ok(None),
        };
        Ok(Some(Change {
            live: desired.id.clone(),
            object: desired.id.clone(),
            action,
            wave: self.live.wave(&desired.id),
            summary: summary.into(),
            before,
            after: Some(after),
            state: Vec::new(),
        }))
    }

    fn plan_delete(&self, name: &str) -> Option<Change> {
        let live = self.live.get(name);
        // What was lost to another owner is no longer ours to remove.
        if live.as_ref().is_some_and(|live| !live.owner.is_empty() && live.owner != self.owner) {
            return None;
        }
        Some(Change {
            live: name.into(),
            object: String::new(),
            action: Action::Delete,
            wave: self.live.wave(name),
            summary: if live.is_some() { "" } else { "gone already" }.into(),
            before: live.as_ref().map(LiveObject::version),
            after: None,
            state: Vec::new(),
        })
    }

    fn apply_change(&self, change: &Change) -> Result<Applied, Fault> {
        self.live.note(change.action, &change.live);
        if change.action == Action::Delete && self.live.is_kept(&change.live) {
            return Ok(Applied { after: self.live.seen(&change.live), message: "it is to be kept".into() });
        }
        if change.state == HOOK {
            return self.apply_hook(change);
        }
        let live = self.live.get(&change.live);
        if change.action == Action::Delete && live.is_some() && self.live.is_held(&change.live) {
            return Ok(Applied { after: None, message: "it is held".into() });
        }
        let version = live.as_ref().map(LiveObject::version);
        if let Some(live) = &live
            && !live.owner.is_empty()
            && live.owner != self.owner
        {
            return Err(conflict(format!("`{}` belongs to {}", change.live, live.owner)));
        }
        // So already: applying twice comes to the same as once.
        if version == change.after {
            self.live.mark(&change.live, &self.owner);
            return Ok(Applied { after: version, message: String::new() });
        }
        if version != change.before {
            return Err(conflict(format!("`{}` changed since it was planned", change.live)));
        }
        match change.action {
            Action::Create | Action::Update => {
                let body = self.desired(&change.object)?.body.clone();
                self.live.write(&change.live, Some(LiveObject { body, owner: self.owner.clone() }));
            }
            Action::Delete => self.live.write(&change.live, None),
            Action::Adopt => return Err(conflict(format!("`{}` is not as it was planned", change.live))),
            Action::Deferred => {
                return Err(Fault::Failed { message: format!("`{}` can't be applied yet", change.live) });
            }
        }
        Ok(Applied { after: change.after.clone(), message: String::new() })
    }

    /// What a hook makes is made anew each time, and goes whatever it is.
    fn apply_hook(&self, change: &Change) -> Result<Applied, Fault> {
        let made = match change.action {
            Action::Create => {
                let body = self.desired(&change.object)?.body.clone();
                Some(LiveObject { body, owner: self.owner.clone() })
            }
            _ => None,
        };
        let after = made.as_ref().map(LiveObject::version);
        self.live.write(&change.live, made);
        Ok(Applied { after, message: String::new() })
    }

    fn text(&self, body: &Body) -> Option<String> {
        let Body::Blob(digest) = body else { return None };
        let bytes = Blobs::get(self.plugins.blobs(), digest).ok()?;
        String::from_utf8(bytes.to_vec()).ok()
    }
}

impl Target for FakeTarget<'_> {
    fn identify(&self) -> Result<Called<Vec<Identity>>, CallError> {
        self.call("identify", "", || {
            let identity = |object: &Object| Identity { live: object.id.clone(), object: object.id.clone() };
            Ok(self.target.desired.iter().filter(|object| !self.is_hook(object)).map(identity).collect())
        })
    }

    fn plan(&self, owned: &[String]) -> Result<Called<Vec<Change>>, CallError> {
        self.call("plan", "", || {
            let mut changes = Vec::new();
            for desired in self.target.desired.iter().filter(|object| !self.is_hook(object)) {
                changes.extend(self.plan_object(desired, owned)?);
            }
            let undesired =
                owned.iter().filter(|name| self.desired(name).is_err() || !self.live.hooks(name).is_empty());
            changes.extend(undesired.filter_map(|name| self.plan_delete(name)));
            Ok(changes)
        })
    }

    fn explain(&self, change: &Change) -> Result<Called<Difference>, CallError> {
        self.call("explain", &change.live, || {
            let live = self.live.get(&change.live).and_then(|live| self.text(&live.body));
            let desired = match change.action {
                Action::Delete => None,
                _ => self.text(&self.desired(&change.object)?.body),
            };
            Ok(Difference { live, desired })
        })
    }

    fn apply(&self, change: &Change) -> Result<Called<Applied>, CallError> {
        self.live.run_before_apply(change);
        self.call("apply", &change.live, || self.apply_change(change))
    }

    fn observe(&self, live: &[String]) -> Result<Called<Vec<Observed>>, CallError> {
        self.call("observe", "", || {
            let observed =
                |name: &String| Observed { live: name.clone(), version: self.live.seen(name), state: Vec::new() };
            Ok(live.iter().map(observed).collect())
        })
    }

    fn judge(&self, object: &Observed) -> Result<Called<Health>, CallError> {
        self.call("judge", &object.live, || {
            if object.version.is_none() {
                return Ok(Health { status: HealthStatus::Missing, message: "it is not there".into() });
            }
            let healthy = || Health { status: HealthStatus::Healthy, message: String::new() };
            Ok(self.live.verdict(&object.live).unwrap_or_else(healthy))
        })
    }

    fn owned(&self) -> Result<Called<Vec<String>>, CallError> {
        self.call("owned", "", || {
            let objects = self.live.objects();
            Ok(objects.into_iter().filter(|(_, object)| object.owner == self.owner).map(|(name, _)| name).collect())
        })
    }

    fn hooks(&self) -> Result<Called<Vec<Hook>>, CallError> {
        self.call("hooks", "", || {
            let hooks = |object: &Object| {
                let hook = |(phase, wave, cleanup)| {
                    let (live, object) = (object.id.clone(), object.id.clone());
                    Hook { live, object, phase, wave, cleanup, state: HOOK.to_vec() }
                };
                self.live.hooks(&object.id).into_iter().map(hook).collect::<Vec<_>>()
            };
            Ok(self.target.desired.iter().flat_map(hooks).collect())
        })
    }

    fn children(&self, live: &[String]) -> Result<Called<Vec<Child>>, CallError> {
        self.call("children", "", || {
            let mut known: Vec<String> = live.to_vec();
            let mut children = self.live.children();
            children.retain(|child| {
                let belongs = known.contains(&child.parent);
                known.extend(belongs.then(|| child.live.clone()));
                belongs
            });
            Ok(children)
        })
    }

    fn explain_health(&self, live: &[String]) -> Result<Called<Vec<Account>>, CallError> {
        self.call("explain-health", "", || {
            let account = |live: &String| Some(Account { live: live.clone(), lines: self.live.account(live)? });
            Ok(live.iter().filter_map(account).collect())
        })
    }
}

const fn conflict(message: String) -> Fault {
    Fault::Conflict { message }
}
