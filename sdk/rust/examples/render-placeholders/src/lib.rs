//! Renders every file, with `${application}`, `${environment}`, `${values.KEY}` and
//! `${artifacts.NAME}` replaced.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod placeholders;

use std::io::Write as _;

use springline_sdk::prelude::*;

use placeholders::replace;

/// What is rendered besides the files.
#[config]
struct Config {
    /// What stands before the id of every object.
    #[serde(default)]
    prefix: String,
    /// Artifacts that become objects.
    #[serde(default)]
    artifacts: Vec<String>,
    /// Whether to add an object that lists the others.
    #[serde(default)]
    manifest: bool,
}

/// Renders files with their placeholders replaced.
#[renderer]
fn render(config: Config, render: &mut Render) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    let mut violations = Vec::new();
    for path in render.files()? {
        let bytes = match String::from_utf8(render.read(&path)?) {
            Ok(text) => replace(&path, &text, &mut violations, |name| lookup(render, name))?.into_bytes(),
            Err(other) => other.into_bytes(),
        };
        objects.push(render.object(format!("{}{path}", config.prefix), bytes)?);
    }
    for (at, name) in config.artifacts.iter().enumerate() {
        match render.context().artifact(name) {
            Some(found) => objects.push(Object::tree(format!("{}artifacts/{name}", config.prefix), found.digest)),
            None => {
                violations.push(Violation::new(format!("no artifact `{name}`")).pointer(format!("/artifacts/{at}")))
            }
        }
    }
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    if config.manifest {
        let list: String = objects.iter().map(|object| format!("{}\n", object.id)).collect();
        let mut writer = render.blob_writer();
        writer.write_all(list.as_bytes())?;
        objects.push(Object::blob(format!("{}manifest.txt", config.prefix), writer.finish()?));
    }
    Ok(objects)
}

/// What a placeholder stands for, or why it stands for nothing.
fn lookup(render: &Render, name: &str) -> Result<Result<String, String>> {
    let context = render.context();
    Ok(match name.split_once('.') {
        None if name == "application" => Ok(context.application()),
        None if name == "environment" => Ok(context.environment().unwrap_or_default()),
        Some(("values", key)) => match render.values()?.get(key) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(plain @ (Value::Number(_) | Value::Bool(_))) => Ok(plain.to_string()),
            _ => Err(format!("no value `{key}`")),
        },
        Some(("artifacts", artifact)) => match context.artifact(artifact) {
            Some(found) => Ok(found.digest),
            None => Err(format!("no artifact `{artifact}`")),
        },
        _ => Err(format!("unknown placeholder `{name}`")),
    })
}

#[cfg(test)]
mod tests {
    use springline_sdk::fake::Host;

    use super::*;

    #[test]
    fn files_artifacts_and_a_manifest_become_objects() {
        let host = Host::new();
        host.set_application("handbook").set_environment(Some("site")).set_values(json!({ "port": 8080 }));
        let site = host.add_artifact("site", &[("index.html", "<h1>")]);
        host.add_input("a.txt", "${application} ${environment} ${values.port}\n").add_input("b", b"\xff${");
        let config = json!({ "prefix": "x/", "artifacts": ["site"], "manifest": true });
        let objects = host.render::<Plugin>(config).unwrap();
        assert_eq!(objects[0], Object::inline("x/a.txt", "handbook site 8080\n"));
        assert_eq!(objects[1], Object::inline("x/b", b"\xff${"));
        assert_eq!(objects[2], Object::tree("x/artifacts/site", site));
        let Body::Blob(digest) = &objects[3].body else { panic!("{:?}", objects[3]) };
        assert_eq!(host.blob(digest).unwrap(), b"x/a.txt\nx/b\nx/artifacts/site\n");
    }

    #[test]
    fn everything_that_is_wrong_is_told() {
        let host = Host::new();
        host.add_input("a.txt", "${what}\n${values.port} ${artifacts.site}\n${open\n")
            .set_values(json!({ "port": [] }));
        let error = host.render::<Plugin>(json!({ "artifacts": ["site"] })).unwrap_err();
        let expected = "a.txt:1: unknown placeholder `what`\na.txt:2: no value `port`\na.txt:2: no artifact `site`\n\
                        a.txt:3: `${` without `}`\n/artifacts/0: no artifact `site`";
        assert_eq!(error.to_string(), expected);
    }
}
