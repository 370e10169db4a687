//! `cargo xtask demo`: the whole chain on a real repository, with everything it does shown.

mod repository;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::context::Context;
use crate::{cargo, guests, process, setup};
use repository::Repository;

/// Builds everything, then shows the chain: on this project's own documents, or on a repository
/// of the user's with `--repo DIR`.
pub fn run(context: &Context, args: &[String]) -> Result<()> {
    let own = own_repository(args)?;
    let toolchain = setup::prepare(context)?;
    guests::build(context, &toolchain)?;
    process::step("Compiling the host (10 minutes of work the first time, seconds afterwards)", || {
        cargo::build_programs(context)
    })?;
    let dir = context.target.join("demo");
    if own.as_ref().is_some_and(|own| own.starts_with(&dir)) {
        bail!("{} is a repository that the demo made, and makes anew: copy it to another place first", dir.display());
    }
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("can't remove {}", dir.display()))?;
    }
    fs::create_dir_all(&dir)?;
    let demo = Demo { program: context.program(), dir: dir.join("repository") };
    match own {
        Some(own) => demo.show_users(&own)?,
        None => demo.show_own(context)?,
    }
    demo.say_goodbye();
    Ok(())
}

fn own_repository(args: &[String]) -> Result<Option<PathBuf>> {
    let args: Vec<&str> = args.iter().map(String::as_str).filter(|arg| *arg != "--").collect();
    match args[..] {
        [] => Ok(None),
        ["--repo", dir] => Ok(Some(fs::canonicalize(dir).with_context(|| format!("there is no repository at {dir}"))?)),
        _ => bail!("`cargo xtask demo` takes `-- --repo DIR`, not `{}`", args.join(" ")),
    }
}

/// The program, shown at work in a repository.
struct Demo {
    program: PathBuf,
    dir: PathBuf,
}

impl Demo {
    /// This project's own documents, built into a site and deployed to a directory.
    fn show_own(&self, context: &Context) -> Result<()> {
        heading("A repository: this project's own docs/");
        let repository = Repository::of_documents(&self.dir, &context.root)?;
        self.springline(&["init", "--name", "handbook"], &[0])?;
        repository.commit("Declare the site")?;

        heading("The first run: everything is missing, so everything is built, rendered and deployed");
        self.springline(&["run"], &[0])?;
        let first = self.last_sync()?;

        heading("A second run: nothing changed, so nothing is executed");
        self.springline(&["run"], &[0])?;

        heading("One page is changed and committed: only what depends on it is done again");
        let page = repository.change_a_page()?;
        println!("    changed {page}");
        self.springline(&["run"], &[0])?;

        heading("A file that nothing reads is changed and committed: nothing is executed");
        repository.change_an_unread_file()?;
        self.springline(&["run"], &[0])?;
        self.show_drift(&repository, &first.environment)?;

        heading("The first release again, exactly as it was: no commit, no build, no render");
        self.springline(&["redeploy", "--env", &first.environment, &first.release], &[0])?;
        self.show_history()
    }

    /// A clone of the user's repository, its targets bound to directories of the demo.
    fn show_users(&self, own: &Path) -> Result<()> {
        heading(&format!("A clone of {}: the original is not touched", own.display()));
        let repository = Repository::of_clone(&self.dir, own)?;
        println!("    its targets deploy to directories below {}", repository.live().display());

        heading("The first run: everything is missing, so everything is built, rendered and deployed");
        self.springline(&["run"], &[0])?;
        let first = self.last_sync()?;

        heading("A second run: nothing changed, so nothing is executed");
        self.springline(&["run"], &[0])?;
        self.show_drift(&repository, &first.environment)?;

        heading("The first release again, exactly as it was: no commit, no build, no render");
        self.springline(&["redeploy", "--env", &first.environment, &first.release], &[0])?;
        self.show_history()
    }

    fn show_drift(&self, repository: &Repository, environment: &str) -> Result<()> {
        heading("Somebody edits a deployed file by hand: that is drift");
        let Some(file) = repository.drift_a_file()? else {
            println!("    nothing is deployed as a file, so there is nothing to edit");
            return Ok(());
        };
        println!("    edited {}", file.display());
        self.springline(&["diff", "--env", environment], &[1])?;
        heading("A sync repairs it");
        self.springline(&["sync", "--env", environment], &[0])?;
        self.springline(&["diff", "--env", environment], &[0])
    }

    fn show_history(&self) -> Result<()> {
        heading("All of it is on record");
        self.springline(&["history"], &[0])?;
        self.springline(&["history", "verify"], &[0])
    }

    fn say_goodbye(&self) {
        heading("Try next");
        println!("    cd {}", self.dir.display());
        println!("    alias springline={}\n", self.program.display());
        println!("    springline status                  # what is deployed, and whether it drifted");
        println!("    springline render                  # the desired objects, as they would be deployed");
        println!("    springline plugin inspect step-site    # what a plugin is, asks for and imports");
    }

    /// Runs the program where the user would, showing the command, its output and how long it
    /// took. `codes` are the exit codes that the demo expects.
    fn springline(&self, args: &[&str], codes: &[i32]) -> Result<()> {
        println!("$ springline {}", args.join(" "));
        let start = Instant::now();
        let mut command = self.command(args);
        let status = command.status().with_context(|| format!("can't start {}", self.program.display()))?;
        println!("    ({})", process::duration(start.elapsed()));
        match status.code() {
            Some(code) if codes.contains(&code) => Ok(()),
            _ => bail!(
                "the demo did not go as it should ({status}); to see it again, run\n  {}",
                process::shell_line(&command)
            ),
        }
    }

    /// The last sync, as the history has it.
    fn last_sync(&self) -> Result<Sync> {
        let history = process::output(&mut self.command(&["history", "--limit", "1", "-o", "json"]))?;
        let history: Value = serde_json::from_str(&history).context("`springline history -o json` printed no JSON")?;
        let field = |name: &str| history[0][name].as_str().map(str::to_owned);
        let sync = field("environment").zip(field("release"));
        let (environment, release) = sync.context("nothing was deployed: does springline.yaml have an environment?")?;
        Ok(Sync { environment, release: release.chars().take(12).collect() })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(&self.dir);
        command
    }
}

/// What was deployed where.
struct Sync {
    environment: String,
    release: String,
}

fn heading(text: &str) {
    println!("\n==> {text}");
}
