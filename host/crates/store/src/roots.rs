//! What a collection of garbage must not touch.

use std::collections::BTreeSet;

use springline_model::Digest;
use springline_model::port::Roots;
use springline_model::run::Output;

use crate::database::Database;
use crate::fault::Result;
use crate::{history, kept, releases, runs};

pub(crate) fn all(database: &Database) -> Result<Roots> {
    let (mut blobs, mut trees, mut objects) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for release in releases::find(database, None, "")? {
        trees.extend(release.artifacts.values());
        objects.insert(release.objects);
        blobs.extend(release.plugins.iter().map(|plugin| plugin.digest));
        blobs.insert(release.target_plugin.digest);
    }
    blobs.extend(history::inventories(database)?);
    for sealed in history::records(database)? {
        let record = sealed?.record;
        blobs.extend(record.changes);
        blobs.extend(record.inventory);
    }
    blobs.extend(runs::logs(database)?);
    for kept in kept::all(database)? {
        blobs.extend([kept.trace, kept.log]);
        match kept.output {
            Output::Tree(tree) => trees.insert(tree),
            Output::Objects(list) => objects.insert(list),
        };
    }
    let list = |digests: BTreeSet<Digest>| digests.into_iter().collect();
    Ok(Roots { blobs: list(blobs), trees: list(trees), objects: list(objects) })
}
