//! `cargo xtask freeze TRACK`: from then on the tests refuse a change of that track. `cargo xtask
//! freeze --tag RELEASE`: from then on the tests build plugins from the contract of that release.

use anyhow::{Result, bail};
use xtask::frozen;

use crate::context::Context;

/// Freezes the contract as it is now.
pub fn run(context: &Context, args: &[String]) -> Result<()> {
    if let [flag, release] = args
        && flag == "--tag"
    {
        let dir = frozen::tag(&context.root.join("wit"), release)?;
        println!("The contract of {release} is in {}; commit it.", dir.display());
        return Ok(());
    }
    let [track] = args else {
        bail!("`cargo xtask freeze` takes one argument: the track, such as 0.1, or `--tag RELEASE`")
    };
    let dir = frozen::freeze(&context.root.join("wit"), track)?;
    println!("Track {track} is frozen in {}; commit it.", dir.display());
    Ok(())
}
