//! The git program, for what goes over the network: bounded in time, never asking anybody anything,
//! and with no password in its arguments or in what is told of it.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use springline_model::Cancel;
use springline_model::repository::{RepositoryError, Trouble};

use crate::url::Address;

/// How often a running program is looked at: soon at first, as most are quick.
const LOOK: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];
/// How much of its output is read.
const OUTPUT: usize = 1 << 20;
/// How long the last of it is waited for when the program has ended.
const LINGER: Duration = Duration::from_secs(1);
/// How much of what it says is told.
const TOLD: usize = 400;

/// How the credentials of an address are handed over: as an answer to git's question, so that they
/// are in no command line.
const HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$SPRINGLINE_GIT_USER" "$SPRINGLINE_GIT_PASSWORD"; }; f"#;

/// The other side: an address, or the name of a remote of the repository.
pub(super) struct Remote {
    /// What git is told.
    address: String,
    /// What messages call it.
    pub place: String,
    credentials: Option<(String, String)>,
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
        let parsed = Address::parse(url).map_err(|error| RepositoryError::new(Trouble::Unknown, error.to_string()))?;
        let place = parsed.display();
        let credentials = match (parsed.url.user(), parsed.url.password()) {
            (user, Some(password)) => Some((user.unwrap_or_default().to_owned(), password.to_owned())),
            _ => None,
        };
        Ok(Self { address: place.clone(), place, credentials })
    }

    /// A name for files about it.
    pub fn file_name(&self) -> String {
        match Address::parse(&self.address) {
            Ok(address) => address.file_name(),
            Err(_) => springline_model::Digest::of(&self.address).short(),
        }
    }
}

/// Calls of git in one repository.
pub(super) struct Git {
    pub directory: PathBuf,
    pub timeout: Duration,
    pub cancel: Cancel,
    /// What git's configuration says is used as ssh, if it says anything.
    pub ssh: Option<String>,
}

/// What a call came to.
pub(super) struct Answer {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Git {
    /// Runs git with these arguments and then the remote and `rest`.
    pub fn call(&self, arguments: &[&str], remote: &Remote, rest: &[&str]) -> Result<Answer, RepositoryError> {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(&self.directory);
        for setting in ["gc.auto=0", "maintenance.auto=false", "push.gpgSign=false", "push.recurseSubmodules=no"] {
            command.args(["-c", setting]);
        }
        command.args(arguments).arg("--").arg(&remote.address).args(rest);
        self.surround(&mut command, remote);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn();
        let child = child.map_err(|error| {
            RepositoryError::new(Trouble::Other, format!("the git program can't be started: {error}"))
        })?;
        self.wait(child, remote)
    }

    fn surround(&self, command: &mut Command, remote: &Remote) {
        for variable in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX", "GIT_QUARANTINE_PATH"] {
            command.env_remove(variable);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "").env("SSH_ASKPASS_REQUIRE", "never");
        command.env("LC_ALL", "C").env("LANGUAGE", "C").env("GIT_FLUSH", "1");
        if std::env::var_os("GIT_SSH_COMMAND").is_none() && std::env::var_os("GIT_SSH").is_none() {
            let ssh = self.ssh.as_deref().unwrap_or("ssh");
            let seconds = self.timeout.as_secs().max(1);
            command.env("GIT_SSH_COMMAND", format!("{ssh} -o BatchMode=yes -o ConnectTimeout={seconds}"));
        }
        if let Some((user, password)) = &remote.credentials {
            command.env("SPRINGLINE_GIT_USER", user).env("SPRINGLINE_GIT_PASSWORD", password);
            for (at, value) in ["", HELPER].into_iter().enumerate() {
                command.env(format!("GIT_CONFIG_KEY_{at}"), "credential.helper");
                command.env(format!("GIT_CONFIG_VALUE_{at}"), value);
            }
            command.env("GIT_CONFIG_COUNT", "2");
        }
    }

    /// Waits until it ends or its time is over; then it and all that it has started are killed.
    fn wait(&self, mut child: Child, remote: &Remote) -> Result<Answer, RepositoryError> {
        let (stdout, stderr) = (Said::gather(child.stdout.take()), Said::gather(child.stderr.take()));
        let until = Instant::now() + self.timeout;
        let mut pause = LOOK[0];
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) => {}
                Err(error) => {
                    kill(&mut child);
                    return Err(RepositoryError::new(Trouble::Other, format!("git can't be waited for: {error}")));
                }
            }
            if self.cancel.is_cancelled() {
                kill(&mut child);
                return Err(RepositoryError::new(Trouble::Cancelled, "cancelled"));
            }
            if Instant::now() >= until {
                kill(&mut child);
                let seconds = self.timeout.as_secs();
                let message = format!("{} gives no answer: git was stopped after {seconds} s", remote.place);
                return Err(RepositoryError::new(Trouble::Unreachable, message));
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LOOK[1]);
        };
        Ok(Answer { status, stdout: stdout.text(), stderr: stderr.text() })
    }
}

/// Kills a process and its group, and takes note of its end.
fn kill(child: &mut Child) {
    if let Some(group) = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap_or_default()) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// What a program says, gathered while it runs.
struct Said {
    text: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Said {
    fn gather(stream: Option<impl Read + Send + 'static>) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let gathered = text.clone();
        let reader = thread::spawn(move || {
            let Some(mut stream) = stream else { return };
            let mut buffer = [0; 8192];
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                let mut text = gathered.lock().unwrap_or_else(PoisonError::into_inner);
                let room = OUTPUT.saturating_sub(text.len());
                text.extend_from_slice(&buffer[..read.min(room)]);
            }
        });
        Self { text, reader }
    }

    /// All of it. A program in the background, as ssh may leave one, can hold the other end open for
    /// ever; then it is what there is.
    fn text(self) -> String {
        let until = Instant::now() + LINGER;
        while !self.reader.is_finished() && Instant::now() < until {
            thread::sleep(LOOK[0]);
        }
        String::from_utf8_lossy(&self.text.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// What the words of git and of those it talks to mean, the most telling ones first.
const WORDS: [(Trouble, &[&str]); 5] = [
    (Trouble::HostKey, &["Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED"]),
    (
        Trouble::Credentials,
        &[
            "Authentication failed",
            "could not read Username",
            "could not read Password",
            "Permission denied",
            "error: 401",
            "error: 403",
            "Access denied",
            "access denied",
        ],
    ),
    (
        Trouble::Garbage,
        &[
            "protocol error",
            "bad line length",
            "invalid server response",
            "is this a git repository",
            "bad pack",
            "invalid index-pack",
            "unknown capability",
            "unexpected",
            "Received HTTP/0.9",
            "invalid object",
            "pack has bad object",
            "inflate returned",
            "bad object",
        ],
    ),
    (
        Trouble::Unknown,
        &["not found", "does not appear to be a git repository", "does not exist", "error: 404", "No such file"],
    ),
    (
        Trouble::Unreachable,
        &[
            "Could not resolve",
            "Connection refused",
            "Failed to connect",
            "timed out",
            "Connection reset",
            "Connection closed",
            "unable to access",
            "early EOF",
            "hung up",
            "RPC failed",
            "No route to host",
            "unreachable",
            "transfer closed",
            "Empty reply",
            "Broken pipe",
            "error: 5",
            "shutting down",
        ],
    ),
];

/// The error of a call that failed.
pub(super) fn failed(what: &str, remote: &Remote, stderr: &str) -> RepositoryError {
    let stderr = without_passwords(stderr, remote);
    let is_known = |words: &[&str]| words.iter().any(|word| stderr.contains(word));
    let trouble = WORDS.iter().find(|(_, words)| is_known(words)).map_or(Trouble::Other, |(trouble, _)| *trouble);
    RepositoryError::new(trouble, format!("{} {what}: {}", remote.place, told(&stderr)))
}

/// The lines that say why, in one.
pub(super) fn told(stderr: &str) -> String {
    let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling = |line: &&str| {
        ["fatal:", "error:", "remote:", "ssh:", "Host key", "git@", "Permission"]
            .iter()
            .any(|start| line.starts_with(start))
            || line.contains(": Permission denied")
    };
    let mut said: Vec<&str> = lines().filter(telling).collect();
    if said.is_empty() {
        said = lines().next_back().into_iter().collect();
    }
    let mut text: String = said.join("; ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if let Some((at, _)) = text.char_indices().nth(TOLD) {
        text.truncate(at);
        text.push('…');
    }
    if text.is_empty() { "git does not say why".to_owned() } else { text }
}

/// Takes out the password that is known, and whatever stands where addresses have one.
fn without_passwords(text: &str, remote: &Remote) -> String {
    let mut text = text.to_owned();
    if let Some((_, password)) = remote.credentials.as_ref().filter(|(_, password)| !password.is_empty()) {
        text = text.replace(password.as_str(), "…");
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = after.find(|c: char| c == '/' || c.is_whitespace() || c == '\'').unwrap_or(after.len());
        match after[..end].rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
            Some((user, host)) => shown.push_str(&format!("{user}@{host}")),
            None => shown.push_str(&after[..end]),
        }
        rest = &after[end..];
    }
    shown.push_str(rest);
    shown
}

/// What git's configuration says is used as ssh.
pub(super) fn configured_ssh(repository: &gix::Repository) -> Option<String> {
    repository.config_snapshot().string("core.sshCommand").map(|command| command.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_kinds_of_trouble() {
        let remote = Remote::at("https://me:s3cret@example.org/app").unwrap();
        let cases = [
            (Trouble::Credentials, "fatal: Authentication failed for 'https://me:s3cret@example.org/app/'"),
            (
                Trouble::Credentials,
                "fatal: could not read Username for 'https://example.org': terminal prompts disabled",
            ),
            (
                Trouble::Credentials,
                "git@example.org: Permission denied (publickey).\nfatal: Could not read from remote repository.",
            ),
            (Trouble::HostKey, "Host key verification failed.\nfatal: Could not read from remote repository."),
            (
                Trouble::Unreachable,
                "fatal: unable to access 'https://example.org/': Could not resolve host: example.org",
            ),
            (Trouble::Unreachable, "ssh: connect to host x port 22: Connection refused\nfatal: the remote end hung up"),
            (Trouble::Garbage, "fatal: protocol error: bad line length character: <htm"),
            (Trouble::Unknown, "fatal: '/srv/x' does not appear to be a git repository"),
            (Trouble::Other, "something else"),
        ];
        for (trouble, said) in cases {
            let error = failed("can't be read", &remote, said);
            assert_eq!(error.trouble, trouble, "{said}");
            assert!(!error.message.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn passwords_of_other_addresses_are_taken_out_too() {
        let remote = Remote::named("origin");
        let text = without_passwords("fatal: 'ssh://a:b@h/x' and https://u:p@ss@h2/y, https://plain/z", &remote);
        assert_eq!(text, "fatal: 'ssh://a@h/x' and https://u@h2/y, https://plain/z");
    }
}
