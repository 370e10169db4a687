//! `springline plugin new`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;
use springline_toolchain::Language;

use crate::cli::Common;
use crate::cli::error::{CliError, Kind};
use crate::desk::project::is_name;
use crate::sdk::{self, File};
use crate::show::{self, STRONG, paint};

/// Starts a plugin project, with the SDK in it: it builds without this repository.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline plugin new --lang rust --kind build-step my-step")]
pub struct New {
    /// What it is written in
    #[arg(long, value_name = "LANG")]
    lang: Lang,
    /// What it is
    #[arg(long, value_name = "KIND")]
    kind: PluginKind,
    /// The plugin's name, in kebab-case
    #[arg(value_name = "NAME")]
    name: String,
    /// Where to put the project [default: NAME]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Lang {
    Rust,
    Python,
    #[value(name = "javascript", alias = "js")]
    JavaScript,
    #[value(name = "typescript", alias = "ts")]
    TypeScript,
    Go,
    C,
}

impl Lang {
    const fn language(self) -> Language {
        match self {
            Self::Rust => Language::Rust,
            Self::Python => Language::Python,
            Self::JavaScript => Language::JavaScript,
            Self::TypeScript => Language::TypeScript,
            Self::Go => Language::Go,
            Self::C => Language::C,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PluginKind {
    BuildStep,
    Renderer,
    DeployTarget,
}

impl PluginKind {
    const fn name(self) -> &'static str {
        match self {
            Self::BuildStep => "build-step",
            Self::Renderer => "renderer",
            Self::DeployTarget => "deploy-target",
        }
    }
}

impl New {
    /// Writes the project.
    ///
    /// # Errors
    /// A name that is none; a directory that is there already.
    pub fn run(&self, common: &Common) -> Result<ExitCode, CliError> {
        if !is_name(&self.name) {
            return Err(CliError::new(Kind::Usage, format!("`{}` is no name of a plugin", self.name))
                .hint("a name has lower-case letters, digits and single `-`, and starts with a letter: `my-step`"));
        }
        let language = self.lang.language();
        let (directory, language) = (language.sdk(), language.to_string());
        let kind = self.kind.name();
        let sdk = sdk::named(directory).filter(|sdk| !sdk.template(&language, kind).is_empty());
        let Some(sdk) = sdk else {
            return Err(CliError::new(
                Kind::Usage,
                format!("this build carries no template for a {kind} in {language}"),
            )
            .hint("use another language, or start from an example of Springline's repository"));
        };
        let to = self.directory.clone().unwrap_or_else(|| PathBuf::from(&self.name));
        if to.symlink_metadata().is_ok() && !is_empty_directory(&to) {
            return Err(CliError::new(
                Kind::Usage,
                format!("{} is there already, and nothing is overwritten", to.display()),
            )
            .hint("choose another name, or another place with --directory DIR"));
        }
        let template = sdk.template(&language, kind);
        for file in &template {
            put(&to, &self.fill(file.path), &self.filled(file), file.executable)?;
        }
        for file in sdk.files {
            put(&to.join("sdk"), file.path, file.bytes, file.executable)?;
        }
        for file in sdk::wit() {
            put(&to.join("sdk/wit"), file.path, file.bytes, file.executable)?;
        }
        let files: Vec<String> = template.iter().map(|file| self.fill(file.path)).collect();
        let value = json!({ "directory": to, "language": language, "kind": kind, "files": files });
        show::data(common, &value, |_| {
            show::line(format_args!("made {}, a {kind} in {language}", paint(STRONG, to.display())));
            for file in &files {
                show::line(format_args!("  {file}"));
            }
            show::line("  sdk/");
            show::line("next:");
            for command in [&format!("cd {}", to.display()), "springline plugin build", "springline plugin test"] {
                show::line(format_args!("  {command}"));
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }

    /// A text with the placeholders of templates replaced.
    fn fill(&self, text: &str) -> String {
        text.replace("{{name}}", &self.name).replace("{{module}}", &self.name.replace('-', "_"))
    }

    fn filled(&self, file: &File) -> Vec<u8> {
        match std::str::from_utf8(file.bytes) {
            Ok(text) => self.fill(text).into_bytes(),
            Err(_) => file.bytes.to_vec(),
        }
    }
}

fn is_empty_directory(path: &Path) -> bool {
    path.read_dir().is_ok_and(|mut entries| entries.next().is_none())
}

fn put(directory: &Path, path: &str, bytes: &[u8], executable: bool) -> Result<(), CliError> {
    let at = directory.join(path);
    let failed = |error: std::io::Error| CliError::unwritable(&at, Kind::Usage, &error);
    fs::create_dir_all(at.parent().unwrap_or(directory)).map_err(failed)?;
    fs::write(&at, bytes).map_err(failed)?;
    let mode = if executable { 0o755 } else { 0o644 };
    fs::set_permissions(&at, fs::Permissions::from_mode(mode)).map_err(failed)
}
