//! `springline plugin push`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use semver::Version;
use serde_json::json;
use springline_model::plugin::Description;
use springline_model::port::{Registry, RegistryError};
use springline_model::reference::{Range, Reference, Repository, Wanted, is_tag, version_of};
use springline_model::registry::{Artifact, NewArtifact, Signature};
use springline_model::{Cancel, Digest};
use springline_registry::signing::{Form, PrivateKey, Subject, sign, verify};

use super::diff;
use crate::app;
use crate::cli::error::{CliError, Kind};
use crate::cli::{Common, key};
use crate::desk::Desk;
use crate::project::Project;
use crate::show::transfer::Transfer;
use crate::show::{self, FAINT, GOOD, paint, time};

/// Pushes a plugin to a registry, and signs it if asked.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline plugin push build/step.wasm oci://registry.example.com/team/step:1.2.3\n  \
                  springline plugin push build/step.wasm oci://registry.example.com/team/step:1.2.3 --float --sign platform\n\n\
                  Credentials are docker's: `docker login registry.example.com`. A version that is there stays what it is \
                  unless --replace is given."
)]
pub struct Push {
    /// A component, or the name of a built-in plugin
    #[arg(value_name = "FILE|NAME")]
    plugin: PathBuf,
    /// Where to: oci://REGISTRY/REPOSITORY:TAG
    #[arg(value_name = "REFERENCE")]
    reference: String,
    /// A further tag
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Of version 1.2.3, let the tags 1.2 and 1 follow, unless a newer version has them
    #[arg(long)]
    float: bool,
    /// Let a version that is there with other bytes become these
    #[arg(long)]
    replace: bool,
    /// Sign with this key: a name (`springline key show`) or the file of a private key
    #[arg(long, value_name = "KEY")]
    sign: Option<String>,
    /// The form of the signature: cosign's bundle, cosign's older tag, or both
    #[arg(long, value_name = "FORM", default_value = "bundle", requires = "sign")]
    signature: SignatureForm,
}

/// The forms of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SignatureForm {
    /// A Sigstore bundle, attached as a referrer.
    Bundle,
    /// A simple-signing payload below the tag sha256-….sig.
    Tag,
    /// Both.
    Both,
}

impl SignatureForm {
    const fn forms(self) -> &'static [Form] {
        match self {
            Self::Bundle => &[Form::Bundle],
            Self::Tag => &[Form::Simple],
            Self::Both => &[Form::Bundle, Form::Simple],
        }
    }
}

/// What was found before a push.
#[derive(Debug)]
struct Looked {
    /// What the tag names, if it is what is to be pushed.
    there: Option<Artifact>,
    /// The tags that are to name it too.
    further: Vec<String>,
}

/// What a push came to.
struct Pushed {
    artifact: Artifact,
    /// Whether it was not there before.
    new: bool,
    tags: Vec<String>,
    signed: Option<PrivateKey>,
}

impl Push {
    /// Pushes.
    ///
    /// # Errors
    /// What is no plugin; what the registry reports; a version that is there with other bytes.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let (repository, tag) = self.target()?;
        let key = self.sign.as_deref().map(key::private).transpose()?;
        let bytes = Bytes::from(diff::read(&self.plugin)?);
        let name = self.plugin.display().to_string();
        let loaded = Desk::open()?.load_bytes(&name, &bytes)?;
        let (digest, description) = (loaded.pinned.digest, loaded.description);
        if version_of(&tag).is_some_and(|version| Version::parse(&description.version).is_ok_and(|own| own != version))
        {
            show::warn(format_args!("it says that it is version {}, and the tag is {tag}", description.version));
        }
        let operator = Project::operator_if_any(common)?;
        let registry = app::registry(&operator.value, cancel)?;
        let registry = registry.as_ref();
        let Looked { there, further } = self.look(registry, &repository, &tag, digest)?;
        let new = there.is_none();
        let artifact = match there {
            Some(artifact) => artifact,
            None => self.push(registry, &repository, &tag, &bytes, &description)?,
        };
        self.sign_and_tag(registry, &repository, &artifact, key.as_ref(), &further)?;
        let tags = [vec![tag], further].concat();
        print(common, &repository, &description, &Pushed { artifact, new, tags, signed: key })?;
        Ok(ExitCode::SUCCESS)
    }

    fn target(&self) -> Result<(Repository, String), CliError> {
        let reference: Reference = self.reference.parse()?;
        if let Some(tag) = self.tags.iter().find(|tag| !is_tag(tag)) {
            return Err(CliError::new(Kind::Usage, format!("`{}` is not a tag", tag.escape_debug()))
                .hint("a tag is 1 to 128 letters, digits and `_.-`"));
        }
        match reference.wanted {
            Wanted::Tag(tag) => Ok((reference.repository, tag)),
            Wanted::Range(_) | Wanted::Digest(_) => {
                Err(CliError::new(Kind::Usage, format!("`{}` names no tag to push to", self.reference))
                    .hint(format!("write `oci://{}:1.2.3`", reference.repository)))
            }
        }
    }

    /// Looks at what is there, before anything is sent.
    fn look(
        &self,
        registry: &dyn Registry,
        repository: &Repository,
        tag: &str,
        digest: Digest,
    ) -> Result<Looked, CliError> {
        let there = self.there(registry, repository, tag, digest)?;
        for further in &self.tags {
            self.there(registry, repository, further, digest)?;
        }
        let floating = if self.float { floating(registry, repository, tag)? } else { Vec::new() };
        Ok(Looked { there, further: self.tags.iter().cloned().chain(floating).collect() })
    }

    /// What has the tag, if it is this component. A version that has another one stays what it is.
    fn there(
        &self,
        registry: &dyn Registry,
        repository: &Repository,
        tag: &str,
        digest: Digest,
    ) -> Result<Option<Artifact>, CliError> {
        let other = match registry.resolve(repository, &Wanted::Tag(tag.to_owned())) {
            Ok((there, _)) if there.component == digest => return Ok(Some(there)),
            Ok((there, _)) => there.component.short(),
            Err(RegistryError::NotWasm { .. }) => "something that is no plugin".to_owned(),
            Err(RegistryError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if version_of(tag).is_none() || self.replace {
            return Ok(None);
        }
        let message = format!("{repository}:{tag} is there already, and it is {other}, not {}", digest.short());
        Err(CliError::new(Kind::Denied, message)
            .hint("give it the next version; --replace overwrites this one, and whoever pinned it keeps what it was"))
    }

    /// Signs, and lets the further tags name what is signed by then.
    fn sign_and_tag(
        &self,
        registry: &dyn Registry,
        repository: &Repository,
        artifact: &Artifact,
        key: Option<&PrivateKey>,
        further: &[String],
    ) -> Result<(), CliError> {
        if let Some(key) = key {
            attach(registry, repository, artifact, key, self.signature)?;
        }
        for tag in further {
            registry.tag(repository, artifact, tag)?;
        }
        Ok(())
    }

    /// Pushes.
    fn push(
        &self,
        registry: &dyn Registry,
        repository: &Repository,
        tag: &str,
        bytes: &Bytes,
        description: &Description,
    ) -> Result<Artifact, CliError> {
        let interfaces = app::interfaces(bytes)
            .map_err(|fault| CliError::new(Kind::Plugin, format!("{}: {fault}", self.plugin.display())))?;
        let created = created()?;
        let annotation = |name: &str, value: &str| (format!("org.opencontainers.image.{name}"), value.to_owned());
        let artifact = NewArtifact {
            component: bytes.clone(),
            file_name: Some(format!("{}.wasm", description.name)),
            annotations: BTreeMap::from([
                annotation("title", &description.name),
                annotation("version", &description.version),
                annotation("description", &description.summary),
                annotation("created", &created),
            ]),
            created,
            exports: interfaces.exports,
            imports: interfaces.imports,
            target: None,
        };
        let transfer = Transfer::new(&format!("pushing {repository}:{tag}"), bytes.len() as u64);
        Ok(registry.push(repository, tag, &artifact, &|bytes| transfer.moved(bytes))?)
    }
}

/// The tags that follow a version: `1.2` and `1` of 1.2.3, unless a newer version has them.
fn floating(registry: &dyn Registry, repository: &Repository, tag: &str) -> Result<Vec<String>, CliError> {
    let Some(version) = version_of(tag).filter(|version| version.pre.is_empty()) else {
        return Err(CliError::new(Kind::Usage, format!("nothing can follow `{tag}`: it is no released version"))
            .hint("leave --float out, or push a version such as 1.2.3"));
    };
    let tags = match registry.tags(repository) {
        // It is the first of its repository.
        Err(RegistryError::NotFound { .. }) => Vec::new(),
        tags => tags?,
    };
    let newest = |range: &str| {
        let range = range.parse::<Range>().ok()?;
        tags.iter().filter_map(|tag| version_of(tag)).filter(|version| range.matches(version)).max()
    };
    let v = if tag.starts_with('v') { "v" } else { "" };
    let Version { major, minor, .. } = version;
    let minor_tag = (format!("~{major}.{minor}"), format!("{v}{major}.{minor}"));
    let major_tag = (format!("~{major}"), format!("{v}{major}"));
    let follows = |(range, tag): (String, String)| newest(&range).is_none_or(|newest| newest <= version).then_some(tag);
    Ok([minor_tag, major_tag].into_iter().filter_map(follows).collect())
}

/// When the artifact was made: SOURCE_DATE_EPOCH for those who want the same bytes again, else now.
fn created() -> Result<String, CliError> {
    let now = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(epoch) => {
            let seconds = epoch.parse().ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
            seconds.ok_or_else(|| {
                CliError::new(Kind::Usage, "SOURCE_DATE_EPOCH is not a number of seconds since 1970")
                    .hint("unset it, or set it to such a number")
            })?
        }
        Err(_) => jiff::Timestamp::now(),
    };
    Ok(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Signs in every form in which this key has not signed yet.
fn attach(
    registry: &dyn Registry,
    repository: &Repository,
    artifact: &Artifact,
    key: &PrivateKey,
    form: SignatureForm,
) -> Result<(), CliError> {
    let subject = Subject { repository, manifest: &artifact.manifest };
    let there = registry.signatures(repository, &artifact.manifest)?;
    let public = key.public();
    for form in form.forms() {
        let same = |signature: &&Signature| match signature {
            Signature::Bundle { .. } => *form == Form::Bundle,
            Signature::Simple { .. } => *form == Form::Simple,
            Signature::Unreadable { .. } => false,
        };
        if there.iter().filter(same).any(|signature| verify(signature, &[&public], subject).is_ok()) {
            continue;
        }
        let signature = sign(key, *form, subject)
            .map_err(|error| CliError::new(Kind::State, format!("it can't be signed: {error}")))?;
        registry.attach(repository, artifact, &signature, &created()?)?;
    }
    Ok(())
}

fn print(common: &Common, repository: &Repository, description: &Description, pushed: &Pushed) -> Result<(), CliError> {
    let Pushed { artifact, new, tags, signed } = pushed;
    let key = signed.as_ref().map(|key| key.public().id());
    let value = json!({
        "repository": repository.to_string(),
        "tags": tags,
        "pushed": new,
        "manifest": artifact.manifest,
        "component": artifact.component,
        "size": artifact.size,
        "name": description.name,
        "version": description.version,
        "kind": description.kind,
        "signed-by": key,
    });
    show::data(common, &value, |_| {
        let what = if *new { paint(GOOD, "pushed") } else { paint(FAINT, "there already") };
        let size = time::bytes(artifact.size);
        show::line(format_args!("{what} oci://{repository}:{} ({size})", tags.join(", ")));
        show::line(format_args!("  component {}", artifact.component));
        show::line(format_args!("  manifest  {}", artifact.manifest));
        if let Some(key) = &key {
            show::line(format_args!("  signed by {key}"));
        }
    })
}

#[cfg(test)]
mod tests {
    use springline_testkit::FakeRegistry;

    use super::*;

    fn pushing(tags: &[&str]) -> Push {
        Push {
            plugin: "x.wasm".into(),
            reference: "oci://r.io/team/step:1.0.0".into(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            float: false,
            replace: false,
            sign: None,
            signature: SignatureForm::Bundle,
        }
    }

    #[test]
    fn a_version_that_is_there_stays_whichever_tag_names_it() {
        let (registry, repository) = (FakeRegistry::default(), "r.io/team/step".parse::<Repository>().unwrap());
        let new = Digest::of("new");
        let looked = pushing(&["latest"]).look(&registry, &repository, "1.0.0", new).unwrap();
        assert!(looked.there.is_none() && looked.further == ["latest"], "an empty repository: {looked:?}");
        for tag in ["1.0.0", "latest"] {
            registry.push(&repository, tag, &artifact("old"), &|_| {}).unwrap();
        }
        let look = |push: Push, tag: &str, digest| push.look(&registry, &repository, tag, digest);
        for (push, tag) in [(pushing(&[]), "1.0.0"), (pushing(&["latest", "1.0.0"]), "1.1.0")] {
            let error = look(push, tag, new).unwrap_err();
            assert!(error.kind == Kind::Denied && error.message.contains("step:1.0.0 is there"), "{}", error.message);
        }
        assert!(look(pushing(&["latest"]), "1.1.0", new).is_ok(), "a tag that is no version moves");
        assert!(look(Push { replace: true, ..pushing(&["1.0.0"]) }, "1.1.0", new).is_ok());
        assert!(look(pushing(&["1.0.0"]), "1.0.0", Digest::of("old")).unwrap().there.is_some());
    }

    #[test]
    fn what_can_not_float_is_told_before_anything_is_sent() {
        let (registry, repository) = (FakeRegistry::default(), "r.io/team/step".parse::<Repository>().unwrap());
        let push = Push { float: true, ..pushing(&[]) };
        assert!(push.look(&registry, &repository, "latest", Digest::of("new")).is_err());
        let looked = push.look(&registry, &repository, "1.2.3", Digest::of("new")).unwrap();
        assert_eq!(looked.further, ["1.2", "1"]);
    }

    #[test]
    fn no_tag_moves_to_what_could_not_be_signed() {
        let (registry, repository) = (FakeRegistry::default(), "r.io/team/step".parse::<Repository>().unwrap());
        let pushed = registry.push(&repository, "1.0.0", &artifact("x"), &|_| {}).unwrap();
        let elsewhere = "r.io/team/gone".parse().unwrap();
        let (key, _) = PrivateKey::generate().unwrap();
        let further = ["latest".to_owned()];
        // Signatures of what is not there can't be read.
        assert!(pushing(&[]).sign_and_tag(&registry, &elsewhere, &pushed, Some(&key), &further).is_err());
        assert!(registry.tags(&elsewhere).is_err());
        pushing(&[]).sign_and_tag(&registry, &repository, &pushed, Some(&key), &further).unwrap();
        assert_eq!(registry.tags(&repository).unwrap(), ["1.0.0", "latest"]);
    }

    fn artifact(word: &str) -> NewArtifact {
        NewArtifact {
            component: Bytes::from(word.to_owned()),
            file_name: None,
            created: String::new(),
            exports: Vec::new(),
            imports: Vec::new(),
            target: None,
            annotations: BTreeMap::new(),
        }
    }

    #[test]
    fn short_tags_follow_the_newest_version_only() {
        let (registry, repository) = (FakeRegistry::default(), "r.io/team/step".parse().unwrap());
        for tag in ["1.2.3", "1.3.0", "1.2.4", "2.0.0-rc.1", "v3.0.0"] {
            registry.push(&repository, tag, &artifact(tag), &|_| {}).unwrap();
        }
        let follow = |tag: &str| floating(&registry, &repository, tag).unwrap();
        assert_eq!(follow("1.2.4"), ["1.2"], "1 stays with 1.3.0");
        assert_eq!(follow("1.3.0"), ["1.3", "1"]);
        assert!(follow("1.2.3").is_empty());
        assert_eq!(follow("v3.0.0"), ["v3.0", "v3"]);
        assert!(floating(&registry, &repository, "2.0.0-rc.1").is_err());
        assert!(floating(&registry, &repository, "latest").is_err());
    }

    #[test]
    fn a_key_signs_once_in_each_form() {
        let (registry, repository) = (FakeRegistry::default(), "r.io/team/step".parse::<Repository>().unwrap());
        let pushed = registry.push(&repository, "1.0.0", &artifact("x"), &|_| {}).unwrap();
        let (key, _) = PrivateKey::generate().unwrap();
        let signed = |form| {
            attach(&registry, &repository, &pushed, &key, form).unwrap();
            registry.signatures(&repository, &pushed.manifest).unwrap().len()
        };
        assert_eq!(signed(SignatureForm::Bundle), 1);
        assert_eq!(signed(SignatureForm::Bundle), 1);
        assert_eq!(signed(SignatureForm::Both), 2);
        registry.strip(&repository, &pushed.manifest);
        assert_eq!(signed(SignatureForm::Tag), 1);
    }
}
