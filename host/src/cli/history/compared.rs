//! How two releases differ: what they are made of, and the text of their desired objects.

use std::collections::BTreeMap;

use serde::Serialize;
use springline_engine::event::Silent;
use springline_engine::review::{self, Version};
use springline_model::Digest;
use springline_model::plugin::Pinned;
use springline_model::port::{BlobError, Blobs as _};
use springline_model::run::Release;

use crate::app::App;
use crate::cli::error::CliError;
use crate::project::show_revision;
use crate::secret::Mask;
use crate::show::{self, BAD, FAINT, GOOD, NOTE, STRONG, difference, paint, visible};

/// How a release differs from one before it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compared {
    /// The revision, artifacts, plugins and what is said to the target.
    parts: Vec<Differs>,
    /// Desired objects.
    objects: Vec<Changed>,
}

/// Something that both may have.
#[derive(Debug, Serialize)]
struct Differs {
    what: String,
    before: Option<String>,
    after: Option<String>,
}

/// A desired object that differs, or one file of it.
#[derive(Debug, Serialize)]
struct Changed {
    /// Its id; of a file in a tree, the path below it follows.
    object: String,
    before: Option<Content>,
    after: Option<Content>,
}

/// What is known of bytes.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Content {
    Text(String),
    /// Bytes that are no text, by their digest.
    Binary(String),
    /// Collected, lost or damaged.
    Lost(String),
}

impl Content {
    fn hidden(self, mask: &mut Mask) -> Self {
        match self {
            Self::Text(text) => Self::Text(mask.hide(&text)),
            other => other,
        }
    }
}

/// Compares a release with one before it, if there is one.
///
/// # Errors
/// What the blob store reports; what is lost is said in its place.
pub fn compare(app: &App, before: Option<&Release>, after: &Release) -> Result<Compared, CliError> {
    let parts = parts(before, after);
    let ports = app.ports(&Silent);
    let old = before.map(|before| review::objects(ports, before)).transpose()?.unwrap_or_default();
    let (found, _) = review::changes(app.blobs.as_ref(), &old, &review::objects(ports, after)?)?;
    let content = |version: Option<Version>| version.map(|version| content(app, &version.digest)).transpose();
    let mut objects = Vec::new();
    for changed in found {
        // What is another kind of file with the same bytes is not told here.
        if changed.before.map(|it| it.digest) != changed.after.map(|it| it.digest) {
            let mut mask = Mask::default();
            let [before, after] = [content(changed.before)?, content(changed.after)?]
                .map(|content| content.map(|content| content.hidden(&mut mask)));
            objects.push(Changed { object: changed.name, before, after });
        }
    }
    Ok(Compared { parts, objects })
}

fn parts(before: Option<&Release>, after: &Release) -> Vec<Differs> {
    let said = |release: &Release| -> BTreeMap<String, String> {
        let mut all = BTreeMap::from([("revision".to_owned(), show_revision(&release.revision).to_string())]);
        all.extend(release.artifacts.iter().map(|(name, digest)| (format!("artifact {name}"), digest.to_string())));
        let plugins = release.plugins.iter().chain([&release.target_plugin]);
        for Pinned { name, digest } in plugins {
            all.insert(format!("plugin {name}"), digest.to_string());
        }
        all.insert("target".into(), release.target.clone());
        let with = serde_json::to_string(&release.target_with).unwrap_or_default();
        all.extend((!release.target_with.is_empty()).then(|| ("target-with".to_owned(), with)));
        all
    };
    let (mut old, new) = (before.map(said).unwrap_or_default(), said(after));
    let mut parts = Vec::new();
    for (what, after) in new {
        let before = old.remove(&what);
        if before.as_ref() != Some(&after) {
            parts.push(Differs { what, before, after: Some(after) });
        }
    }
    parts.extend(old.into_iter().map(|(what, before)| Differs { what, before: Some(before), after: None }));
    parts
}

fn content(app: &App, digest: &Digest) -> Result<Content, CliError> {
    match app.blobs.get(digest) {
        Ok(bytes) => Ok(match String::from_utf8(bytes.to_vec()) {
            Ok(text) if !text.contains('\0') => Content::Text(text),
            _ => Content::Binary(digest.to_string()),
        }),
        Err(BlobError::Missing(_) | BlobError::Damaged(_)) => Ok(Content::Lost(digest.to_string())),
        Err(error) => Err(error.into()),
    }
}

impl Compared {
    /// Prints it.
    pub fn print(&self) {
        for Differs { what, before, after } in &self.parts {
            let none = || "none".to_owned();
            let (before, after) = (before.clone().unwrap_or_else(none), after.clone().unwrap_or_else(none));
            show::line(format_args!(
                "{} {} {} {}",
                paint(FAINT, what),
                visible(&short(&before)),
                paint(FAINT, "->"),
                visible(&short(&after))
            ));
        }
        self.print_objects();
    }

    /// Prints how the desired objects differ.
    pub fn print_objects(&self) {
        if self.objects.is_empty() {
            show::line(paint(FAINT, "the desired objects are the same"));
        }
        for Changed { object, before, after } in &self.objects {
            let sign = match (before, after) {
                (None, _) => paint(GOOD, "+"),
                (_, None) => paint(BAD, "-"),
                _ => paint(NOTE, "~"),
            };
            show::line(format_args!("{sign} {}", paint(STRONG, visible(object))));
            let text = |content: &Option<Content>| match content {
                None => Some(String::new()),
                Some(Content::Text(text)) => Some(text.clone()),
                Some(Content::Binary(_) | Content::Lost(_)) => None,
            };
            match (text(before), text(after)) {
                (Some(before), Some(after)) => difference::unified(&before, &after),
                _ => show::line(format_args!("  {} -> {}", said(before), said(after))),
            }
        }
    }
}

fn said(content: &Option<Content>) -> String {
    match content {
        None => "nothing".into(),
        Some(Content::Text(text)) => format!("text of {} bytes", text.len()),
        Some(Content::Binary(digest)) => format!("no text, {}", short(digest)),
        Some(Content::Lost(digest)) => format!("{}, whose bytes are gone", short(digest)),
    }
}

/// The first digits of a digest; any other text as it is.
fn short(text: &str) -> String {
    text.parse::<Digest>().map_or_else(|_| text.to_owned(), |digest| digest.short())
}
