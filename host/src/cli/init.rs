//! `springline init`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use springline_model::Cancel;

use super::Common;
use super::error::{CliError, Kind};
use crate::paths;
use crate::project::Project;
use crate::show::{self, GOOD, paint};

/// Writes a first springline.yaml, and a first host.yaml into the state directory. What is there
/// stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "Example: springline init")]
pub struct Init {
    /// The application's name [default: the repository's directory]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The directory with the Markdown pages [default: docs, if it is there, else the whole repository]
    #[arg(long, value_name = "DIR")]
    pages: Option<String>,
}

/// The objects that the first renderer makes besides the site.
const TEMPLATE: &str = "\
site {{ artifacts.site.digest }}
";

impl Init {
    /// Writes the files.
    ///
    /// # Errors
    /// A directory that can't be written.
    pub fn run(&self, common: &Common, cancel: &Cancel) -> Result<ExitCode, CliError> {
        let project = Project::find(common, None, cancel)?;
        let Some(root) = project.site().on_disk() else {
            return Err(CliError::new(Kind::Source, "this is a bare repository: there is no work tree to write into")
                .hint("run it in a clone"));
        };
        let name = self.name.clone().unwrap_or_else(|| name_of(&root));
        let pages = self.pages.clone().or_else(|| root.join("docs").is_dir().then(|| "docs".to_owned()));
        let files = [
            (root.join(paths::APPLICATION), application(&name, pages.as_deref())),
            (root.join("deploy/version.txt"), TEMPLATE.to_owned()),
            (project.state().join(paths::OPERATOR), operator()),
        ];
        let fresh = !files[0].0.exists();
        let mut written: Vec<PathBuf> = Vec::new();
        for (path, text) in files {
            // The template belongs to the springline.yaml that is written with it.
            let wanted = fresh || !path.starts_with(root.join("deploy"));
            if wanted && write_new(&path, &text)? {
                written.push(path);
            }
        }
        let answer = json!({ "application": name, "written": written });
        show::data(common, &answer, |_| {
            for path in &written {
                show::line(format_args!("{} {}", paint(GOOD, "wrote"), path.display()));
            }
            if written.is_empty() {
                show::line("everything is there already: nothing was written");
            }
            show::line("next: git add springline.yaml deploy && git commit -m 'Declare the site', then springline run");
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, text: &str) -> Result<bool, CliError> {
    let failed =
        |error: std::io::Error| CliError::new(Kind::State, format!("{} can't be written: {error}", path.display()));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => std::io::Write::write_all(&mut file, text.as_bytes()).map(|()| true).map_err(failed),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// A name that springline.yaml allows, made of a directory's.
fn name_of(root: &Path) -> String {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let name = root.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "app".into() } else { name.to_owned() }
}

fn application(name: &str, pages: Option<&str>) -> String {
    // Without `in`, the first step gets the whole repository.
    let pages = pages.map(|pages| format!("        in: {pages}\n")).unwrap_or_default();
    format!(
        "\
# What is built and where it runs. Reference: docs/reference/springline-yaml.md
application: {name}
artifacts:
  site:                       # built for every revision, and only when something that it reads changed
    steps:
      - name: pages
        plugin: step-site     # Markdown to a static site
{pages}        with: {{ title: {name} }}
environments:
  site:
    render:                   # the templates in deploy/, and the artifact as a directory
      plugin: render-template
      in: deploy
      with:
        place: {{ www: site }}
    target: local             # a name: host.yaml in the state directory says where that is
"
    )
}

fn operator() -> String {
    "\
# Where things go, and with which powers. This file belongs to whoever runs Springline: git does
# not track it, and no repository can change it. Reference: docs/reference/host-yaml.md
version: 1
targets:
  local:
    plugin: target-directory
    grants:
      directory: { path: live }   # from the directory of this file; an absolute path works as well
"
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_directory_gives_a_name_that_is_allowed() {
        for (directory, name) in [("/a/My Site!", "my-site"), ("/a/---", "app"), ("/a/handbook", "handbook")] {
            assert_eq!(name_of(Path::new(directory)), name);
        }
    }

    #[test]
    fn the_first_files_are_right() {
        for pages in [None, Some("docs")] {
            springline_config::load_application("springline.yaml", &application("a", pages)).unwrap();
        }
        springline_config::load_operator("host.yaml", &operator()).unwrap();
    }
}
