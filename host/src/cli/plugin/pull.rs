//! `springline plugin pull`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_model::Cancel;
use springline_model::plugin::Description;
use springline_model::reference::Reference;
use springline_registry::Verdict;

use crate::app;
use crate::cli::Common;
use crate::cli::error::{CliError, Kind};
use crate::desk::Desk;
use crate::project::Project;
use crate::show::transfer::Transfer;
use crate::show::{self, GOOD, paint, time};
use crate::trust::{self, Trusted};

/// Pulls a plugin from a registry into a file.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline plugin pull oci://registry.example.com/team/step:1.2.3\n  springline plugin pull \
                  'oci://registry.example.com/team/step:^1.2' -O step.wasm\n\nWhere host.yaml has rules (`trust`), what they do \
                  not let in is not pulled. springline.yaml can name the reference itself; then nothing need be pulled by hand."
)]
pub struct Pull {
    /// Which: oci://REGISTRY/REPOSITORY with :TAG, :RANGE or @sha256:DIGEST
    #[arg(value_name = "REFERENCE")]
    reference: String,
    /// Where to [default: the last part of the repository and .wasm, in this directory]
    #[arg(short = 'O', long = "file", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Pull {
    /// Pulls.
    ///
    /// # Errors
    /// What the registry reports; what the rules do not let in; a file that can't be written.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let reference: Reference = self.reference.parse()?;
        let repository = &reference.repository;
        let operator = Project::operator_if_any(common)?;
        let policy = trust::policy(&operator)?;
        let registry = app::registry(&operator.value, cancel)?;
        let Trusted { artifact, tag, verdict, .. } =
            trust::find(registry.as_ref(), &operator.value, &policy, &reference)?;
        let bytes = {
            let transfer = Transfer::new(&format!("pulling {repository}"), artifact.size);
            registry.component(repository, &artifact, &|bytes| transfer.moved(bytes))?
        };
        let name = repository.path().rsplit('/').next().unwrap_or("plugin");
        let file = self.file.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.wasm")));
        self.write(&file, &bytes)?;
        let description = describe(&bytes, &reference.to_string());
        let value = json!({
            "reference": reference.to_string(),
            "tag": tag,
            "manifest": artifact.manifest,
            "component": artifact.component,
            "size": artifact.size,
            "file": file.display().to_string(),
            "trusted": why(&verdict),
            "plugin": description,
        });
        show::data(common, &value, |_| {
            let size = time::bytes(artifact.size);
            show::line(format_args!("{} {reference} into {} ({size})", paint(GOOD, "pulled"), file.display()));
            show::line(format_args!("  component {}", artifact.component));
            show::line(format_args!("  manifest  {}", artifact.manifest));
            show::line(format_args!("  trusted   {}", why(&verdict)));
            for line in description.iter().flat_map(asks) {
                show::line(format_args!("  {line}"));
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }

    /// Writes the file as a whole or not at all. What is there and was not named stays.
    fn write(&self, file: &Path, bytes: &[u8]) -> Result<(), CliError> {
        if self.file.is_none() && std::fs::read(file).is_ok_and(|there| there != bytes) {
            return Err(CliError::new(Kind::Usage, format!("{} is there already, with other bytes", file.display()))
                .hint("name the file with -O to overwrite it, or another one"));
        }
        let failed = |error: std::io::Error| CliError::unwritable(file, Kind::Usage, &error);
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut temporary = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
        temporary.write_all(bytes).map_err(failed)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(temporary.path(), mode).map_err(failed)?;
        temporary.persist(file).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// What the bytes themselves say; a warning where this host can't run them.
fn describe(bytes: &[u8], name: &str) -> Option<Description> {
    match Desk::open().and_then(|desk| desk.load_bytes(name, bytes)) {
        Ok(loaded) => Some(loaded.description),
        Err(error) => {
            show::warn(format_args!("this host can't run it: {}", error.message));
            None
        }
    }
}

fn asks(description: &Description) -> Vec<String> {
    let mut lines = vec![format!("is        {} {}, {}", description.name, description.version, description.kind)];
    let power =
        |power: &springline_model::capability::Capability| format!("asks for  {}: {}", power.name, power.reason);
    lines.extend(description.capabilities.iter().map(power));
    lines
}

fn why(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Signed(name) => format!("signed by {name}"),
        Verdict::Listed => "its digest is listed".into(),
        Verdict::Unsigned => "a rule takes unsigned plugins from there".into(),
        Verdict::NoRules => "whoever made it: there are no rules".into(),
    }
}
