//! From manifests to objects.

use springline_sdk::files;
use springline_sdk::prelude::*;
use springline_yaml::kubernetes::NO_NAMESPACE;
use springline_yaml::write;

use crate::Config;
use crate::document::{Document, parse};
use crate::image::Images;
use crate::input::list;
use crate::scope::Scopes;
use crate::{label, namespace};

/// Where objects are that leave their namespace to the target.
const DEFAULT: &str = "_default";

/// Renders the input.
pub fn render(config: &Config, render: &mut Render) -> Result<Vec<Object>> {
    let mut violations = Vec::new();
    let mut images = Images::new(&config.images, &mut violations);
    check_namespace(config, &mut violations);
    let paths = list(config, render, &mut violations)?;
    // Of another tool's directory each file would be told; that it is one says it all.
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    let mut documents = Vec::new();
    for path in &paths {
        match render.read_text(path) {
            Ok(text) => documents.extend(parse(path, &text, &mut violations)),
            Err(Error::Invalid(more)) => violations.extend(more),
            Err(other) => return Err(other),
        }
    }
    let scopes = Scopes::new(&config.cluster_scoped, &documents);
    let cluster: Vec<bool> = documents.iter().map(|document| scopes.is_cluster_scoped(document)).collect();
    let accounts = namespace::service_accounts(&documents);
    for (document, is_cluster) in documents.iter_mut().zip(&cluster) {
        if let Some(name) = &config.namespace {
            if !is_cluster {
                namespace::set(document, name);
            }
            namespace::set_subjects(document, name, &accounts);
        }
        label::annotate(document, &config.annotations);
        violations.extend(label::label(document, &config.labels).err());
        images.set(&mut document.node);
    }
    let ids = ids(&documents, &cluster, &mut violations);
    if violations.is_empty() {
        violations.extend(images.unused());
    }
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    if documents.is_empty() {
        warn!("there is no manifest in the input directory");
    }
    ids.into_iter().map(|(id, document)| render.object(id, body(document))).collect()
}

/// A document as it is rendered. It begins with the file that it comes from, for the host's messages;
/// with its line it would change whenever something above it does.
fn body(document: &Document) -> String {
    let Document { file, node, .. } = document;
    let text = write(node);
    // What YAML takes for the end of a line would end the comment.
    let ends = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if file.contains(ends) { text } else { format!("# Source: {file}\n{text}") }
}

fn check_namespace(config: &Config, violations: &mut Vec<Violation>) {
    let Some(name) = &config.namespace else { return };
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = name.bytes().all(is_inner) && !name.starts_with('-') && !name.ends_with('-');
    if !is_label || name.is_empty() || name.len() > 63 {
        let message =
            "a namespace is 1 to 63 lower-case letters, digits and hyphens, and neither begins nor ends with a hyphen";
        violations.push(Violation::new(message).pointer("/namespace"));
    }
}

/// The documents and their ids, `NAMESPACE/KIND[.GROUP]/NAME.yaml`, sorted. Two of one id are told.
fn ids<'d>(
    documents: &'d [Document],
    cluster: &[bool],
    violations: &mut Vec<Violation>,
) -> Vec<(String, &'d Document)> {
    let mut ids = Vec::with_capacity(documents.len());
    for (at, (document, is_cluster)) in documents.iter().zip(cluster).enumerate() {
        let place = if *is_cluster { NO_NAMESPACE } else { document.namespace().unwrap_or(DEFAULT) };
        let id = format!("{place}/{}/{}.yaml", document.kind_and_group(), document.name);
        if place.contains('/') || !files::is_clean(&id) {
            let message = format!("`{id}` can't be an object's id: a name in it is none of Kubernetes'");
            violations.push(document.violation(message));
        } else {
            ids.push((id, at));
        }
    }
    ids.sort_unstable();
    for pair in ids.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        let (first, again) = (&documents[pair[0].1], &documents[pair[1].1]);
        let message = format!(
            "{} `{}` is declared twice; it is in {}:{} already",
            again.kind, again.name, first.file, first.line
        );
        violations.push(again.violation(message));
    }
    ids.into_iter().map(|(id, at)| (id, &documents[at])).collect()
}

#[cfg(test)]
mod tests;
