//! A real registry, started for one test: Debian's docker-registry, or where the referrers API is
//! needed the one of go-containerregistry.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::sandbox::{skip, tool};

/// The one user of a registry that wants to know who asks, and the password's hash.
pub const USER: &str = "tester";
pub const PASSWORD: &str = "secret";
const HASH: &str = "$2b$04$YCOXndP5KzLjdsuidnJZV.mC6toTfVzl/WOyvncEO.3WiCNXkIMQi";

/// A registry on a port of this machine; it ends with the value.
pub struct Service {
    child: Child,
    port: u16,
    _directory: TempDir,
}

impl Service {
    /// One that lets everybody in; none, with a word about it, where docker-registry is missing.
    pub fn open() -> Option<Self> {
        Self::docker("")
    }

    /// One that lets in [`USER`] alone.
    pub fn closed() -> Option<Self> {
        Self::docker("auth: { htpasswd: { realm: tests, path: HTPASSWD } }\n")
    }

    /// One that speaks TLS, with a certificate that nobody knows: its file, in PEM, is written to
    /// `certificate`. None, with a word about it, where openssl is missing too.
    pub fn secret(certificate: &Path) -> Option<Self> {
        let key = certificate.with_extension("key");
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
        openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
        openssl
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(certificate);
        let Ok(made) = openssl.stderr(Stdio::null()).status() else {
            skip("there is no openssl; install it with your system's package manager");
            return None;
        };
        assert!(made.success());
        let (certificate, key) = (certificate.display(), key.display());
        Self::docker(&format!("  tls: {{ certificate: {certificate}, key: {key} }}\n"))
    }

    /// One that has the referrers API.
    pub fn with_referrers() -> Option<Self> {
        let program = tool("referrers")?;
        Some(Self::start(tempfile::tempdir().unwrap(), |_, port| {
            let mut command = Command::new(&program);
            command.args(["-address", &format!("127.0.0.1:{port}")]);
            command
        }))
    }

    fn docker(further: &str) -> Option<Self> {
        let program = tool("docker-registry")?;
        let directory = tempfile::tempdir().unwrap();
        let htpasswd = directory.path().join("htpasswd");
        std::fs::write(&htpasswd, format!("{USER}:{HASH}\n")).unwrap();
        Some(Self::start(directory, |directory, port| {
            let config = format!(
                "version: 0.1\nlog: {{ level: error, accesslog: {{ disabled: true }} }}\n\
                 storage: {{ filesystem: {{ rootdirectory: {} }}, delete: {{ enabled: true }} }}\n\
                 http:\n  addr: \"127.0.0.1:{port}\"\n{}",
                directory.join("data").display(),
                further.replace("HTPASSWD", htpasswd.to_str().unwrap())
            );
            let file = directory.join("config.yml");
            std::fs::write(&file, config).unwrap();
            let mut command = Command::new(&program);
            command.arg("serve").arg(&file);
            command
        }))
    }

    fn start(directory: TempDir, command: impl Fn(&Path, u16) -> Command) -> Self {
        // Somebody may take the port between our letting it go and the registry's taking it.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut command = command(directory.path(), port);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            if answers(port, &mut child) {
                return Self { child, port, _directory: directory };
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("the registry does not start");
    }

    /// Its name.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// A repository of it.
    pub fn repository(&self, path: &str) -> String {
        format!("oci://{}/{path}", self.host())
    }

    /// Asks it directly, as nobody, and returns the whole answer.
    pub fn ask(&self, method: &str, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let host = self.host();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Removes what a tag or a digest names.
    pub fn remove(&self, repository: &str, name: &str) {
        let accept = "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json\r\n";
        let answer = self.ask("HEAD", &format!("/v2/{repository}/manifests/{name}"), accept);
        let digest = answer.lines().find_map(|line| line.strip_prefix("Docker-Content-Digest: ")).unwrap();
        let answer = self.ask("DELETE", &format!("/v2/{repository}/manifests/{digest}"), "");
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    }

    /// Ends it, as a registry that went away.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether a registry answers on this port before its process ends. There is no event to wait for.
fn answers(port: u16, child: &mut Child) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
