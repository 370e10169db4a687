//! Repositories made by the git program, for tests.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

use springline_model::port::Tree;
use springline_model::tree::{EntryKind, join_path};

use crate::GitSource;

/// A repository in a temporary directory.
pub(crate) struct Repo {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Repo {
    /// An empty one; `arguments` are for `git init`.
    pub(crate) fn init(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("repo");
        let repo = Self { path, dir };
        git_in(repo.dir.path(), &[&["init", "--quiet", "--initial-branch=main"], arguments, &["repo"]].concat());
        repo
    }

    /// One with a commit: files in directories, an executable one, a symbolic link.
    pub(crate) fn sample() -> Self {
        let repo = Self::init(&[]);
        repo.fill();
        repo
    }

    pub(crate) fn fill(&self) {
        self.write("readme.md", "# Sample\n");
        self.write("docs/index.md", "index\n");
        self.write("docs/deep/er/page.md", "page\n");
        self.write("docs.d/x", "sorts between `docs` and `docs/`\n");
        self.write("run.sh", "#!/bin/sh\n");
        self.set_executable("run.sh", true);
        symlink("docs/index.md", self.path.join("link")).unwrap();
        self.commit("First\n\nwith a body");
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git_in(&self.path, arguments)
    }

    /// Runs git with something on its standard input.
    pub(crate) fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut child = command(&self.path, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn set_executable(&self, path: &str, executable: bool) {
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(self.path.join(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Commits everything, and returns the id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// The tree that git would commit if everything were added, without touching the index.
    pub(crate) fn tree_of_everything(&self) -> String {
        let index = self.dir.path().join("other-index");
        let _ = fs::copy(self.path.join(".git/index"), &index);
        for arguments in
            [&["add", "--all"][..], &["rm", "-r", "--quiet", "--cached", "--ignore-unmatch", ".springline"]]
        {
            assert!(command(&self.path, arguments).env("GIT_INDEX_FILE", &index).status().unwrap().success());
        }
        let output = command(&self.path, &["write-tree"]).env("GIT_INDEX_FILE", &index).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub(crate) fn source(&self) -> GitSource {
        GitSource::open(&self.path).unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }
}

pub(crate) fn git_in(directory: &Path, arguments: &[&str]) -> String {
    let output = command(directory, arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.current_dir(directory).args(["-c", "protocol.file.allow=always"]).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Somebody").env(format!("GIT_{who}_EMAIL"), "somebody@example.org");
        command.env(format!("GIT_{who}_DATE"), "1700000000 +0100");
    }
    for variable in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
        command.env_remove(variable);
    }
    command
}

/// What a server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// After so many bytes it says nothing any more.
    HangAfter(usize),
    /// After so many bytes it goes away.
    DropAfter(usize),
    /// It is no git server.
    Garbage,
}

/// A repository served by git's own protocol on loopback, as long as the process lives.
pub(crate) struct Daemon {
    pub(crate) url: String,
    fault: Arc<Mutex<Fault>>,
    /// Told whenever a connection hangs.
    pub(crate) hangs: Receiver<()>,
}

impl Daemon {
    pub(crate) fn start(repository: &Path, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("git://{}/repo", listener.local_addr().unwrap());
        let fault = Arc::new(Mutex::new(fault));
        let (tell, hangs) = mpsc::channel();
        let (faults, repository) = (fault.clone(), repository.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (fault, tell, repository) = (*faults.lock().unwrap(), tell.clone(), repository.clone());
                thread::spawn(move || drop(serve(stream, &repository, fault, &tell)));
            }
        });
        Self { url, fault, hangs }
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }
}

fn serve(mut stream: TcpStream, repository: &Path, fault: Fault, tell: &Sender<()>) -> std::io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::from_str_radix(std::str::from_utf8(&length).unwrap(), 16).unwrap();
    stream.read_exact(&mut vec![0; length - 4])?;
    if fault == Fault::Garbage {
        return stream.write_all(b"<html>Please log in.</html>");
    }
    let mut command = command(repository, &["upload-pack", "."]);
    command.stdin(OwnedFd::from(stream.try_clone()?)).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let mut answer = child.stdout.take().unwrap();
    let (Fault::HangAfter(most) | Fault::DropAfter(most)) = fault else {
        std::io::copy(&mut answer, &mut stream)?;
        child.wait()?;
        return Ok(());
    };
    let most = u64::try_from(most).unwrap();
    let said = std::io::copy(&mut answer.by_ref().take(most), &mut stream)?;
    if said == most {
        if let Fault::HangAfter(_) = fault {
            let _ = tell.send(());
            thread::park();
        }
        child.kill()?;
    }
    child.wait()?;
    Ok(())
}

/// Everything in a tree: paths of files with their kinds and contents. Checks sizes on the way.
pub(crate) fn everything(tree: &dyn Tree) -> BTreeMap<String, (EntryKind, String)> {
    let mut files = BTreeMap::new();
    let mut open = vec![String::new()];
    while let Some(path) = open.pop() {
        for entry in tree.directory(&path).unwrap().unwrap().entries() {
            let below = join_path(&path, &entry.name);
            if entry.kind == EntryKind::Directory {
                open.push(below);
                continue;
            }
            let bytes = tree.read(entry).unwrap();
            assert_eq!(tree.size(entry).unwrap(), bytes.len() as u64, "{below}");
            files.insert(below, (entry.kind, String::from_utf8(bytes.to_vec()).unwrap()));
        }
    }
    files
}
