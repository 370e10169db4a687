//! The repositories that are measured.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process;

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
