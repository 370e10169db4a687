//! The SDKs that this program carries, with their templates and the contract.

/// A file.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Its path.
    pub path: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
    /// Whether it may be executed.
    pub executable: bool,
}

/// An SDK.
#[derive(Debug, Clone, Copy)]
pub struct Sdk {
    /// The name of its directory: `rust`, `js`.
    pub name: &'static str,
    /// What a project takes along.
    pub files: &'static [File],
    /// The files of its templates: `KIND/…`, or where it serves several languages `LANG/KIND/…`.
    pub templates: &'static [File],
}

include!(concat!(env!("OUT_DIR"), "/sdks.rs"));

/// The SDK of that name.
pub fn named(name: &str) -> Option<&'static Sdk> {
    SDKS.iter().find(|sdk| sdk.name == name)
}

/// The contract.
pub const fn wit() -> &'static [File] {
    WIT
}

impl Sdk {
    /// The template of a kind in a language, its files' paths from there on; empty if there is none.
    pub fn template(&self, language: &str, kind: &str) -> Vec<File> {
        let of = |prefix: String| -> Vec<File> {
            let files = self.templates.iter();
            files.filter_map(|file| Some(File { path: file.path.strip_prefix(prefix.as_str())?, ..*file })).collect()
        };
        let prefixes = [format!("{language}/{kind}/"), format!("{language}-{kind}/"), format!("{kind}/")];
        prefixes.into_iter().map(of).find(|files| !files.is_empty()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_is_carried_with_a_template_of_each_kind() {
        let rust = named("rust").unwrap();
        for kind in ["build-step", "renderer", "deploy-target"] {
            let files = rust.template("rust", kind);
            for path in ["Cargo.toml", "plugin.yaml", "src/lib.rs"] {
                assert!(files.iter().any(|file| file.path == path), "{kind}: {path}");
            }
        }
        let left = ["examples/", "template/", "tests/", "target/"];
        assert!(rust.files.iter().all(|file| !left.iter().any(|left| file.path.starts_with(left))));
        assert!(wit().iter().any(|file| file.path == "deps/host/host.wit"));
    }

    #[test]
    fn manifests_stand_on_their_own() {
        for sdk in SDKS {
            for file in sdk.files.iter().filter(|file| file.path.ends_with("Cargo.toml")) {
                let text = std::str::from_utf8(file.bytes).unwrap();
                assert!(!text.contains("workspace"), "{}/{}:\n{text}", sdk.name, file.path);
            }
        }
    }
}
