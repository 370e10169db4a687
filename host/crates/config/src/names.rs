//! The syntax of names, paths and plugins, in words and as the patterns that the schemas carry.

use springline_model::Digest;
use springline_model::reference::{RANGE_PATTERN, REPOSITORY_PATTERN, Reference, SCHEME, TAG_PATTERN};

use crate::pointer::shown;

/// The name of an application, artifact, step, environment, target or built-in plugin.
pub(crate) const NAME_PATTERN: &str = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
/// A clean relative path: no empty, `.` or `..` component, no backslash, no control character.
pub(crate) const PATH_PATTERN: &str = r"^([^./\\\x00-\x1f]|\.[^./\\\x00-\x1f]|\.\.[^/\\\x00-\x1f])[^/\\\x00-\x1f]*(/([^./\\\x00-\x1f]|\.[^./\\\x00-\x1f]|\.\.[^/\\\x00-\x1f])[^/\\\x00-\x1f]*)*$";
/// The name of a branch: letters, digits and `._+-`, in parts joined by `/` that begin with a letter, a
/// digit or `_`, have no two dots in a row and end with none. Git takes a few more, which no shell likes.
pub(crate) const BRANCH_PATTERN: &str =
    r"^[A-Za-z0-9_][A-Za-z0-9_+-]*(\.[A-Za-z0-9_+-]+)*(/[A-Za-z0-9_][A-Za-z0-9_+-]*(\.[A-Za-z0-9_+-]+)*)*$";
/// What the branch of a record may leave open.
const RECORD_WORDS: &[&str] = &["application", "environment"];
/// A JSON pointer (RFC 6901) to something below the whole.
pub(crate) const POINTER_PATTERN: &str = r"^(/([^~/]|~[01])*)+$";

/// A text that breaks a syntax.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidName {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub suggestion: Option<String>,
}

impl InvalidName {
    fn new(message: String, suggestion: impl Into<Option<String>>) -> Self {
        Self { message, suggestion: suggestion.into() }
    }
}

/// How springline.yaml and host.yaml name a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginName<'a> {
    /// A built-in plugin, by its name.
    Builtin(&'a str),
    /// A component, by its clean path below the root of the repository (or the directory of
    /// host.yaml), without the `./`.
    Path(&'a str),
    /// A component, by its digest.
    Digest(Digest),
    /// A component of a registry.
    Registry(Reference),
}

impl<'a> PluginName<'a> {
    /// Reads a plugin's name.
    ///
    /// # Errors
    /// It has none of the four forms.
    pub fn parse(text: &'a str) -> Result<Self, InvalidName> {
        if let Some(path) = text.strip_prefix("./") {
            return match check_path(path) {
                Ok(()) => Ok(Self::Path(path)),
                Err(_) => Err(InvalidName::new(
                    format!("`{}` is not the path of a plugin: {PATH_WORDS}", shown(text)),
                    match clean(path) {
                        Some(path) => format!("write `./{path}`"),
                        None => "the path stays below this file's directory".to_owned(),
                    },
                )),
            };
        }
        if text.starts_with(SCHEME) {
            let reference = text.parse::<Reference>();
            return reference.map(Self::Registry).map_err(|error| InvalidName::new(error.message, error.suggestion));
        }
        if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sha256:")) {
            return text.parse().map(Self::Digest).map_err(|_| {
                let lower = text.to_ascii_lowercase();
                let lower = lower.parse::<Digest>().is_ok().then(|| format!("write `{lower}`"));
                let what = "a plugin's digest: `sha256:` and 64 hex digits in lower case";
                InvalidName::new(format!("`{}` is not {what}", shown(text)), lower)
            });
        }
        check_name(text).map(|()| Self::Builtin(text)).map_err(|invalid| {
            let path = clean(text).filter(|_| text.ends_with(".wasm"));
            let suggestion = match (path, invalid.suggestion) {
                (Some(path), _) => format!("for a component below this file's directory write `./{path}`"),
                (None, Some(suggestion)) if !text.contains(['/', '\\', ':']) => suggestion,
                _ if looks_like_a_registry(text) => format!("for a plugin of a registry write `{SCHEME}{text}`"),
                _ => "name a plugin by a built-in's name, by `./PATH` of a component, by `sha256:DIGEST`, or by \
                      `oci://REGISTRY/REPOSITORY:TAG`"
                    .to_owned(),
            };
            InvalidName::new(format!("`{}` is not the name of a plugin", shown(text)), suggestion)
        })
    }
}

/// Whether a text is what other tools call something in a registry.
fn looks_like_a_registry(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    (host == "localhost" || host.contains(['.', ':'])) && text.parse::<Reference>().is_ok()
}

const PATH_WORDS: &str = "names joined by `/`, without `.`, `..`, `\\` and empty parts";

/// Checks the name of an application, artifact, step, environment or target.
///
/// # Errors
/// It is not 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends.
pub fn check_name(text: &str) -> Result<(), InvalidName> {
    if is_name(text) {
        return Ok(());
    }
    let message = format!(
        "`{}` is not a name: 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
        shown(text)
    );
    Err(InvalidName::new(message, slug(text).map(|slug| format!("write `{slug}`"))))
}

fn is_name(text: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
}

/// The nearest name to a text.
fn slug(text: &str) -> Option<String> {
    let slug: String = text
        .chars()
        .take(63)
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .collect();
    let slug = slug.trim_matches('-');
    is_name(slug).then(|| slug.to_owned())
}

/// Checks a path that stays below its root.
///
/// # Errors
/// It is absolute, or has an empty, `.` or `..` component, a backslash or a control character.
pub fn check_path(text: &str) -> Result<(), InvalidName> {
    let component =
        |part: &str| !matches!(part, "" | "." | "..") && !part.contains(|c: char| c == '\\' || c <= '\u{1f}');
    if text.split('/').all(component) {
        return Ok(());
    }
    let suggestion = match clean(text) {
        Some(path) => format!("write `{path}`"),
        None if matches!(text, "" | "." | "./" | "/") => "leave the key out for the whole source".to_owned(),
        None => "the path starts at the root of the repository and stays below it".to_owned(),
    };
    Err(InvalidName::new(format!("`{}` is not a clean relative path: {PATH_WORDS}", shown(text)), suggestion))
}

/// The clean form of a path, if it has one.
fn clean(text: &str) -> Option<String> {
    let text = text.replace('\\', "/");
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let clean = parts.join("/");
    check_clean(&clean).then_some(clean)
}

fn check_clean(text: &str) -> bool {
    !text.is_empty() && text.split('/').all(|part| part != "..") && !text.contains(|c: char| c <= '\u{1f}')
}

/// The pattern of a plugin's name: a built-in, `./PATH`, a digest or `oci://…`.
pub(crate) fn plugin_pattern() -> String {
    let inner = |pattern: &'static str| pattern.trim_start_matches('^').trim_end_matches('$');
    let registry = format!("{SCHEME}{REPOSITORY_PATTERN}(:{TAG_PATTERN}|:{RANGE_PATTERN}|@sha256:[0-9a-f]{{64}})");
    format!("^({}|\\./{}|sha256:[0-9a-f]{{64}}|{registry})$", inner(NAME_PATTERN), inner(PATH_PATTERN))
}

/// The pattern of a directory of the source: a clean path, which starts at the repository's root if a
/// `/` leads it and else at the application's directory; `/` alone is all of the repository.
pub(crate) fn source_pattern() -> String {
    format!("^(/|/?{})$", PATH_PATTERN.trim_start_matches('^').trim_end_matches('$'))
}

/// The pattern of the branch of a record: names stand in it for what they are, and those are letters, digits
/// and hyphens.
pub(crate) fn record_pattern() -> String {
    let words = RECORD_WORDS.join("|");
    ["[A-Za-z0-9_]", "[A-Za-z0-9_+-]"]
        .iter()
        .fold(BRANCH_PATTERN.to_owned(), |pattern, one| pattern.replace(one, &format!(r"({one}|\{{({words})\}})")))
}

/// What is wrong with each `{word}` of a text that is not one of these.
pub(crate) fn unknown_words<'t>(text: &'t str, known: &'t [&'t str]) -> impl Iterator<Item = InvalidName> + 't {
    text.split('{').skip(1).filter_map(|word| {
        let (word, closed) = word.split_once('}').map_or((word, false), |(word, _)| (word, true));
        if closed && known.contains(&word) {
            return None;
        }
        let near = crate::suggest::nearest(word, known.iter().copied());
        let all: Vec<String> = known.iter().map(|known| format!("`{{{known}}}`")).collect();
        let help =
            near.map_or_else(|| format!("there is {}", all.join(", ")), |near| format!("did you mean `{{{near}}}`?"));
        Some(InvalidName::new(format!("`{{{}` stands for nothing here", shown(word)), help))
    })
}

/// Checks a directory of the source, which may start at the repository's root.
///
/// # Errors
/// What follows a leading `/` is no clean path.
pub fn check_source(text: &str) -> Result<(), InvalidName> {
    match text.strip_prefix('/') {
        Some("") => Ok(()),
        // What is told of is the path as it stands.
        Some(below) if check_path(below).is_ok() => Ok(()),
        _ => check_path(text),
    }
}

fn no_branch(text: &str) -> InvalidName {
    let words = "letters, digits and `._+-`, in parts joined by `/`";
    InvalidName::new(format!("`{}` is not the name of a branch: {words}", shown(text)), None)
}

/// What a pattern of ours says in words of a text that breaks it; none for a stranger's pattern.
pub(crate) fn explain_pattern(pattern: &str, text: &str) -> Option<InvalidName> {
    match pattern {
        NAME_PATTERN => check_name(text).err(),
        PATH_PATTERN => check_path(text).err(),
        BRANCH_PATTERN => Some(no_branch(text)),
        POINTER_PATTERN => Some(InvalidName::new(
            format!("`{}` is not a JSON pointer", shown(text)),
            "write `/KEY/KEY`, with `~1` for a slash and `~0` for a tilde within a key".to_owned(),
        )),
        _ if pattern == record_pattern() => unknown_words(text, RECORD_WORDS).next().or_else(|| Some(no_branch(text))),
        _ if pattern == source_pattern() => check_source(text).err(),
        _ if pattern == plugin_pattern() => PluginName::parse(text).err(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLES: &[&str] = &[
        "",
        "a",
        "0",
        "-",
        "a-",
        "-a",
        "a-b",
        "a--b",
        "A",
        "a_b",
        "ä",
        "a.b",
        "docs",
        "docs/",
        "/docs",
        "/",
        "//",
        "//docs",
        "/docs/..",
        "docs/a",
        "docs//a",
        ".",
        "..",
        "./docs",
        "../docs",
        "docs/../a",
        "docs/.",
        ".git",
        "..a",
        "...",
        "a/..b",
        "a\\b",
        "a\nb",
        "a b/c d",
        ".a",
        "./",
        "./a.wasm",
        "./../a.wasm",
        "./a/./b",
        "sha256:",
        "sha256:00",
        "sha1:00",
        "a/b",
        "x.wasm",
        "oci://",
        "oci://r.io",
        "oci://r.io/a",
        "oci://r.io/a:",
        "oci://r.io/a:1.2.3",
        "oci://localhost:5000/team/a-b/c__d:latest",
        "oci://[::1]:5000/a:^1.2",
        "oci://r.io/a:>=1.2, <2",
        "oci://r.io/a:>=1.2,<2",
        "oci://r.io/a:>=1.2,  <2",
        "oci://r.io/a:^x",
        "oci://r.io/a:^01",
        "oci://r.io/a:^1.2.3.4",
        "oci://r.io/a:^1234567890",
        "oci://r.io/A:1",
        "oci://r.io/a-:1",
        "oci://r.io/a._b:1",
        "oci://r.io/a---b:1",
        "oci://r.io//a:1",
        "oci://-r.io/a:1",
        "oci://r.io:/a:1",
        "oci://r.io:123456/a:1",
        "oci://r.io/a@sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "oci://r.io/a:1@sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "oci://r.io/a@sha256:00",
        "r.io/a:1",
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ];

    #[test]
    fn the_published_patterns_say_what_the_checks_do() {
        type Check = fn(&str) -> bool;
        let checks: [(String, Check); 4] = [
            (NAME_PATTERN.to_owned(), |text| check_name(text).is_ok()),
            (PATH_PATTERN.to_owned(), |text| check_path(text).is_ok()),
            (source_pattern(), |text| check_source(text).is_ok()),
            (plugin_pattern(), |text| PluginName::parse(text).is_ok()),
        ];
        for (pattern, check) in checks {
            let schema = crate::CompiledSchema::new(&serde_json::json!({ "pattern": pattern })).unwrap();
            for text in SAMPLES {
                assert_eq!(schema.is_valid(&(*text).into()), check(text), "{text:?} by {pattern}");
            }
        }
    }

    #[test]
    fn what_was_meant_is_suggested() {
        let suggestion = |invalid: Result<(), InvalidName>| invalid.unwrap_err().suggestion.unwrap();
        assert_eq!(suggestion(check_name("My_App")), "write `my-app`");
        assert_eq!(suggestion(check_path("./docs//a/")), "write `docs/a`");
        assert_eq!(suggestion(check_path(".")), "leave the key out for the whole source");
        assert_eq!(
            PluginName::parse("plugins/x.wasm").unwrap_err().suggestion.unwrap(),
            "for a component below this file's directory write `./plugins/x.wasm`"
        );
    }
}
