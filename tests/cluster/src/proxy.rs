//! What stands between a client and the API server, counts what passes, and makes faults on order.

mod fault;
mod relay;
mod request;

use std::ffi::OsStr;
use std::io::Error;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ServerConfig};

pub use fault::Fault;
pub use request::Request;

use crate::cluster::{Cluster, PATIENCE};
use crate::kubectl::{self, Outcome};
use fault::Rule;

/// A proxy in front of a cluster, until the value ends. It speaks HTTP/1.1 and shows the server's own
/// certificate, so that only the port tells the two apart.
pub struct Proxy<'c> {
    cluster: &'c Cluster,
    address: SocketAddr,
    kubeconfig: PathBuf,
    shared: Arc<Shared>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

/// What the threads of the connections share with the test.
struct Shared {
    upstream: SocketAddr,
    trust: Arc<ClientConfig>,
    identity: Arc<ServerConfig>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    down: bool,
    rules: Vec<Rule>,
    /// How often it was healed.
    healed: usize,
    requests: Vec<Request>,
    connections: Vec<Connection>,
}

/// Both ends of a connection that passes through.
struct Connection {
    id: usize,
    ends: Vec<TcpStream>,
    watches: bool,
}

impl<'c> Proxy<'c> {
    /// Starts one.
    #[must_use]
    pub fn before(cluster: &'c Cluster) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let name = format!("kubeconfig-proxy-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let kubeconfig = cluster.directory().join(name);
        cluster.write_kubeconfig(&kubeconfig, address);
        let shared = Arc::new(Shared {
            upstream: cluster.address(),
            trust: cluster.trust().clone(),
            identity: identity(cluster),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = Mutex::new(Some(accept(listener, &shared)));
        Self { cluster, address, kubeconfig, shared, accepting }
    }

    /// A kubeconfig like the cluster's that leads here.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig.clone()
    }

    /// Where it is: `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Runs kubectl against it, as the admin.
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Outcome {
        kubectl::run(self.kubectl_command(arguments), "")
    }

    /// kubectl against it, not started yet.
    #[must_use]
    pub fn kubectl_command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        self.cluster.kubectl_by(&self.kubeconfig, arguments)
    }

    /// Has the next `times` requests of this method and path go wrong. `*` stands for any method, and
    /// in a path for any characters; the path is the one without the query. What was ordered first
    /// goes first. A `GET` with `watch` in its query is of the method `WATCH`.
    pub fn order(&self, times: usize, method: &str, path: &str, fault: Fault) {
        let rule = Rule { left: times, method: method.to_owned(), path: path.to_owned(), fault };
        self.shared.lock().rules.push(rule);
    }

    /// The writes that have come so far.
    #[must_use]
    pub fn writes(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::writes).collect()
    }

    /// Forgets all orders, lets go what is held, and listens again.
    pub fn heal(&self) {
        self.shared.heal();
        self.up();
    }

    /// Refuses connections, and breaks those that are open.
    pub fn down(&self) {
        let mut state = self.shared.lock();
        state.down = true;
        state.shut(|_| true);
        drop(state);
        if let Some(accepting) = self.accepting.lock().unwrap().take() {
            // It waits for a connection.
            let _ = TcpStream::connect(self.address);
            accepting.join().unwrap();
        }
    }

    /// Takes connections again, on the same port.
    pub fn up(&self) {
        let mut accepting = self.accepting.lock().unwrap();
        if accepting.is_none() {
            self.shared.lock().down = false;
            *accepting = Some(accept(TcpListener::bind(self.address).unwrap(), &self.shared));
        }
    }

    /// Breaks the connections over which somebody watches, and says how many those were.
    pub fn break_watches(&self) -> usize {
        self.shared.lock().shut(|connection| connection.watches)
    }

    /// What was asked since [`forget`](Self::forget), in the order in which it came.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.iter().filter(|request| !request.forgotten).cloned().collect()
    }

    /// Forgets what was asked.
    pub fn forget(&self) {
        // A request that is under way keeps its place in the list.
        for request in &mut self.shared.lock().requests {
            request.forgotten = true;
        }
    }

    /// Waits until `times` requests of this method and path have come, since they were forgotten. It
    /// returns as the last one comes, before it is handed on.
    pub fn wait_for(&self, times: usize, method: &str, path: &str) {
        let asked = |state: &State| state.requests.iter().filter(|request| request.is(method, path)).count();
        let waiting =
            self.shared.changed.wait_timeout_while(self.shared.lock(), PATIENCE, |state| asked(state) < times);
        let (state, _) = waiting.unwrap();
        let found = asked(&state);
        drop(state);
        assert!(found >= times, "{found} of {times} {method} {path} in {PATIENCE:?}, but {:#?}", self.requests());
    }
}

impl Drop for Proxy<'_> {
    fn drop(&mut self) {
        self.shared.heal();
        self.down();
    }
}

impl Shared {
    fn heal(&self) {
        let mut state = self.lock();
        state.rules.clear();
        state.healed += 1;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn shut(&mut self, which: impl Fn(&Connection) -> bool) -> usize {
        let found = self.connections.iter().filter(|connection| which(connection));
        found.map(|connection| connection.ends.iter().for_each(|end| drop(end.shutdown(Shutdown::Both)))).count()
    }

    fn connection(&mut self, id: usize) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|connection| connection.id == id)
    }
}

/// The server's certificate and key, which it made for itself.
fn identity(cluster: &Cluster) -> Arc<ServerConfig> {
    let file = cluster.certificate();
    let chain = CertificateDer::pem_file_iter(&file).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(file.with_extension("key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

fn accept(listener: TcpListener, shared: &Arc<Shared>) -> JoinHandle<()> {
    static COUNT: AtomicUsize = AtomicUsize::new(1);
    let shared = shared.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let id = COUNT.fetch_add(1, Ordering::Relaxed);
            let mut state = shared.lock();
            if state.down {
                return;
            }
            let ends = vec![stream.try_clone().unwrap()];
            state.connections.push(Connection { id, ends, watches: false });
            drop(state);
            let shared = shared.clone();
            thread::spawn(move || {
                // However it ends, its client sees it.
                let _: Result<(), Error> = relay::serve(stream, id, &shared);
                shared.lock().connections.retain(|connection| connection.id != id);
            });
        }
    })
}
