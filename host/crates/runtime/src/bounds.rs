//! Bounds on what a call's instances may have: memory, tables, instances.

use springline_model::plugin::{Fault, Limit, Limits};
use wasmtime::ResourceLimiter;

use crate::fault::limit;

/// Counts what a call's instances have, and refuses more than its limits.
pub(crate) struct Bounds {
    memory: Sum,
    table: Sum,
    instances: usize,
}

struct Sum {
    now: usize,
    peak: usize,
    limit: usize,
    refused: bool,
}

impl Sum {
    fn new(limit: u64) -> Self {
        Self { now: 0, peak: 0, limit: usize::try_from(limit).unwrap_or(usize::MAX), refused: false }
    }

    /// Whether one of the parts may grow.
    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let sum = self.now.saturating_add(desired.saturating_sub(current));
        if sum > self.limit {
            self.refused = true;
            return false;
        }
        self.now = sum;
        self.peak = self.peak.max(sum);
        true
    }
}

impl Bounds {
    /// Those of these limits.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory: Sum::new(limits.memory_mib.saturating_mul(1 << 20)),
            table: Sum::new(limits.table_elements),
            instances: limits.instances as usize,
        }
    }

    /// The most linear memory there was at once, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory.peak as u64
    }

    /// The limit that something was refused by.
    pub(crate) fn refused(&self, limits: &Limits) -> Option<Fault> {
        if self.memory.refused {
            Some(limit(Limit::Memory, format!("{} MiB of memory", limits.memory_mib)))
        } else if self.table.refused {
            Some(limit(Limit::Table, format!("{} table elements", limits.table_elements)))
        } else {
            None
        }
    }
}

impl ResourceLimiter for Bounds {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.memory.grow(current, desired))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.refused = true;
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.table.grow(current, desired))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.table.refused = true;
        Ok(())
    }

    fn instances(&self) -> usize {
        self.instances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_counted_together() {
        let limits = Limits { memory_mib: 2, ..Limits::default() };
        let mut bounds = Bounds::new(&limits);
        assert!(bounds.memory_growing(0, 1 << 20, None).unwrap());
        assert!(bounds.memory_growing(0, 1 << 19, None).unwrap());
        assert!(bounds.refused(&limits).is_none());
        assert!(!bounds.memory_growing(1 << 20, 2 << 20, None).unwrap());
        assert!(bounds.memory_growing(1 << 19, 1 << 20, None).unwrap());
        assert_eq!(bounds.peak_memory(), 2 << 20);
        assert!(matches!(bounds.refused(&limits), Some(Fault::Limit { limit: Limit::Memory, .. })));
    }

    #[test]
    fn tables_have_a_limit_of_their_own() {
        let limits = Limits { table_elements: 10, ..Limits::default() };
        let mut bounds = Bounds::new(&limits);
        assert!(bounds.table_growing(0, 10, None).unwrap());
        assert!(!bounds.table_growing(0, 1, None).unwrap());
        assert!(matches!(bounds.refused(&limits), Some(Fault::Limit { limit: Limit::Table, .. })));
    }
}
