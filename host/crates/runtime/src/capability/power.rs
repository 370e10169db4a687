//! The powers of a call: what it was granted, what it used of that, and what was denied.

use std::sync::{Arc, Mutex, PoisonError};

use springline_model::call::Call;
use springline_model::capability::{Capability, Grants, Ledger, SecretGrant, Used, Whose, host_covers};
use springline_model::run::Place;

use super::masks::Masks;
use crate::escape::escape;

/// The powers of a call beyond files and logs. Clones are of the same call.
#[derive(Clone)]
pub(crate) struct Powers(Arc<Inner>);

struct Inner {
    /// Whose call it is; none while a plugin describes itself, which it does without powers.
    whose: Option<Owner>,
    grants: Grants,
    /// What the plugin says that it needs; none if nobody asked it.
    asked: Option<Vec<Capability>>,
    ledger: Ledger,
    masks: Masks,
    denial: Mutex<Option<Denial>>,
}

struct Owner {
    plugin: String,
    application: String,
    environment: Option<String>,
}

/// What was denied.
#[derive(Debug, Clone)]
pub(crate) struct Denial {
    /// The power.
    pub(crate) capability: &'static str,
    /// What and why, with the line that would grant it.
    pub(crate) message: String,
}

impl Powers {
    /// Those of a call. `asked` is what the plugin says that it needs, if it was asked.
    pub(crate) fn new(call: &Call, asked: Option<Vec<Capability>>) -> Self {
        let owner = Owner {
            plugin: call.plugin.name.clone(),
            application: call.context.application.clone(),
            environment: call.context.environment.clone(),
        };
        Self::of(Some(owner), call.grants.clone(), asked, call.ledger.clone())
    }

    /// None at all.
    pub(crate) fn none() -> Self {
        Self::of(None, Grants::default(), None, Ledger::default())
    }

    fn of(whose: Option<Owner>, grants: Grants, asked: Option<Vec<Capability>>, ledger: Ledger) -> Self {
        let masks = Masks::default();
        Self(Arc::new(Inner { whose, grants, asked, ledger, masks, denial: Mutex::default() }))
    }

    /// What was granted.
    pub(crate) fn grants(&self) -> &Grants {
        &self.0.grants
    }

    /// The secrets that were read.
    pub(crate) fn masks(&self) -> &Masks {
        &self.0.masks
    }

    /// Whether it is known what the plugin asks for.
    pub(crate) fn knows_what_is_asked(&self) -> bool {
        self.0.asked.is_some() || self.0.whose.is_none()
    }

    /// Why the plugin gets nothing of this power, whatever was granted.
    pub(crate) fn refusal(&self, capability: &str) -> Option<String> {
        if self.0.whose.is_none() {
            return Some(format!("a plugin describes itself without powers, so it gets no `{capability}` there"));
        }
        let asks = |asked: &Vec<Capability>| asked.iter().any(|asked| asked.name == capability);
        (!self.0.asked.as_ref().is_none_or(asks)).then(|| unasked(capability))
    }

    /// Whose call it is, as a message says it.
    pub(crate) fn whose(&self) -> String {
        let Some(Owner { plugin, application, environment }) = &self.0.whose else { return String::new() };
        match environment {
            Some(environment) => format!("plugin {plugin} in application {application}, environment {environment}"),
            None => format!("plugin {plugin} in the build of application {application}"),
        }
    }

    /// The application and environment; empty names in a build, and while a plugin describes itself.
    pub(crate) fn place(&self) -> Place {
        let (application, environment) = match &self.0.whose {
            Some(owner) => (owner.application.clone(), owner.environment.clone().unwrap_or_default()),
            None => Default::default(),
        };
        Place { application, environment }
    }

    /// The line of host.yaml that `line` makes.
    pub(crate) fn line(&self, line: impl FnOnce(Whose<'_>) -> String) -> String {
        match &self.0.whose {
            None => String::new(),
            Some(Owner { plugin, application, environment }) => {
                line(Whose { plugin, application, environment: environment.as_deref() })
            }
        }
    }

    /// Writes down what was used.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Used)) {
        self.0.ledger.note(note);
    }

    /// Denies something, and gives the message as it may be seen.
    pub(crate) fn deny(&self, capability: &'static str, message: &str) -> String {
        let message = escape(&self.0.masks.mask(message));
        self.note(|used| used.denial(capability));
        let denial = Denial { capability, message: message.clone() };
        self.0.denial.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(denial);
        message
    }

    /// What was denied first.
    pub(crate) fn denial(&self) -> Option<Denial> {
        self.0.denial.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The secret that was read and may not be sent to this host, if there is one.
    pub(crate) fn kept_from(&self, host: &str) -> Option<String> {
        self.0.masks.name(|name| {
            let hosts = self.0.grants.secrets.get(name).map_or(&[][..], |SecretGrant { hosts, .. }| hosts);
            !hosts.iter().any(|pattern| host_covers(pattern, host))
        })
    }
}

/// Why nothing is granted that the author does not ask for.
pub(crate) fn unasked(capability: &str) -> String {
    format!(
        "the plugin does not name the capability `{capability}` in its description, so nobody could judge it: its author must"
    )
}
