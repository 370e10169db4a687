//! What the command line says when something fails: a kind, the thing, the way out and an exit
//! code.

use std::io::{self, ErrorKind};
use std::path::Path;

use serde_json::{Value, json};
use springline_config::ConfigError;
use springline_engine::error::{Reason, StageError};
use springline_engine::standing::Obstacle;
use springline_model::plugin::{CallError, Fault, LogLine};
use springline_model::port::{BlobError, RegistryError, RepositoryError, SourceError, StoreError};
use springline_model::reference::InvalidReference;
use springline_model::repository::Trouble;
use springline_model::tree::TreeError;
use springline_registry::Untrusted;

use super::named;

/// The kinds of failure. Each has an exit code; docs/reference/exit-codes.md lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command was called wrongly.
    Usage,
    /// springline.yaml, host.yaml or springline.lock is wrong.
    Config,
    /// The repository, the revision or a file of it.
    Source,
    /// A plugin refused its input, failed, trapped or went past a limit.
    Plugin,
    /// Live objects could not be made as desired.
    Deploy,
    /// The state directory.
    State,
    /// A power that was not granted.
    Denied,
    /// Another process owns the state directory.
    Busy,
    /// No space is left.
    NoSpace,
    /// Results that should be equal are not.
    Differs,
    /// It waits for a confirmation.
    Unconfirmed,
    /// Stopped by the user.
    Cancelled,
}

impl Kind {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Differs => 1,
            Self::Usage => 2,
            Self::Config => 3,
            Self::Source => 4,
            Self::Plugin => 5,
            Self::Deploy => 6,
            Self::State => 7,
            Self::Denied => 8,
            Self::Busy => 9,
            Self::NoSpace => 10,
            Self::Unconfirmed => 11,
            Self::Cancelled => 130,
        }
    }

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Source => "source",
            Self::Plugin => "plugin",
            Self::Deploy => "deploy",
            Self::State => "state",
            Self::Denied => "denied",
            Self::Busy => "busy",
            Self::NoSpace => "no-space",
            Self::Unconfirmed => "unconfirmed",
            Self::Differs => "differs",
            Self::Cancelled => "cancelled",
        }
    }

    /// This kind, unless what the operating system reports is that there is no room.
    pub fn unless_full(self, error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::NoSpace,
            _ => self,
        }
    }
}

/// A failure, as it is shown.
#[derive(Debug, Clone)]
pub struct CliError {
    /// Its kind.
    pub kind: Kind,
    /// What failed, and where.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
    /// The last lines that a failing plugin logged.
    pub log: Vec<LogLine>,
    /// What was found or done all the same, for programs.
    pub answer: Option<Box<Value>>,
}

impl CliError {
    /// A failure without a hint.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, log: Vec::new(), answer: None }
    }

    /// A path that can't be written, which is of this kind unless there is no room.
    pub fn unwritable(path: &Path, kind: Kind, error: &io::Error) -> Self {
        Self::new(kind.unless_full(error), format!("{} can't be written: {error}", path.display()))
    }

    /// What programs are told of it.
    pub fn json(&self) -> Value {
        json!({ "kind": self.kind.name(), "message": self.message, "hint": self.hint })
    }

    /// Adds the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With another hint, if there is one.
    #[must_use]
    pub fn hint_if_any(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// With the application named in the commands that it suggests, if it has to be.
    #[must_use]
    pub fn in_app(mut self, app: Option<&str>) -> Self {
        self.hint = self.hint.map(|hint| named(&hint, app));
        self
    }

    /// Puts where it happened in front.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::new(Kind::Config, error.to_string().trim_end())
    }
}

impl From<SourceError> for CliError {
    fn from(error: SourceError) -> Self {
        let hint = match &error {
            SourceError::Remote(error) if error.trouble == Trouble::Unknown => {
                Some("look at the address, and whether this user may read what is there")
            }
            SourceError::Remote(error) => return error.clone().into(),
            SourceError::NoRepository(_) => {
                Some("--repo PATH names a git repository; without it, this has to run inside of one")
            }
            SourceError::Empty(_) => Some("commit something first, or use --worktree for the uncommitted state"),
            SourceError::UnknownRevision { .. } => {
                Some("`git log --all --oneline` lists what is there; a shallow clone has only a part of it")
            }
            SourceError::Bare(_) => Some("leave --worktree out, or name a commit with --revision"),
            SourceError::Git(_) | SourceError::Tree(_) => None,
        };
        let error = Self::new(Kind::Source, error.to_string());
        Self { hint: hint.map(str::to_owned), ..error }
    }
}

impl From<RepositoryError> for CliError {
    fn from(error: RepositoryError) -> Self {
        let kind = match error.trouble {
            Trouble::Content => Kind::Config,
            Trouble::Cancelled => Kind::Cancelled,
            _ => Kind::Source,
        };
        let shown = Self::new(kind, error.message);
        Self { hint: error.trouble.hint().map(str::to_owned), ..shown }
    }
}

/// A reference that somebody typed.
impl From<InvalidReference> for CliError {
    fn from(error: InvalidReference) -> Self {
        Self::new(Kind::Usage, error.message).hint(error.suggestion)
    }
}

impl From<TreeError> for CliError {
    fn from(error: TreeError) -> Self {
        Self::new(Kind::Source, error.to_string())
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Newer { .. } => Self::new(Kind::State, message)
                .hint("use the Springline that wrote it or a newer one, or another directory with --state DIR"),
            StoreError::Damaged { path, .. } => Self::new(Kind::State, message).hint(format!(
                "move `{path}` away and run again: artifacts are rebuilt, and what is deployed is found by its \
                 marks on the target; only the history is lost with it"
            )),
            StoreError::Busy { .. } => {
                Self::new(Kind::Busy, message).hint("wait for it to end (--wait does), or use another --state DIR")
            }
            StoreError::NoSpace(_) => Self::new(Kind::NoSpace, message).hint(NO_SPACE),
            StoreError::Io(_) => Self::new(Kind::State, message),
        }
    }
}

const NO_SPACE: &str =
    "make room (`springline gc` removes what nothing refers to), then run again: it goes on where it stopped";

impl From<BlobError> for CliError {
    fn from(error: BlobError) -> Self {
        let message = error.to_string();
        match error {
            BlobError::NoSpace(_) => Self::new(Kind::NoSpace, message).hint(NO_SPACE),
            BlobError::Missing(_) | BlobError::Damaged(_) => Self::new(Kind::State, message)
                .hint("`springline run` makes artifacts and objects again that are lost or damaged"),
            BlobError::Io(_) => Self::new(Kind::State, message),
        }
    }
}

impl From<RegistryError> for CliError {
    fn from(error: RegistryError) -> Self {
        let message = error.to_string();
        let (kind, hint) = match &error {
            RegistryError::NotFound { .. } => {
                (Kind::Plugin, "`springline plugin list oci://REGISTRY/REPOSITORY` lists what is there".to_owned())
            }
            RegistryError::Unauthorized { registry, anonymous: true, .. } => {
                (Kind::Denied, format!("log in first: `docker login {registry}`, or `oras login {registry}`"))
            }
            RegistryError::Unauthorized { registry, .. } => (
                Kind::Denied,
                format!("ask for the right at {registry}, or log in as somebody else: `docker login {registry}`"),
            ),
            RegistryError::Credentials { registry, .. } => (
                Kind::Config,
                format!("mend docker's config.json (DOCKER_CONFIG names its directory), or `docker login {registry}`"),
            ),
            RegistryError::Insecure { .. } => (
                Kind::Denied,
                "if that is meant, host.yaml says so: `registries: { REGISTRY: { plain-http: true } }`".to_owned(),
            ),
            RegistryError::NotWasm { .. } => {
                (Kind::Plugin, "`springline plugin push FILE REFERENCE` pushes a plugin as it should be".to_owned())
            }
            RegistryError::Mismatch { .. } => {
                (Kind::Denied, "nothing of it was used; tell the registry's administrator".to_owned())
            }
            RegistryError::Unreachable { .. } => (
                Kind::Plugin,
                "plugins that were pulled before need no registry; a registry without TLS is named in host.yaml: \
                 `registries: { REGISTRY: { plain-http: true } }`"
                    .to_owned(),
            ),
            RegistryError::TooLarge { .. } | RegistryError::Malformed { .. } | RegistryError::Refused { .. } => {
                (Kind::Plugin, "if it should be possible, ask the registry's administrator".to_owned())
            }
            RegistryError::Cancelled => return Self::new(Kind::Cancelled, message),
        };
        Self::new(kind, message).hint(hint)
    }
}

impl From<Untrusted> for CliError {
    fn from(error: Untrusted) -> Self {
        let Untrusted { repository, no_rule, .. } = &error;
        let hint = if *no_rule {
            format!(
                "if it is to be trusted, host.yaml says so: `trust: {{ rules: [{{ match: {repository}, signed-by: [KEY] }}] }}`"
            )
        } else {
            "ask its publisher to sign it (`springline plugin push FILE REFERENCE --sign KEY`), or change the rule in \
             host.yaml; `springline plugin list oci://REGISTRY/REPOSITORY` shows who signed what"
                .to_owned()
        };
        Self::new(Kind::Denied, error.to_string()).hint(hint)
    }
}

impl From<CallError> for CliError {
    fn from(error: CallError) -> Self {
        let mut shown = Self::new(kind_of(&error.fault), error.to_string());
        shown.hint = hint_of(&error);
        shown.log = error.log;
        shown
    }
}

fn kind_of(fault: &Fault) -> Kind {
    match fault {
        Fault::Denied { .. } => Kind::Denied,
        Fault::Cancelled => Kind::Cancelled,
        Fault::Conflict { .. } => Kind::Deploy,
        Fault::Lost { .. } => Kind::State,
        Fault::NoSpace { .. } => Kind::NoSpace,
        _ => Kind::Plugin,
    }
}

fn hint_of(error: &CallError) -> Option<String> {
    let name = &error.plugin.name;
    // A colon in a key of YAML needs quotes.
    let name = if name.contains(':') { format!("\"{name}\"") } else { name.clone() };
    match &error.fault {
        Fault::Limit { limit, .. } => limit.setting().map(|setting| {
            format!(
                "if it needs more, raise it in host.yaml: `plugins: {{ {name}: {{ limits: {{ {setting}: N }} }} }}`"
            )
        }),
        Fault::NoSpace { .. } => Some(NO_SPACE.into()),
        Fault::Trap { .. } => Some("this is a bug in the plugin; its log is above and in `springline logs`".into()),
        Fault::Contract { .. } => Some("this is a bug in the plugin: tell its author".into()),
        Fault::Conflict { .. } => Some(
            "move what is there away, or give what is to be made another name; if it only changed meanwhile, run again"
                .into(),
        ),
        _ => None,
    }
}

impl From<StageError> for CliError {
    fn from(error: StageError) -> Self {
        let StageError { stage, environment, reason } = error;
        let is_clear = matches!(reason, Reason::Held { .. } | Reason::SourceMoved { .. } | Reason::NotAsShown { .. });
        if is_clear || matches!(reason, Reason::ReleaseLost(_)) {
            return reason.into();
        }
        let place = match &environment {
            Some(environment) => format!("{stage} of {environment}"),
            None => stage.to_string(),
        };
        let mut shown = CliError::from(reason);
        if let (Some(environment), Some(hint)) = (&environment, &mut shown.hint) {
            *hint = hint.replace("--env ENV", &format!("--env {environment}"));
        }
        shown.at(&place)
    }
}

impl From<Reason> for CliError {
    fn from(reason: Reason) -> Self {
        let message = reason.to_string();
        match reason {
            Reason::Source(error) => error.into(),
            Reason::Tree(error) => error.into(),
            Reason::Store(error) => error.into(),
            Reason::Blob(error) => error.into(),
            Reason::Plugin { what, error, .. } => {
                let outside = matches!(error.fault, Fault::Failed { .. } | Fault::Transient { .. });
                let mut shown = CliError::from(*error).at(&what);
                if what.starts_with("target ") && outside {
                    shown.kind = Kind::Deploy;
                }
                shown
            }
            Reason::Repository(error) => error.into(),
            Reason::SecretInGit { .. } => Self::new(Kind::Config, message).hint(
                "use `record: notes`, which holds no objects; or keep the values elsewhere (an external or a sealed secret)",
            ),
            Reason::NoInput { .. } => Self::new(Kind::Config, message)
                .hint("`in` is a directory of the repository at this revision, or the name of an earlier step"),
            Reason::OneLiveTwice { .. } => Self::new(Kind::Plugin, message).hint("rename one of the two in the source"),
            Reason::EmptyRender { .. } => Self::new(Kind::Deploy, message).hint(
                "if everything is to go, say so: `springline sync --env ENV --prune-all`; else look at what the renderer reads",
            ),
            Reason::EmptyDelivery { .. } => Self::new(Kind::Deploy, message)
                .hint("if everything is to go, remove the directory in its own repository; else look at what the renderer reads"),
            Reason::Unconfirmed(unconfirmed) => Self::new(Kind::Unconfirmed, message)
                .hint(format!("if these are to go: the same with `--confirm-prune {}`", unconfirmed.confirmation)),
            Reason::InTheWay { .. } => Self::new(Kind::Deploy, message).hint(
                "it stays as `protect`, `prune: false` or `--only` says so: move it away by hand, or give the new one another name",
            ),
            Reason::LeavesNothing { .. } => Self::new(Kind::Deploy, message).hint(
                "it deployed a release of before there were such rules: deploy a newer one (`springline sync --env ENV`), or \
                 leave `pointers` and `managers` out, and the objects are left alone as a whole",
            ),
            Reason::RefusedChange { .. } | Reason::Stuck(_) => {
                Self::new(Kind::Plugin, message).hint("this is a bug in the plugin: tell its author")
            }
            Reason::UnknownObject { environment, .. } => Self::new(Kind::Usage, message)
                .hint(format!("`springline render --env {environment}` lists the objects")),
            Reason::Apply { denied, .. } | Reason::Hook { denied, .. } => {
                let kind = if denied { Kind::Denied } else { Kind::Deploy };
                Self::new(kind, message).hint("what was applied stays and is recorded; mend the cause and run again")
            }
            Reason::Unsettled(_) => Self::new(Kind::Deploy, message).hint("something else writes there: find it, then run again"),
            Reason::StillThere { .. } => {
                Self::new(Kind::Deploy, message).hint("find what holds it there (in Kubernetes a finalizer), then run again")
            }
            Reason::Unhealthy { .. } => Self::new(Kind::Deploy, message).hint("`springline status` shows them all"),
            Reason::Held { environment, obstacle } => {
                let error = Self::new(Kind::Deploy, message);
                match way_out(&environment, &obstacle) {
                    Some(hint) => error.hint(hint),
                    None => error,
                }
            }
            Reason::SourceMoved { .. } | Reason::NotAsShown { .. } => {
                Self::new(Kind::Differs, message).hint("look at what would be promoted now")
            }
            Reason::ArtifactLost { .. } => Self::new(Kind::State, message).hint(
                "`springline run` of its revision where it comes from makes it again, and what is made is the same",
            ),
            Reason::OtherPlugin { .. } => Self::new(Kind::Config, message)
                .hint("promote a release that was made with what is pinned"),
            Reason::ReleaseLost(lost) => {
                Self::new(Kind::State, message).hint(made_again(&lost.environment, &lost.revision))
            }
            Reason::NoRelease(_) => {
                Self::new(Kind::State, message).hint("`springline unpin --env ENV` lets go of what is lost, `springline history --env ENV` lists what is there")
            }
            Reason::OtherTarget { .. } => Self::new(Kind::Deploy, message).hint(
                "put the source back to what it was, and run; or `springline run --revision REV` with the release's own revision goes \
                 back to its target, and tells what stays",
            ),
            Reason::NoTarget { .. } => Self::new(Kind::Config, message)
                .hint("bind it in host.yaml as it was, or put its plugin into a directory of `plugin-directories`"),
            Reason::Earlier(_) => Self::new(Kind::Deploy, message).hint("`springline history` shows what became of it"),
            Reason::Cancelled => Self::new(Kind::Cancelled, message)
                .hint("what was done until then is recorded; run again to go on"),
        }
    }
}

/// How what a release deploys is made again, where it is lost.
fn made_again(environment: &str, revision: &str) -> String {
    if revision.starts_with("worktree-") {
        return "it was made of what nobody committed, so nothing makes it again: `springline history` lists others"
            .into();
    }
    format!(
        "`springline render --env {environment} --revision {revision}` makes it again, and changes nothing that is live"
    )
}

/// What somebody does who wants an environment deployed that is left alone.
pub fn way_out(environment: &str, obstacle: &Obstacle) -> Option<String> {
    match obstacle {
        Obstacle::Pinned(_) => Some(format!(
            "`springline unpin --env {environment}` lets it go; `springline history --env {environment}` lists what else can be redeployed"
        )),
        Obstacle::Suspended(_) => Some(format!("`springline resume --env {environment}` takes it up again")),
        Obstacle::Promoted { from } => Some(format!("`springline promote --from {from} --to {environment}`")),
        Obstacle::Manual | Obstacle::RolledBack(_) => Some(format!("`springline sync --env {environment}` deploys it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_used_up_quota_are_no_space() {
        for (error, kind) in [
            (ErrorKind::StorageFull, Kind::NoSpace),
            (ErrorKind::QuotaExceeded, Kind::NoSpace),
            (ErrorKind::PermissionDenied, Kind::Deploy),
        ] {
            let shown = CliError::unwritable(Path::new("out/x"), Kind::Deploy, &error.into());
            assert_eq!(shown.kind, kind, "{error}");
            assert!(shown.message.starts_with("out/x can't be written: "), "{}", shown.message);
        }
    }
}
