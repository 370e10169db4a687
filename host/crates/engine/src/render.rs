//! Turns source and artifacts into desired objects.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use springline_model::Digest;
use springline_model::call::{Call, Context};
use springline_model::capability::Ledger;
use springline_model::manifest::Object;
use springline_model::plugin::Kind;
use springline_model::port::Tree;
use springline_model::run::{Output, StepRecord};

use crate::Ports;
use crate::build::{Artifacts, Source};
use crate::chain::{Chain, Environment, Use};
use crate::error::Reason;
use crate::event::Event;
use crate::keep::{Lookup, Made, Observed, PureCall, Trust, failed_call, read_json, to_json};
use crate::patient::patiently;

/// The desired objects of an environment.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The objects, sorted by id.
    pub objects: Arc<[Object]>,
    /// The blob that lists them.
    pub digest: Digest,
}

/// What the calls of an environment may ask.
pub(crate) fn context(chain: &Chain, environment: &Environment, source: Source<'_>, artifacts: &Artifacts) -> Context {
    Context {
        application: chain.application.clone(),
        environment: Some(environment.name.clone()),
        revision: source.revision.id.clone(),
        commit_time: source.revision.time,
        values: environment.values.clone(),
        artifacts: artifacts.digests.clone(),
    }
}

/// What is rendered, and how.
#[derive(Clone, Copy)]
pub(crate) struct Rendering<'a> {
    /// For what, in names and messages.
    pub name: &'a str,
    /// The renderer.
    pub uses: &'a Use,
    /// The directory of the source, empty for all of it.
    pub input: &'a str,
}

/// Renders an environment, or uses what was rendered before from the same things. The record of
/// the call comes with the result, also with a failed one.
pub(crate) fn render(
    ports: Ports<'_>,
    what: Rendering<'_>,
    source: Source<'_>,
    context: &Arc<Context>,
    (run, trust, observed): (u64, Trust, Observed<'_>),
    steps: &mut Vec<StepRecord>,
) -> Result<Rendered, Reason> {
    let name = render_name(what.name);
    let uses = what.uses;
    let input = source.tree.subtree(what.input)?.ok_or_else(|| Reason::NoInput {
        what: name.clone(),
        pointer: uses.pointer.clone(),
        path: what.input.to_owned(),
    })?;
    let mounts = mounts_of(ports, &input, context)?;
    let pure = PureCall { kind: Kind::Renderer, name: &name, uses, context, mounts: &mounts, observed };

    let mut record = |step: StepRecord| {
        let StepRecord { how, summary, took, .. } = &step;
        ports.observer.event(&Event::Called { name: &name, how, summary, took: *took });
        steps.push(step);
    };
    let why = match pure.look_up(ports, trust)? {
        Lookup::Known(known) => {
            let digest = *known.output.digest();
            let objects: Vec<Object> = read_json(ports, &digest)?;
            record(known.record(name.clone(), uses));
            return Ok(Rendered { objects: objects.into(), digest });
        }
        Lookup::Needed { why } => why,
    };
    ports.observer.event(&Event::Executing { name: &name, why: &why });
    let call = Call {
        plugin: uses.plugin.clone(),
        config: uses.config.clone(),
        context: context.clone(),
        limits: uses.limits.clone(),
        grants: uses.grants.clone(),
        ledger: Ledger::default(),
        cancel: ports.cancel.clone(),
    };
    let artifacts: BTreeMap<String, Arc<dyn Tree>> = mounts
        .iter()
        .filter_map(|(mount, tree)| Some((mount.strip_prefix("artifacts/")?.to_owned(), tree.clone())))
        .collect();
    let began = Instant::now();
    let called = match patiently(ports, || ports.plugins.render(&call, input.clone(), &artifacts)) {
        Ok(called) => called,
        Err(error) => {
            record(failed_call(ports, name.clone(), &error, call.ledger.used(), began.elapsed()));
            return Err(Reason::Plugin { what: name, pointer: uses.pointer.clone(), error: Box::new(error) });
        }
    };
    let digest = ports.blobs.put(&to_json(&called.value.objects))?;
    let made = Made {
        output: Output::Objects(digest),
        trace: &called.value.trace,
        summary: count(called.value.objects.len(), "object"),
        log: &called.log,
        used: call.ledger.used(),
        run,
        took: began.elapsed(),
    };
    let log = pure.keep(ports, &made)?;
    record(made.record(name.clone(), uses, why, log));
    Ok(Rendered { objects: called.value.objects.into(), digest })
}

/// What a render is called.
pub(crate) fn render_name(of: &str) -> String {
    format!("{of}/render")
}

/// Trees by their mounts.
pub(crate) type Mounts = Vec<(String, Arc<dyn Tree>)>;

/// The trees of a render by their mounts.
pub(crate) fn mounts_of(ports: Ports<'_>, input: &Arc<dyn Tree>, context: &Context) -> Result<Mounts, Reason> {
    let mut mounts = vec![("in".to_owned(), input.clone())];
    for (artifact, digest) in &context.artifacts {
        mounts.push((format!("artifacts/{artifact}"), ports.blobs.tree(digest)?));
    }
    Ok(mounts)
}

/// `1 object`, `2 objects`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
