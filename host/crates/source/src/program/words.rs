//! What git and those it talks to say, and what is told of it.

use springline_model::repository::{RepositoryError, Trouble};

use super::Remote;

/// How much of what git says is told.
const TOLD: usize = 400;

/// What the words of git and of those it talks to mean, the most telling ones first.
const WORDS: [(Trouble, &[&str]); 6] = [
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
    // Of a connection that broke, git says as well that what came is not whole.
    (
        Trouble::Unreachable,
        &["unexpected disconnect", "unexpected eof", "unexpected EOF", "early EOF", "hung up unexpectedly"],
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
            "hung up",
            "RPC failed",
            "No route to host",
            "unreachable",
            "transfer closed",
            "Empty reply",
            "Broken pipe",
            "error: 5",
            "shutting down",
            "Could not read from remote repository",
        ],
    ),
];

/// The error of a call that failed.
pub(crate) fn failed(what: &str, remote: &Remote, stderr: &str) -> RepositoryError {
    let stderr = without_passwords(stderr, remote);
    let is_known = |words: &[&str]| words.iter().any(|word| stderr.contains(word));
    let trouble = WORDS.iter().find(|(_, words)| is_known(words)).map_or(Trouble::Other, |(trouble, _)| *trouble);
    RepositoryError::new(trouble, format!("{} {what}: {}", remote.place, told(&stderr)))
}

/// The lines that say why, in one.
pub(crate) fn told(stderr: &str) -> String {
    let lines = || stderr.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty() && !is_progress(line));
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

/// What the other side says by itself, if it says anything.
pub(crate) fn remarks(stderr: &str, remote: &Remote) -> Option<String> {
    let lines = stderr.split(['\n', '\r']).filter(|line| !is_progress(line));
    let said: Vec<_> = lines.filter_map(|line| line.strip_prefix("remote:")).map(str::trim).collect();
    let said = without_passwords(&said.join("\n"), remote);
    (!said.trim().is_empty()).then(|| told(&said))
}

/// Whether a line tells only how far git is: that it is said at all is what counts.
fn is_progress(line: &str) -> bool {
    let line = line.strip_prefix("remote:").unwrap_or(line).trim();
    let begins = ["Enumerating objects", "Counting objects", "Compressing objects", "Total ", "Delta compression"];
    line.contains("% (") || line.ends_with(", done.") || begins.iter().any(|begin| line.starts_with(begin))
}

/// Takes out the password that is known, and whatever stands where addresses have one; by HTTP, the
/// user as well.
pub(crate) fn without_passwords(text: &str, remote: &Remote) -> String {
    let mut text = text.to_owned();
    let known = remote.credentials.as_ref().and_then(|credentials| credentials.password.as_ref());
    if let Some(password) = known.filter(|password| !password.is_empty()) {
        text = text.replace(password.as_str(), "…");
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = after.find(|c: char| c == '/' || c.is_whitespace() || c == '\'').unwrap_or(after.len());
        let is_http = before.ends_with("http") || before.ends_with("https");
        match after[..end].rsplit_once('@') {
            Some((_, host)) if is_http => shown.push_str(&format!("…@{host}")),
            Some((user, host)) => shown.push_str(&format!("{}@{host}", user.split(':').next().unwrap_or_default())),
            None => shown.push_str(&after[..end]),
        }
        rest = &after[end..];
    }
    shown.push_str(rest);
    shown
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
            (
                Trouble::Unreachable,
                "fetch-pack: unexpected disconnect while reading sideband packet\nfatal: early EOF\nfatal: fetch-pack: \
                 invalid index-pack output",
            ),
            (Trouble::Unreachable, "error: RPC failed; curl 56 SSL routines::unexpected eof while reading"),
            (Trouble::Garbage, "fatal: pack has bad object at offset 12: inflate returned -3"),
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
    fn how_far_git_is_says_not_why_it_failed() {
        let said = "remote: Enumerating objects: 9, done.\nremote: Counting objects:  50% (1/2)\rremote: Counting \
                    objects: 100% (2/2), done.\nReceiving objects:  33% (3/9), 1 MiB | 1 MiB/s\rfatal: early EOF\n";
        assert_eq!(told(said), "fatal: early EOF");
    }

    #[test]
    fn passwords_of_other_addresses_are_taken_out_too() {
        let remote = Remote::named("origin");
        let text = without_passwords("fatal: 'ssh://a:b@h/x' and https://u:p@ss@h2/y, https://plain/z", &remote);
        assert_eq!(text, "fatal: 'ssh://a@h/x' and https://…@h2/y, https://plain/z");
    }
}
