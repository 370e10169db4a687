//! The store on disk: what every store must do, and what only one on disk can get wrong.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod crash;
mod damage;
mod ownership;
mod pages;
mod retention;
mod space;
mod suite;

use std::sync::Arc;

use springline_model::history::Sealed;
use springline_model::port::Store;
use springline_model::run::Place;
use springline_testkit::sample;

/// Makes one run from its beginning to its end.
fn run_once(store: &dyn Store, place: &Place, at: i64) -> Sealed {
    let mut run = sample::run(&place.application, at);
    run.number = store.begin(&run).unwrap();
    run.steps = vec![Arc::new(sample::step(&format!("site/step-{at}")))];
    store.checkpoint(&run).unwrap();
    let finish = sample::finish(place, &run, &format!("{place} {at}"));
    store.intend(&run, place, &finish.inventory.unwrap()).unwrap();
    store.finish(finish).unwrap()
}

/// A small generator of numbers that look random: xorshift.
struct Random(u64);

impl Random {
    fn seeded(what: &str) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let seed = std::env::var("SPRINGLINE_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(now.subsec_nanos() as u64 * 2 + 1);
        println!("{what}: SPRINGLINE_SEED={seed}");
        Self(seed.max(1))
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
