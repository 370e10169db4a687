//! The repositories that are measured.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process;

/// The objects of one application on Kubernetes.
const MANIFESTS: [(&str, &str); 4] = [
    (
        "account.yaml",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: {{ environment }}, labels: { app: {{ environment }} } }\n",
    ),
    (
        "service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: { name: {{ environment }}, labels: { app: {{ environment }} } }\nspec:\n  \
         selector: { app: {{ environment }} }\n  ports: [{ name: http, port: 80, targetPort: 8080 }]\n",
    ),
    (
        "deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: {{ environment }}, labels: { app: {{ environment }} } }\n\
         spec:\n  replicas: 0\n  selector: { matchLabels: { app: {{ environment }} } }\n  template:\n    metadata: { labels: { \
         app: {{ environment }} } }\n    spec:\n      serviceAccountName: {{ environment }}\n      containers: [{ name: app, \
         image: app:1, ports: [{ containerPort: 8080 }] }]\n",
    ),
    (
        "ingress.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: {{ environment }}, labels: { app: {{ environment }} \
         } }\nspec:\n  rules:\n    - host: {{ environment }}.example.org\n      http:\n        paths:\n          - path: /\n            \
         pathType: Prefix\n            backend: { service: { name: {{ environment }}, port: { name: http } } }\n",
    ),
];

/// A git repository.
pub struct Repository {
    /// Where it is.
    pub dir: PathBuf,
}

impl Repository {
    /// One with that many artifacts, each packing a directory of one file.
    pub fn of_artifacts(dir: PathBuf, count: usize) -> Result<Self> {
        let mut declared = "application: bench\nartifacts:\n".to_owned();
        for number in 0..count {
            let input = dir.join(format!("in/{number}"));
            fs::create_dir_all(&input)?;
            fs::write(input.join("file.txt"), format!("file {number}\n"))?;
            writeln!(declared, "  a{number}: {{ steps: [{{ name: pack, plugin: step-archive, in: in/{number} }}] }}")?;
        }
        fs::write(dir.join("springline.yaml"), declared)?;
        Self::made(dir)
    }

    /// One whose only artifact reads that many files.
    pub fn of_files(dir: PathBuf, count: usize, bytes: usize, reader: &Path) -> Result<Self> {
        let mut words = Words(1);
        for number in 0..count {
            let parent = dir.join(format!("in/{:02}", number % 50));
            fs::create_dir_all(&parent)?;
            fs::write(parent.join(format!("{number}.txt")), words.text(bytes))?;
        }
        fs::copy(reader, dir.join("reader.wasm"))?;
        let declared =
            "application: bench\nartifacts:\n  all: { steps: [{ name: read, plugin: ./reader.wasm, in: in }] }\n";
        fs::write(dir.join("springline.yaml"), declared)?;
        Self::made(dir)
    }

    /// One with that many environments, each of four Kubernetes objects: those of the example `load`
    /// of the cluster's crate, which applies them without Springline.
    pub fn of_manifests(dir: PathBuf, count: usize, kubeconfig: &str) -> Result<Self> {
        let mut declared = "application: bench\nenvironments:\n".to_owned();
        for number in 0..count {
            writeln!(
                declared,
                "  app-{number:04}: {{ render: {{ plugin: render-template, in: deploy }}, target: cluster, sync: {{ \
                 health-seconds: 0 }} }}"
            )?;
        }
        fs::create_dir_all(dir.join("deploy"))?;
        fs::create_dir_all(dir.join(".springline"))?;
        fs::write(dir.join("springline.yaml"), declared)?;
        for (name, text) in MANIFESTS {
            fs::write(dir.join("deploy").join(name), text)?;
        }
        let host = format!(
            "clusters: {{ bench: {{ kubeconfig: {kubeconfig} }} }}\ntargets:\n  cluster:\n    plugin: \
             target-kubernetes\n    with: {{ cluster: bench, namespace: ours }}\n    grants: {{ kubernetes: [ {{ cluster: \
             bench, namespaces: [ours] }} ] }}\n"
        );
        fs::write(dir.join(".springline/host.yaml"), host)?;
        Self::made(dir)
    }

    /// The one that the demo shows: the pages of this project, to be declared by `springline init`.
    pub fn of_documents(dir: PathBuf, project: &Path) -> Result<Self> {
        copy_pages(&project.join("docs"), &dir.join("docs"))?;
        Self::made(dir)
    }

    fn made(dir: PathBuf) -> Result<Self> {
        let repository = Self { dir };
        fs::write(repository.dir.join(".gitignore"), "/.springline\n")?;
        process::run(repository.git().args(["init", "--quiet", "--initial-branch=main"]))?;
        repository.commit()?;
        Ok(repository)
    }

    /// Commits everything and packs all objects, as they are in a clone.
    pub fn commit(&self) -> Result<()> {
        process::run(self.git().args(["add", "--all"]))?;
        process::run(self.git().args(["commit", "--quiet", "--message", "Measure"]))?;
        process::run(self.git().args(["repack", "-a", "-d", "--quiet"]))
    }

    /// The objects of the files below `in`, one a line.
    pub fn objects(&self) -> Result<String> {
        process::output(self.git().args(["ls-tree", "-r", "--format=%(objectname)", "HEAD:in"]))
    }

    /// How long `git cat-file --batch` takes for these objects.
    pub fn read_with_git(&self, objects: &str) -> Result<Duration> {
        let start = Instant::now();
        let mut command = self.git();
        let mut child = command.args(["cat-file", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        child.stdin.take().context("git has no input")?.write_all(objects.as_bytes())?;
        if !child.wait()?.success() {
            bail!("git cat-file failed");
        }
        Ok(start.elapsed())
    }

    /// Git, as an author of the benchmark's own and without the user's hooks and signatures.
    fn git(&self) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.dir).args(["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]);
        command.args(["-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null"]);
        command
    }
}

fn copy_pages(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in from.read_dir().with_context(|| format!("can't read {}", from.display()))? {
        let path = entry?.path();
        let to = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_pages(&path, &to)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            fs::copy(&path, to).with_context(|| format!("can't copy {}", path.display()))?;
        }
    }
    Ok(())
}

/// Words by chance, the same ones every time: files of them compress like text, and none is
/// another's delta.
struct Words(u64);

impl Words {
    fn next(&mut self) -> usize {
        // The constants of Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize
    }

    fn text(&mut self, bytes: usize) -> String {
        const SYLLABLES: [&str; 16] =
            ["al", "be", "con", "de", "er", "fi", "gra", "ho", "in", "ka", "lo", "men", "ne", "or", "ti", "ver"];
        let mut text = String::with_capacity(bytes + 16);
        while text.len() < bytes {
            for _ in 0..=self.next() % 4 {
                text.push_str(SYLLABLES[self.next() % SYLLABLES.len()]);
            }
            text.push(if self.next().is_multiple_of(12) { '\n' } else { ' ' });
        }
        text.truncate(bytes);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_every_time_and_differ_from_file_to_file() {
        let (mut words, mut again) = (Words(1), Words(1));
        let (first, second) = (words.text(200), words.text(200));
        assert_eq!(first.len(), 200);
        assert_eq!(first, again.text(200));
        assert_ne!(first, second);
    }
}
