//! Renders on trial: what would come of a tree that no commit has. One run stands for all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use springline_model::call::{Context, question};
use springline_model::plugin::{Kind, Pinned};
use springline_model::port::Tree;
use springline_model::run::{Cause, Run, RunState, Stage};
use springline_model::trace::{Access, Trace};
use springline_model::tree::join_path;

use crate::Ports;
use crate::build::{Artifacts, Source, build, step_name};
use crate::chain::{Chain, Environment, Input};
use crate::error::{Reason, StageError};
use crate::keep::{Observed, PureCall, Trust, read_trace};
use crate::render::{Rendered, Rendering, context, mounts_of, render, render_name};
use crate::run::fresh;

/// A series of renders on trial.
pub struct Trial<'a> {
    ports: Ports<'a>,
    run: Run,
}

/// What was rendered on trial.
#[derive(Debug)]
pub struct Tried {
    /// The desired objects.
    pub rendered: Rendered,
    /// The artifacts that they were rendered with.
    pub artifacts: Artifacts,
}

/// A file of the source that a call read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileRead {
    /// Its path in the source.
    pub path: String,
    /// Which call read it: `ARTIFACT/STEP` or `ENVIRONMENT/render`.
    pub call: String,
    /// The plugin.
    pub plugin: Pinned,
}

impl<'a> Trial<'a> {
    /// Begins with the first one.
    ///
    /// # Errors
    /// What the store reports.
    pub fn begin(ports: Ports<'a>, application: &str, revision: &str, actor: &str) -> Result<Self, Reason> {
        let mut run = fresh(ports, &Cause::Render, (application, revision), actor);
        run.number = ports.store.begin(&run)?;
        Ok(Self { ports, run })
    }

    /// Builds what is missing and renders.
    ///
    /// # Errors
    /// Whatever fails.
    pub fn render(&self, chain: &Chain, environment: &Environment, source: Source<'_>) -> Result<Tried, StageError> {
        let how = (self.run.number, Trust::Kept, Observed::default());
        let artifacts =
            build(self.ports, chain, source, how).map_err(|failure| failure.reason.at(Stage::Build, None))?;
        let context = Arc::new(context(chain, environment, source, &artifacts));
        let what = Rendering { name: &environment.name, uses: &environment.render, input: &environment.input };
        let rendered = render(self.ports, what, source, &context, how, &mut Vec::new());
        let rendered = rendered.map_err(|reason| reason.at(Stage::Render, Some(&environment.name)))?;
        Ok(Tried { rendered, artifacts })
    }

    /// The files of the source that had a part in what was rendered from it: those that the renderer
    /// read, and those that went into the artifacts that it looked at. Of a call that used powers it is
    /// not known what it read, so it is none of them; such calls are told by their names.
    ///
    /// # Errors
    /// What the source or the stores report.
    pub fn reads(
        &self,
        chain: &Chain,
        environment: &Environment,
        source: Source<'_>,
        tried: &Tried,
    ) -> Result<(BTreeSet<FileRead>, Vec<String>), Reason> {
        let (mut files, mut unknown) = (BTreeSet::new(), Vec::new());
        let mut add = |name: String, plugin: &Pinned, input: &str, trace: Option<&Trace>| match trace {
            None => unknown.push(name),
            Some(trace) => {
                let read = trace.paths.get("in").into_iter().flatten();
                let read = read.filter(|(_, access)| matches!(access, Access::Read(_) | Access::Link(_)));
                files.extend(read.map(|(path, _)| FileRead {
                    path: if path.is_empty() { input.to_owned() } else { join_path(input, path) },
                    call: name.clone(),
                    plugin: plugin.clone(),
                }));
            }
        };
        let rendering = context(chain, environment, source, &tried.artifacts);
        let name = render_name(&environment.name);
        let mounts = match source.tree.subtree(&environment.input)? {
            Some(input) => mounts_of(self.ports, &input, &rendering)?,
            None => Vec::new(),
        };
        let trace = self.trace(Kind::Renderer, (&name, &environment.render), &rendering, &mounts)?;
        add(name, &environment.render.plugin, &environment.input, trace.as_ref());
        for artifact in chain.artifacts.iter().filter(|artifact| looks_at(trace.as_ref(), &artifact.name)) {
            for step in &artifact.steps {
                let Input::Source(path) = &step.input else { continue };
                let name = step_name(artifact, step);
                let mounts: Vec<_> =
                    source.tree.subtree(path)?.map(|input| ("in".to_owned(), input)).into_iter().collect();
                let trace = self.trace(Kind::BuildStep, (&name, &step.uses), &rendering, &mounts)?;
                add(name, &step.uses.plugin, path, trace.as_ref());
            }
        }
        Ok((files, unknown))
    }

    /// What a call that was made saw.
    fn trace(
        &self,
        kind: Kind,
        (name, uses): (&str, &crate::chain::Use),
        context: &Context,
        mounts: &[(String, Arc<dyn Tree>)],
    ) -> Result<Option<Trace>, Reason> {
        let call = PureCall { kind, name, uses, context, mounts, observed: Observed::default() };
        let Some(kept) = self.ports.store.kept_exact(&call.identity())? else { return Ok(None) };
        read_trace(self.ports, &kept.trace)
    }

    /// Ends after the last one.
    ///
    /// # Errors
    /// What the stores report.
    pub fn end(mut self) -> Result<(), Reason> {
        self.run.state = RunState::Succeeded;
        self.run.ended = Some(self.ports.clock.now());
        self.ports.blobs.sync()?;
        Ok(self.ports.store.close(&self.run)?)
    }
}

/// Whether a renderer looked at an artifact, or asked for its digest; what is not known may be.
fn looks_at(trace: Option<&Trace>, artifact: &str) -> bool {
    trace.is_none_or(|trace| {
        trace.paths.contains_key(&format!("artifacts/{artifact}"))
            || trace.context.contains_key(&format!("{}{artifact}", question::ARTIFACT))
    })
}
