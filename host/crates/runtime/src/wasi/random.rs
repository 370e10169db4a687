//! Chance, seeded by what is called and how: the same call gets the same.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use springline_model::Digest;
use springline_model::plugin::Fault;

use crate::bindings::wasi::random::{insecure, insecure_seed, random};
use crate::state::CallState;

/// The most bytes at once.
const MOST: u64 = 16 << 20;

/// A call's source of chance.
pub(crate) struct Random(ChaCha20Rng);

impl Random {
    /// One that gives the same for the same seed.
    pub(crate) fn new(seed: &Digest) -> Self {
        Self(ChaCha20Rng::from_seed(*seed.as_bytes()))
    }
}

impl CallState {
    fn random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        if length > MOST {
            let message = format!("it asked for {length} random bytes at once, and {MOST} are the most");
            return Err(self.verdict.stop(Fault::Failed { message }));
        }
        let mut bytes = vec![0; usize::try_from(length)?];
        self.random.0.fill_bytes(&mut bytes);
        Ok(bytes)
    }
}

impl random::Host for CallState {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.0.next_u64())
    }
}

impl insecure::Host for CallState {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.0.next_u64())
    }
}

impl insecure_seed::Host for CallState {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random.0.next_u64(), self.random.0.next_u64()))
    }
}
