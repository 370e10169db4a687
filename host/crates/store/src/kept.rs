//! Kept results of pure calls.
//!
//! A result is kept once, by an id made of what it depended on and what came out. Exact keys lead to
//! it, one for each set of trees it was found good for; per call there is a list of results with the
//! exact keys of each. These are written one entry after the other, not as a group, which costs a
//! tenth: cut off in between, a result is not found and made again.

use springline_model::call::CallKey;
use springline_model::run::{Kept, Output, Timestamp};
use springline_model::{Digest, Hasher};

use crate::database::Database;
use crate::fault::{Fault, Result};
use crate::keys;
use crate::write::Writer;

/// How many results of one call are kept.
const KEPT: usize = 32;
/// How many of them are offered.
const OFFERED: usize = 8;
/// How many exact keys lead to one result. Every commit that changes a tree without changing the
/// result makes another.
const EXACT: usize = 4;

/// What is the same in two results that are one.
pub(crate) fn result_id(kept: &Kept) -> Digest {
    let kind = match kept.output {
        Output::Tree(_) => "tree",
        Output::Objects(_) => "objects",
    };
    let mut hasher = Hasher::domain("springline-result/1");
    hasher
        .field(kept.key.0.as_bytes())
        .field(kept.trace.as_bytes())
        .field(kind.as_bytes())
        .field(kept.output.digest().as_bytes());
    hasher.finish()
}

/// A result in the list of its call.
struct Listed {
    order: u64,
    id: Digest,
    /// The exact keys that lead to it, oldest first.
    exact: Vec<Digest>,
}

impl Listed {
    fn bytes(&self) -> Vec<u8> {
        let digests = std::iter::once(&self.id).chain(&self.exact);
        digests.flat_map(|digest| *digest.as_bytes()).collect()
    }

    fn read(key: &[u8], value: &[u8]) -> Result<Self> {
        let mut digests = digests(value)?.into_iter();
        let id = digests.next().ok_or_else(malformed)?;
        Ok(Self { order: keys::number_of(key)?, id, exact: digests.collect() })
    }
}

pub(crate) fn exact(database: &Database, exact: &Digest) -> Result<Option<Kept>> {
    match led_to(database, exact)? {
        Some(id) => result(database, &id),
        None => Ok(None),
    }
}

/// The newest results of a call.
pub(crate) fn offered(database: &Database, call: &CallKey) -> Result<Vec<Kept>> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for entry in database.scan(&keys::calls(call))?.rev() {
        let (key, value) = entry?;
        let listed = Listed::read(&key, value.bytes())?;
        if found.len() == OFFERED {
            break;
        }
        if !seen.contains(&listed.id) {
            found.extend(result(database, &listed.id)?);
            seen.push(listed.id);
        }
    }
    Ok(found)
}

pub(crate) fn all(database: &Database) -> Result<Vec<Kept>> {
    database.scan(&keys::results())?.map(|entry| entry?.1.json(|| "a kept result".into())).collect()
}

pub(crate) fn keep(writer: &mut Writer<'_>, exact: &Digest, kept: &Kept) -> Result<()> {
    let id = result_id(kept);
    writer.changes.put_json(keys::result(&id), kept)?;
    writer.commit()?;
    writer.changes.put(keys::exact(exact), id.as_bytes())?;
    writer.commit()?;

    let (same, mut others): (Vec<_>, Vec<_>) = list(writer.database, &kept.key)?.into_iter().partition(|l| l.id == id);
    let newest = others.iter().chain(&same).map(|listed| listed.order).max().unwrap_or(0);
    let mut led: Vec<_> = same.iter().flat_map(|listed| &listed.exact).filter(|led| *led != exact).copied().collect();
    led.push(*exact);
    let surplus: Vec<_> = led.drain(..led.len().saturating_sub(EXACT)).collect();
    match same.as_slice() {
        // Nothing came between: the newest stays where it is.
        [one] if one.order == newest => {
            let listed = Listed { order: newest, id, exact: led };
            writer.changes.put(keys::call(&kept.key, newest), &listed.bytes())?;
            writer.commit()?;
        }
        _ => {
            let listed = Listed { order: newest + 1, id, exact: led };
            writer.changes.put(keys::call(&kept.key, newest + 1), &listed.bytes())?;
            writer.commit()?;
            for moved in same {
                writer.changes.remove(keys::call(&kept.key, moved.order))?;
                writer.commit()?;
            }
        }
    }
    forget_exact(writer, &surplus, &id)?;
    for oldest in others.drain(..(others.len() + 1).saturating_sub(KEPT)) {
        forget_listed(writer, &kept.key, &oldest)?;
    }
    Ok(())
}

/// Forgets the results made before this moment, and returns how many.
pub(crate) fn forget(writer: &mut Writer<'_>, before: Timestamp) -> Result<u64> {
    let old: Vec<_> = all(writer.database)?.into_iter().filter(|kept| kept.at < before).collect();
    for kept in &old {
        let id = result_id(kept);
        for listed in list(writer.database, &kept.key)?.iter().filter(|listed| listed.id == id) {
            forget_listed(writer, &kept.key, listed)?;
        }
        writer.changes.remove(keys::result(&id))?;
        writer.commit()?;
    }
    Ok(old.len() as u64)
}

fn forget_listed(writer: &mut Writer<'_>, call: &CallKey, listed: &Listed) -> Result<()> {
    forget_exact(writer, &listed.exact, &listed.id)?;
    writer.changes.remove(keys::call(call, listed.order))?;
    writer.commit()?;
    writer.changes.remove(keys::result(&listed.id))?;
    writer.commit()
}

/// Forgets exact keys, where they still lead to this result.
fn forget_exact(writer: &mut Writer<'_>, exact: &[Digest], id: &Digest) -> Result<()> {
    for exact in exact {
        if led_to(writer.database, exact)?.as_ref() == Some(id) {
            writer.changes.remove(keys::exact(exact))?;
            writer.commit()?;
        }
    }
    Ok(())
}

/// The list of a call, oldest first.
fn list(database: &Database, call: &CallKey) -> Result<Vec<Listed>> {
    let entries = database.scan(&keys::calls(call))?;
    entries.map(|entry| entry.and_then(|(key, value)| Listed::read(&key, value.bytes()))).collect()
}

fn led_to(database: &Database, exact: &Digest) -> Result<Option<Digest>> {
    let value = database.get(&keys::exact(exact))?;
    value.map(|value| digests(value.bytes())?.pop().ok_or_else(malformed)).transpose()
}

fn result(database: &Database, id: &Digest) -> Result<Option<Kept>> {
    database.get_json(&keys::result(id), || "a kept result".into())
}

fn digests(bytes: &[u8]) -> Result<Vec<Digest>> {
    let (digests, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() { Ok(digests.iter().copied().map(Digest::from_bytes).collect()) } else { Err(malformed()) }
}

fn malformed() -> Fault {
    Fault::Damaged("a kept result is not one that Springline wrote".into())
}
