//! What verbs ask of the loop of the process that executes them.

use serde::{Serialize, Serializer};
use springline_model::run::{Origin, Pin};

use crate::cli::standing::pin_json;

/// What is new.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notice {
    /// This application; none for any.
    pub application: Option<String>,
    /// The repository, by any of these addresses; empty for any.
    pub repositories: Vec<String>,
}

/// How an application is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Looked {
    /// Its name.
    pub application: String,
    /// The revision that was looked at last.
    pub revision: Option<String>,
    /// How it is.
    #[serde(flatten)]
    pub state: Looking,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its environments.
    pub environments: Vec<Seen>,
}

/// How an environment is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// Its name.
    pub environment: String,
    /// How it is, in the word by which passes count it.
    pub state: &'static str,
    /// What there is to say of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What it is pinned to.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "pin")]
    pub pin: Option<Pin>,
}

fn pin<S: Serializer>(pin: &Option<Pin>, serializer: S) -> Result<S::Ok, S::Error> {
    pin.as_ref().map(pin_json).serialize(serializer)
}

/// How far an application is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Looking {
    /// Live is as desired.
    InSync,
    /// It is not.
    Drifted,
    /// What would be removed waits for a confirmation.
    Unconfirmed,
    /// Something newer is there, which somebody has to bring.
    OutOfSync,
    /// Nothing of it is deployed.
    NotDeployed,
    /// It waits for its turn.
    Queued,
    /// It is being looked at or deployed.
    Running {
        /// The run, once it has a number.
        run: Option<u64>,
    },
    /// It is left alone.
    Suspended {
        /// By whom, and why.
        why: String,
    },
    /// It failed.
    Failed,
}

/// What a loop can be asked for, from any thread.
pub trait Controls: Send + Sync {
    /// Looks at once at what is new; returns how many applications that are.
    fn notify(&self, notice: &Notice) -> usize;

    /// Whether everything was looked at once.
    fn is_ready(&self) -> bool {
        true
    }

    /// Whether an environment is looked after, or may be as far as is known.
    fn looks_after(&self, application: &str, environment: &str) -> bool;

    /// Where an application that is looked after comes from, with the whole address.
    fn origin(&self, application: &str) -> Option<Origin>;

    /// All that is looked after.
    fn applications(&self) -> Vec<Looked>;
}

/// Whether two addresses are of one repository: credentials, the scheme, a trailing `/` and `.git` make
/// no difference.
pub fn same_repository(one: &str, other: &str) -> bool {
    bare(one) == bare(other)
}

/// `host/path`, or a path.
fn bare(address: &str) -> String {
    let (is_url, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (scheme != "file", rest),
        None => (false, address),
    };
    let rest = rest.trim_end_matches('/');
    let rest = rest.strip_suffix(".git").unwrap_or(rest).trim_end_matches('/');
    // `git@host:path`, as ssh takes it.
    let short = (!is_url && !rest.starts_with(['/', '.'])).then(|| rest.split_once(':')).flatten();
    let (host, path) = match (short, is_url) {
        (Some(parts), _) => parts,
        (None, true) => rest.split_once('/').unwrap_or((rest, "")),
        (None, false) => return rest.to_owned(),
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(host, _)| host);
    format!("{}/{}", host.to_lowercase(), path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_repository_are_one() {
        let same = [
            "https://git.example.com/team/site.git",
            "https://git.example.com/team/site",
            "https://user:secret@Git.Example.com/team/site/",
            "ssh://git@git.example.com:22/team/site.git",
            "git@git.example.com:team/site.git",
            "git.example.com:team/site",
        ];
        for address in same {
            assert!(same_repository(same[0], address), "{address}: {}", bare(address));
        }
        for other in ["https://git.example.com/team/site2", "https://example.com/team/site", "/team/site", ""] {
            assert!(!same_repository(same[0], other), "{other}");
        }
        assert!(same_repository("/srv/git/site.git", "file:///srv/git/site"));
        assert!(same_repository("/srv/git/site/", "/srv/git/site"));
        assert!(!same_repository("/srv/git/site", "/srv/git/sites"));
    }
}
