//! `springline key`.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use indexmap::IndexMap;
use serde_json::json;
use springline_registry::signing::{PrivateKey, PublicKey};

use super::Common;
use super::error::{CliError, Kind};
use crate::{paths, show};

/// Makes and shows the keys that sign plugins.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  springline key new platform\n  springline key show platform > platform.pub\n\nThe private key \
                  never leaves this user's configuration directory; it is not encrypted there, and readable for nobody else."
)]
pub struct KeyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key (ed25519) and print its public half
    #[command(after_help = "Example: springline key new platform")]
    New {
        /// What to call it
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Print the public half of a key, or list all keys
    #[command(after_help = "Examples:\n  springline key show\n  springline key show platform")]
    Show {
        /// The key; all of them without
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

impl KeyArgs {
    /// Does what the verb says.
    ///
    /// # Errors
    /// A key that is there already, or not; a directory that can't be written.
    pub fn run(&self, common: &Common) -> Result<ExitCode, CliError> {
        match &self.action {
            Action::New { name } => new(common, name)?,
            Action::Show { name: Some(name) } => print(common, name, &public(name)?)?,
            Action::Show { name: None } => list(common)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn new(common: &Common, name: &str) -> Result<(), CliError> {
    springline_config::check_name(name).map_err(|invalid| {
        let error = CliError::new(Kind::Usage, invalid.message);
        match invalid.suggestion {
            Some(suggestion) => error.hint(suggestion),
            None => error,
        }
    })?;
    let directory = directory()?;
    DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(|error| failed(&directory, &error))?;
    let (key, pem) = PrivateKey::generate().map_err(|error| CliError::new(Kind::State, error.to_string()))?;
    let path = directory.join(format!("{name}.pem"));
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = made.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            CliError::new(Kind::Usage, format!("there is a key `{name}` already: {}", path.display())).hint(format!(
                "`springline key show {name}` shows it; a key that was lost or leaked is replaced under another name"
            ))
        }
        _ => failed(&path, &error),
    })?;
    let written = file.write_all(pem.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| failed(&path, &error))?;
    let public = key.public();
    let path = directory.join(format!("{name}.pub"));
    fs::write(&path, public.to_pem()).map_err(|error| failed(&path, &error))?;
    print(common, name, &public)?;
    show::note(format_args!(
        "the private key is in {}; name the public one in host.yaml: `trust: {{ keys: {{ {name}: {{ file: {name}.pub }} }} }}`",
        directory.join(format!("{name}.pem")).display()
    ));
    Ok(())
}

fn print(common: &Common, name: &str, key: &PublicKey) -> Result<(), CliError> {
    show::data(common, &as_json(name, key), |_| show::line(key.to_pem().trim_end()))
}

fn as_json(name: &str, key: &PublicKey) -> serde_json::Value {
    json!({ "name": name, "algorithm": key.algorithm(), "id": key.id(), "public-key": key.to_pem() })
}

fn list(common: &Common) -> Result<(), CliError> {
    let keys = public_keys();
    let rows: Vec<_> = keys.iter().map(|(name, key)| as_json(name, key)).collect();
    show::data(common, &rows, |_| {
        let mut table = show::table::Table::new(&["KEY", "KIND", "ID"]);
        for (name, key) in &keys {
            let cells = [name.as_str(), key.algorithm(), &key.id()].map(show::table::plain);
            table.row(cells.into());
        }
        table.print();
    })
}

/// The public keys of this user, by name. A file that holds none is warned of and passed over.
pub fn public_keys() -> IndexMap<String, PublicKey> {
    let entries = paths::keys().and_then(|directory| fs::read_dir(directory).ok());
    let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    let read = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(".pub")?.to_owned();
        let key = fs::read_to_string(&path).map_err(|error| error.to_string());
        match key.and_then(|pem| PublicKey::from_pem(&pem).map_err(|error| error.to_string())) {
            Ok(key) => Some((name, key)),
            Err(why) => {
                show::warn(format_args!("{} is no public key, and is passed over: {why}", path.display()));
                None
            }
        }
    };
    let mut keys: IndexMap<String, PublicKey> = paths.filter_map(read).collect();
    keys.sort_keys();
    keys
}

fn public(name: &str) -> Result<PublicKey, CliError> {
    let path = directory()?.join(format!("{name}.pub"));
    let pem = fs::read_to_string(&path).map_err(|_| {
        let known: Vec<String> = public_keys().into_keys().collect();
        let error = CliError::new(Kind::Usage, format!("there is no key `{name}`"));
        match springline_config::nearest(name, known.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("`springline key new {name}` makes one")),
        }
    })?;
    PublicKey::from_pem(&pem).map_err(|error| CliError::new(Kind::Config, format!("{}: {error}", path.display())))
}

/// The private key of that name, or in the file of that name.
///
/// Of one that others may read, a warning is shown.
///
/// # Errors
/// One that is not there or is none.
pub fn private(key: &str) -> Result<PrivateKey, CliError> {
    let named = springline_config::check_name(key).is_ok();
    let path = if named { directory()?.join(format!("{key}.pem")) } else { PathBuf::from(key) };
    let pem = fs::read_to_string(&path).map_err(|error| {
        CliError::new(Kind::Usage, format!("the key {} can't be read: {error}", path.display())).hint(match named {
            true => format!(
                "`springline key new {key}` makes one; the file of a key is named by a path, such as ./{key}.pem"
            ),
            false => "name a key of `springline key show`, or the file of a private key in PEM (PKCS#8)".to_owned(),
        })
    })?;
    let mode = fs::metadata(&path).map(|facts| std::os::unix::fs::PermissionsExt::mode(&facts.permissions()));
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        show::warn(format_args!("others may read the private key {}: `chmod 600` it", path.display()));
    }
    PrivateKey::from_pem(&pem).map_err(|error| {
        CliError::new(Kind::Usage, format!("{} is no key to sign with: {error}", path.display()))
            .hint("a private key is PEM (PKCS#8), Ed25519 or P-256; `springline key new NAME` makes one")
    })
}

fn directory() -> Result<PathBuf, CliError> {
    paths::keys().ok_or_else(|| {
        CliError::new(Kind::State, "this user has no home for keys: neither HOME nor XDG_CONFIG_HOME is set")
            .hint("name a directory with SPRINGLINE_CONFIG_DIR")
    })
}

fn failed(path: &Path, error: &std::io::Error) -> CliError {
    CliError::unwritable(path, Kind::State, error)
}
