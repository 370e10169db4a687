//! `springline plugin list`.

use std::collections::HashMap;
use std::process::ExitCode;

use clap::Args;
use indexmap::IndexMap;
use serde_json::{Value, json};
use springline_model::plugin::Pinned;
use springline_model::port::{Registry, RegistryError};
use springline_model::reference::{Reference, Repository, Wanted, version_of};
use springline_model::registry::{Artifact, Signature};
use springline_model::{Cancel, Digest};
use springline_registry::Policy;
use springline_registry::signing::Subject;

use super::as_json;
use crate::app::{self, App};
use crate::cli::error::CliError;
use crate::cli::{Common, Output, key};
use crate::project::Project;
use crate::show::table::{Table, plain};
use crate::show::{self, time};
use crate::{builtin, trust};

/// Lists the built-in plugins, or what is in a repository of a registry.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline plugin list -o json\n  springline plugin list oci://registry.example.com/team/step"
)]
pub struct List {
    /// A repository: oci://REGISTRY/REPOSITORY
    #[arg(value_name = "REPOSITORY")]
    repository: Option<String>,
    /// Of a repository, at most so many tags, newest version first; 0 for all
    #[arg(long, value_name = "N", default_value = "20", requires = "repository")]
    limit: usize,
}

impl List {
    /// Whether it needs no state.
    pub fn is_local(&self) -> bool {
        self.repository.is_some()
    }

    /// Lists.
    ///
    /// # Errors
    /// A state directory that can't be opened; what the registry reports.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        match &self.repository {
            Some(repository) => self.shared(common, repository, cancel),
            None => {
                let app = App::open(common, Project::find_state(common, cancel)?, "plugin", cancel)?;
                list(common, &app)
            }
        }
    }

    fn shared(&self, common: &Common, repository: &str, cancel: &Cancel) -> Result<ExitCode, CliError> {
        // A whole reference is as good: what it names is in the repository.
        let parsed = repository.parse::<Reference>().map(|reference| reference.repository);
        let repository: Repository = match parsed {
            Ok(repository) => repository,
            Err(_) => repository.parse()?,
        };
        let operator = Project::operator_if_any(common)?;
        let mine = key::public_keys().into_iter().map(|(name, key)| (format!("{name} (this user)"), key.to_pem()));
        let policy = trust::policy_and(&operator, mine.collect::<IndexMap<_, _>>())?;
        let registry = app::registry(&operator.value, cancel)?;
        let tags = sorted(registry.tags(&repository)?);
        let shown = if self.limit == 0 { tags.len() } else { self.limit.min(tags.len()) };
        let look = Look { registry: registry.as_ref(), repository: &repository, policy: &policy };
        let rows = look.all(&tags[..shown])?;
        print(common, &rows)?;
        if shown < tags.len() {
            show::note(format_args!("{} more tags: --limit 0 shows them all", tags.len() - shown));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The tags that people made: versions, newest first, then the others by name.
fn sorted(mut tags: Vec<String>) -> Vec<String> {
    tags.retain(|tag| !is_attachment(tag));
    tags.sort_by(|one, other| version_of(other).cmp(&version_of(one)).then_with(|| one.cmp(other)));
    tags
}

/// Whether a tag holds signatures or the like of something else.
fn is_attachment(tag: &str) -> bool {
    let hex = tag.strip_prefix("sha256-").and_then(|rest| rest.get(..64));
    hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A tag, and what it names.
struct Row {
    tag: String,
    /// What it names; else why that is no plugin.
    found: Result<Found, String>,
}

struct Found {
    artifact: Artifact,
    signers: Vec<String>,
    /// How many signatures there are of whomever.
    signatures: usize,
}

struct Look<'a> {
    registry: &'a dyn Registry,
    repository: &'a Repository,
    policy: &'a Policy,
}

impl Look<'_> {
    fn all(&self, tags: &[String]) -> Result<Vec<Row>, CliError> {
        let mut known: HashMap<Digest, Vec<Signature>> = HashMap::new();
        let mut rows = Vec::new();
        for tag in tags {
            let found = match self.registry.resolve(self.repository, &Wanted::Tag(tag.clone())) {
                Ok((artifact, _)) => {
                    let manifest = artifact.manifest;
                    if let std::collections::hash_map::Entry::Vacant(entry) = known.entry(manifest) {
                        entry.insert(self.registry.signatures(self.repository, &manifest)?);
                    }
                    let signatures = known.get(&manifest).map(Vec::as_slice).unwrap_or_default();
                    let subject = Subject { repository: self.repository, manifest: &manifest };
                    let signers = self.policy.signers(subject, signatures).into_iter().map(str::to_owned).collect();
                    Ok(Found { artifact, signers, signatures: signatures.len() })
                }
                Err(RegistryError::NotWasm { why, .. }) => Err(why),
                // Gone since the tags were listed.
                Err(RegistryError::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            rows.push(Row { tag: tag.clone(), found });
        }
        Ok(rows)
    }
}

fn print(common: &Common, rows: &[Row]) -> Result<(), CliError> {
    let value: Vec<Value> = rows.iter().map(row_json).collect();
    show::data(common, &value, |_| {
        let mut table = Table::new(&["TAG", "COMPONENT", "SIZE", "VERSION", "SIGNED BY"]);
        for Row { tag, found } in rows {
            let cells = match found {
                Ok(found) => {
                    let version = found.artifact.annotations.get("org.opencontainers.image.version");
                    let version = version.map(|version| version.escape_debug().to_string()).unwrap_or_default();
                    vec![found.artifact.component.short(), time::bytes(found.artifact.size), version, signed(found)]
                }
                Err(_) => vec!["no plugin".into()],
            };
            table.row([tag.clone()].into_iter().chain(cells).map(plain).collect());
        }
        table.print();
    })
}

fn signed(found: &Found) -> String {
    match (found.signers.as_slice(), found.signatures) {
        ([], 0) => "nobody".into(),
        ([], _) => "a key that is not known here".into(),
        (signers, _) => signers.join(", "),
    }
}

fn row_json(Row { tag, found }: &Row) -> Value {
    match found {
        Ok(Found { artifact, signers, signatures }) => json!({
            "tag": tag,
            "manifest": artifact.manifest,
            "component": artifact.component,
            "size": artifact.size,
            "annotations": artifact.annotations,
            "signed-by": signers,
            "signatures": signatures,
        }),
        Err(why) => json!({ "tag": tag, "no-plugin": why }),
    }
}

fn list(common: &Common, app: &App) -> Result<ExitCode, CliError> {
    let mut all = Vec::new();
    for builtin in builtin::all() {
        let pinned = Pinned { name: builtin.name.to_owned(), digest: builtin.digest };
        all.push((builtin, app.describe(&pinned)?));
    }
    if common.output == Output::Json {
        let all = all.iter().map(|(builtin, description)| as_json(&builtin.digest, builtin.bytes.len(), description));
        show::json(&all.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&["PLUGIN", "KIND", "VERSION", "DIGEST", "SIZE", "WHAT IT DOES"]);
    for (builtin, description) in &all {
        table.row(vec![
            plain(builtin.name),
            plain(description.kind),
            plain(&description.version),
            plain(builtin.digest.short()),
            plain(time::bytes(builtin.bytes.len() as u64)),
            plain(&description.summary),
        ]);
    }
    table.print();
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_newest_first_and_attachments_not_at_all() {
        let attachment = format!("sha256-{}.sig", "a".repeat(64));
        let tags = ["latest", "1.2.0", "1.10.0", "v2.0.0-rc.1", "edge", &attachment].map(str::to_owned);
        assert_eq!(sorted(tags.into()), ["v2.0.0-rc.1", "1.10.0", "1.2.0", "edge", "latest"]);
    }
}
