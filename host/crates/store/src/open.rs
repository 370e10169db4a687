//! Opening a state directory: whose it is, which version it has, and whether it is whole.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, RwLock};

use crate::database::Database;
use crate::fault::{Fault, Result};
use crate::files::{Acknowledged, Layout, Lock, VERSION};
use crate::journal::{Expected, Journal};
use crate::lines::BLOCK;
use crate::runs::{WrittenSteps, counters};
use crate::write::{Counters, Reach, Turn};
use crate::{SledStore, history, keys, quiet};

pub(crate) fn open(directory: &Path, verb: &str) -> Result<SledStore> {
    quiet::install();
    let layout = Layout { root: directory.to_owned() };
    fs::create_dir_all(directory).map_err(Fault::io(format!("making {}", directory.display())))?;
    // A newer Springline may lock in its own way, and the answer about its version is the better one.
    layout.read_version()?;
    let lock = Lock::take(&layout, verb)?;
    let version = layout.read_version()?;
    let (database, acknowledged, counters) = match version {
        Some(_) => open_existing(&layout)?,
        None => set_up(&layout)?,
    };
    let journal = Journal::begin(&layout.journal())?;
    let store = SledStore {
        database,
        acknowledged,
        layout,
        turn: Mutex::new(Turn { counters, journal, steps: WrittenSteps::new(), failed: None }),
        gate: RwLock::new(()),
        _lock: lock,
    };
    index(&store)?;
    if version.is_some_and(|version| version < VERSION) {
        store.layout.upgrade()?;
    }
    Ok(store)
}

/// Indexes what an earlier Springline wrote into the history.
fn index(store: &SledStore) -> Result<()> {
    loop {
        let left = store.read(|database| {
            let counters = counters(database)?;
            Ok(counters.records - counters.indexed)
        })?;
        if left == 0 {
            return Ok(());
        }
        let reach = if left <= BLOCK { Reach::Disk } else { Reach::System };
        store.write(reach, history::index_block)?;
    }
}

fn set_up(layout: &Layout) -> Result<(Database, Acknowledged, Counters)> {
    layout.begin_setup()?;
    let database = Database::create(&layout.database())?;
    let counters = Counters::default();
    quiet::guarded(|| {
        let mut changes = database.change();
        changes.put_json(keys::counters(), &counters)?;
        changes.commit()?;
        database.sync()
    })?;
    let acknowledged = Acknowledged::create(layout)?;
    layout.end_setup()?;
    Ok((database, acknowledged, counters))
}

fn open_existing(layout: &Layout) -> Result<(Database, Acknowledged, Counters)> {
    let (acknowledged, promised) = Acknowledged::open(layout)?;
    let expected = Expected::read(&layout.journal())?;
    let database = Database::open(&layout.database())?;
    let counters = quiet::guarded(|| check(&database, promised, &expected))?;
    Ok((database, acknowledged, counters))
}

/// Checks that nothing acknowledged is gone.
fn check(database: &Database, promised: u64, expected: &Expected) -> Result<Counters> {
    let lost = |what: String| Err(Fault::Damaged(format!("{what} is lost")));
    let counters = database.get_json::<Counters>(&keys::counters(), || "what it counts".into())?;
    let Some(counters) = counters else { return lost("all that was in it".into()) };
    if counters.acknowledged < promised {
        return lost(format!("the last of {promised} writes"));
    }
    if !database.holds(expected)? {
        return lost("some of what was written last".into());
    }
    Ok(counters)
}
