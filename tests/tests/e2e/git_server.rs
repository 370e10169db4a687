//! Git servers of a test's own: `git http-backend` behind a small HTTP server that makes faults, and
//! a real sshd.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::sandbox::skip;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Connections are taken, and nothing is ever said.
    Hang,
    /// Something else than git answers.
    Garbage,
    /// An answer ends after so many bytes of its body.
    DropAfter(usize),
    /// A push is taken, and its answer never sent.
    LoseAnswer,
    /// Only this password is let in, of whatever user.
    Password(&'static str),
}

/// Repositories of a directory, served by HTTP on loopback. It ends with the process.
pub struct HttpServer {
    port: u16,
    fault: Arc<Mutex<Fault>>,
    /// Connections that are held open, and whoever waits for one.
    held: Arc<(Mutex<Vec<TcpStream>>, Condvar)>,
}

impl HttpServer {
    pub fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (fault, held) = (Arc::new(Mutex::new(Fault::None)), Arc::<(Mutex<Vec<TcpStream>>, Condvar)>::default());
        let (faults, holds, root) = (fault.clone(), held.clone(), root.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let fault = *faults.lock().unwrap();
                if fault == Fault::Hang {
                    holds.0.lock().unwrap().push(stream);
                    holds.1.notify_all();
                    continue;
                }
                let root = root.clone();
                // A client that goes away midway is a part of some tests.
                thread::spawn(move || drop(serve(stream, &root, fault)));
            }
        });
        Self { port, fault, held }
    }

    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Waits until another connection hangs.
    pub fn wait_until_it_hangs(&self) {
        let (held, changed) = &*self.held;
        let mut held = changed.wait_while(held.lock().unwrap(), |held| held.is_empty()).unwrap();
        // It stays open.
        std::mem::forget(held.pop());
    }

    /// The address of a repository; `who` is empty or `USER:PASSWORD@`.
    pub fn url(&self, who: &str, repository: &str) -> String {
        format!("http://{who}127.0.0.1:{}/{repository}", self.port)
    }
}

fn serve(stream: TcpStream, root: &Path, fault: Fault) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let (mut request, mut headers) = (String::new(), Vec::new());
    reader.read_line(&mut request)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    if header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = body(&mut reader, header("content-length"), header("transfer-encoding"))?;
    if fault == Fault::Garbage {
        let page = "<!doctype html>\n<html>\nPlease log in.\n</html>\n";
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length:";
        return stream.write_all(format!("{head} {}\r\n\r\n{page}", page.len()).as_bytes());
    }
    if let Fault::Password(password) = fault {
        let wanted = header("authorization").and_then(|value| value.strip_prefix("Basic ")).and_then(decoded);
        if wanted.is_none_or(|wanted| !wanted.ends_with(&format!(":{password}"))) {
            let refusal = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return stream.write_all(refusal.as_bytes());
        }
    }
    let mut parts = request.split(' ');
    let (method, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut command = Command::new("git");
    command.arg("http-backend").env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", "somebody");
    command.env("REQUEST_METHOD", method).env("PATH_INFO", path).env("QUERY_STRING", query);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", "/nonexistent");
    command.env("CONTENT_LENGTH", body.len().to_string());
    for (variable, name) in [
        ("CONTENT_TYPE", "content-type"),
        ("HTTP_CONTENT_ENCODING", "content-encoding"),
        ("GIT_PROTOCOL", "git-protocol"),
    ] {
        if let Some(value) = header(name) {
            command.env(variable, value);
        }
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    let feeding = thread::spawn(move || drop(stdin.write_all(&body)));
    let mut answer = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut answer)?;
    child.wait()?;
    let _ = feeding.join();
    if fault == Fault::LoseAnswer && path.ends_with("git-receive-pack") && method == "POST" {
        return Ok(());
    }
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap_or(0);
    let (head, body) = (String::from_utf8_lossy(&answer[..end]).into_owned(), &answer[(end + 4).min(answer.len())..]);
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    let headers: String =
        head.lines().filter(|line| !line.starts_with("Status: ")).map(|line| format!("{line}\r\n")).collect();
    stream.write_all(
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len()).as_bytes(),
    )?;
    match fault {
        Fault::DropAfter(bytes) => stream.write_all(&body[..bytes.min(body.len())]),
        _ => stream.write_all(body),
    }
}

fn body(reader: &mut impl BufRead, length: Option<&str>, encoding: Option<&str>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if encoding == Some("chunked") {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk)?;
            reader.read_line(&mut String::new())?;
            if size == 0 {
                return Ok(body);
            }
            body.extend(chunk);
        }
    }
    body.resize(length.and_then(|length| length.parse().ok()).unwrap_or(0), 0);
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// What base64 says.
fn decoded(text: &str) -> Option<String> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        bits = bits << 6 | u32::try_from(LETTERS.iter().position(|known| *known == letter)?).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

/// A real sshd on loopback, with a key of its own and one that it lets in.
pub struct SshServer {
    child: Child,
    port: u16,
    directory: PathBuf,
}

impl SshServer {
    /// Starts one, its files in a directory; none where there is no sshd.
    pub fn start(directory: &Path) -> Option<Self> {
        let sshd = Path::new("/usr/sbin/sshd");
        if !sshd.exists() {
            skip("there is no /usr/sbin/sshd; `cargo xtask test` installs it");
            return None;
        }
        fs::create_dir_all(directory).unwrap();
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).unwrap();
        // Where it is compiled to have it, if nobody has made it.
        let _ = fs::create_dir_all("/run/sshd");
        for name in ["host", "user"] {
            let key = directory.join(name);
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap();
            assert!(made.success());
        }
        fs::copy(directory.join("user.pub"), directory.join("authorized")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = |name: &str| directory.join(name).display().to_string();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPidFile none\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nAcceptEnv GIT_PROTOCOL\n",
            at("host"),
            at("authorized"),
        );
        fs::write(directory.join("config"), config).unwrap();
        let mut command = Command::new(sshd);
        command.args(["-D", "-e", "-f"]).arg(directory.join("config"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while said.read_line(&mut line).unwrap() > 0 && !line.contains("listening") {}
        assert!(line.contains("listening"), "sshd does not start: {line}");
        thread::spawn(move || drop(std::io::copy(&mut said, &mut std::io::sink())));
        Some(Self { child, port, directory: directory.to_owned() })
    }

    /// The address of a repository on this machine.
    pub fn url(&self, repository: &Path) -> String {
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        format!("ssh://{user}@127.0.0.1:{}{}", self.port, repository.display())
    }

    /// What a home takes to get in, knowing the host or not.
    pub fn let_in(&self, home: &Path, knows: bool) {
        let ssh = home.join(".ssh");
        fs::create_dir_all(&ssh).unwrap();
        let key = fs::read_to_string(self.directory.join("host.pub")).unwrap();
        let known = if knows { format!("[127.0.0.1]:{} {key}", self.port) } else { String::new() };
        fs::write(ssh.join("known_hosts"), known).unwrap();
    }

    /// The ssh that has the key and asks for nothing but what it is told: ssh itself looks for a home in
    /// the list of users, not in the environment.
    pub fn command(&self, home: &Path) -> String {
        format!(
            "ssh -F none -i {} -o IdentitiesOnly=yes -o UserKnownHostsFile={} -o GlobalKnownHostsFile=none -o BatchMode=yes",
            self.directory.join("user").display(),
            home.join(".ssh/known_hosts").display()
        )
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
