//! The input directory, sorted: what is a template, a file of values, or there to be included.

use std::collections::BTreeMap;

use fast_glob::glob_match;
use springline_sdk::files;
use springline_sdk::prelude::*;

use crate::Config;

/// The endings that a template's name may have and its object's has not.
const SUFFIXES: [&str; 3] = [".j2", ".jinja", ".jinja2"];

/// The files of an input directory.
#[derive(Debug, Default)]
pub struct Input {
    /// Every path, sorted.
    pub paths: Vec<String>,
    /// The templates: path and object id, sorted by path.
    pub templates: Vec<(String, String)>,
}

/// Lists the input. What is wrong with it goes to `violations`.
pub fn list(config: &Config, render: &Render, violations: &mut Vec<Violation>) -> Result<Input> {
    let mut input = Input::default();
    for entry in render.walk()? {
        if entry.link.is_some() {
            match std::fs::metadata(files::below(render.input(), &entry.path)?) {
                Ok(target) if target.is_file() => {}
                Ok(_) => {
                    warn!("{}: a symbolic link to a directory is left out", entry.path);
                    continue;
                }
                Err(_) => {
                    violations.push(Violation::new("this symbolic link leads nowhere").file(entry.path));
                    continue;
                }
            }
        }
        input.paths.push(entry.path);
    }
    let values = config.values.each();
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    for path in &input.paths {
        if values.iter().any(|(file, _)| file == path) || !is_template(path, config) {
            continue;
        }
        let id = id_of(path);
        if let Some(other) = ids.insert(id, path) {
            let message = format!("this and {other} would both become the object `{id}`; rename or exclude one");
            violations.push(Violation::new(message).file(path));
        }
        input.templates.push((path.clone(), id.to_owned()));
    }
    Ok(input)
}

fn is_template(path: &str, config: &Config) -> bool {
    let matches = |globs: &[String]| globs.iter().any(|glob| glob_match(glob, path));
    let is_partial = path.split('/').any(|part| part.starts_with('_'));
    !is_partial && (config.include.is_empty() || matches(&config.include)) && !matches(&config.exclude)
}

/// The id of what a template renders to.
fn id_of(path: &str) -> &str {
    let stem = SUFFIXES.iter().find_map(|suffix| path.strip_suffix(suffix));
    stem.filter(|stem| !stem.is_empty() && !stem.ends_with('/')).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_path_without_the_template_suffix() {
        assert_eq!(id_of("a/b.yaml.j2"), "a/b.yaml");
        assert_eq!(id_of("a/b.jinja"), "a/b");
        assert_eq!(id_of("a/.j2"), "a/.j2");
        assert_eq!(id_of("a/j2"), "a/j2");
    }
}
