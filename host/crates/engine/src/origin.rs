//! Where desired objects come from, for messages: a target knows them by their ids, and a person by the
//! files they wrote.

use std::collections::HashMap;
use std::sync::Arc;

use springline_model::manifest::{Body, Object};
use springline_model::plugin::{Fault, Violation};
use springline_model::port::Blobs;
use springline_model::tree::{is_clean_path, join_path};

/// How the first line of a body says which file it was made of, as Helm's does; the line may follow:
/// `# Source: web.yaml:12`.
const SOURCE: &str = "# Source: ";
/// The longest first line: that of the longest path.
const LONGEST: usize = 1_100;

/// Desired objects, and where they were rendered from.
pub(crate) struct Origins {
    /// The objects.
    pub desired: Arc<[Object]>,
    /// The directory of the source; none if it is not known any more.
    pub input: Option<String>,
}

/// A file of the source, and a line in it.
#[derive(Clone)]
struct Place {
    file: String,
    line: Option<u32>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

impl Origins {
    /// What a target found wrong, with the files of the objects that it names.
    pub fn tell(&self, blobs: &dyn Blobs, fault: Fault) -> Fault {
        let mut places = Places { origins: self, blobs, objects: None, known: HashMap::new() };
        match fault {
            Fault::Invalid { violations } => {
                Fault::Invalid { violations: violations.into_iter().map(|one| places.violation(one)).collect() }
            }
            Fault::Conflict { message } => Fault::Conflict { message: places.text(&message) },
            Fault::Failed { message } => Fault::Failed { message: places.text(&message) },
            other => other,
        }
    }
}

/// Where the objects of one fault come from: it may name thousands, and some again and again.
struct Places<'a> {
    origins: &'a Origins,
    blobs: &'a dyn Blobs,
    /// The objects by their ids, once one is looked for.
    objects: Option<HashMap<&'a str, &'a Object>>,
    /// What was looked up already.
    known: HashMap<&'a str, Option<Place>>,
}

impl Places<'_> {
    fn violation(&mut self, violation: Violation) -> Violation {
        let message = self.text(&violation.message);
        let place = violation.file.as_deref().and_then(|id| self.of(id));
        let Some(Place { file, line }) = place.cloned() else { return Violation { message, ..violation } };
        // Its line is one of the object as it was rendered.
        let message = Violation { message, ..violation }.to_string();
        Violation { message, file: Some(file), line, pointer: None }
    }

    /// A message with the file after each id in quotes.
    fn text(&mut self, message: &str) -> String {
        let mut text = String::with_capacity(message.len());
        let mut quoted = None;
        for (at, part) in message.split('`').enumerate() {
            if at > 0 {
                text.push('`');
            }
            if let Some(place) = quoted.take() {
                text.push_str(&format!(" of {place}"));
            }
            text.push_str(part);
            if at % 2 == 1 {
                quoted = self.of(part).cloned();
            }
        }
        text
    }

    /// Where the object of an id comes from, if its body says so.
    fn of(&mut self, id: &str) -> Option<&Place> {
        let all = || self.origins.desired.iter().map(|object| (object.id.as_str(), object)).collect();
        let object: &Object = self.objects.get_or_insert_with(all).get(id)?;
        let (input, blobs) = (self.origins.input.as_deref(), self.blobs);
        self.known.entry(&object.id).or_insert_with(|| read(blobs, input, object)).as_ref()
    }
}

/// Reads where an object comes from.
fn read(blobs: &dyn Blobs, input: Option<&str>, object: &Object) -> Option<Place> {
    let Body::Blob(digest) = &object.body else { return None };
    let body = blobs.get(digest).ok()?;
    let mut place = source(&body[..body.len().min(LONGEST)])?;
    if let Some(input) = input {
        place.file = join_path(input, &place.file);
    }
    Some(place)
}

/// What a body says of where it comes from.
fn source(body: &[u8]) -> Option<Place> {
    let line = body.split(|byte| *byte == b'\n').find(|line| line.trim_ascii() != b"---")?;
    let said = std::str::from_utf8(line).ok()?.strip_prefix(SOURCE)?.trim_end();
    let (file, line) = match said.rsplit_once(':').map(|(file, line)| (file, line.parse().ok())) {
        Some((file, Some(line))) => (file, Some(line)),
        _ => (said, None),
    };
    is_clean_path(file).then(|| Place { file: file.to_owned(), line })
}

#[cfg(test)]
mod tests {
    use springline_testkit::MemoryBlobs;

    use super::*;

    fn origins(blobs: &MemoryBlobs, input: Option<&str>) -> Origins {
        let object =
            |(id, text): (&str, &str)| Object { id: id.into(), body: Body::Blob(blobs.put(text.as_bytes()).unwrap()) };
        let desired = [
            ("a", "# Source: shop/web.yaml:12\nkind: A\n"),
            ("b", "---\n# Source: chart/templates/b.yaml\nkind: B\n"),
            ("odd", "# Source: ../../etc/passwd:1\n"),
            ("none", "kind: C\n# Source: c.yaml:1\n"),
        ];
        Origins { desired: desired.map(object).to_vec().into(), input: input.map(str::to_owned) }
    }

    fn told(input: Option<&str>, file: &str, line: Option<u32>, message: &str) -> String {
        let blobs = MemoryBlobs::new();
        let violation = Violation { message: message.into(), file: Some(file.into()), line, pointer: None };
        origins(&blobs, input).tell(&blobs, Fault::Invalid { violations: vec![violation] }).to_string()
    }

    #[test]
    fn a_violation_names_the_file_of_its_object() {
        assert_eq!(told(Some("deploy"), "a", Some(3), "`x`: bad"), "deploy/shop/web.yaml:12: a:3: `x`: bad");
        assert_eq!(told(Some(""), "a", None, "bad"), "shop/web.yaml:12: a: bad");
        assert_eq!(told(None, "b", None, "bad"), "chart/templates/b.yaml: b: bad");
        for id in ["odd", "none", "unknown"] {
            assert_eq!(told(Some("deploy"), id, Some(3), "bad"), format!("{id}:3: bad"));
        }
    }

    #[test]
    fn an_id_in_quotes_is_followed_by_its_file() {
        assert_eq!(
            told(Some("deploy"), "none", None, "this and `a` are `b`"),
            "none: this and `a` of deploy/shop/web.yaml:12 are `b` of deploy/chart/templates/b.yaml"
        );
        let blobs = MemoryBlobs::new();
        let tell = |message: &str| {
            let conflict = Fault::Conflict { message: message.into() };
            origins(&blobs, None).tell(&blobs, conflict).to_string()
        };
        assert_eq!(tell("`live` (from `a`) is another's"), "`live` (from `a` of shop/web.yaml:12) is another's");
        assert_eq!(tell("a `b"), "a `b");
    }

    #[test]
    fn what_is_named_again_and_again_is_read_once() {
        let blobs = MemoryBlobs::new();
        let violation = |file: &str| Violation {
            message: "`a` and `none`".into(),
            file: Some(file.into()),
            line: None,
            pointer: None,
        };
        let violations = ["a", "b", "a", "unknown"].map(violation).to_vec();
        let told = origins(&blobs, None).tell(&blobs, Fault::Invalid { violations }).to_string();
        assert_eq!(told.matches("`a` of shop/web.yaml:12").count(), 4, "{told}");
        assert_eq!(blobs.reads(), 3);
    }
}
