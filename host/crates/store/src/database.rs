//! The database: keys and values of any length, changed in atomic groups.
//!
//! The engine packs up to 17 entries into a page, and puts a page of more than 128 KiB into a file of
//! its own that it never syncs. So no value here is longer than [`PIECE`]: longer ones are cut into
//! pieces, which lie under keys of their own. Pieces that stay the same are not written again.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sled::{Batch, Db, IVec};

use crate::fault::{Fault, Result};
use crate::files::sync_directory;
use crate::keys::{self, Key};
use crate::quiet::guarded_within;

/// The longest piece of a value, in bytes.
const PIECE: usize = 4 * 1024;
/// The longest value, in bytes. What is longer belongs in a blob.
const MAX_VALUE: usize = 16 * 1024 * 1024;

/// In front of a value: all of it follows.
const WHOLE: u8 = 0;
/// In front of the number of its pieces.
const PIECES: u8 = 1;

/// What the engine may keep in memory. A run looks at little, most of it once, and a quiet pass of a
/// `watch` at nothing.
const CACHE: u64 = 16 * 1024 * 1024;
/// How often the engine writes out what nobody asked it to sync, and cleans its file up: without
/// that, the file of a state that is used by short commands grows to seven times its content.
const FLUSH_EVERY: u64 = 200;
/// How long the engine may take to open its files.
const OPEN_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take to close them.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);
/// How long to wait for a database that this process has just closed: the engine's threads let go of
/// its file a moment later.
const LINGER_LIMIT: Duration = Duration::from_secs(5);

/// The database.
pub(crate) struct Database {
    /// None once it is closed.
    db: Option<Db>,
    /// The engine's file once more, for syncs that the engine does not make.
    file: File,
}

/// A value, however it is kept.
pub(crate) enum Value {
    Whole(IVec),
    Joined(Vec<u8>),
}

impl Value {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(raw) => &raw[1..],
            Self::Joined(bytes) => bytes,
        }
    }

    /// The value, read as JSON; `what` names it if it is none.
    pub fn json<T: DeserializeOwned>(&self, what: impl Fn() -> String) -> Result<T> {
        serde_json::from_slice(self.bytes()).map_err(|_| Fault::Damaged(format!("{} can't be read", what())))
    }
}

impl Database {
    /// Makes a new one. Its files' names are durable, their content is with the first sync.
    pub fn create(path: &Path) -> Result<Self> {
        let database = Self::open_files(path)?;
        sync_directory(path)?;
        Ok(database)
    }

    /// Opens one that is there.
    pub fn open(path: &Path) -> Result<Self> {
        for name in ["db", "conf"] {
            if !path.join(name).is_file() {
                return Err(Fault::Damaged(format!("its database's file `{name}` is missing")));
            }
        }
        remove_half_written_snapshots(path)?;
        Self::open_files(path)
    }

    fn open_files(path: &Path) -> Result<Self> {
        let owned = path.to_owned();
        let db = guarded_within(OPEN_LIMIT, move || open_engine(&owned))?;
        let db = db.ok_or_else(|| Fault::Damaged("its database does not open".into()))?;
        let file = File::open(path.join("db")).map_err(Fault::io("opening the database"))?;
        Ok(Self { db: Some(db), file })
    }

    /// The engine.
    pub fn db(&self) -> Result<&Db> {
        self.db.as_ref().ok_or_else(|| Fault::Refused("the store is closed".into()))
    }

    /// The value of a key.
    pub fn get(&self, key: &Key) -> Result<Option<Value>> {
        let raw = self.raw(key.bytes())?;
        raw.map(|raw| self.whole(key.bytes(), raw)).transpose()
    }

    /// What the engine has for a key.
    pub fn raw(&self, key: &[u8]) -> Result<Option<IVec>> {
        Ok(self.db()?.get(key)?)
    }

    /// Whether there is a value; of one in pieces only that there are some.
    pub fn contains(&self, key: &Key) -> Result<bool> {
        Ok(self.db()?.contains_key(key.bytes())?)
    }

    /// The value of a key, read as JSON.
    pub fn get_json<T: DeserializeOwned>(&self, key: &Key, what: impl Fn() -> String) -> Result<Option<T>> {
        self.get(key)?.map(|value| value.json(what)).transpose()
    }

    /// Every key that starts with this, and its value, in the order of the keys.
    pub fn scan<'a>(
        &'a self,
        prefix: &Key,
    ) -> Result<impl DoubleEndedIterator<Item = Result<(IVec, Value)>> + use<'a>> {
        Ok(self.db()?.scan_prefix(prefix.bytes()).map(|entry| {
            let (key, raw) = entry?;
            let value = self.whole(&key, raw)?;
            Ok((key, value))
        }))
    }

    /// Every key that starts with this, in their order.
    pub fn keys<'a>(&'a self, prefix: &Key) -> Result<impl DoubleEndedIterator<Item = Result<IVec>> + use<'a>> {
        Ok(self.db()?.scan_prefix(prefix.bytes()).keys().map(|key| Ok(key?)))
    }

    /// The last key within these two, both included.
    pub fn last_within(&self, first: Key, last: Key) -> Result<Option<IVec>> {
        self.keys_within(first, last)?.next_back().transpose()
    }

    /// Every key within these two, both included, in their order.
    pub fn keys_within<'a>(
        &'a self,
        first: Key,
        last: Key,
    ) -> Result<impl DoubleEndedIterator<Item = Result<IVec>> + use<'a>> {
        Ok(self.db()?.range(first.bytes()..=last.bytes()).keys().map(|key| Ok(key?)))
    }

    /// As [`Database::keys_within`], with their values.
    pub fn within<'a>(
        &'a self,
        first: Key,
        last: Key,
    ) -> Result<impl Iterator<Item = Result<(IVec, Value)>> + use<'a>> {
        Ok(self.db()?.range(first.bytes()..=last.bytes()).map(|entry| {
            let (key, raw) = entry?;
            let value = self.whole(&key, raw)?;
            Ok((key, value))
        }))
    }

    /// The whole of a value that may be in pieces.
    fn whole(&self, key: &[u8], raw: IVec) -> Result<Value> {
        let Some(pieces) = pieces_of(&raw)? else { return Ok(Value::Whole(raw)) };
        let mut bytes = Vec::with_capacity(pieces as usize * PIECE);
        for at in 0..pieces {
            let piece = self.raw(keys::piece(key, at).bytes())?;
            let piece = piece.ok_or_else(|| Fault::Damaged("a part of a value is missing".into()))?;
            bytes.extend_from_slice(&piece);
        }
        Ok(Value::Joined(bytes))
    }

    /// Starts a group of changes.
    pub fn change(&self) -> Changes<'_> {
        Changes { database: self, entries: Vec::new() }
    }

    /// Makes everything that was committed durable: out of the engine's buffers, and out of the
    /// device's, which the engine leaves alone.
    pub fn sync(&self) -> Result<()> {
        self.db()?.flush()?;
        self.file.sync_data().map_err(Fault::io("syncing the database"))
    }

    /// Lets everything that was committed go to the operating system soon, without waiting.
    pub fn send_off(&self) -> Result<()> {
        drop(self.db()?.flush_async());
        Ok(())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let db = self.db.take();
        // The engine waits for its own threads, which may have died of damage: then it is left.
        let closed = guarded_within(CLOSE_LIMIT, move || {
            drop(db);
            Ok(())
        });
        drop(closed);
    }
}

fn open_engine(path: &Path) -> Result<Db> {
    let started = Instant::now();
    loop {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE)
            .mode(sled::Mode::LowSpace)
            .flush_every_ms(Some(FLUSH_EVERY));
        match config.open() {
            Err(sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock") && started.elapsed() < LINGER_LIMIT =>
            {
                thread::sleep(Duration::from_millis(1));
            }
            opened => return Ok(opened?),
        }
    }
}

/// A process that dies while it opens the database leaves a snapshot of the engine's half-written
/// beside the good one, and the engine would take it for a damaged good one.
fn remove_half_written_snapshots(path: &Path) -> Result<()> {
    let reading = || Fault::io("reading the database's directory");
    for entry in path.read_dir().map_err(reading())? {
        let entry = entry.map_err(reading())?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            std::fs::remove_file(entry.path()).map_err(reading())?;
        }
    }
    Ok(())
}

/// The number of pieces of a value as it is kept; none if it is whole.
fn pieces_of(raw: &[u8]) -> Result<Option<u32>> {
    match raw {
        [WHOLE, ..] => Ok(None),
        [PIECES, a, b, c, d] => Ok(Some(u32::from_be_bytes([*a, *b, *c, *d]))),
        _ => Err(Fault::Damaged("a value is not one that Springline wrote".into())),
    }
}

/// A group of changes that is written as a whole or not at all. A key is changed once at most.
pub(crate) struct Changes<'a> {
    database: &'a Database,
    /// Keys and what the engine is to have for them; none for a removal.
    entries: Vec<(Key, Option<Vec<u8>>)>,
}

impl Changes<'_> {
    /// Sets a key.
    pub fn put(&mut self, key: Key, value: &[u8]) -> Result<()> {
        if value.len() > MAX_VALUE {
            let message = format!("{} bytes are too many for one entry of the store", value.len());
            return Err(Fault::Refused(message));
        }
        let before = self.database.raw(key.bytes())?;
        let had = before.as_deref().map_or(Ok(None), pieces_of)?.unwrap_or(0);
        let pieces: Vec<_> = if value.len() <= PIECE { Vec::new() } else { value.chunks(PIECE).collect() };
        for (at, piece) in (0_u32..).zip(&pieces) {
            let key = keys::piece(key.bytes(), at);
            let stays = at < had && self.database.raw(key.bytes())?.as_deref() == Some(*piece);
            if !stays {
                self.entries.push((key, Some(piece.to_vec())));
            }
        }
        let count = pieces.len() as u32;
        self.entries.extend((count..had).map(|at| (keys::piece(key.bytes(), at), None)));
        let raw =
            if pieces.is_empty() { [&[WHOLE], value].concat() } else { [&[PIECES], &count.to_be_bytes()[..]].concat() };
        if before.as_deref() != Some(&raw) {
            self.entries.push((key, Some(raw)));
        }
        Ok(())
    }

    /// Sets a key that has no value but that it is there.
    pub fn add(&mut self, key: Key) {
        self.entries.push((key, Some(vec![WHOLE])));
    }

    /// Sets a key to JSON.
    pub fn put_json(&mut self, key: Key, value: &impl Serialize) -> Result<()> {
        let json = serde_json::to_vec(value).map_err(|error| Fault::Refused(error.to_string()))?;
        self.put(key, &json)
    }

    /// Removes a key; one that is not there is fine.
    pub fn remove(&mut self, key: Key) -> Result<()> {
        if let Some(before) = self.database.raw(key.bytes())? {
            let pieces = 0..pieces_of(&before)?.unwrap_or(0);
            self.entries.extend(pieces.map(|at| (keys::piece(key.bytes(), at), None)));
            self.entries.push((key, None));
        }
        Ok(())
    }

    /// What would be written.
    pub fn entries(&self) -> &[(Key, Option<Vec<u8>>)] {
        &self.entries
    }

    /// Writes it.
    pub fn commit(self) -> Result<()> {
        let db = self.database.db()?;
        if self.entries.len() > 1 {
            let mut batch = Batch::default();
            for (key, value) in self.entries {
                match value {
                    Some(value) => batch.insert(key.bytes(), value),
                    None => batch.remove(key.bytes()),
                }
            }
            return Ok(db.apply_batch(batch)?);
        }
        // One entry is atomic by itself, and ten times as fast.
        self.commit_each()
    }

    /// Writes it, not as a whole.
    pub fn commit_each(self) -> Result<()> {
        let db = self.database.db()?;
        for (key, value) in self.entries {
            match value {
                Some(value) => drop(db.insert(key.bytes(), value)?),
                None => drop(db.remove(key.bytes())?),
            }
        }
        Ok(())
    }
}
