//! `springline:host/context`. Every answer is a part of the trace.

use std::collections::BTreeMap;
use std::sync::Arc;

use springline_model::Digest;
use springline_model::call::{Context, question};
use springline_model::plugin::Fault;

use crate::bindings::springline::host::context;
use crate::fault::contract;
use crate::state::CallState;

/// The most questions of a call: each is kept with its result.
const QUESTIONS: usize = 10_000;

/// What a call may ask, and what it asked.
#[derive(Default)]
pub(crate) struct Answers {
    context: Option<Arc<Context>>,
    asked: BTreeMap<String, Digest>,
}

impl Answers {
    /// The answers of this context.
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context: Some(context), asked: BTreeMap::new() }
    }

    /// The questions so far, and the digests of their answers.
    pub(crate) fn asked(&self) -> BTreeMap<String, Digest> {
        self.asked.clone()
    }
}

impl CallState {
    /// Writes down that the guest asked this, and gives what the answer is in.
    pub(crate) fn ask(&mut self, question: &str) -> wasmtime::Result<Arc<Context>> {
        let Some(context) = &self.answers.context else {
            return Err(self.verdict.stop(contract("`describe` may not ask about the context: there is none yet")));
        };
        if !self.answers.asked.contains_key(question)
            && let Some(answer) = context.answer(question)
        {
            if self.answers.asked.len() == QUESTIONS {
                let message = format!("it asked more than {QUESTIONS} questions, more than can be kept track of");
                return Err(self.verdict.stop(Fault::Failed { message }));
            }
            self.answers.asked.insert(question.to_owned(), answer);
        }
        Ok(Arc::clone(context))
    }
}

impl context::Host for CallState {
    fn application(&mut self) -> wasmtime::Result<String> {
        Ok(self.ask(question::APPLICATION)?.application.clone())
    }

    fn environment(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.ask(question::ENVIRONMENT)?.environment.clone())
    }

    fn revision(&mut self) -> wasmtime::Result<String> {
        Ok(self.ask(question::REVISION)?.revision.clone())
    }

    fn commit_time(&mut self) -> wasmtime::Result<i64> {
        Ok(self.ask(question::COMMIT_TIME)?.commit_time)
    }

    fn values(&mut self) -> wasmtime::Result<String> {
        let context = self.ask(question::VALUES)?;
        Ok(if context.values.is_empty() { "{}".into() } else { context.values.clone() })
    }

    fn artifact(&mut self, name: String) -> wasmtime::Result<Option<context::DesiredArtifact>> {
        // No artifact has such a name, and the question is kept for ever.
        if name.len() > 63 {
            return Ok(None);
        }
        let context = self.ask(&format!("{}{name}", question::ARTIFACT))?;
        let digest = context.artifacts.get(&name);
        Ok(digest.map(|digest| context::DesiredArtifact { name, digest: digest.to_string() }))
    }

    fn artifact_names(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.ask(question::ARTIFACT_NAMES)?.artifacts.keys().cloned().collect())
    }
}
