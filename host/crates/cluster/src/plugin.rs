//! Credential plugins: programs that a kubeconfig names under `exec`. kube would run one three times
//! for each connection, and show what it wrote when that can't be read.

use std::io::IsTerminal;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;

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

/// Runs a plugin.
pub fn run(plugin: &ExecConfig) -> Result<Credential, String> {
    let Some(program) = plugin.command.as_deref() else {
        return Err("its credential plugin has no `command`".to_owned());
    };
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if plugin.interactive_mode == Some(ExecInteractiveMode::Always) && !terminal {
        return Err(format!("the credential plugin {program} wants a terminal, and there is none"));
    }
    let interactive = terminal && plugin.interactive_mode != Some(ExecInteractiveMode::Never);
    let output = command(plugin, program, interactive).output().map_err(|error| {
        let hint = plugin.install_hint.as_deref().map(|hint| format!("; {}", hint.trim())).unwrap_or_default();
        format!("the credential plugin {program} can't be started: {error}{hint}")
    })?;
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

    #[test]
    fn a_plugin_gives_a_token_or_a_certificate_and_its_end() {
        let credential =
            run(&plugin(r#"echo '{"status":{"token":"t","expirationTimestamp":"2026-11-25T17:00:00Z"}}'"#))
                .ok()
                .unwrap();
        assert_eq!(credential.token.as_deref(), Some("t"));
        assert_eq!(credential.expiration_timestamp.unwrap().to_string(), "2026-11-25T17:00:00Z");
        let credential =
            run(&plugin(r#"echo '{"status":{"clientCertificateData":"c","clientKeyData":"k"}}'"#)).ok().unwrap();
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
            run(&plugin).ok().unwrap().token.unwrap(),
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
            let error = run(&plugin(&format!("echo '{written}'"))).err().unwrap();
            assert!(error.contains("is no ExecCredential") && !error.contains("secret"), "{error}");
        }
        let always = ExecConfig { interactive_mode: Some(ExecInteractiveMode::Always), ..plugin("true") };
        assert!(std::io::stdin().is_terminal() || run(&always).err().unwrap().contains("wants a terminal"));
    }
}
