//! What a release is made of, and by which plugins.

use springline_model::port::{Blobs as _, Store as _};

use super::{World, digest, files};
use crate::intact::lost;
use crate::release::is_by_others;

#[test]
fn what_is_damaged_of_what_is_live_is_told() {
    let world = World::new();
    let look = || lost(world.ports(), &world.place(), &world.chain).unwrap();
    assert_eq!(look(), None);
    for damaged in ["<X>", "a: <Y>"] {
        let page = if damaged == "<X>" { "x" } else { "y" };
        world.run(page, &files(page, "-", "a\nb")).unwrap();
        assert_eq!(look(), None);
        // A file of the artifact, and an object.
        world.blobs.damage(&world.blobs.put(damaged.as_bytes()).unwrap());
        assert!(look().is_some_and(|told| told.contains("damaged")), "{damaged}");
    }
}

#[test]
fn a_release_is_by_others_when_a_plugin_of_it_is_another_one() {
    let mut world = World::new();
    world.run("r1", &files("x", "-", "a")).unwrap();
    let release = world.store.releases(Some(&world.place()), "").unwrap().remove(0);
    assert!(!is_by_others(&release, &world.chain, &world.chain.environments[0]));
    let before = world.chain.clone();
    world.chain.environments[0].render.plugin.digest = digest("another");
    assert!(is_by_others(&release, &world.chain, &world.chain.environments[0]));
    world.chain = before;
    world.chain.artifacts[0].steps[1].uses.plugin.digest = digest("another");
    assert!(is_by_others(&release, &world.chain, &world.chain.environments[0]));
}
