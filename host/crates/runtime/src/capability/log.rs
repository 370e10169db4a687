//! `springline:host/log`.

use springline_model::plugin::Level;
use wasmtime::component::Resource;

use crate::bindings::springline::host::log;
use crate::state::CallState;

/// The longest topic, in bytes.
const TOPIC: usize = 100;

/// A stream of log lines with a topic.
pub struct Sink {
    topic: String,
}

impl log::Host for CallState {}

impl log::HostSink for CallState {
    fn new(&mut self, topic: String) -> wasmtime::Result<Resource<Sink>> {
        let topic = self.powers.masks().mask_cut(&topic, TOPIC).into_owned();
        Ok(self.table.push(Sink { topic })?)
    }

    fn write(&mut self, sink: Resource<Sink>, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.logs.message(level, &self.table.get(&sink)?.topic, &message);
        Ok(())
    }

    /// Nobody looks at it yet, and it is never recorded.
    fn progress(&mut self, sink: Resource<Sink>, _done: u64, _total: u64) -> wasmtime::Result<()> {
        self.table.get(&sink)?;
        Ok(())
    }

    fn drop(&mut self, sink: Resource<Sink>) -> wasmtime::Result<()> {
        self.table.delete(sink)?;
        Ok(())
    }
}
