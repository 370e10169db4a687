//! How a cluster is reached: kubeconfigs, service accounts, and what is wrong with them.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use kube::client::AuthError;
use kube::config::{
    AuthInfo, Cluster, Context, Kubeconfig, KubeconfigError, NamedAuthInfo, NamedCluster, NamedContext,
};
use kube::{Client, Config};
use springline_model::kubernetes::ClusterBinding;

use crate::token::Token;
use crate::{plugin, proxy};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// Where a Pod finds its account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

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
    let (config, identity) = match settings(binding)? {
        Some((kubeconfig, source)) => of_kubeconfig(kubeconfig, source)?,
        None => of_pod(Path::new(ACCOUNT), |name| std::env::var(name).ok())?,
    };
    connection(config, identity)
}

fn connection(mut config: Config, mut identity: Identity) -> Result<Connection, String> {
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
    if user.auth_provider.is_some() || user.username.is_some() {
        return Ok((None, None));
    }
    // As kubectl has it: the file goes before a token beside it, which serves where the file can't be read.
    match file.map(|path| Token::of_file(Path::new(&path))) {
        Some(Ok(token)) => {
            user.token = None;
            return Ok((Some(token), None));
        }
        Some(Err(error)) if user.token.is_none() => return Err(error),
        _ => {}
    }
    if user.token.is_some() {
        return Ok((None, None));
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

/// What a Pod has: an account's token and the authority's certificate in a directory, the API server in
/// its environment.
fn of_pod(account: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<(Config, Identity), String> {
    let failed = |error: String| {
        format!("the service account of the Pod can't be used: {error}; outside of a Pod, name a kubeconfig instead")
    };
    let variable = |name: &str| variable(name).ok_or_else(|| failed(format!("{name} is not set")));
    let (host, port) = (variable("KUBERNETES_SERVICE_HOST")?, variable("KUBERNETES_SERVICE_PORT")?);
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let file = |name: &str| account.join(name).to_string_lossy().into_owned();
    let pod = || "pod".to_owned();
    let cluster = Cluster {
        server: Some(format!("https://{host}:{port}")),
        certificate_authority: Some(file("ca.crt")),
        ..Cluster::default()
    };
    let user = AuthInfo { token_file: Some(file("token")), ..AuthInfo::default() };
    let context = Context { cluster: pod(), user: Some(pod()), ..Context::default() };
    let kubeconfig = Kubeconfig {
        current_context: Some(pod()),
        clusters: vec![NamedCluster { name: pod(), cluster: Some(cluster), ..NamedCluster::default() }],
        auth_infos: vec![NamedAuthInfo { name: pod(), auth_info: Some(user), ..NamedAuthInfo::default() }],
        contexts: vec![NamedContext { name: pod(), context: Some(context), ..NamedContext::default() }],
        ..Kubeconfig::default()
    };
    let mut config = Config::try_from(kubeconfig).map_err(|error| failed(unreadable(&error)))?;
    // Its API server is in the cluster, whatever leads out of it.
    config.proxy_url = None;
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

    fn executor() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn a_token_file_goes_before_a_token() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let read = |token: Option<&str>| {
            let mut config = Config::new("https://127.0.0.1:1".parse().unwrap());
            config.auth_info.token = token.map(|token| token.to_owned().into());
            config.auth_info.token_file = Some(path.display().to_string());
            let (read, _) = credentials(&mut config)?;
            Ok::<_, String>((read.map(|token| token.header()), config.auth_info.token.is_some()))
        };
        assert!(read(None).unwrap_err().contains("can't be read"));
        assert_eq!(read(Some("beside")).unwrap(), (None, true));
        std::fs::write(&path, "renewed").unwrap();
        for token in [None, Some("beside")] {
            let (header, beside) = read(token).unwrap();
            assert_eq!((header.unwrap().to_str().unwrap(), beside), ("Bearer renewed", false));
        }
    }

    #[test]
    fn a_pod_speaks_by_its_account() {
        let Some(cluster) = springline_testcluster::Cluster::shared() else { return };
        let namespace = cluster.namespace("pod");
        cluster.kubectl(&["-n", &namespace, "create", "serviceaccount", "robot"]).ok();
        let token = cluster.kubectl(&["-n", &namespace, "create", "token", "robot"]).ok();
        let directory = tempfile::tempdir().unwrap();
        let url = cluster.url();
        let (host, port) = url.strip_prefix("https://").unwrap().rsplit_once(':').unwrap();
        let pod = |host: Option<&str>| {
            of_pod(directory.path(), |name| match name {
                "KUBERNETES_SERVICE_HOST" => host.map(str::to_owned),
                "KUBERNETES_SERVICE_PORT" => Some(port.to_owned()),
                _ => None,
            })
        };
        let error = pod(None).unwrap_err();
        assert!(error.contains("KUBERNETES_SERVICE_HOST is not set") && error.contains("name a kubeconfig"), "{error}");
        assert!(pod(Some(host)).unwrap_err().contains("ca.crt"));
        std::fs::copy(cluster.certificate(), directory.path().join("ca.crt")).unwrap();
        let executor = executor();
        let _in = executor.enter();
        let connect = || pod(Some(host)).and_then(|(config, identity)| connection(config, identity));
        assert!(connect().err().unwrap().contains("token"));
        std::fs::write(directory.path().join("token"), token.trim()).unwrap();
        let connection = connect().unwrap();
        assert_eq!(connection.identity.to_string(), format!("the service account of the Pod, {url}"));
        let request = http::Request::get(format!("/api/v1/namespaces/{namespace}/configmaps"))
            .header(http::header::AUTHORIZATION, connection.token.as_ref().unwrap().header())
            .body(kube::client::Body::empty())
            .unwrap();
        let answer = executor.block_on(connection.client.send(request)).unwrap();
        assert_eq!(answer.status(), 403);
        let said = executor.block_on(http_body_util::BodyExt::collect(answer.into_body())).unwrap().to_bytes();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(&format!("system:serviceaccount:{namespace}:robot")), "{said}");
        assert_eq!(pod(Some("fd00::1")).unwrap().0.cluster_url.host(), Some("[fd00::1]"));
    }
}
