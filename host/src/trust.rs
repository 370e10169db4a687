//! The operator's rules about plugins from registries, with the keys that they name.

use std::fs;

use indexmap::IndexMap;
use springline_model::operator::Operator;
use springline_model::port::Registry;
use springline_model::reference::Reference;
use springline_model::registry::{Artifact, Signature};
use springline_model::trust::{KeyFile, KeySource};
use springline_registry::{Policy, Verdict};

use crate::cli::error::CliError;
use crate::project::Configured;

/// The rules, their keys read.
///
/// # Errors
/// A key that can't be read or is none, with its place in host.yaml.
pub fn policy(operator: &Configured<Operator>) -> Result<Policy, CliError> {
    policy_and(operator, IndexMap::new())
}

/// The rules, and further keys that no rule names, to tell whose signatures are there.
///
/// # Errors
/// As [`policy`].
pub fn policy_and(operator: &Configured<Operator>, further: IndexMap<String, String>) -> Result<Policy, CliError> {
    let wrong = |name: &str, message: String| {
        let pointer = format!("/trust/keys/{name}");
        let help = Some("a public key is PEM, as `springline key show` prints it".to_owned());
        CliError::from(operator.document.error(vec![operator.document.issue(&pointer, message, help)]))
    };
    let mut keys = IndexMap::new();
    for (name, source) in operator.value.trust.iter().flat_map(|trust| &trust.keys) {
        let pem = match source {
            KeySource::Pem(pem) => pem.clone(),
            KeySource::File(KeyFile { file }) => fs::read_to_string(file)
                .map_err(|error| wrong(name, format!("the key `{name}` can't be read: {}: {error}", file.display())))?,
        };
        keys.insert(name.clone(), pem);
    }
    keys.extend(further);
    Policy::new(operator.value.trust.clone(), &keys).map_err(|bad| wrong(&bad.name, bad.to_string()))
}

/// What a reference stands for, and why it is taken.
pub struct Trusted {
    /// What it stands for.
    pub artifact: Artifact,
    /// The tag that led to it.
    pub tag: Option<String>,
    /// Its signatures, where there are rules that ask for them.
    pub signatures: Vec<Signature>,
    /// Why it is taken.
    pub verdict: Verdict,
}

/// Asks a registry what a reference stands for today, and judges that.
///
/// # Errors
/// What the registry reports; an artifact that the rules do not let in.
pub fn find(
    registry: &dyn Registry,
    operator: &Operator,
    policy: &Policy,
    reference: &Reference,
) -> Result<Trusted, CliError> {
    let Reference { repository, wanted } = reference;
    let (artifact, tag) = registry.resolve(repository, wanted)?;
    let signatures = match operator.trust {
        Some(_) => registry.signatures(repository, &artifact.manifest)?,
        None => Vec::new(),
    };
    let verdict = policy.judge(repository, &artifact, &signatures)?;
    Ok(Trusted { artifact, tag, signatures, verdict })
}
