//! The repository that the demo works on: a real one, of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;

/// A git repository below the demo's directory.
pub struct Repository {
    dir: PathBuf,
}

impl Repository {
    /// A new one with the Markdown documents of this project, committed.
    pub fn of_documents(dir: &Path, project: &Path) -> Result<Self> {
        let repository = Self { dir: dir.to_owned() };
        let pages = copy_pages(&project.join("docs"), &dir.join("docs"))?;
        println!("    {pages} pages");
        fs::write(dir.join(".gitignore"), "/.springline\n")?;
        fs::write(dir.join("NOTES.txt"), "Nothing that is built reads this file.\n")?;
        repository.git(&["init", "--quiet", "--initial-branch=main"])?;
        repository.commit("Write the pages")?;
        Ok(repository)
    }

    /// A clone, each target that its springline.yaml names bound to a directory.
    pub fn of_clone(dir: &Path, original: &Path) -> Result<Self> {
        process::run(Command::new("git").args(["clone", "--quiet"]).arg(original).arg(dir))?;
        let repository = Self { dir: dir.to_owned() };
        let declared = fs::read_to_string(dir.join("springline.yaml"))
            .with_context(|| format!("{} has no springline.yaml in its last commit", original.display()))?;
        fs::create_dir_all(repository.live())?;
        let mut operator = "version: 1\ntargets:\n".to_owned();
        for target in targets(&declared) {
            let live = repository.live().join(target);
            operator.push_str(&format!(
                "  {target}:\n    plugin: target-directory\n    grants: {{ directory: {{ path: {:?} }} }}\n",
                live.display().to_string()
            ));
        }
        fs::write(dir.join(".springline/host.yaml"), operator)?;
        Ok(repository)
    }

    /// What is deployed, a directory.
    pub fn live(&self) -> PathBuf {
        self.dir.join(".springline").join("live")
    }

    /// Commits everything.
    pub fn commit(&self, message: &str) -> Result<()> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", message])
    }

    /// Adds a paragraph to a page and commits it; returns the page.
    pub fn change_a_page(&self) -> Result<String> {
        let page = files_below(&self.dir.join("docs"))?.into_iter().find(|file| is_page(file));
        let page = page.context("there is no page to change")?;
        let text = fs::read_to_string(&page)?;
        fs::write(&page, text + "\nThis paragraph was added by the demo.\n")?;
        self.commit("Add a paragraph")?;
        Ok(page.strip_prefix(&self.dir).unwrap_or(&page).display().to_string())
    }

    /// Changes a file that no plugin reads and commits it.
    pub fn change_an_unread_file(&self) -> Result<()> {
        fs::write(self.dir.join("NOTES.txt"), "Still nothing that is built reads this file.\n")?;
        self.commit("Change the notes")
    }

    /// Edits a deployed file behind Springline's back; returns it, or none if nothing is deployed.
    pub fn drift_a_file(&self) -> Result<Option<PathBuf>> {
        let files = files_below(&self.live())?;
        let Some(file) = files.iter().find(|file| file.extension().is_some_and(|extension| extension == "html")) else {
            return Ok(None);
        };
        let text = fs::read_to_string(file)?;
        fs::write(file, text + "<p>Edited by hand.</p>\n").with_context(|| format!("can't edit {}", file.display()))?;
        Ok(Some(file.clone()))
    }

    /// Runs git here, as an author of the demo's own and without the user's hooks and signatures.
    fn git(&self, args: &[&str]) -> Result<()> {
        let mut command = Command::new("git");
        command.current_dir(&self.dir).args(["-c", "user.name=Demo", "-c", "user.email=demo@example.com"]);
        command.args(["-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null"]);
        process::run(command.args(args))
    }
}

/// The names after `target:`.
fn targets(declared: &str) -> Vec<&str> {
    let values = declared.lines().filter_map(|line| line.trim_start().strip_prefix("target:"));
    let mut names: Vec<&str> =
        values.map(|value| value.split('#').next().unwrap_or("").trim().trim_matches(['"', '\''])).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Copies the pages, keeping their directories; returns how many.
fn copy_pages(from: &Path, to: &Path) -> Result<usize> {
    let pages: Vec<PathBuf> = files_below(from)?.into_iter().filter(|file| is_page(file)).collect();
    for page in &pages {
        let to = to.join(page.strip_prefix(from)?);
        fs::create_dir_all(to.parent().unwrap_or(&to))?;
        fs::copy(page, to).with_context(|| format!("can't copy {}", page.display()))?;
    }
    Ok(pages.len())
}

fn is_page(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "md")
}

/// The files below a directory, sorted; what begins with a dot is left out.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in dir.read_dir().with_context(|| format!("can't read {}", dir.display()))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            match entry.file_type()? {
                kind if kind.is_dir() => open.push(entry.path()),
                kind if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_found_in_springline_yaml() {
        let declared =
            "environments:\n  a:\n    target: 'local' # here\n  b:\n    target: prod\n  c: \n    target: prod\n";
        assert_eq!(targets(declared), ["local", "prod"]);
    }
}
