//! The owner's side of the socket: who may come in, and how many at once.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use springline_model::Cancel;

use super::controls::Notice;
use super::{Address, Controls, NAME, execute};
use crate::app::Owner;
use crate::cli::error::{CliError, Kind};

/// What the socket is called until it may be found.
const FRESH: &str = "springline.sock.new";
/// So many verbs are executed at once.
const MOST: usize = 64;
/// As much stack as a process's first thread has: a verb is written for that.
const STACK: usize = 8 * 1024 * 1024;
/// How long clients may take to read the rest when the owner ends.
const REST: Duration = Duration::from_secs(5);
/// How often a wait looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(100);
/// How long to wait when no connection can be taken: descriptors are short, mostly.
const PAUSE: Duration = Duration::from_millis(100);

/// The socket is there as long as this value is. When it goes, the verbs under way are awaited; if the owner was
/// asked to stop, they are as well.
pub struct Serving {
    owner: Arc<Owner>,
    listener: Arc<UnixListener>,
    clients: Arc<Clients>,
    cancel: Cancel,
    accepting: Option<JoinHandle<()>>,
}

/// Begins to execute the verbs of others on what this process owns. `controls` are those of its loop.
///
/// # Errors
/// A socket that can't be made.
pub fn serve(owner: &Arc<Owner>, controls: Arc<dyn Controls>, cancel: &Cancel) -> Result<Serving, CliError> {
    let listener = bind(owner.state()).map_err(|error| {
        let kind = Kind::State.unless_full(&error);
        CliError::new(kind, format!("no socket can be made in {}: {error}", owner.state().display()))
            .hint("it has to be a directory of a file system that has sockets; --state DIR names another one")
    })?;
    let (listener, clients, cancel) = (Arc::new(listener), Arc::<Clients>::default(), cancel.child());
    look_after_turns(owner, &controls);
    owner.is_controlled_by(Some(controls));
    let accepting = {
        let (owner, listener) = (Arc::clone(owner), Arc::clone(&listener));
        let (clients, cancel) = (Arc::clone(&clients), cancel.clone());
        let work = move || accept(&owner, &listener, &clients, &cancel);
        thread::Builder::new().name("springline-socket".into()).spawn(work)
    };
    let accepting = accepting.map_err(|error| CliError::new(Kind::State, format!("no thread: {error}")))?;
    Ok(Serving { owner: Arc::clone(owner), listener, clients, cancel, accepting: Some(accepting) })
}

/// What a verb deployed is looked at at once.
fn look_after_turns(owner: &Owner, controls: &Arc<dyn Controls>) {
    let controls = Arc::downgrade(controls);
    owner.turns.tell(Box::new(move |wish| {
        if wish.reads || wish.verb == super::WATCH {
            return;
        }
        if let Some(controls) = controls.upgrade() {
            controls.notify(&Notice { application: Some(wish.application.clone()), repositories: Vec::new() });
        }
    }));
}

/// A socket for this user alone, in the place of what was there: its owner is dead, as the lock is ours.
fn bind(state: &Path) -> io::Result<UnixListener> {
    let (fresh, there) = (Address::of(state, FRESH)?, Address::of(state, NAME)?);
    match fs::remove_file(&fresh.path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&fresh.path)?;
    fs::set_permissions(&fresh.path, Permissions::from_mode(0o600))?;
    fs::rename(&fresh.path, &there.path)?;
    Ok(listener)
}

/// Those who are served.
#[derive(Default)]
struct Clients {
    served: Mutex<Served>,
    changed: Condvar,
}

#[derive(Default)]
struct Served {
    all: Vec<Connected>,
    /// Whether nothing begins any more.
    closed: bool,
}

struct Connected {
    number: u64,
    stream: Arc<UnixStream>,
    /// Whether its verb may have begun.
    begun: bool,
}

impl Clients {
    fn served(&self) -> MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for one more; false if it is too late for that.
    fn add(&self, number: u64, stream: Arc<UnixStream>) -> bool {
        let full = |served: &mut Served| served.all.len() >= MOST && !served.closed;
        let mut served = self.changed.wait_while(self.served(), full).unwrap_or_else(PoisonError::into_inner);
        if !served.closed {
            served.all.push(Connected { number, stream, begun: false });
        }
        !served.closed
    }

    /// Whether the verb of a client may begin.
    fn begin(&self, number: u64) -> bool {
        let mut served = self.served();
        let may = !served.closed;
        served.all.iter_mut().filter(|one| one.number == number).for_each(|one| one.begun = may);
        may
    }

    fn remove(&self, number: u64) {
        self.served().all.retain(|other| other.number != number);
        self.changed.notify_all();
    }

    /// Lets nobody in any more, and waits until all are gone whose verbs have begun. When it was asked to stop, who
    /// does not read the rest does not get it.
    fn close(&self, cancel: &Cancel) {
        let mut served = self.served();
        served.closed = true;
        // They hear that theirs has not.
        served.all.iter().filter(|one| !one.begun).for_each(|one| drop(one.stream.shutdown(Shutdown::Read)));
        self.changed.notify_all();
        let some = |served: &mut Served| !served.all.is_empty();
        while some(&mut served) && !cancel.is_cancelled() {
            served = self.changed.wait_timeout_while(served, LOOK, some).unwrap_or_else(PoisonError::into_inner).0;
        }
        let (served, late) =
            self.changed.wait_timeout_while(served, REST, some).unwrap_or_else(PoisonError::into_inner);
        if late.timed_out() {
            served.all.iter().for_each(|one| drop(one.stream.shutdown(Shutdown::Both)));
        }
        drop(self.changed.wait_while(served, some));
    }

    fn is_closed(&self) -> bool {
        self.served().closed
    }
}

fn accept(owner: &Arc<Owner>, listener: &UnixListener, clients: &Arc<Clients>, cancel: &Cancel) {
    for number in 0.. {
        let stream = match listener.accept() {
            Ok((stream, _)) => Arc::new(stream),
            Err(_) if clients.is_closed() => return,
            Err(_) => {
                thread::sleep(PAUSE);
                continue;
            }
        };
        if !may_come_in(&stream) {
            continue;
        }
        if !clients.add(number, Arc::clone(&stream)) {
            return;
        }
        let (owner, served, cancel) = (Arc::clone(owner), Arc::clone(clients), cancel.child());
        let work = move || {
            // A client that went away is nobody's trouble.
            let _ = execute::client(&owner, &stream, &cancel, || served.begin(number));
            drop(owner);
            served.remove(number);
        };
        let started = thread::Builder::new().name("springline-verb".into()).stack_size(STACK).spawn(work);
        if started.is_err() {
            clients.remove(number);
        }
    }
}

/// Whether whoever has connected is this user, or root.
fn may_come_in(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid();
    rustix::net::sockopt::socket_peercred(stream).is_ok_and(|peer| peer.uid == own || peer.uid.is_root())
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Ok(address) = Address::of(self.owner.state(), NAME) {
            // It does no harm when it stays.
            let _ = fs::remove_file(&address.path);
        }
        let _ = rustix::net::shutdown(&*self.listener, rustix::net::Shutdown::Both);
        self.clients.close(&self.cancel);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        // Else the loop would hold what holds it.
        self.owner.is_controlled_by(None);
    }
}
