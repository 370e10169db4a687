//! A renderer of 0.1.0-pre.1: an object of each kind.

wit_bindgen::generate!({
    path: "../../../wit/tagged/0.1.0-pre.1",
    world: "renderer-plugin",
    generate_all,
});

use exports::springline::plugin::describe::{Description, Guest as Describe, Kind};
use exports::springline::plugin::renderer::{Guest as Renderer, Input};
use springline::host::{blobs, context, trees};
use springline::plugin::types::{Body, Error, Object};

struct Plugin;

impl Describe for Plugin {
    fn describe() -> Description {
        Description {
            name: "pre1-renderer".into(),
            version: "0.1.0".into(),
            summary: "Makes an object of each kind.".into(),
            kind: Kind::Renderer,
            config_schema: r#"{"type":"object","additionalProperties":false}"#.into(),
            capabilities: Vec::new(),
        }
    }
}

fn failed(error: impl std::fmt::Debug) -> Error {
    Error::Failed(format!("{error:?}"))
}

impl Renderer for Plugin {
    fn render(_: Input) -> Result<Vec<Object>, Error> {
        let object = |id: &str, body| Object { id: id.to_owned(), body };
        let site = context::artifact("site").ok_or_else(|| failed("no artifact"))?;
        let walked = trees::walk(&site.digest).map_err(failed)?;
        let list: String = walked.iter().map(|entry| format!("{} {}\n", entry.path, entry.size)).collect();
        let first = blobs::open(&walked[0].digest).map_err(failed)?;
        let bytes = first.read(0, 1 << 20).map_err(failed)?;
        let writer = blobs::Writer::new();
        writer.write(&bytes).map_err(failed)?;
        writer.write(b"written\n").map_err(failed)?;
        let values = format!("{} {}\n", context::values(), context::environment().unwrap_or_default());
        Ok(vec![
            object("values.json", Body::Inline(values.into_bytes())),
            object("list.txt", Body::Inline(list.into_bytes())),
            object("written.txt", Body::Blob(writer.finish().map_err(failed)?)),
            object("site", Body::Tree(site.digest)),
            object("in.txt", Body::Inline(std::fs::read("/in/a.txt").map_err(failed)?)),
            object("mounted.txt", Body::Inline(std::fs::read("/artifacts/site/index.html").map_err(failed)?)),
        ])
    }
}

export!(Plugin);
