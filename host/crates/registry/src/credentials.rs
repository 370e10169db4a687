//! Who we are to a registry: what `docker login` and its like wrote down.

use std::thread;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use springline_model::registry::RegistryError;
use tokio::sync::oneshot;

/// How long a credential helper may take.
const HELPER: Duration = Duration::from_secs(60);

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
    // A helper is a process that may wait for somebody: it must not hold up the executor.
    thread::spawn(move || send.send(docker_credential::get_credential(&name)));
    let failed = |message: String| RegistryError::Credentials { registry: registry.to_owned(), message };
    let found = match tokio::time::timeout(HELPER, receive).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => return Err(failed("the look-up was cut off".into())),
        Err(_) => return Err(failed(format!("the credential helper took more than {} seconds", HELPER.as_secs()))),
    };
    match found {
        Ok(DockerCredential::UsernamePassword(name, password)) => Ok(Credentials::Password(name, password)),
        Ok(DockerCredential::IdentityToken(token)) => Ok(Credentials::Identity(token)),
        Err(CredentialRetrievalError::ConfigNotFound | CredentialRetrievalError::NoCredentialConfigured) => {
            Ok(Credentials::Anonymous)
        }
        // What the helpers of docker print when they know nothing.
        Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
            if [&stdout, &stderr].iter().any(|text| text.contains("credentials not found")) =>
        {
            Ok(Credentials::Anonymous)
        }
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
            Err(failed(format!("the credential helper `{helper}` failed")))
        }
        Err(CredentialRetrievalError::ConfigReadError) => Err(failed("docker's config.json is not JSON".into())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// What docker calls the registry in its config.
fn key(registry: &str) -> &str {
    match registry {
        "docker.io" | "registry-1.docker.io" => "https://index.docker.io/v1/",
        registry => registry,
    }
}
