//! What an application depends on in its source, from the traces of what was kept.

use springline_model::Digest;
use springline_model::call::Context;
use springline_model::footprint::Footprint;
use springline_model::plugin::Kind;
use springline_model::run::Kept;

use crate::Ports;
use crate::build::{Source, build_context, step_name};
use crate::chain::{Artifact, Chain, Environment, Input, Use};
use crate::error::Reason;
use crate::keep::{Observed, PureCall, read_trace};
use crate::render::{Mounts, mounts_of, render_name};

/// Adds to a footprint what the calls of these environments depended on in a revision. Where that is not
/// known, as of a call that used powers or was never made, every commit concerns it.
///
/// # Errors
/// What the store or a tree reports.
pub fn footprint(
    ports: Ports<'_>,
    chain: &Chain,
    environments: &[&Environment],
    source: Source<'_>,
    footprint: Footprint,
) -> Result<Footprint, Reason> {
    let mut of = Of { ports, source, footprint };
    Ok(match of.all(chain, environments)? {
        Some(()) => of.footprint.packed(),
        None => Footprint::of_everything(),
    })
}

struct Of<'a> {
    ports: Ports<'a>,
    source: Source<'a>,
    footprint: Footprint,
}

impl Of<'_> {
    fn all(&mut self, chain: &Chain, environments: &[&Environment]) -> Result<Option<()>, Reason> {
        let mut context = build_context(chain, self.source);
        let mut artifacts = std::collections::BTreeMap::new();
        for artifact in &chain.artifacts {
            let Some(output) = self.artifact(artifact, &context)? else { return Ok(None) };
            artifacts.insert(artifact.name.clone(), output);
        }
        context.artifacts = artifacts;
        for environment in environments {
            context.environment = Some(environment.name.clone());
            context.values.clone_from(&environment.values);
            let Some(input) = self.source.tree.subtree(&environment.input)? else { return Ok(None) };
            let mounts = mounts_of(self.ports, &input, &context)?;
            let name = render_name(&environment.name);
            let root = Some(environment.input.as_str());
            if self.call((Kind::Renderer, &name, &environment.render), &context, &mounts, root)?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    /// The digest of an artifact that was built before.
    fn artifact(&mut self, artifact: &Artifact, context: &Context) -> Result<Option<Digest>, Reason> {
        let mut outputs: Vec<Digest> = artifact.taken.into_iter().collect();
        for step in &artifact.steps {
            let (tree, root) = match &step.input {
                Input::Source(path) => (self.source.tree.subtree(path)?, Some(path.as_str())),
                Input::Step(at) => (Some(self.ports.blobs.tree(&outputs[*at])?), None),
            };
            let Some(tree) = tree else { return Ok(None) };
            let mounts = vec![("in".to_owned(), tree)];
            let called = (Kind::BuildStep, step_name(artifact, step), &step.uses);
            let kept = self.call((called.0, &called.1, called.2), context, &mounts, root)?;
            let Some(kept) = kept else { return Ok(None) };
            outputs.push(*kept.output.digest());
        }
        Ok(outputs.pop())
    }

    /// The kept result of a call on these very trees; what it depended on is added, if its input is a
    /// directory of the source.
    fn call(
        &mut self,
        (kind, name, uses): (Kind, &str, &Use),
        context: &Context,
        mounts: &Mounts,
        root: Option<&str>,
    ) -> Result<Option<Kept>, Reason> {
        let pure = PureCall { kind, name, uses, context, mounts, observed: Observed::default() };
        let Some(kept) = pure.kept_exactly(self.ports)? else { return Ok(None) };
        let Some(trace) = read_trace(self.ports, &kept.trace)? else { return Ok(None) };
        match root {
            Some(root) => self.footprint.add_trace(root, "in", &trace),
            None => self.footprint.add_questions(&trace),
        }
        Ok(Some(kept))
    }
}
