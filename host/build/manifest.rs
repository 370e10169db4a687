//! Manifests that stand on their own: what they inherit from the workspace, written out.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

/// What the workspace's manifest lets others inherit: the values of its tables, as they are written.
pub struct Workspace {
    package: BTreeMap<String, String>,
    dependencies: BTreeMap<String, String>,
}

impl Workspace {
    pub fn read(manifest: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(manifest)?;
        Ok(Self {
            package: table(&text, "[workspace.package]"),
            dependencies: table(&text, "[workspace.dependencies]"),
        })
    }

    /// The manifest of the package in the directory `place`, everything inherited written out. Lints
    /// are left to the workspace's own tests.
    pub fn resolve(&self, manifest: &str, place: &Path) -> String {
        let mut resolved = String::new();
        let mut section = String::new();
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line.trim().to_owned();
            }
            if section.starts_with("[lints") {
                // So is what stands above them.
                let above = resolved.trim_end().rfind("\n\n").map_or(0, |at| at + 2);
                if resolved[above..].starts_with('#') {
                    resolved.truncate(above);
                }
                continue;
            }
            resolved.push_str(&self.line(&section, line, place).unwrap_or_else(|| line.to_owned()));
            resolved.push('\n');
        }
        resolved
    }

    fn line(&self, section: &str, line: &str, place: &Path) -> Option<String> {
        let key = line.strip_suffix(".workspace = true")?;
        if section == "[package]" {
            return Some(format!("{key} = {}", self.package.get(key)?));
        }
        let value = self.dependencies.get(key)?;
        let Some(path) = value.strip_prefix("{ path = \"").and_then(|rest| rest.strip_suffix("\" }")) else {
            return Some(format!("{key} = {value}"));
        };
        let path = Path::new(path).strip_prefix(place).map_or(path.to_owned(), |path| path.display().to_string());
        Some(format!("{key} = {{ path = \"{path}\" }}"))
    }
}

/// The keys of a table and their values, those of several lines on one.
fn table(text: &str, header: &str) -> BTreeMap<String, String> {
    let lines = text.lines().skip_while(|line| *line != header).skip(1).take_while(|line| !line.starts_with('['));
    let mut values = BTreeMap::new();
    let mut last = None;
    for line in lines.filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
            Some((key, value)) => {
                values.insert(key.to_owned(), value.to_owned());
                last = Some(key.to_owned());
            }
            None => {
                if let Some(value) = last.as_ref().and_then(|last| values.get_mut(last)) {
                    value.push_str(line.trim());
                }
            }
        }
    }
    values
}
