//! Whose plugins are taken: the operator's rules, held against what was found.

use indexmap::IndexMap;
use springline_model::Digest;
use springline_model::reference::Repository;
use springline_model::registry::{Artifact, Signature};
use springline_model::trust::{Rule, Trust};

use crate::signing::{self, BadSignature, KeyError, PublicKey, Subject};

/// A key of a policy that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key `{name}` of `trust` can't be used: {error}")]
pub struct BadKey {
    /// Its name.
    pub name: String,
    /// Why not.
    pub error: KeyError,
}

/// Whose plugins are taken.
#[derive(Debug, Default)]
pub struct Policy {
    keys: IndexMap<String, PublicKey>,
    rules: Option<Trust>,
}

/// Why an artifact was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This publisher signed it.
    Signed(String),
    /// Its digest is listed.
    Listed,
    /// A rule takes what nobody signed.
    Unsigned,
    /// There are no rules: only the lock file says what it is.
    NoRules,
}

/// Why an artifact was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{repository}@{manifest} is not trusted: {why}")]
pub struct Untrusted {
    /// Where it is.
    pub repository: Repository,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// What the rules want, and what was found instead.
    pub why: String,
    /// Whether no rule is about the repository at all.
    pub no_rule: bool,
}

impl Policy {
    /// The policy of these rules, with the text of each key in PEM. Without rules everything is
    /// taken.
    ///
    /// # Errors
    /// A key that is none.
    pub fn new(rules: Option<Trust>, keys: &IndexMap<String, String>) -> Result<Self, BadKey> {
        let read = |(name, pem): (&String, &String)| match PublicKey::from_pem(pem) {
            Ok(key) => Ok((name.clone(), key)),
            Err(error) => Err(BadKey { name: name.clone(), error }),
        };
        Ok(Self { keys: keys.iter().map(read).collect::<Result<_, _>>()?, rules })
    }

    /// Who of the known publishers signed an artifact, each once, whatever the rules say.
    pub fn signers(&self, subject: Subject<'_>, signatures: &[Signature]) -> Vec<&str> {
        let (names, keys): (Vec<&String>, Vec<&PublicKey>) = self.keys.iter().unzip();
        let mut found: Vec<&str> = Vec::new();
        for signature in signatures {
            if let Ok(at) = signing::verify(signature, &keys, subject)
                && !found.contains(&names[at].as_str())
            {
                found.push(names[at]);
            }
        }
        found
    }

    /// Decides about an artifact.
    ///
    /// # Errors
    /// What the rules want, and what was found instead.
    pub fn judge(
        &self,
        repository: &Repository,
        artifact: &Artifact,
        signatures: &[Signature],
    ) -> Result<Verdict, Untrusted> {
        let Some(trust) = &self.rules else { return Ok(Verdict::NoRules) };
        let untrusted = |why: String, no_rule: bool| Untrusted {
            repository: repository.clone(),
            manifest: artifact.manifest,
            why,
            no_rule,
        };
        let Some((at, rule)) = trust.rule(repository) else {
            return Err(untrusted("no rule of `trust` is about this repository".into(), true));
        };
        if rule.digests.iter().any(|listed| listed.0 == artifact.component) {
            return Ok(Verdict::Listed);
        }
        let subject = Subject { repository, manifest: &artifact.manifest };
        match self.signer(rule, subject, signatures) {
            Ok(name) => Ok(Verdict::Signed(name)),
            Err(_) if rule.unsigned => Ok(Verdict::Unsigned),
            Err(found) => {
                let wanted = wanted(rule);
                let pattern = rule.pattern.escape_debug();
                Err(untrusted(format!("rule {} of `trust` (`{pattern}`) wants {wanted}, and {found}", at + 1), false))
            }
        }
    }

    /// The publisher of the rule who signed, or what was found instead.
    fn signer(&self, rule: &Rule, subject: Subject<'_>, signatures: &[Signature]) -> Result<String, String> {
        let named = rule.signed_by.iter().filter_map(|name| Some((name, self.keys.get(name)?)));
        let (names, keys): (Vec<&String>, Vec<&PublicKey>) = named.unzip();
        let mut bad: Vec<BadSignature> = Vec::new();
        for signature in signatures {
            match signing::verify(signature, &keys, subject) {
                Ok(at) => return Ok(names[at].clone()),
                Err(error) if bad.contains(&error) => {}
                Err(error) => bad.push(error),
            }
        }
        match signatures.len() {
            0 => Err("it has no signature".into()),
            n => {
                let bad: Vec<String> = bad.iter().take(4).map(ToString::to_string).collect();
                Err(format!("of its {n} signature{} {}", if n == 1 { "" } else { "s" }, bad.join("; ")))
            }
        }
    }
}

fn wanted(rule: &Rule) -> String {
    let mut wanted = Vec::new();
    if !rule.signed_by.is_empty() {
        wanted.push(format!("a signature by `{}`", rule.signed_by.join("` or `")));
    }
    if !rule.digests.is_empty() {
        wanted.push("a listed digest".to_owned());
    }
    if wanted.is_empty() { "nothing to be taken from there".into() } else { wanted.join(" or ") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use springline_model::trust::DigestText;

    use super::*;
    use crate::signing::{Form, PrivateKey, sign};

    fn artifact() -> Artifact {
        Artifact {
            manifest: Digest::of("m"),
            bytes: bytes::Bytes::from_static(b"m"),
            component: Digest::of("c"),
            size: 1,
            annotations: BTreeMap::new(),
        }
    }

    fn rule(pattern: &str) -> Rule {
        Rule { pattern: pattern.into(), ..Rule::default() }
    }

    struct Sample {
        policy: Policy,
        key: PrivateKey,
    }

    fn sample(rules: Vec<Rule>) -> Sample {
        let (key, _) = PrivateKey::generate().unwrap();
        let keys = IndexMap::from([("platform".to_owned(), key.public().to_pem())]);
        Sample { policy: Policy::new(Some(Trust { rules, ..Trust::default() }), &keys).unwrap(), key }
    }

    fn signed(key: &PrivateKey, repository: &Repository) -> Vec<Signature> {
        let manifest = artifact().manifest;
        vec![sign(key, Form::Bundle, Subject { repository, manifest: &manifest }).unwrap()]
    }

    #[test]
    fn without_rules_all_is_taken_and_with_rules_nothing_by_itself() {
        let repository: Repository = "r.io/team/step".parse().unwrap();
        assert_eq!(Policy::default().judge(&repository, &artifact(), &[]), Ok(Verdict::NoRules));
        let Sample { policy, key } = sample(vec![]);
        let refused = policy.judge(&repository, &artifact(), &signed(&key, &repository)).unwrap_err();
        assert!(refused.no_rule && refused.to_string().contains("no rule"), "{refused}");
    }

    #[test]
    fn a_rule_wants_one_of_its_publishers() {
        let repository: Repository = "r.io/team/step".parse().unwrap();
        let rules = vec![Rule { signed_by: vec!["platform".into()], ..rule("r.io/team/*") }];
        let Sample { policy, key } = sample(rules);
        let judge = |signatures: &[Signature]| policy.judge(&repository, &artifact(), signatures);
        assert_eq!(judge(&signed(&key, &repository)), Ok(Verdict::Signed("platform".into())));
        assert!(judge(&[]).unwrap_err().why.contains("it has no signature"));
        let (stranger, _) = PrivateKey::generate().unwrap();
        let strange = signed(&stranger, &repository);
        assert!(judge(&strange).unwrap_err().why.contains("a key that is not known"));
        // What is bad beside a good one does no harm.
        let garbage = Signature::Bundle { json: "{".into() };
        let mixed = [vec![garbage], strange, signed(&key, &repository)].concat();
        assert_eq!(judge(&mixed), Ok(Verdict::Signed("platform".into())));
    }

    #[test]
    fn listed_and_unsigned_are_taken_where_a_rule_says_so() {
        let repository: Repository = "r.io/team/step".parse().unwrap();
        let listed = Rule { digests: vec![DigestText(Digest::of("c"))], ..rule("r.io/**") };
        assert_eq!(sample(vec![listed]).policy.judge(&repository, &artifact(), &[]), Ok(Verdict::Listed));
        let other = Rule { digests: vec![DigestText(Digest::of("d"))], ..rule("r.io/**") };
        assert!(sample(vec![other]).policy.judge(&repository, &artifact(), &[]).is_err());
        let unsigned = Rule { unsigned: true, ..rule("r.io/**") };
        assert_eq!(sample(vec![unsigned]).policy.judge(&repository, &artifact(), &[]), Ok(Verdict::Unsigned));
        assert!(sample(vec![rule("r.io/**")]).policy.judge(&repository, &artifact(), &[]).is_err());
    }

    #[test]
    fn a_key_that_is_none_is_named() {
        let keys = IndexMap::from([("platform".to_owned(), "nonsense".to_owned())]);
        let error = Policy::new(None, &keys).unwrap_err();
        assert!(error.to_string().contains("`platform`"), "{error}");
    }
}
