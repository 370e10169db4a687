//! Plugins from registries: found, held against the operator's rules, pulled, and held against them
//! again, every time, by what was kept of them.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use springline_config::{LockedPlugin, PluginSource};
use springline_model::Digest;
use springline_model::plugin::Pinned;
use springline_model::port::{Blobs as _, RegistryError};
use springline_model::reference::{Reference, Repository, SCHEME, Wanted};
use springline_model::registry::{Artifact, Signature};
use springline_registry::{Policy, Verdict, read_artifact};

use crate::app::App;
use crate::cli::error::{CliError, Kind};
use crate::show::transfer::Transfer;
use crate::trust::{self, Trusted};
use crate::{builtin, paths, resolve, show};

/// Plugins from registries, for one command.
pub struct Shared<'a> {
    app: &'a App,
    policy: OnceCell<Policy>,
    warned: Cell<bool>,
}

/// What vouches for an artifact, kept so that it can be judged without its registry.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Proof {
    /// The manifest, as the registry gave it: its digest is what was signed.
    manifest: String,
    signatures: Vec<Signature>,
    /// The repositories that it was taken from, whatever the files here call the plugin; none is said
    /// in what an older Springline kept.
    #[serde(default)]
    repositories: BTreeSet<String>,
}

/// An artifact of which something was kept.
struct Kept {
    artifact: Artifact,
    signatures: Vec<Signature>,
    repositories: BTreeSet<Repository>,
}

impl<'a> Shared<'a> {
    /// Nothing is read or reached yet.
    pub fn new(app: &'a App) -> Self {
        Self { app, policy: OnceCell::new(), warned: Cell::new(false) }
    }

    /// What a reference stands for today: found, judged and pulled.
    ///
    /// # Errors
    /// What the registry reports; an artifact that the rules do not let in.
    pub fn find(&self, reference: &Reference) -> Result<LockedPlugin, CliError> {
        let Reference { repository, wanted } = reference;
        let Trusted { artifact, tag, signatures, .. } =
            trust::find(self.app.registry()?, &self.app.operator.value, self.policy()?, reference)?;
        self.pull(repository, &artifact)?;
        self.keep(repository, &artifact, signatures)?;
        self.warn_without_rules(reference, &artifact);
        let tag = if matches!(wanted, Wanted::Range(_)) { tag } else { None };
        Ok(LockedPlugin {
            source: PluginSource::Registry,
            digest: artifact.component,
            version: None,
            manifest: Some(artifact.manifest),
            tag,
        })
    }

    /// Makes sure that a pinned plugin may be run and is here: judged by what was kept of it, or by
    /// what its registry has under the pinned digest.
    ///
    /// # Errors
    /// As [`Shared::find`]; a manifest that is about another component than the lock file says.
    pub fn ensure(&self, reference: &Reference, locked: &LockedPlugin) -> Result<(), CliError> {
        let repository = &reference.repository;
        let Some(manifest) = locked.manifest else {
            return Err(CliError::new(Kind::Config, format!("springline.lock names no manifest for {reference}"))
                .hint("take the file from git again, or let `springline update` write it"));
        };
        let kept = self.kept(&manifest)?;
        // Without rules the lock file alone says what it is, and here it is.
        if kept.is_none() && !self.has_rules() && self.app.blobs.contains(&locked.digest) {
            return Ok(());
        }
        let from_here = kept.as_ref().is_some_and(|kept| kept.repositories.contains(repository));
        let (artifact, signatures, fresh) = match kept {
            Some(Kept { artifact, signatures, .. }) => (artifact, signatures, false),
            None => {
                let (artifact, _) = self.app.registry()?.resolve(repository, &Wanted::Digest(manifest))?;
                let signatures = if self.has_rules() { self.signatures(repository, &manifest)? } else { Vec::new() };
                (artifact, signatures, true)
            }
        };
        if artifact.component != locked.digest {
            let message = format!(
                "springline.lock pins {reference} to the component {}, and the manifest that it names is of {}",
                locked.digest.short(),
                artifact.component.short()
            );
            return Err(CliError::new(Kind::Denied, message)
                .hint("take springline.lock from git again, and find out who changed it"));
        }
        if let Err(refused) = self.judge(repository, &artifact, &signatures) {
            // It may have been signed since, or a rule be new; without its registry it stays refused.
            let asked = if fresh { None } else { self.signatures(repository, &manifest).ok() };
            let Some(newer) = asked.filter(|newer| *newer != signatures) else { return Err(refused) };
            self.judge(repository, &artifact, &newer)?;
            self.keep(repository, &artifact, newer)?;
        } else if !from_here {
            self.keep(repository, &artifact, signatures)?;
        }
        self.pull(repository, &artifact)
    }

    /// Judges the plugin of an earlier deployment, by what was kept of it. One that another name
    /// stood for, as of a built-in one, is taken if it may come from one of the repositories that it
    /// was taken from, and without anything kept if it lies where the operator put it.
    ///
    /// # Errors
    /// One that the rules do not let in today, or of which nothing was kept.
    pub fn recheck(&self, plugin: &Pinned) -> Result<(), CliError> {
        let named = match plugin.name.starts_with(SCHEME) {
            true => Some(plugin.name.parse::<Reference>()?.repository),
            false => None,
        };
        if !self.has_rules() || (named.is_none() && builtin::bytes(&plugin.digest).is_some()) {
            return Ok(());
        }
        let mut refused = None;
        for manifest in self.all_kept() {
            let Some(kept) = self.kept(&manifest)?.filter(|kept| kept.artifact.component == plugin.digest) else {
                continue;
            };
            let repositories = match &named {
                Some(repository) => BTreeSet::from([repository.clone()]),
                None => kept.repositories,
            };
            for repository in &repositories {
                match self.judge(repository, &kept.artifact, &kept.signatures) {
                    Ok(_) => return Ok(()),
                    Err(error) => refused = Some(error),
                }
            }
        }
        match refused {
            None if named.is_none() && self.is_operators(plugin) => Ok(()),
            refused => Err(refused.unwrap_or_else(|| nothing_kept(named.as_ref(), plugin))),
        }
    }

    /// Whether a plugin lies where the operator puts what comes from no registry.
    fn is_operators(&self, plugin: &Pinned) -> bool {
        let operator = &self.app.operator.value;
        let declared = operator.source_of(&plugin.name).unwrap_or(&plugin.name).strip_prefix("./");
        let declared = declared.and_then(|path| fs::read(self.app.project.state().join(path)).ok());
        declared.is_some_and(|bytes| Digest::of(&bytes) == plugin.digest)
            || operator.plugin_directories.iter().any(|directory| resolve::search(directory, &plugin.digest).is_some())
    }

    /// Forgets what vouches for artifacts whose bytes are here no longer and that nothing pins.
    pub fn forget_but(&self, pinned: &[Digest]) {
        let used = |component: &Digest| pinned.contains(component) || self.app.blobs.contains(component);
        for manifest in self.all_kept() {
            let kept = self.kept(&manifest).ok().flatten();
            if !kept.is_some_and(|kept| used(&kept.artifact.component)) {
                // Its loss costs a look-up at most.
                let _ = fs::remove_file(self.path(&manifest));
            }
        }
    }

    fn policy(&self) -> Result<&Policy, CliError> {
        if self.policy.get().is_none() {
            let _ = self.policy.set(trust::policy(&self.app.operator)?);
        }
        self.policy.get().ok_or_else(|| CliError::new(Kind::Config, "the rules of `trust` can't be read"))
    }

    fn has_rules(&self) -> bool {
        self.app.operator.value.trust.is_some()
    }

    fn judge(
        &self,
        repository: &Repository,
        artifact: &Artifact,
        signatures: &[Signature],
    ) -> Result<Verdict, CliError> {
        Ok(self.policy()?.judge(repository, artifact, signatures)?)
    }

    fn signatures(&self, repository: &Repository, manifest: &Digest) -> Result<Vec<Signature>, CliError> {
        Ok(self.app.registry()?.signatures(repository, manifest)?)
    }

    /// The bytes, from the blob store, from a plugin directory or from the registry.
    fn pull(&self, repository: &Repository, artifact: &Artifact) -> Result<(), CliError> {
        let blobs = &self.app.blobs;
        if blobs.contains(&artifact.component) {
            return Ok(());
        }
        let local = self.app.operator.value.plugin_directories.iter();
        let local = local.filter_map(|directory| resolve::search(directory, &artifact.component)).next();
        let bytes = match local {
            Some(bytes) => Bytes::from(bytes),
            None => {
                let transfer = Transfer::new(&format!("pulling {repository}"), artifact.size);
                let moved = |bytes| transfer.moved(bytes);
                let pulled = self.app.registry()?.component(repository, artifact, &moved);
                pulled.map_err(|error| match error {
                    RegistryError::Unreachable { .. } => CliError::from(error).hint(format!(
                        "the bytes of {} are not here yet; once they were pulled, no registry is needed",
                        artifact.component.short()
                    )),
                    error => error.into(),
                })?
            }
        };
        blobs.put(&bytes)?;
        Ok(blobs.sync()?)
    }

    fn path(&self, manifest: &Digest) -> PathBuf {
        self.app.project.state().join(paths::PROOFS).join(format!("{}.json", manifest.hex()))
    }

    /// What was kept of an artifact, if it still is what it was.
    fn kept(&self, manifest: &Digest) -> Result<Option<Kept>, CliError> {
        let Ok(bytes) = fs::read(self.path(manifest)) else { return Ok(None) };
        // What is damaged is fetched again.
        let Ok(proof) = serde_json::from_slice::<Proof>(&bytes) else { return Ok(None) };
        if Digest::of(&proof.manifest) != *manifest {
            return Ok(None);
        }
        let artifact = read_artifact(&manifest.to_string(), proof.manifest.into())?;
        let repositories = proof.repositories.iter().filter_map(|name| name.parse().ok()).collect();
        Ok(Some(Kept { artifact, signatures: proof.signatures, repositories }))
    }

    fn all_kept(&self) -> Vec<Digest> {
        let entries = fs::read_dir(self.app.project.state().join(paths::PROOFS));
        let names = entries.into_iter().flatten().flatten().map(|entry| entry.file_name());
        let digest =
            |name: std::ffi::OsString| format!("sha256:{}", name.to_str()?.strip_suffix(".json")?).parse().ok();
        let mut all: Vec<Digest> = names.filter_map(digest).collect();
        all.sort();
        all
    }

    /// Keeps what vouches for an artifact, as a whole or not at all.
    fn keep(&self, from: &Repository, artifact: &Artifact, signatures: Vec<Signature>) -> Result<(), CliError> {
        let path = self.path(&artifact.manifest);
        let failed = |error: std::io::Error| CliError::unwritable(&path, Kind::State, &error);
        let before = self.kept(&artifact.manifest)?.map(|kept| kept.repositories).unwrap_or_default();
        let repositories = before.iter().chain([from]).map(ToString::to_string).collect();
        let manifest = String::from_utf8_lossy(&artifact.bytes).into_owned();
        let proof = serde_json::to_vec(&Proof { manifest, signatures, repositories })
            .map_err(|error| CliError::new(Kind::State, format!("{} can't be written: {error}", path.display())))?;
        let directory = self.app.project.state().join(paths::PROOFS);
        fs::create_dir_all(&directory).map_err(failed)?;
        let mut file = tempfile::NamedTempFile::new_in(&directory).map_err(failed)?;
        std::io::Write::write_all(&mut file, &proof).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn warn_without_rules(&self, reference: &Reference, artifact: &Artifact) {
        if self.has_rules() {
            return;
        }
        show::warn(format_args!(
            "nobody vouches for {reference} ({}): host.yaml has no `trust`, so only its digest is pinned",
            artifact.component.short()
        ));
        if !self.warned.replace(true) {
            show::note(format_args!(
                "  to take only what you trust: `trust: {{ keys: {{ NAME: {{ file: NAME.pub }} }}, rules: [ {{ match: {}, \
                 signed-by: [ NAME ] }} ] }}`",
                reference.repository
            ));
        }
    }
}

/// Of a plugin from this repository, or of one whose name does not tell where it is from.
fn nothing_kept(repository: Option<&Repository>, Pinned { name, digest }: &Pinned) -> CliError {
    let message = format!("{name} ({}) is not trusted: nothing is kept that vouches for it", digest.short());
    CliError::new(Kind::Denied, message).hint(match repository {
        Some(repository) => format!(
            "name its digest in host.yaml: `trust: {{ rules: [{{ match: {repository}, digests: [\"{digest}\"] }}] }}`"
        ),
        None => "if it is your own, put its component into a directory that host.yaml names in `plugin-directories`; \
             if it is from a registry, let `springline plugin pull` fetch it again"
            .to_owned(),
    })
}
