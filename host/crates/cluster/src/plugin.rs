//! Credential plugins: programs that a kubeconfig names under `exec`. kube would run one three times
//! for each connection, and show what it wrote when that can't be read.

use std::io::{self, IsTerminal, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;

/// How long a plugin may take.
pub const LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked whether one has ended.
const LOOK: Duration = Duration::from_millis(10);

/// What a plugin gives.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Credential {
    /// A bearer token.
    pub token: Option<String>,
    /// A certificate, PEM.
    pub client_certificate_data: Option<String>,
    /// Its key, PEM.
    pub client_key_data: Option<String>,
    /// When it ends.
    pub expiration_timestamp: Option<Timestamp>,
}

#[derive(Deserialize)]
struct ExecCredential {
    status: Option<Credential>,
}

/// Runs a plugin. One that takes longer than the limit is ended.
pub fn run(plugin: &ExecConfig, limit: Duration) -> Result<Credential, String> {
    let Some(program) = plugin.command.as_deref() else {
        return Err("its credential plugin has no `command`".to_owned());
    };
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if plugin.interactive_mode == Some(ExecInteractiveMode::Always) && !terminal {
        return Err(format!("the credential plugin {program} wants a terminal, and there is none"));
    }
    let interactive = terminal && plugin.interactive_mode != Some(ExecInteractiveMode::Never);
    let running = command(plugin, program, interactive).spawn().map(Running).map_err(|error| {
        let hint = plugin.install_hint.as_deref().map(|hint| format!("; {}", hint.trim())).unwrap_or_default();
        format!("the credential plugin {program} can't be started: {error}{hint}")
    })?;
    let ended = running.end_by(Instant::now() + limit);
    let ended = ended.map_err(|error| format!("the credential plugin {program} can't be waited for: {error}"))?;
    let Some(output) = ended else {
        return Err(format!("the credential plugin {program} did not end within {} s", limit.as_secs()));
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(500).collect();
        return Err(format!("the credential plugin {program} failed with {}: {said}", output.status));
    }
    // What it wrote is secret, and a message about it would show some of it.
    let read: Result<ExecCredential, _> = serde_json::from_slice(&output.stdout);
    let credential = read.ok().and_then(|read| read.status).filter(|credential| {
        let pair = credential.client_certificate_data.is_some() && credential.client_key_data.is_some();
        credential.token.is_some() || pair
    });
    credential.ok_or_else(|| {
        format!("what the credential plugin {program} wrote is no ExecCredential with a token or a certificate in JSON")
    })
}

fn command(plugin: &ExecConfig, program: &str, interactive: bool) -> Command {
    let mut spec = json!({ "interactive": interactive });
    if let Some(cluster) = plugin.cluster.as_ref().filter(|_| plugin.provide_cluster_info) {
        spec["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
    }
    let info = json!({ "apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec });
    let mut command = Command::new(program);
    command.args(plugin.args.iter().flatten()).env("KUBERNETES_EXEC_INFO", info.to_string());
    for variable in plugin.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(name, value);
        }
    }
    if interactive {
        command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
    } else {
        command.stdin(Stdio::null()).stderr(Stdio::piped());
    }
    command.stdout(Stdio::piped());
    command
}

/// What a plugin that has ended wrote.
struct Output {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// A plugin that runs, for as long as somebody waits for it.
struct Running(Child);

impl Running {
    /// What it wrote; none if it did not end in time.
    fn end_by(mut self, deadline: Instant) -> io::Result<Option<Output>> {
        let (stdout, stderr) = (self.0.stdout.take().map(gather), self.0.stderr.take().map(gather));
        let status = loop {
            if let Some(status) = self.0.try_wait()? {
                break status;
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(LOOK);
        };
        // What it has started itself may hold its pipes.
        let gathered = |from: Option<Receiver<Vec<u8>>>| match from {
            Some(from) => from.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok(),
            None => Some(Vec::new()),
        };
        let (Some(stdout), Some(stderr)) = (gathered(stdout), gathered(stderr)) else { return Ok(None) };
        Ok(Some(Output { status, stdout, stderr }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is not there to be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads a pipe to its end, whoever waits for it.
fn gather(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What broke off can't be read as a credential.
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(script: &str) -> ExecConfig {
        ExecConfig {
            api_version: Some("client.authentication.k8s.io/v1".into()),
            command: Some("sh".into()),
            args: Some(vec!["-c".into(), script.into()]),
            interactive_mode: Some(ExecInteractiveMode::Never),
            ..ExecConfig::default()
        }
    }

    fn run_of(plugin: &ExecConfig) -> Result<Credential, String> {
        run(plugin, LIMIT)
    }

    #[test]
    fn a_plugin_that_hangs_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let (number, started) = (directory.path().join("number"), directory.path().join("started"));
        let hangs = format!("echo $$ > {0}; mv {0} {1}; exec sleep 600", number.display(), started.display());
        // So little that it may not even have begun; then there is nothing to look at, and a longer try is made.
        let number = (0..8).find_map(|try_number| {
            let error = run(&plugin(&hangs), Duration::from_secs(1 << try_number)).err().unwrap();
            assert!(error.contains("credential plugin sh did not end within"), "{error}");
            std::fs::read_to_string(&started).ok()
        });
        let process = std::path::Path::new("/proc").join(number.unwrap().trim());
        assert!(!process.exists(), "{} is left", process.display());
    }

    #[test]
    fn what_a_plugin_leaves_behind_is_not_waited_for_longer() {
        let error = run(&plugin("sleep 30 & echo {}"), Duration::from_secs(1)).err().unwrap();
        assert!(error.contains("did not end within 1 s"), "{error}");
    }

    #[test]
    fn a_plugin_gives_a_token_or_a_certificate_and_its_end() {
        let credential =
            run_of(&plugin(r#"echo '{"status":{"token":"t","expirationTimestamp":"2026-11-25T17:00:00Z"}}'"#))
                .ok()
                .unwrap();
        assert_eq!(credential.token.as_deref(), Some("t"));
        assert_eq!(credential.expiration_timestamp.unwrap().to_string(), "2026-11-25T17:00:00Z");
        let credential =
            run_of(&plugin(r#"echo '{"status":{"clientCertificateData":"c","clientKeyData":"k"}}'"#)).ok().unwrap();
        assert_eq!(
            (credential.client_certificate_data.as_deref(), credential.client_key_data.as_deref()),
            (Some("c"), Some("k"))
        );
    }

    #[test]
    fn a_plugin_knows_what_is_asked_of_it() {
        let asked = r#"printf '{"status":{"token":"%s"}}' "$(echo "$KUBERNETES_EXEC_INFO $WORD" | sed 's/"/-/g')""#;
        let variable = [("name".to_owned(), "WORD".to_owned()), ("value".to_owned(), "given".to_owned())];
        let plugin = ExecConfig { env: Some(vec![variable.into()]), ..plugin(asked) };
        assert_eq!(
            run_of(&plugin).ok().unwrap().token.unwrap(),
            "{-apiVersion-:-client.authentication.k8s.io/v1-,-kind-:-ExecCredential-,-spec-:{-interactive-:false}} given"
        );
    }

    #[test]
    fn what_is_no_credential_is_told_without_it() {
        for written in [
            "very-secret",
            r#"{"status":null}"#,
            r#"{"status":{"clientKeyData":"very-secret"}}"#,
            r#"{"status":{"token":["very-secret"]}}"#,
        ] {
            let error = run_of(&plugin(&format!("echo '{written}'"))).err().unwrap();
            assert!(error.contains("is no ExecCredential") && !error.contains("secret"), "{error}");
        }
        let always = ExecConfig { interactive_mode: Some(ExecInteractiveMode::Always), ..plugin("true") };
        assert!(std::io::stdin().is_terminal() || run_of(&always).err().unwrap().contains("wants a terminal"));
    }
}
