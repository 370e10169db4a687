//! Who we are to a registry: what `docker login` and its like wrote down.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use springline_model::registry::RegistryError;
use tokio::sync::oneshot;

/// How long a credential helper may take.
const HELPER: Duration = Duration::from_secs(60);

/// How much of docker's config is read, in bytes.
const MAX_CONFIG: u64 = 4 << 20;

/// What a registry, or the service that gives its tokens, is shown.
#[derive(Clone)]
pub(crate) enum Credentials {
    /// Nothing.
    Anonymous,
    /// A name and a password.
    Password(String, String),
    /// A token to get tokens with.
    Identity(String),
}

impl Credentials {
    pub(crate) const fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }
}

/// Looks up the credentials for a registry in docker's config, or asks the helper that it names.
pub(crate) async fn find(registry: &str) -> Result<Credentials, RegistryError> {
    let (send, receive) = oneshot::channel();
    let name = key(registry).to_owned();
    let failed = |message: String| RegistryError::Credentials { registry: registry.to_owned(), message };
    let Some(path) = config() else { return Ok(Credentials::Anonymous) };
    let file = match File::open(&path) {
        Ok(file) => file.take(MAX_CONFIG),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Credentials::Anonymous),
        Err(error) => return Err(failed(format!("{}: {error}", path.display()))),
    };
    // A helper is a process that may wait for somebody: it must not hold up the executor.
    thread::spawn(move || send.send(docker_credential::get_credential_from_reader(file, &name)));
    let found = match tokio::time::timeout(HELPER, receive).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => return Err(failed("the look-up was cut off".into())),
        Err(_) => return Err(failed(format!("the credential helper took more than {} seconds", HELPER.as_secs()))),
    };
    match found {
        Ok(DockerCredential::UsernamePassword(name, password)) => Ok(Credentials::Password(name, password)),
        Ok(DockerCredential::IdentityToken(token)) => Ok(Credentials::Identity(token)),
        Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(Credentials::Anonymous),
        // What the helpers of docker print when they know nothing.
        Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
            if [&stdout, &stderr].iter().any(|text| text.contains("credentials not found")) =>
        {
            Ok(Credentials::Anonymous)
        }
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
            Err(failed(format!("the credential helper `{helper}` failed")))
        }
        Err(CredentialRetrievalError::ConfigReadError) => {
            Err(failed(format!("{} is not what docker writes", path.display())))
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Docker's config; none where the user has no home.
fn config() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = set("DOCKER_CONFIG").or_else(|| set("HOME").map(|home| home.join(".docker")));
    directory.map(|directory| directory.join("config.json"))
}

/// What docker calls the registry in its config.
fn key(registry: &str) -> &str {
    match registry {
        "docker.io" | "registry-1.docker.io" => "https://index.docker.io/v1/",
        registry => registry,
    }
}
