//! What the operator and the application say.

use springline_health::{KindRules, RuleError, Rules, matches};
use springline_sdk::kubernetes;
use springline_sdk::prelude::*;

use crate::ignore::{Ignore, Leave};
use crate::reference::Ref;

/// Where in a cluster objects go, and what may be done there.
#[config]
pub struct Config {
    /// The cluster, by its name in `clusters`.
    pub cluster: String,
    /// The namespace of objects that name none and need one; `default` if it is not said.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Whether a namespace that is missing is made. It is not removed again.
    #[serde(default)]
    pub create_namespace: bool,
    /// Whether fields that another manager owns are taken over. Without it, they are a conflict that
    /// names the manager. What people did with kubectl is put right either way.
    #[serde(default)]
    pub force: bool,
    /// Field managers whose fields are taken over, as those of kubectl are: of tools that managed the
    /// objects before, such as `helm`, `argocd-controller` or `kustomize-controller`.
    #[serde(default)]
    pub take_over: Vec<String>,
    /// What is done with an object that is there already and that no application owns.
    #[serde(default)]
    pub adopt: Adopt,
    /// What becomes of the objects that a removed one owns.
    #[serde(default)]
    pub prune_propagation: Propagation,
    /// What the application's own file says: `target-with` in springline.yaml.
    #[serde(default)]
    pub application: Application,
}

/// What is done with an object that is there already and that no application owns.
#[config]
#[derive(Copy, Default, PartialEq, Eq)]
pub enum Adopt {
    /// It is taken over, as `kubectl apply` would.
    #[default]
    Unowned,
    /// It is an error.
    Never,
}

/// What becomes of the objects that a removed one owns.
#[config]
#[derive(Copy, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    #[default]
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

impl From<Propagation> for kubernetes::Propagation {
    fn from(propagation: Propagation) -> Self {
        match propagation {
            Propagation::Background => Self::Background,
            Propagation::Foreground => Self::Foreground,
            Propagation::Orphan => Self::Orphan,
        }
    }
}

/// What an application says of its own objects.
#[config]
#[derive(Default)]
pub struct Application {
    /// How objects are judged, before the built-in rules for their kinds.
    #[serde(default)]
    pub health: Vec<KindRules>,
    /// Fields that are left as they are in the cluster.
    #[serde(default)]
    pub ignore: Vec<Ignore>,
    /// What the host passes on of `sync` in springline.yaml.
    #[serde(default)]
    pub sync: Sync,
}

/// What the host passes on of how an environment is synced.
#[config]
#[derive(Default)]
pub struct Sync {
    /// Fields that are left as they are in the cluster.
    #[serde(default)]
    pub ignore: Vec<Leave>,
    /// Live objects that are never removed, by patterns of live names or of desired ids.
    #[serde(default)]
    pub protect: Vec<String>,
    /// Whether nothing is planned but what is ignored, so that it can be told.
    #[serde(default)]
    pub told: bool,
}

impl Sync {
    /// Whether an object is left alone as a whole: the host does not apply an update of it.
    pub fn leaves_whole(&self, live: &Ref, id: &str) -> bool {
        self.ignore.iter().any(|rule| rule.is_whole() && rule.covers(live, id))
    }

    /// Whether an object is never removed.
    pub fn protects(&self, live: &Ref, id: &str) -> bool {
        let live = live.to_string();
        self.protect.iter().any(|pattern| matches(pattern, &live) || !id.is_empty() && matches(pattern, id))
    }
}

impl Config {
    /// The namespace of objects that name none.
    pub fn default_namespace(&self) -> &str {
        self.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or("default")
    }

    /// Why an object that is there and that nobody owns is left alone; none if it may be taken over.
    pub fn keeps_off(&self, live: &Ref) -> Option<String> {
        (self.adopt == Adopt::Never).then(|| {
            format!(
                "`{live}` is there already and belongs to nobody: remove it, or set `adopt: unowned` to take it over"
            )
        })
    }

    /// The rules that objects are judged by.
    ///
    /// # Errors
    /// Everything that is wrong with the application's own.
    pub fn rules(&self) -> Result<Rules> {
        Rules::with(&self.application.health).map_err(|errors| Error::Invalid(violations(&errors)))
    }

    /// The rules that this object is judged by.
    ///
    /// # Errors
    /// Everything that is wrong with the application's own for its kind.
    pub fn rules_for(&self, object: &Value) -> Result<Rules> {
        Rules::of(&self.application.health, object).map_err(|errors| Error::Invalid(violations(&errors)))
    }

    /// Checks what the schema can't.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(&self) -> Result<()> {
        let mut violations = Vec::new();
        for (at, ignore) in self.application.ignore.iter().enumerate() {
            ignore.check(&format!("/application/ignore/{at}"), &mut violations);
        }
        for (at, leave) in self.application.sync.ignore.iter().enumerate() {
            leave.check(&format!("/application/sync/ignore/{at}"), &mut violations);
        }
        if let Err(errors) = Rules::with(&self.application.health) {
            violations.extend(self::violations(&errors));
        }
        if violations.is_empty() { Ok(()) } else { Err(Error::Invalid(violations)) }
    }
}

/// What is wrong with the application's rules, where they stand in the config.
fn violations(errors: &[RuleError]) -> Vec<Violation> {
    let violation = |error: &RuleError| {
        let place = error.position.map(|at| format!("{at}: ")).unwrap_or_default();
        Violation::new(format!("{place}{}", error.problem)).pointer(format!("/application/health{}", error.pointer))
    };
    errors.iter().map(violation).collect()
}
