//! One call of a renderer: through the whole host, and through a bare wasmtime.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use springline_model::Cancel;
use springline_model::call::{Call, Context};
use springline_model::capability::{Grants, Ledger};
use springline_model::manifest::Body;
use springline_model::plugin::Limits;
use springline_model::port::{Blobs as _, Plugins as _, Tree};
use springline_testkit::{MemoryBlobs, MemoryTree};

use crate::bare::Bare;
use crate::{Plugin, Result, median, microseconds, runtime};

/// How often the two take turns, and how many calls make a turn.
const TURNS: usize = 60;
const CALLS: usize = 20;

/// What is rendered.
const INPUT: [(&str, &str); 3] = [
    ("deployment.yaml", include_str!("input/deployment.yaml")),
    ("namespace.yaml", include_str!("input/namespace.yaml")),
    ("service.yaml", include_str!("input/service.yaml")),
];

/// Objects by id.
type Objects = BTreeMap<String, Vec<u8>>;

/// Measures both and compares what they rendered.
pub fn measure(plugin: &Path, config: &str) -> Result<Value> {
    let plugin = Plugin::read(plugin)?;
    let directory = tempfile::tempdir()?;
    let blobs = Arc::new(MemoryBlobs::new());
    let runtime = runtime(directory.path(), std::slice::from_ref(&plugin), blobs.clone())?;
    let tree: Arc<dyn Tree> = Arc::new(MemoryTree::of_files(INPUT));
    let call = Call {
        plugin: plugin.pinned.clone(),
        config: config.into(),
        context: Arc::new(Context::default()),
        limits: Limits::default(),
        grants: Grants::default(),
        ledger: Ledger::default(),
        cancel: Cancel::new(),
    };
    let whole = || runtime.render(&call, Arc::clone(&tree), &BTreeMap::new());
    let bare = Bare::new(&plugin.bytes, &INPUT)?;

    let mut rendered = Objects::new();
    for object in whole()?.value.objects {
        let Body::Blob(digest) = object.body else { return Err("a tree was rendered".into()) };
        rendered.insert(object.id, blobs.get(&digest)?.to_vec());
    }
    if rendered.is_empty() || rendered != bare.render(config)? {
        return Err("the host and bare wasmtime did not render the same".into());
    }

    let (mut host_times, mut bare_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let (mut host_turn, mut bare_turn) = (Vec::new(), Vec::new());
        for _ in 0..CALLS {
            let start = Instant::now();
            whole()?;
            host_turn.push(start.elapsed());
        }
        for _ in 0..CALLS {
            let start = Instant::now();
            bare.render(config)?;
            bare_turn.push(start.elapsed());
        }
        let (host, bare) = (median(host_turn), median(bare_turn));
        ratios.push(host.as_secs_f64() / bare.as_secs_f64());
        host_times.push(host);
        bare_times.push(bare);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    Ok(json!({
        "plugin": plugin.pinned.name,
        "host-microseconds": microseconds(median(host_times)),
        "bare-microseconds": microseconds(median(bare_times)),
        "ratio": ratios[ratios.len() / 2],
    }))
}
