//! A build step of 0.1.0-pre.1: copies what it reads, and uses every import of its world.

wit_bindgen::generate!({
    path: "../../../wit/tagged/0.1.0-pre.1",
    world: "build-step-plugin",
    generate_all,
});

use exports::springline::plugin::build_step::{Guest as BuildStep, Input, Outputs};
use exports::springline::plugin::describe::{Description, Guest as Describe, Kind};
use springline::host::{context, files, log};
use springline::plugin::types::{Error, Violation};

struct Plugin;

impl Describe for Plugin {
    fn describe() -> Description {
        Description {
            name: "pre1-step".into(),
            version: "0.1.0".into(),
            summary: "Copies what it reads.".into(),
            kind: Kind::BuildStep,
            config_schema: r#"{"type":"object","properties":{"refuse":{"type":"string"}},"additionalProperties":false}"#
                .into(),
            capabilities: Vec::new(),
        }
    }
}

impl BuildStep for Plugin {
    fn run(input: Input) -> Result<Outputs, Error> {
        let sink = log::Sink::new("pre1");
        sink.write(log::Level::Info, &format!("config {}", input.config));
        if input.config.contains("refuse") {
            return Err(Error::Invalid(vec![Violation {
                message: "refused".into(),
                file: Some("a.txt".into()),
                line: Some(1),
                pointer: None,
            }]));
        }
        let mut names: Vec<_> = std::fs::read_dir("/in")
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect())
            .map_err(|error: std::io::Error| Error::Failed(error.to_string()))?;
        names.sort();
        for (at, name) in (1..).zip(&names) {
            let (from, to) = (format!("/in/{name}"), format!("/out/{name}"));
            std::fs::copy(&from, &to).map_err(|error| Error::Failed(format!("{from}: {error}")))?;
            if files::is_executable(&from) == Ok(true) {
                files::set_executable(&to, true).map_err(|_| Error::Failed(to))?;
            }
            sink.progress(at, names.len() as u64);
        }
        let about = format!(
            "{} {:?} {} {} {} {:?}\n",
            context::application(),
            context::environment(),
            context::revision(),
            context::commit_time(),
            context::values(),
            context::artifact_names(),
        );
        std::fs::write("/out/context.txt", about).map_err(|error| Error::Failed(error.to_string()))?;
        Ok(Outputs { summary: format!("{} files", names.len()) })
    }
}

export!(Plugin);
