//! Why a cluster did not do what it was asked.

use std::fmt;
use std::time::Duration;

use crate::error::Error;

/// One cause of a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// Why, in a word of the API's, such as `FieldValueRequired` or `FieldManagerConflict`.
    pub reason: String,
    /// What is wrong.
    pub message: String,
    /// The path of the field, such as `spec.replicas`; empty where there is none.
    pub field: String,
}

/// A refusal of the API server: its `Status`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// Why, in a word of the API's, such as `Invalid`, `Conflict`, `Forbidden`.
    pub reason: String,
    /// The API server's message. Values of Secrets are left out of it.
    pub message: String,
    /// The single causes.
    pub causes: Vec<Cause>,
}

impl Refusal {
    /// Whether fields belong to another manager, so that only `force` would take them over.
    pub fn is_about_managers(&self) -> bool {
        self.code == 409 && self.causes.iter().any(|cause| cause.reason == "FieldManagerConflict")
    }

    /// Whether the object is no longer as it was, or is there already.
    pub fn is_conflict(&self) -> bool {
        self.code == 409 && !self.is_about_managers()
    }

    /// Whether the credentials of this host may not do it.
    pub fn is_forbidden(&self) -> bool {
        matches!(self.code, 401 | 403)
    }
}

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KubernetesError {
    /// The operator's grants do not cover it; the message holds the line that would.
    Denied(String),
    /// The API server has no such type.
    UnknownType(String),
    /// The API server refused it.
    Refused(Refusal),
    /// The API server can't be reached, is overloaded or failed; the host tried again already.
    Unavailable {
        /// What happened.
        message: String,
        /// How long to wait, where the API server said it.
        retry_after: Option<Duration>,
    },
    /// The request or its answer breaks a rule of the host.
    Failed(String),
}

impl fmt::Display for KubernetesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Denied(message) | Self::UnknownType(message) | Self::Failed(message) => message,
            Self::Refused(refusal) => &refusal.message,
            Self::Unavailable { message, .. } => message,
        })
    }
}

impl std::error::Error for KubernetesError {}

/// A refusal is [`Error::Conflict`] if the object is no longer as it was, [`Error::Denied`] if the
/// host's credentials are too weak, and else [`Error::Failed`]: a plugin that knows better looks at
/// it first.
impl From<KubernetesError> for Error {
    fn from(error: KubernetesError) -> Self {
        match error {
            KubernetesError::Denied(message) => Self::Denied(message),
            KubernetesError::Refused(refusal) if refusal.is_forbidden() => Self::Denied(refusal.message),
            KubernetesError::Refused(refusal) if refusal.is_conflict() => Self::Conflict(refusal.message),
            KubernetesError::Refused(refusal) => Self::Failed(refusal.message),
            KubernetesError::Unavailable { message, retry_after } => Self::Transient { message, retry_after },
            KubernetesError::UnknownType(message) | KubernetesError::Failed(message) => Self::Failed(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_becomes_what_the_host_acts_on() {
        let refused = |code, reason: &str| {
            let cause = Cause { reason: reason.into(), ..Cause::default() };
            let refusal = Refusal { code, message: "no".into(), causes: vec![cause], ..Refusal::default() };
            Error::from(KubernetesError::Refused(refusal))
        };
        assert_eq!(refused(409, ""), Error::conflict("no"));
        assert_eq!(refused(409, "FieldManagerConflict"), Error::failed("no"));
        assert_eq!(refused(403, ""), Error::denied("no"));
        assert_eq!(refused(422, "FieldValueInvalid"), Error::failed("no"));
        let wait = Some(Duration::from_secs(7));
        let unavailable = KubernetesError::Unavailable { message: "busy".into(), retry_after: wait };
        assert_eq!(Error::from(unavailable), Error::Transient { message: "busy".into(), retry_after: wait });
    }
}
