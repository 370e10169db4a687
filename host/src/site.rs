//! Where in a repository an application is.

use std::path::{Path, PathBuf};

use springline_model::tree::{is_clean_path, join_path};

use crate::cli::error::{CliError, Kind};

/// Where in a repository an application is: what its files name is looked for from here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// The work tree's root, if the repository has one.
    pub work_dir: Option<PathBuf>,
    /// The application's directory below the root, clean; empty for the root itself.
    pub directory: String,
}

impl Site {
    /// A path that a file of the application names, from the root: one that starts with `/` starts
    /// there, every other one at the application's directory.
    pub fn path(&self, named: &str) -> String {
        let (base, below) = match named.strip_prefix('/') {
            Some(below) => ("", below),
            None => (self.directory.as_str(), named),
        };
        let below = below.strip_prefix("./").unwrap_or(below).trim_end_matches('/');
        match below {
            "" | "." => base.to_owned(),
            below => join_path(base, below),
        }
    }

    /// The application's directory in the work tree, if there is one.
    pub fn on_disk(&self) -> Option<PathBuf> {
        self.work_dir.as_ref().map(|root| root.join(&self.directory))
    }

    /// That file of the work tree, if there is one.
    pub fn file_on_disk(&self, named: &str) -> Option<PathBuf> {
        self.work_dir.as_ref().map(|root| root.join(Path::new(&self.path(named))))
    }
}

/// The directory that `--path` or a fleet names, clean; empty for the root.
///
/// # Errors
/// A path that leads out of the repository or that git could not have.
pub fn directory(named: Option<&str>) -> Result<String, CliError> {
    let path = named.unwrap_or_default();
    let clean = path.strip_prefix("./").unwrap_or(path).trim_matches('/');
    match clean {
        "" | "." => Ok(String::new()),
        clean if is_clean_path(clean) => Ok(clean.to_owned()),
        _ => Err(CliError::new(Kind::Usage, format!("`{path}` is no path of a directory in a repository"))
            .hint("name the application's directory from the repository's root, such as `apps/shop`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_at_the_application_or_at_the_root() {
        let site = Site { work_dir: None, directory: "apps/shop".into() };
        for (named, path) in [
            ("", "apps/shop"),
            (".", "apps/shop"),
            ("./", "apps/shop"),
            ("deploy", "apps/shop/deploy"),
            ("./deploy/", "apps/shop/deploy"),
            ("/", ""),
            ("/shared", "shared"),
            ("/./shared/", "shared"),
        ] {
            assert_eq!(site.path(named), path, "{named}");
        }
        let root = Site::default();
        assert_eq!((root.path(""), root.path("docs"), root.path("/docs")), ("".into(), "docs".into(), "docs".into()));
    }

    #[test]
    fn a_directory_is_in_the_repository() {
        for (named, clean) in [("apps/shop", "apps/shop"), ("./apps/shop/", "apps/shop"), ("/apps", "apps"), (".", "")]
        {
            assert_eq!(directory(Some(named)).unwrap(), clean);
        }
        assert_eq!(directory(None).unwrap(), "");
        for named in ["..", "apps/../..", "a//b", "apps/./shop"] {
            assert_eq!(directory(Some(named)).unwrap_err().kind, Kind::Usage, "{named}");
        }
    }
}
