//! A repository, a home and a state directory of a test's own.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
pub use springline_testcluster::skip;
use tempfile::TempDir;

/// Where the program is; none, with a word about it, where it was not built.
pub fn program() -> Option<PathBuf> {
    part("SPRINGLINE_BIN")
}

/// The directory with the guests that misbehave.
pub fn guests() -> Option<PathBuf> {
    part("SPRINGLINE_GUESTS")
}

/// The directory with real inputs that nobody here wrote.
pub fn fixtures() -> Option<PathBuf> {
    part("SPRINGLINE_FIXTURES")
}

/// Where a program of others is that `cargo xtask test` finds or builds.
pub fn tool(name: &str) -> Option<PathBuf> {
    part(&format!("SPRINGLINE_{}", name.to_uppercase().replace('-', "_")))
}

fn part(variable: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists()) {
        return Some(path);
    }
    skip(&format!("{variable} names nothing; `cargo xtask test` builds what it is and sets it"));
    None
}

/// The clone that the tests are of.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// What a command came to.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Its standard output, if it succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.stdout
    }

    /// Its standard output as JSON, if it succeeded.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// Its standard error, if it failed with this code and the words are in it.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) -> String {
        assert_eq!(self.code, code, "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in:\n{}", self.stderr);
        }
        // A guest's panic may be shown; the program's own never.
        assert!(!self.stderr.contains("thread 'main'"), "{}", self.stderr);
        self.stderr
    }
}

/// A directory with `repo`, `home` and whatever a test puts there.
pub struct Sandbox {
    program: PathBuf,
    dir: TempDir,
}

impl Sandbox {
    /// An empty repository.
    pub fn empty() -> Option<Self> {
        let sandbox = Self { program: program()?, dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(sandbox.path("home")).unwrap();
        fs::create_dir_all(sandbox.repo()).unwrap();
        sandbox.git(&["init", "-q", "-b", "main"]);
        Some(sandbox)
    }

    /// A repository with a small site, its deployment to a directory, and a first commit.
    pub fn site() -> Option<Self> {
        let sandbox = Self::empty()?;
        sandbox.write("docs/index.md", "# Handbook\n\nStart with the [guide](guide.md).\n");
        sandbox.write("docs/guide.md", "# Guide\n\nOne step after the other.\n");
        sandbox.write("notes.txt", "nobody reads this\n");
        sandbox.write("deploy/robots.txt", "User-agent: *\n");
        sandbox.write("deploy/version.txt", "site {{ artifacts.site.digest }}\n");
        sandbox.write("springline.yaml", APPLICATION);
        sandbox.operator(OPERATOR);
        sandbox.springline(&["update"]).ok();
        sandbox.commit("Begin");
        Some(sandbox)
    }

    /// The program itself.
    pub fn program(&self) -> &Path {
        &self.program
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn repo(&self) -> PathBuf {
        self.path("repo")
    }

    /// The directory that [`OPERATOR`] deploys to.
    pub fn live(&self) -> PathBuf {
        self.repo().join(".springline/live")
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.repo().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes host.yaml.
    pub fn operator(&self, text: &str) {
        let state = self.repo().join(".springline");
        fs::create_dir_all(&state).unwrap();
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(state.join(".gitignore"), "*\n").unwrap();
        fs::write(state.join("host.yaml"), text).unwrap();
    }

    /// Commits everything and returns the commit.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(arguments);
        let outcome = self.finish(command);
        assert_eq!(outcome.code, 0, "git {arguments:?}: {outcome:#?}");
        outcome.stdout
    }

    /// Runs the program in the repository.
    pub fn springline(&self, arguments: &[&str]) -> Outcome {
        self.finish(self.command(arguments))
    }

    /// The program in the repository, not started yet.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        self.surround(&mut command);
        command
    }

    /// Runs any command in the repository, with this sandbox's environment.
    pub fn finish(&self, command: Command) -> Outcome {
        self.answer(command, "")
    }

    /// As [`finish`](Self::finish), with this on its standard input.
    pub fn answer(&self, mut command: Command, input: &str) -> Outcome {
        self.surround(&mut command);
        let piped = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
        let mut child = command.stdin(piped).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let Some(stdin) = &mut child.stdin {
            stdin.write_all(input.as_bytes()).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Outcome { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Gives a command this sandbox's environment, and its repository as the directory if it has no other.
    pub fn surround(&self, command: &mut Command) {
        let set: Vec<_> = command.get_envs().map(|(key, value)| (key.to_owned(), value.map(OsStr::to_owned))).collect();
        let directory = command.get_current_dir().map_or_else(|| self.repo(), Path::to_owned);
        command.env_clear().current_dir(directory);
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("USER", "tester")
            .env("TZ", "UTC")
            .env("LC_ALL", "C")
            // Plugins are compiled once for all tests.
            .env("SPRINGLINE_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_AUTHOR_NAME", "Tester")
            .env("GIT_AUTHOR_EMAIL", "tester@example.org")
            .env("GIT_COMMITTER_NAME", "Tester")
            .env("GIT_COMMITTER_EMAIL", "tester@example.org")
            .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z");
        for (key, value) in set {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
    }
}

pub const APPLICATION: &str = "\
application: handbook
artifacts:
  site:
    steps:
      - { name: pages, plugin: step-site, in: docs, with: { title: Handbook } }
environments:
  site:
    render: { plugin: render-template, in: deploy, with: { place: { www: site } } }
    target: local
";

pub const OPERATOR: &str = "\
version: 1
targets:
  local:
    plugin: target-directory
    grants: { directory: { path: live } }
";

/// The file below a directory that has this text.
pub fn with_text(directory: &Path, text: &str) -> Option<PathBuf> {
    fs::read_dir(directory).ok()?.find_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return with_text(&path, text);
        }
        fs::read(&path).is_ok_and(|bytes| bytes == text.as_bytes()).then_some(path)
    })
}

/// Every file below a directory with its text, marks and temporary names left out.
pub fn files(directory: &Path) -> Vec<(String, String)> {
    fn walk(root: &Path, directory: &Path, found: &mut Vec<(String, String)>) {
        let Ok(entries) = fs::read_dir(directory) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                walk(root, &path, found);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if !name.starts_with(".springline") {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
                found.push((name, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(directory, directory, &mut found);
    found.sort();
    found
}

/// Their names.
pub fn names(directory: &Path) -> Vec<String> {
    files(directory).into_iter().map(|(name, _)| name).collect()
}
