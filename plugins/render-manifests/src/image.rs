//! Images of containers.

use springline_sdk::Violation;
use springline_yaml::{Map, Node, Value};

use crate::Image;

/// The keys of a pod's spec that list containers.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// What is to be set, and what of it was found.
#[derive(Debug)]
pub struct Images<'c> {
    wanted: &'c [Image],
    used: Vec<bool>,
    /// Every image named in the manifests, without tag and digest.
    seen: Vec<String>,
}

impl<'c> Images<'c> {
    /// Sets these images; what can't be set is told.
    pub fn new(wanted: &'c [Image], violations: &mut Vec<Violation>) -> Self {
        for (at, image) in wanted.iter().enumerate() {
            let at_image = |key: &str, message: &str| Violation::new(message).pointer(format!("/images/{at}{key}"));
            if image.new_name.is_none() && image.new_tag.is_none() && image.digest.is_none() {
                violations.push(at_image("", "this sets nothing: it needs `newName`, `newTag` or `digest`"));
            }
            if image.digest.as_deref().is_some_and(|digest| !is_digest(digest)) {
                violations.push(at_image("/digest", "a digest is `sha256:` and 64 hex digits in lower case"));
            }
            if wanted[..at].iter().any(|other| other.name == image.name) {
                violations.push(at_image("/name", "an image of this name is set above"));
            }
            if Reference::parse(&image.name).name != image.name {
                violations.push(at_image("/name", "this is the image without tag and digest"));
            }
        }
        Self { wanted, used: vec![false; wanted.len()], seen: Vec::new() }
    }

    /// Sets the images of every container below a `spec` of this object.
    pub fn set(&mut self, object: &mut Node) {
        if let Some(map) = object.as_map_mut() {
            self.walk(map, false);
        }
    }

    fn walk(&mut self, map: &mut Map, is_spec: bool) {
        for (key, node) in map {
            let holds_containers = is_spec && CONTAINERS.contains(&key.as_str());
            match &mut node.value {
                Value::Map(below) => self.walk(below, key == "spec"),
                Value::List(items) => {
                    for below in items.iter_mut().filter_map(Node::as_map_mut) {
                        if holds_containers {
                            self.set_container(below);
                        }
                        self.walk(below, false);
                    }
                }
                _ => {}
            }
        }
    }

    fn set_container(&mut self, container: &mut Map) {
        let Some(Value::Text(image)) = container.get_mut("image").map(|node| &mut node.value) else { return };
        let current = Reference::parse(image);
        if !self.seen.iter().any(|seen| seen == current.name) {
            self.seen.push(current.name.to_owned());
        }
        if let Some(at) = self.wanted.iter().position(|wanted| wanted.name == current.name) {
            self.used[at] = true;
            *image = current.with(&self.wanted[at]);
        }
    }

    /// The images that no container has.
    pub fn unused(&self) -> impl Iterator<Item = Violation> {
        self.wanted.iter().enumerate().filter(|(at, _)| !self.used[*at]).map(|(at, image)| {
            let score = |seen: &&String| strsim::normalized_damerau_levenshtein(seen, &image.name);
            let closest =
                self.seen.iter().max_by(|a, b| score(a).total_cmp(&score(b))).filter(|seen| score(seen) >= 0.5);
            let hint = closest.map(|seen| format!("; did you mean `{seen}`?")).unwrap_or_default();
            Violation::new(format!("no container has the image `{}`{hint}", image.name))
                .pointer(format!("/images/{at}/name"))
        })
    }
}

fn is_digest(digest: &str) -> bool {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// An image as a container names it: `name[:tag][@digest]`.
#[derive(Debug, PartialEq, Eq)]
struct Reference<'i> {
    name: &'i str,
    /// Everything behind the name, with its `:` or `@`.
    version: &'i str,
}

impl<'i> Reference<'i> {
    fn parse(image: &'i str) -> Self {
        let before_digest = image.find('@').unwrap_or(image.len());
        // A colon before the last slash belongs to the registry's port.
        let last_part = image[..before_digest].rfind('/').map_or(0, |at| at + 1);
        let end = image[last_part..before_digest].find(':').map_or(before_digest, |at| last_part + at);
        Self { name: &image[..end], version: &image[end..] }
    }

    /// The image with what is to be set.
    fn with(&self, image: &Image) -> String {
        let mut text = image.new_name.as_deref().unwrap_or(self.name).to_owned();
        if image.new_tag.is_none() && image.digest.is_none() {
            text.push_str(self.version);
        }
        for (mark, part) in [(':', &image.new_tag), ('@', &image.digest)] {
            if let Some(part) = part {
                text.push(mark);
                text.push_str(part);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use springline_yaml::{Schema, read, write};

    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn image(name: &str, new_name: Option<&str>, new_tag: Option<&str>, digest: Option<&str>) -> Image {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Image { name: name.into(), new_name: owned(new_name), new_tag: owned(new_tag), digest: owned(digest) }
    }

    #[test]
    fn references_are_taken_apart() {
        for (image, name, version) in [
            ("nginx", "nginx", ""),
            ("nginx:1.2", "nginx", ":1.2"),
            ("host:5000/a/b", "host:5000/a/b", ""),
            ("host:5000/a/b:1@sha256:ff", "host:5000/a/b", ":1@sha256:ff"),
            ("a@sha256:ff", "a", "@sha256:ff"),
        ] {
            assert_eq!(Reference::parse(image), Reference { name, version });
        }
    }

    #[test]
    fn name_tag_and_digest_are_set() {
        let current = Reference::parse("a/b:1");
        assert_eq!(current.with(&image("a/b", Some("c/d"), None, None)), "c/d:1");
        assert_eq!(current.with(&image("a/b", None, Some("2"), None)), "a/b:2");
        assert_eq!(current.with(&image("a/b", None, None, Some(DIGEST))), format!("a/b@{DIGEST}"));
        assert_eq!(current.with(&image("a/b", Some("c"), Some("2"), Some(DIGEST))), format!("c:2@{DIGEST}"));
    }

    #[test]
    fn containers_of_every_kind_are_found() {
        let text = "kind: Anything\nspec:\n  initContainers: [{image: a:1}]\n  containers: [{image: a}, {image: b:1}, {name: none}]\n\
                    \x20 other: {image: a:1}\n  jobs: [{template: {spec: {containers: [{image: a@sha256:ff}]}}}]\nstatus: {containers: [{image: a:1}]}\n";
        let mut node = read(text, Schema::Kubernetes).unwrap().remove(0);
        let (wanted, mut violations) =
            ([image("a", None, Some("9"), None), image("bb", None, Some("9"), None)], Vec::new());
        let mut images = Images::new(&wanted, &mut violations);
        images.set(&mut node);
        assert!(violations.is_empty());
        let text = write(&node);
        assert_eq!(text.matches("image: a:9").count(), 3, "{text}");
        assert_eq!(text.matches("image: a:1").count(), 2, "{text}");
        let unused: Vec<_> = images.unused().map(|violation| violation.to_string()).collect();
        assert_eq!(unused, ["/images/1/name: no container has the image `bb`; did you mean `b`?"]);
    }

    #[test]
    fn what_sets_nothing_or_nonsense_is_refused() {
        let wanted = [
            image("a:1", None, None, None),
            image("b", None, None, Some("sha256:FF")),
            image("b", None, Some("1"), None),
        ];
        let mut violations = Vec::new();
        Images::new(&wanted, &mut violations);
        let pointers: Vec<_> = violations.iter().map(|violation| violation.pointer.clone().unwrap()).collect();
        assert_eq!(pointers, ["/images/0", "/images/0/name", "/images/1/digest", "/images/2/name"]);
    }
}
