//! The git program, for what goes over the network: given up when it is silent for too long, never
//! asking anybody anything, and with no password in its arguments or in what is told of it.

mod words;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use springline_model::Cancel;
use springline_model::repository::{RepositoryError, Trouble};

use crate::url::{Address, Credentials};

pub(crate) use words::{failed, remarks, told, without_passwords};

/// How often a running program is looked at: soon at first, as most are quick.
const LOOK: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];
/// How much of its output is read: what it lists, and the end of what it says besides.
const OUTPUT: [usize; 2] = [1 << 28, 1 << 16];
/// How long the last of it is waited for when the program has ended.
const LINGER: Duration = Duration::from_secs(1);
/// How long it has to put its own things away before it is killed.
const GRACE: Duration = Duration::from_millis(50);

/// How credentials of an address are handed over: as an answer to git's question, so that they are in
/// no command line.
const HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$SPRINGLINE_GIT_USER" "$SPRINGLINE_GIT_PASSWORD"; }; f"#;

/// What would lead git elsewhere than to the directory that it is told.
const ELSEWHERE: [&str; 14] = [
    "GIT_DIR",
    "GIT_COMMON_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_INTERNAL_SUPER_PREFIX",
];

/// The other side: an address, or the name of a remote of the repository.
pub(crate) struct Remote {
    /// What git is told.
    address: String,
    /// What messages call it.
    pub place: String,
    credentials: Option<Credentials>,
}

impl Remote {
    /// The remote of this name, as the repository's own configuration has it.
    pub fn named(name: &str) -> Self {
        Self { address: name.to_owned(), place: format!("remote `{name}`"), credentials: None }
    }

    /// An address, or a path.
    pub fn at(url: &str) -> Result<Self, RepositoryError> {
        if !crate::url::is_address(url) {
            return Ok(Self { address: url.to_owned(), place: url.to_owned(), credentials: None });
        }
        let Address { shown, credentials } = Address::parse(url)?;
        Ok(Self { address: shown.clone(), place: shown, credentials })
    }

    /// A name for files about it.
    pub fn file_name(&self) -> String {
        crate::url::file_name(&self.address)
    }
}

/// Calls of git in one repository.
pub(crate) struct Git {
    pub directory: PathBuf,
    /// How long it may be silent.
    pub patience: Duration,
    pub cancel: Cancel,
    /// What git's configuration says is used as ssh, if it says anything.
    pub ssh: Option<String>,
    /// A file that is open as long as git runs, so that its lock is held as long.
    pub held: Option<File>,
}

/// What a call came to.
pub(crate) struct Answer {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// The references of the other side.
pub(crate) struct Listed {
    /// Their ids and full names, in the order of the names; of a tag, the tag's own.
    pub references: Vec<(gix::ObjectId, String)>,
    /// The reference that `HEAD` stands for, if it stands for one.
    pub head: Option<String>,
}

impl Listed {
    /// The commit that `HEAD` is, where it stands for no reference.
    pub fn detached(&self) -> Option<gix::ObjectId> {
        let head = self.references.iter().find(|(_, name)| self.head.is_none() && name == "HEAD");
        head.map(|(id, _)| *id)
    }
}

impl Git {
    /// Runs git with these arguments and then the remote and `rest`.
    pub fn call(&self, arguments: &[&str], remote: &Remote, rest: &[&str]) -> Result<Answer, RepositoryError> {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(&self.directory);
        // Nothing is packed anew or thrown away here: others read these packs at the same time, and what no reference
        // leads to any more is still asked for. A mirror pays for it: a fetch of fewer than 100 objects leaves them
        // single, which costs space and next to no time; a larger one leaves a pack, and each makes every later fetch
        // a tenth of a millisecond longer.
        for setting in [
            "gc.auto=0",
            "maintenance.auto=false",
            "push.gpgSign=false",
            "push.recurseSubmodules=no",
            "core.hooksPath=/dev/null",
        ] {
            command.args(["-c", setting]);
        }
        command.args(arguments).arg("--").arg(&remote.address).args(rest);
        self.surround(&mut command, remote);
        // It reads nothing from there.
        let held = self.held.as_ref().and_then(|file| file.try_clone().ok());
        command.stdin(held.map_or_else(Stdio::null, Stdio::from));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn();
        let child = child.map_err(|error| {
            RepositoryError::new(Trouble::Other, format!("the git program can't be started: {error}"))
        })?;
        self.wait(child, remote)
    }

    /// What the remote has of the references that match these patterns.
    pub fn list(&self, remote: &Remote, patterns: &[&str]) -> Result<Listed, RepositoryError> {
        let answer = self.call(&["ls-remote", "--quiet", "--symref"], remote, patterns)?;
        if !answer.status.success() {
            return Err(failed("can't be read", remote, &answer.stderr));
        }
        let mut listed = Listed { references: Vec::new(), head: None };
        for line in answer.stdout.lines() {
            let Some((id, name)) = line.split_once('\t') else { continue };
            if let Some(target) = id.strip_prefix("ref: ") {
                if name == "HEAD" {
                    listed.head = Some(target.to_owned());
                }
                continue;
            }
            let id = gix::ObjectId::from_hex(id.as_bytes()).map_err(|_| {
                RepositoryError::new(Trouble::Garbage, format!("{} lists `{id}` as an id", remote.place))
            })?;
            // The others are what tags point to.
            if !name.ends_with("^{}") {
                listed.references.push((id, name.to_owned()));
            }
        }
        Ok(listed)
    }

    /// Fetches what these specs say, with more options; git says how far it is, so that it is not silent.
    pub fn fetch(&self, remote: &Remote, more: &[&str], specs: &[&str]) -> Result<Answer, RepositoryError> {
        let arguments = ["fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"];
        self.call(&[&arguments, more].concat(), remote, specs)
    }

    fn surround(&self, command: &mut Command, remote: &Remote) {
        for variable in ELSEWHERE {
            command.env_remove(variable);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "").env("SSH_ASKPASS_REQUIRE", "never");
        command.env("GCM_INTERACTIVE", "never");
        command.env("LC_ALL", "C").env("LANGUAGE", "C").env("GIT_FLUSH", "1");
        if std::env::var_os("GIT_SSH_COMMAND").is_none() && std::env::var_os("GIT_SSH").is_none() {
            let ssh = self.ssh.as_deref().unwrap_or("ssh");
            let seconds = self.patience.as_secs().max(1);
            command.env("GIT_SSH_COMMAND", format!("{ssh} -o BatchMode=yes -o ConnectTimeout={seconds}"));
        }
        if let Some(credentials) = &remote.credentials {
            // What the environment has there already stays.
            let there = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
            hand_over(command, credentials, there);
        }
    }

    /// Waits until it ends or is silent for too long; then it and all that it has started are stopped.
    fn wait(&self, mut child: Child, remote: &Remote) -> Result<Answer, RepositoryError> {
        let stdout = Said::gather(child.stdout.take(), OUTPUT[0]);
        let stderr = Said::gather(child.stderr.take(), OUTPUT[1]);
        let (mut said, mut until) = (0, Instant::now() + self.patience);
        let mut pause = LOOK[0];
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) => {}
                Err(error) => {
                    stop(&mut child);
                    return Err(RepositoryError::new(Trouble::Other, format!("git can't be waited for: {error}")));
                }
            }
            if self.cancel.is_cancelled() {
                stop(&mut child);
                return Err(RepositoryError::new(Trouble::Cancelled, "cancelled"));
            }
            let now = stdout.count() + stderr.count();
            if now != said {
                (said, until) = (now, Instant::now() + self.patience);
            } else if Instant::now() >= until {
                stop(&mut child);
                let what = if said == 0 { "gives no answer" } else { "answers no more" };
                let seconds = self.patience.as_secs();
                let message = format!("{} {what}: git was stopped after {seconds} s of silence", remote.place);
                return Err(RepositoryError::new(Trouble::Unreachable, message));
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LOOK[1]);
        };
        if stdout.count() > OUTPUT[0] {
            let message = format!("{} lists more references than can be read", remote.place);
            return Err(RepositoryError::new(Trouble::Garbage, message));
        }
        let (stdout, is_whole) = stdout.text();
        // A part of a list says of the rest that it is not there.
        if status.success() && !is_whole {
            let message = format!("{}: git ended, and the end of what it says did not come", remote.place);
            return Err(RepositoryError::new(Trouble::Other, message));
        }
        Ok(Answer { status, stdout, stderr: stderr.text().0 })
    }
}

/// Has git find the credentials of an address when it asks for those of its host, and of no other: not
/// of one that it is sent on to, nor of a proxy. `at` is how many settings the environment has already.
fn hand_over(command: &mut Command, credentials: &Credentials, at: usize) {
    let key = |name: &str| format!("credential.{}.{name}", credentials.host);
    let settings = match &credentials.password {
        Some(password) => {
            command.env("SPRINGLINE_GIT_USER", &credentials.user).env("SPRINGLINE_GIT_PASSWORD", password);
            vec![(key("helper"), ""), (key("helper"), HELPER)]
        }
        None => vec![(key("username"), credentials.user.as_str())],
    };
    for (at, (key, value)) in (at..).zip(&settings) {
        command.env(format!("GIT_CONFIG_KEY_{at}"), key).env(format!("GIT_CONFIG_VALUE_{at}"), value);
    }
    command.env("GIT_CONFIG_COUNT", (at + settings.len()).to_string());
}

/// Stops a process and its group, and takes note of its end.
fn stop(child: &mut Child) {
    let group = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::KILL] {
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, signal);
        }
        if signal == rustix::process::Signal::TERM {
            thread::sleep(GRACE);
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Removes what an interrupted git left in a repository that is ours alone: packs that are not whole,
/// and locks, all older than this.
pub(crate) fn sweep(repository: &Path, age: Duration) {
    let mut open = vec![repository.to_owned()];
    while let Some(directory) = open.pop() {
        let is_objects = directory.starts_with(repository.join("objects"));
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let Ok(metadata) = entry.metadata() else { continue };
            let is_left =
                name.to_str().is_some_and(|name| name.ends_with(".lock") || is_objects && name.starts_with("tmp_"));
            let is_old =
                metadata.modified().is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|old| old >= age));
            match (is_left && is_old, metadata.is_dir()) {
                (true, true) => drop(std::fs::remove_dir_all(&path)),
                (true, false) => drop(std::fs::remove_file(&path)),
                (false, true) => open.push(path),
                (false, false) => {}
            }
        }
    }
}

/// What a program says, gathered while it runs.
struct Said {
    text: Arc<Mutex<Vec<u8>>>,
    count: Arc<AtomicUsize>,
    /// Whether it came to the end.
    reader: JoinHandle<bool>,
}

impl Said {
    /// Of more than `most` bytes, the last ones.
    fn gather(stream: Option<impl Read + Send + 'static>, most: usize) -> Self {
        let (text, count) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (gathered, counted) = (text.clone(), count.clone());
        let reader = thread::spawn(move || {
            let Some(mut stream) = stream else { return true };
            let mut buffer = [0; 8192];
            loop {
                let read = match stream.read(&mut buffer) {
                    Ok(0) => return true,
                    Ok(read) => read,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(_) => return false,
                };
                let mut text: std::sync::MutexGuard<'_, Vec<u8>> =
                    gathered.lock().unwrap_or_else(PoisonError::into_inner);
                text.extend_from_slice(&buffer[..read]);
                // Seldom, as all that is left moves.
                if text.len() > 2 * most {
                    let start = text.len() - most;
                    text.drain(..start);
                }
                counted.fetch_add(read, Ordering::Relaxed);
            }
        });
        Self { text, count, reader }
    }

    /// How many bytes came so far.
    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// All of it, and whether it is. A program in the background, as ssh may leave one, can hold the other
    /// end open for ever; then it is what there is.
    fn text(self) -> (String, bool) {
        let until = Instant::now() + LINGER;
        while !self.reader.is_finished() && Instant::now() < until {
            thread::sleep(LOOK[0]);
        }
        let is_whole = self.reader.is_finished() && self.reader.join().unwrap_or(false);
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        (String::from_utf8_lossy(&text).into_owned(), is_whole)
    }
}

/// What git's configuration says is used as ssh.
pub(crate) fn configured_ssh(repository: &gix::Repository) -> Option<String> {
    repository.config_snapshot().string("core.sshCommand").map(|command| command.to_string())
}

#[cfg(test)]
mod tests;
