//! An API server of the tests' own.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use serde_json::json;

use crate::http::{self, Answer};
use crate::kept::Kept;
use crate::kubectl::{self, Outcome};
use crate::{USERS, keys, programs, token};

/// How long anything may take, on a machine that has other things to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// Where the server writes the certificate that it makes itself.
const CERTIFICATE: &str = "certificates/apiserver.crt";

/// An API server and its etcd, which end with the value, and when the process is killed.
pub struct Cluster {
    // In the order in which they are to end.
    controllers: Mutex<Option<Kept>>,
    server: Mutex<Option<Kept>>,
    etcd: Mutex<Option<Kept>>,
    address: SocketAddr,
    trust: Arc<ClientConfig>,
    programs: PathBuf,
    directory: PathBuf,
    _sweeper: Kept,
}

impl Cluster {
    /// The one that all tests of a process share, each with namespaces of its own; none, with a word
    /// about it, where there are no programs. The controller manager may run in it at any time.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// One of the test's own: to be stopped, to be the second one, or to have cluster-wide objects in
    /// that would disturb others.
    pub fn start() -> Option<Self> {
        let programs = programs::directory()?;
        let directory = tempfile::Builder::new().prefix("kube-").tempdir().unwrap().keep();
        let sweeper = Kept::sweeper(&directory);
        let keys = keys::p256();
        fs::write(directory.join("service-accounts.key"), keys.private).unwrap();
        fs::write(directory.join("service-accounts.pub"), keys.public).unwrap();
        let line = |user: &&str| format!("{},{user},{user}{}\n", token(user), groups(user));
        fs::write(directory.join("tokens.csv"), USERS.iter().map(line).collect::<String>()).unwrap();
        let etcd = etcd(&programs, &directory);
        let (server, address, trust) = server_on_a_free_port(&programs, &directory);
        let cluster = Self {
            controllers: Mutex::new(None),
            server: Mutex::new(Some(server)),
            etcd: Mutex::new(Some(etcd)),
            address,
            trust,
            programs,
            directory,
            _sweeper: sweeper,
        };
        cluster.write_kubeconfig(&cluster.kubeconfig(), address);
        Some(cluster)
    }

    /// A file with a context for each of [`USERS`]; the current one is the admin's.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.join("kubeconfig")
    }

    /// Where the server is: `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The file with the certificate that the server shows, in PEM.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.directory.join(CERTIFICATE)
    }

    /// The directory with `kubectl`.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// A directory that goes away with the cluster.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs kubectl as the admin, or with `--context` as another one.
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Outcome {
        self.kubectl_with(arguments, "")
    }

    /// Runs kubectl with this on its standard input.
    pub fn kubectl_with<S: AsRef<OsStr>>(&self, arguments: &[S], input: &str) -> Outcome {
        kubectl::run(self.kubectl_by(&self.kubeconfig(), arguments), input)
    }

    /// kubectl as the admin, not started yet: to be watched while it runs.
    pub fn kubectl_command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        self.kubectl_by(&self.kubeconfig(), arguments)
    }

    /// kubectl with a kubeconfig, not started yet.
    pub(crate) fn kubectl_by<S: AsRef<OsStr>>(&self, kubeconfig: &Path, arguments: &[S]) -> Command {
        kubectl::command(&self.programs.join("kubectl"), &self.directory, kubeconfig, arguments)
    }

    /// Makes a namespace that no other test has; `name` is only the start of its name.
    #[track_caller]
    pub fn namespace(&self, name: &str) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let name = format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.kubectl(&["create", "namespace", &name]).ok();
        name
    }

    /// Asks the server directly, as the admin. A body is JSON, and that of a PATCH a merge patch.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        ask(self.address, &self.trust, method, path, body)
    }

    /// Has the controller manager run from now on, so that Deployments make ReplicaSets and Pods,
    /// namespaces end and owners take along what they own; false, with a word about it, where there
    /// is none. `kubectl wait` tells when it has done something.
    pub fn controllers(&self) -> bool {
        let program = self.programs.join("kube-controller-manager");
        if !program.exists() {
            let directory = self.programs.display();
            programs::skip(&format!("{directory} has no kube-controller-manager; the one of `cargo xtask test` has"));
            return false;
        }
        self.controllers.lock().unwrap().get_or_insert_with(|| {
            let arguments = [
                "--kubeconfig=kubeconfig",
                "--leader-elect=false",
                "--secure-port=0",
                "--service-account-private-key-file=service-accounts.key",
                &format!("--root-ca-file={CERTIFICATE}"),
            ];
            start(&program, &self.directory, &arguments)
        });
        true
    }

    /// Kills the server, as a crash would; etcd keeps what it has.
    pub fn stop(&self) {
        self.server.lock().unwrap().take();
    }

    /// Starts the server again on the same port and waits until it is ready.
    pub fn restart(&self) {
        self.stop();
        *self.server.lock().unwrap() = Some(server(&self.programs, &self.directory, self.address.port()));
        self.wait_until_ready();
    }

    /// The numbers of the processes that run.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        [&self.etcd, &self.server, &self.controllers]
            .into_iter()
            .filter_map(|kept| kept.lock().unwrap().as_ref().map(Kept::id))
            .collect()
    }

    /// The server's address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What trusts the server.
    pub(crate) fn trust(&self) -> &Arc<ClientConfig> {
        &self.trust
    }

    /// Writes a kubeconfig for the server, or for what stands in front of it at this address.
    pub(crate) fn write_kubeconfig(&self, to: &Path, address: SocketAddr) {
        let users: Vec<_> = USERS.map(|user| json!({"name": user, "user": {"token": token(user)}})).into();
        let contexts: Vec<_> =
            USERS.map(|user| json!({"name": user, "context": {"cluster": "test", "user": user}})).into();
        let server = format!("https://{address}");
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "test", "cluster": {"server": server, "certificate-authority": self.certificate()}},
            ],
            "users": users,
            "contexts": contexts,
            "current-context": USERS[0],
        });
        fs::write(to, config.to_string()).unwrap();
    }

    /// Waits until the server is ready, as it says when it is asked: there is no event to wait for.
    fn wait_until_ready(&self) {
        until("the API server is ready", &self.directory, "kube-apiserver", || {
            let runs = self.server.lock().unwrap().as_mut().is_some_and(Kept::runs);
            assert!(runs, "the API server has ended:\n{}", log(&self.directory, "kube-apiserver"));
            is_ready(self.address, &self.trust)
        });
    }
}

/// Asks the server at an address, as the admin.
fn ask(address: SocketAddr, trust: &Arc<ClientConfig>, method: &str, path: &str, body: &str) -> io::Result<Answer> {
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let authorization = format!("Bearer {}", token(USERS[0]));
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", kind)];
    http::ask(http::connect(address, trust)?, method, path, &headers, body.as_bytes())
}

fn is_ready(address: SocketAddr, trust: &Arc<ClientConfig>) -> bool {
    let answers = |path| ask(address, trust, "GET", path, "").is_ok_and(|answer| answer.status == 200);
    answers("/readyz") && answers("/api/v1/namespaces/default")
}

/// The columns of the file of tokens after those that every user has.
fn groups(user: &str) -> &'static str {
    if user == USERS[0] { ",system:masters" } else { "" }
}

fn etcd(programs: &Path, directory: &Path) -> Kept {
    let socket = directory.join("etcd.sock");
    // Nobody but the server asks it, and that by the socket; what it must tell others is any port.
    let nobody = "http://127.0.0.1:0";
    let arguments = [
        "--data-dir=etcd.data",
        "--unsafe-no-fsync",
        "--log-level=warn",
        &format!("--listen-client-urls=unix://{}", socket.display()),
        &format!("--advertise-client-urls={nobody}"),
        &format!("--listen-peer-urls={nobody}"),
        &format!("--initial-advertise-peer-urls={nobody}"),
        &format!("--initial-cluster=default={nobody}"),
    ];
    let mut etcd = start(&programs.join("etcd"), directory, &arguments);
    until("etcd answers", directory, "etcd", || {
        assert!(etcd.runs(), "etcd has ended:\n{}", log(directory, "etcd"));
        UnixStream::connect(&socket).is_ok()
    });
    etcd
}

/// Starts the server and waits until it is ready. Somebody may take the port between our letting it
/// go and the server's taking it.
fn server_on_a_free_port(programs: &Path, directory: &Path) -> (Kept, SocketAddr, Arc<ClientConfig>) {
    for _ in 0..5 {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut server = server(programs, directory, address.port());
        let mut trusted = None;
        until("the API server is ready", directory, "kube-apiserver", || {
            // It makes its certificate itself; that of somebody else on its port is not trusted.
            trusted = http::trusting(&directory.join(CERTIFICATE)).ok();
            !server.runs() || trusted.as_ref().is_some_and(|trust| is_ready(address, trust))
        });
        if let (true, Some(trust)) = (server.runs(), trusted) {
            return (server, address, trust);
        }
    }
    panic!("the API server does not start:\n{}", log(directory, "kube-apiserver"));
}

fn server(programs: &Path, directory: &Path, port: u16) -> Kept {
    let arguments = [
        &format!("--etcd-servers=unix://{}", directory.join("etcd.sock").display()),
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        &format!("--secure-port={port}"),
        "--cert-dir=certificates",
        "--endpoint-reconciler-type=none",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=service-accounts.pub",
        "--service-account-signing-key-file=service-accounts.key",
        "--service-cluster-ip-range=10.0.0.0/16",
    ];
    start(&programs.join("kube-apiserver"), directory, &arguments)
}

fn start(program: &Path, directory: &Path, arguments: &[&str]) -> Kept {
    let log = directory.join(program.file_name().unwrap()).with_extension("log");
    Kept::start(program, arguments, directory, &log)
}

/// Waits for what can only be asked for.
fn until(what: &str, directory: &Path, program: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} until {what}:\n{}", log(directory, program));
        thread::sleep(Duration::from_millis(25));
    }
}

/// The end of what a program printed.
fn log(directory: &Path, program: &str) -> String {
    let text = fs::read_to_string(directory.join(format!("{program}.log"))).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
