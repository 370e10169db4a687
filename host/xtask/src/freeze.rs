//! `cargo xtask freeze TRACK`: from then on the tests refuse a change of that track.

use anyhow::{Result, bail};
use xtask::frozen;

use crate::context::Context;

/// Freezes the contract as it is now.
pub fn run(context: &Context, args: &[String]) -> Result<()> {
    let [track] = args else { bail!("`cargo xtask freeze` takes one argument: the track, such as 0.1") };
    let dir = frozen::freeze(&context.root.join("wit"), track)?;
    println!("Track {track} is frozen in {}; commit it.", dir.display());
    Ok(())
}
