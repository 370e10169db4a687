//! From templates and values to objects.

use std::io::Write as _;
use std::sync::Arc;

use minijinja::{Environment, Value};
use springline_sdk::prelude::{Error, Object, Render, Result, Violation};
use springline_sdk::serde::de::IgnoredAny;
use springline_sdk::{AtPath as _, files, serde_json};

use crate::Config;
use crate::context::{Asking, RESERVED, Root};
use crate::engine::environment;
use crate::failure;
use crate::input::{Input, list};
use crate::suggest::did_you_mean;
use crate::values::{from_files, from_json, reserved};

/// Renders the input.
pub fn render(config: &Config, render: &mut Render) -> Result<Vec<Object>> {
    let mut violations = Vec::new();
    let input = list(config, render, &mut violations)?;
    let files = from_files(config, render, &input.paths, &mut violations)?;
    for name in RESERVED.iter().filter(|name| config.set.contains_key(**name)) {
        violations.push(Violation::new(reserved(name)).pointer(format!("/set/{name}")));
    }
    let mut objects = placed(config, render, &input, &mut violations);
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }

    let _asking = Asking::start(render.context());
    let templates = Templates {
        environment: environment(render.input().to_owned()).map_err(|error| Error::failed(error.to_string()))?,
        root: Arc::new(Root::new(files, from_json(&config.set))),
        paths: &input.paths,
    };
    for (path, id) in &input.templates {
        match templates.object(render, path, id)? {
            Ok(object) => objects.push(object),
            Err(violation) => violations.push(violation),
        }
    }
    if violations.is_empty() { Ok(objects) } else { Err(Error::Invalid(violations)) }
}

/// The artifacts that become objects.
fn placed(config: &Config, render: &Render, input: &Input, violations: &mut Vec<Violation>) -> Vec<Object> {
    let mut objects = Vec::new();
    for (id, name) in &config.place {
        let pointer = format!("/place/{}", id.replace('~', "~0").replace('/', "~1"));
        if !files::is_clean(id) {
            let message = format!("`{id}` can't be an object's id: its parts may not be empty, `.` or `..`");
            violations.push(Violation::new(message).pointer(pointer));
        } else if let Some((path, _)) = input.templates.iter().find(|(_, other)| other == id) {
            let message = format!("{path} becomes the object `{id}` as well; rename one, or exclude the file");
            violations.push(Violation::new(message).pointer(pointer));
        } else if let Some(artifact) = render.context().artifact(name) {
            objects.push(Object::tree(id, artifact.digest));
        } else {
            let names = render.context().artifact_names();
            let hint = did_you_mean(name, names.iter().map(String::as_str));
            let message = format!("the application declares no artifact `{name}`{hint}");
            violations.push(Violation::new(message).pointer(pointer));
        }
    }
    objects
}

/// The templates of one render.
struct Templates<'i> {
    environment: Environment<'static>,
    root: Arc<Root>,
    paths: &'i [String],
}

impl Templates<'_> {
    /// The object that a template becomes, or what is wrong with it.
    fn object(&self, render: &Render, path: &str, id: &str) -> Result<Result<Object, Violation>> {
        let source = match String::from_utf8(render.read(path)?) {
            Ok(text) => text,
            // What is no text is no template.
            Err(bytes) => return blob(render, path, bytes.as_bytes()).map(Ok),
        };
        let context = Value::from_dyn_object(Arc::clone(&self.root));
        let text = match self.environment.render_named_str(path, &source, context) {
            Ok(text) => text,
            Err(error) => return Ok(Err(failure::violation(&error, path, &self.root, self.paths))),
        };
        match check(id, &text) {
            Ok(()) => render.object(id, text).map(Ok),
            Err((line, message)) => Ok(Err(unreadable(path, &source, &text, line, &message))),
        }
    }
}

/// An object whose bytes, which are no text, are a blob however few they are.
fn blob(render: &Render, id: &str, bytes: &[u8]) -> Result<Object> {
    let mut writer = render.blob_writer();
    writer.write_all(bytes).at(id)?;
    Ok(Object::blob(id, writer.finish()?))
}

/// Whether the text is what the id's ending promises; if not, the line and why.
fn check(id: &str, text: &str) -> Result<(), (u32, String)> {
    if id.ends_with(".yaml") || id.ends_with(".yml") {
        springline_yaml::check(text).map_err(|error| (error.line, format!("is no YAML: {}", error.message)))
    } else if id.ends_with(".json") {
        serde_json::from_str::<IgnoredAny>(text)
            .map(drop)
            .map_err(|error| (u32::try_from(error.line()).unwrap_or(u32::MAX), format!("is no JSON: {error}")))
    } else {
        Ok(())
    }
}

fn unreadable(path: &str, source: &str, text: &str, line: u32, message: &str) -> Violation {
    if source == text {
        return Violation::new(format!("this {message}")).file(path).line(line);
    }
    // The line is one of the output, which the template's lines need not match.
    let shown = text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default().trim();
    Violation::new(format!("what this renders to {message} (line {line} of the output: `{shown}`)")).file(path)
}

#[cfg(test)]
mod tests;
