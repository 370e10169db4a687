//! What plugins remember from call to call, for as long as the process runs and there is room.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use springline_model::run::Place;
use springline_model::{Digest, Hasher};

/// The longest value, in bytes.
const VALUE: usize = 64 << 10;
/// All values, in bytes.
const ALL: usize = 64 << 20;
/// What a value costs beyond its bytes.
const OVERHEAD: usize = 256;

/// The key of what this plugin remembers for this application and environment under that name.
pub(super) fn key(plugin: &Digest, place: &Place, name: &str) -> Digest {
    let mut hasher = Hasher::domain("springline-memory/1");
    hasher.field(plugin.as_bytes()).field(place.application.as_bytes()).field(place.environment.as_bytes());
    hasher.field(name.as_bytes());
    hasher.finish()
}

/// Values by their keys. When there are too many, those go that were not used for longest.
#[derive(Default)]
pub(super) struct Memory(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    values: HashMap<Digest, (u64, Vec<u8>)>,
    /// The keys by when they were used.
    used: BTreeMap<u64, Digest>,
    now: u64,
    bytes: usize,
}

impl Memory {
    /// What was remembered under this key.
    pub(super) fn recall(&self, key: &Digest) -> Option<Vec<u8>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = kept.take(key)?;
        let given = value.clone();
        kept.put(*key, value);
        Some(given)
    }

    /// Remembers a value instead of what was there. One that is too long is not remembered.
    pub(super) fn remember(&self, key: Digest, value: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take(&key);
        if value.len() <= VALUE {
            kept.put(key, value);
        }
        while kept.bytes > ALL {
            let Some((_, oldest)) = kept.used.first_key_value() else { return };
            let oldest = *oldest;
            kept.take(&oldest);
        }
    }
}

impl Kept {
    fn take(&mut self, key: &Digest) -> Option<Vec<u8>> {
        let (used, value) = self.values.remove(key)?;
        self.used.remove(&used);
        self.bytes -= value.len() + OVERHEAD;
        Some(value)
    }

    fn put(&mut self, key: Digest, value: Vec<u8>) {
        self.now += 1;
        self.bytes += value.len() + OVERHEAD;
        self.used.insert(self.now, key);
        self.values.insert(key, (self.now, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Digest {
        let place = Place { application: "shop".into(), environment: "live".into() };
        key(&Digest::of("plugin"), &place, name)
    }

    #[test]
    fn what_was_not_used_for_longest_is_forgotten_first() {
        let memory = Memory::default();
        memory.remember(named("first"), vec![1]);
        memory.remember(named("second"), vec![2]);
        for at in 0..(ALL / VALUE) {
            assert_eq!(memory.recall(&named("first")), Some(vec![1]));
            memory.remember(named(&at.to_string()), vec![0; VALUE]);
        }
        assert_eq!(memory.recall(&named("second")), None);
        assert_eq!(memory.recall(&named("0")), None);
        assert!(memory.recall(&named(&(ALL / VALUE - 1).to_string())).is_some());
        let kept = memory.0.lock().unwrap();
        assert!(kept.bytes <= ALL && kept.values.len() == kept.used.len());
        assert_eq!(kept.bytes, kept.values.values().map(|(_, value)| value.len() + OVERHEAD).sum::<usize>());
    }

    #[test]
    fn empty_values_are_bounded_as_well() {
        let memory = Memory::default();
        for at in 0..(ALL / OVERHEAD + 1_000) {
            memory.remember(named(&at.to_string()), Vec::new());
        }
        assert!(memory.0.lock().unwrap().values.len() <= ALL / OVERHEAD);
    }

    #[test]
    fn a_long_value_is_forgotten_and_so_is_what_it_replaces() {
        let memory = Memory::default();
        memory.remember(named("a"), vec![1]);
        memory.remember(named("a"), vec![0; VALUE + 1]);
        assert_eq!(memory.recall(&named("a")), None);
    }

    #[test]
    fn parts_of_keys_do_not_run_together() {
        let place = |application: &str, environment: &str| Place {
            application: application.into(),
            environment: environment.into(),
        };
        let plugin = Digest::of("plugin");
        assert_ne!(key(&plugin, &place("ab", "c"), "d"), key(&plugin, &place("a", "bc"), "d"));
        assert_ne!(key(&plugin, &place("a", "b"), "cd"), key(&plugin, &place("a", "bc"), "d"));
        assert_ne!(key(&plugin, &place("a", "b"), "c"), key(&Digest::of("other"), &place("a", "b"), "c"));
    }
}
