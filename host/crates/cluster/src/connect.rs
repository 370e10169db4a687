//! How a cluster is reached: kubeconfigs, service accounts, and what is wrong with them.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use kube::client::AuthError;
use kube::config::{Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use springline_model::kubernetes::ClusterBinding;

use crate::token::Token;
use crate::{plugin, proxy};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// A way to an API server.
pub struct Connection {
    /// What sends requests.
    pub client: Client,
    /// As whom and by what, for messages.
    pub identity: Identity,
    /// The token, if kube does not know of it.
    pub token: Option<Token>,
    /// When its credentials end, if a plugin has said so.
    pub until: Option<Timestamp>,
    /// When it was made.
    pub made: Instant,
    /// Whether the API server has ever taken its credentials.
    pub worked: AtomicBool,
}

/// Who speaks to which API server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    source: String,
    context: String,
    user: String,
    server: String,
}

/// `context prod of kube.yaml, user ada, https://…`
impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.context.is_empty() {
            write!(f, "{}", self.source)?;
        } else {
            write!(f, "context {} of {}", self.context, self.source)?;
        }
        if !self.user.is_empty() {
            write!(f, ", user {}", self.user)?;
        }
        if self.server.is_empty() { Ok(()) } else { write!(f, ", {}", self.server) }
    }
}

/// Makes a connection: reads what has to be read and runs a credential plugin, if there is one. It
/// blocks, and needs the context of a tokio runtime.
pub fn connect(binding: &ClusterBinding) -> Result<Connection, String> {
    let (mut config, mut identity) = match settings(binding)? {
        Some((kubeconfig, source)) => of_kubeconfig(kubeconfig, source)?,
        None => of_pod()?,
    };
    identity.server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    let agent = HeaderValue::from_static(concat!("springline/", env!("CARGO_PKG_VERSION")));
    config.headers.push((HeaderName::from_static("user-agent"), agent));
    let (token, until) = credentials(&mut config).map_err(|error| format!("{identity}: {error}"))?;
    let client = Client::try_from(config).map_err(|error| format!("{identity}: {}", unusable(&error)))?;
    Ok(Connection { client, identity, token, until, made: Instant::now(), worked: AtomicBool::new(false) })
}

/// Takes from a config what is done here: token files, and credential plugins.
fn credentials(config: &mut Config) -> Result<(Option<Token>, Option<Timestamp>), String> {
    let user = &mut config.auth_info;
    let (file, plugin) = (user.token_file.take(), user.exec.take());
    if user.token.is_some() || user.auth_provider.is_some() || user.username.is_some() {
        return Ok((None, None));
    }
    if let Some(path) = file {
        return Ok((Some(Token::of_file(Path::new(&path))?), None));
    }
    let Some(plugin) = plugin else { return Ok((None, None)) };
    let credential = plugin::run(&plugin, plugin::LIMIT)?;
    if let (Some(certificate), Some(key)) = (credential.client_certificate_data, credential.client_key_data) {
        user.client_certificate_data = Some(BASE64_STANDARD.encode(certificate));
        user.client_key_data = Some(BASE64_STANDARD.encode(key).into());
    }
    let token = credential.token.map(|token| Token::fixed(&token)).transpose()?;
    Ok((token, credential.expiration_timestamp))
}

/// The kubeconfig that a binding means, its context set, and where it is; none for a Pod's account.
fn settings(binding: &ClusterBinding) -> Result<Option<(Kubeconfig, String)>, String> {
    if binding.in_cluster {
        return Ok(None);
    }
    let paths = binding.kubeconfig.clone().map_or_else(usual_paths, |path| vec![path]);
    let (there, _): (Vec<PathBuf>, Vec<PathBuf>) = paths.iter().cloned().partition(|path| path.exists());
    if there.is_empty() {
        if binding.kubeconfig.is_none() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
            return Ok(None);
        }
        return Err(format!(
            "there is no kubeconfig at {}; name one in `clusters` of host.yaml by `kubeconfig`, or set KUBECONFIG",
            names(&paths)
        ));
    }
    let mut merged = merged(&there)?;
    if let Some(context) = &binding.context {
        merged.current_context = Some(context.clone());
    }
    Ok(Some((merged, names(&there))))
}

/// One of several kubeconfigs: what the earlier say goes before what the later say.
fn merged(paths: &[PathBuf]) -> Result<Kubeconfig, String> {
    paths.iter().try_fold(Kubeconfig::default(), |merged, path| {
        let next = Kubeconfig::read_from(path).and_then(|next| merged.merge(next));
        next.map_err(|error| format!("{}: {}", path.display(), unreadable(&error)))
    })
}

fn names(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Where `kubectl` looks.
fn usual_paths() -> Vec<PathBuf> {
    let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let listed: Vec<PathBuf> = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
    if listed.is_empty() { vec![std::env::home_dir().unwrap_or_default().join(".kube/config")] } else { listed }
}

fn of_kubeconfig(kubeconfig: Kubeconfig, source: String) -> Result<(Config, Identity), String> {
    let known = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {known}") };
    let Some(name) = kubeconfig.current_context.clone().filter(|name| !name.is_empty()) else {
        return Err(format!("{source} has no current context; name one in host.yaml by `context` ({known})"));
    };
    let context = kubeconfig.contexts.iter().find(|context| context.name == name);
    let Some(context) = context.and_then(|context| context.context.clone()) else {
        return Err(format!("{source} has no context {name:?}; {known}"));
    };
    let identity = Identity { source, context: name, user: context.user.unwrap_or_default(), ..Identity::default() };
    let lacks = |what: &str, name: &str| format!("{identity}: it uses the {what} {name:?}, which is not there");
    if !kubeconfig.clusters.iter().any(|cluster| cluster.name == context.cluster) {
        return Err(lacks("cluster", &context.cluster));
    }
    if !identity.user.is_empty() && !kubeconfig.auth_infos.iter().any(|user| user.name == identity.user) {
        return Err(lacks("user", &identity.user));
    }
    let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == context.cluster);
    let own_proxy = cluster.and_then(|named| named.cluster.as_ref()).is_some_and(|cluster| cluster.proxy_url.is_some());
    let mut config = Config::try_from(kubeconfig).map_err(|error| format!("{identity}: {}", unreadable(&error)))?;
    if !own_proxy {
        let proxy = proxy::of_environment(&config.cluster_url).map(|proxy| proxy.parse()).transpose();
        // Its value may hold a password.
        config.proxy_url = proxy.map_err(|_| {
            format!("{identity}: HTTPS_PROXY (HTTP_PROXY for a plain server) of Springline's environment is no URL")
        })?;
    }
    Ok((config, identity))
}

fn of_pod() -> Result<(Config, Identity), String> {
    let config = Config::incluster().map_err(|error| {
        format!("the service account of the Pod can't be used: {error}; outside of a Pod, name a kubeconfig instead")
    })?;
    Ok((config, Identity { source: "the service account of the Pod".into(), ..Identity::default() }))
}

/// What is wrong with a kubeconfig, without anything that is in it: it holds credentials.
fn unreadable(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(place) => format!("it is no kubeconfig: line {}, column {}", place.line(), place.column()),
            None => "it is no kubeconfig".to_owned(),
        },
        other => other.to_string(),
    }
}

/// Why a connection can't be used, without what is secret.
pub fn unusable(error: &kube::Error) -> String {
    match error {
        kube::Error::Auth(AuthError::InvalidBearerToken(_)) => {
            "its token can't be one: it has characters that no header may have".to_owned()
        }
        kube::Error::Auth(AuthError::AuthExecRun { out, .. }) => {
            format!("the command of its auth-provider failed with {}", out.status)
        }
        kube::Error::RustlsTls(error) => format!("its certificates or its key can't be used: {}", causes(error)),
        other => causes(other),
    }
}

/// An error with what caused it, each once.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kubeconfig in two files, the certificate beside the second.
    const CONTEXTS: &str = "current-context: one\ncontexts:\n- { name: one, context: { cluster: c, user: u } }\n- { name: two, context: { cluster: c, user: gone } }\n- { name: three, context: { cluster: gone, user: u } }\n";
    const REST: &str = "current-context: two\nclusters:\n- { name: c, cluster: { server: 'https://127.0.0.1:1', certificate-authority: ca.crt } }\nusers:\n- { name: u, user: { token: t } }\n";

    #[test]
    fn a_list_of_kubeconfigs_is_read_as_one() {
        let directory = tempfile::tempdir().unwrap();
        let paths = [directory.path().join("contexts"), directory.path().join("rest")];
        std::fs::write(&paths[0], CONTEXTS).unwrap();
        std::fs::write(&paths[1], REST).unwrap();
        let of = |context: Option<&str>| {
            let mut merged = merged(&paths).unwrap();
            merged.current_context = context.map(str::to_owned).or(merged.current_context);
            of_kubeconfig(merged, names(&paths))
        };
        let error = of(None).unwrap_err();
        assert!(error.contains(&directory.path().join("ca.crt").display().to_string()), "{error}");
        std::fs::write(directory.path().join("ca.crt"), "").unwrap();
        let (config, identity) = of(None).unwrap();
        assert_eq!(config.cluster_url, "https://127.0.0.1:1");
        assert_eq!(identity.to_string(), format!("context one of {}, user u", names(&paths)));
        for (context, lacking) in
            [("two", "the user \"gone\""), ("three", "the cluster \"gone\""), ("four", "it has one, two, three")]
        {
            let error = of(Some(context)).unwrap_err();
            assert!(error.contains(lacking), "{error}");
        }
    }
}
