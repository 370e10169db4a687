//! Trees with edits, as git objects.

use std::collections::BTreeMap;

use gix::bstr::{BString, ByteSlice};
use gix::objs::tree::{Entry, EntryKind as Mode, EntryMode};
use springline_model::port::Tree;
use springline_model::repository::{Edit, RepositoryError, Trouble};
use springline_model::tree::{EntryKind, TreeError, is_clean_path, join_path};

use crate::objects::object_id;
use crate::write::{content, other};

/// A directory in the making: what of it changes.
#[derive(Default)]
struct Changed {
    /// Files and whole directories, none for what goes.
    entries: BTreeMap<BString, Option<(Mode, gix::ObjectId)>>,
    below: BTreeMap<BString, Self>,
}

/// The tree that these edits make of another, none for an empty one.
pub(super) fn edited(
    repository: &gix::Repository,
    base: Option<gix::ObjectId>,
    edits: &[Edit],
) -> Result<gix::ObjectId, RepositoryError> {
    let mut base = base;
    let mut changed = Changed::default();
    for edit in edits {
        match edit {
            Edit::Replace { path, tree } if path.is_empty() => {
                base = Some(copied(repository, tree.as_ref(), "")?);
                changed = Changed::default();
            }
            Edit::Replace { path, tree } => {
                let id = copied(repository, tree.as_ref(), "")?;
                let is_empty = id == gix::ObjectId::empty_tree(repository.object_hash());
                changed.set(path, (!is_empty).then_some((Mode::Tree, id)))?;
            }
            Edit::Put { path, bytes } => {
                let id = repository.write_blob(bytes).map_err(other)?.detach();
                let mode = mode_at(repository, base, path)?.unwrap_or(Mode::Blob);
                changed.set(path, Some((mode, id)))?;
            }
            Edit::Remove { path } => changed.set(path, None)?,
            Edit::Value { path, .. } => return Err(content(format!("a value of `{path}` was not set before"))),
        }
    }
    let empty = gix::ObjectId::empty_tree(repository.object_hash());
    Ok(changed.written(repository, base)?.unwrap_or(empty))
}

/// The mode of the file at a path, if there is one.
fn mode_at(
    repository: &gix::Repository,
    base: Option<gix::ObjectId>,
    path: &str,
) -> Result<Option<Mode>, RepositoryError> {
    let Some(base) = base else { return Ok(None) };
    let tree = repository.find_tree(base).map_err(other)?;
    let entry = tree.lookup_entry_by_path(path).map_err(other)?;
    Ok(entry.map(|entry| entry.mode().kind()).filter(|mode| matches!(mode, Mode::Blob | Mode::BlobExecutable)))
}

impl Changed {
    fn set(&mut self, path: &str, what: Option<(Mode, gix::ObjectId)>) -> Result<(), RepositoryError> {
        check_path(path)?;
        let mut at = self;
        let mut rest = path;
        while let Some((directory, below)) = rest.split_once('/') {
            at = at.below.entry(directory.into()).or_default();
            rest = below;
        }
        at.entries.insert(rest.into(), what);
        Ok(())
    }

    /// Writes the directory; none if nothing is left in it.
    fn written(
        self,
        repository: &gix::Repository,
        base: Option<gix::ObjectId>,
    ) -> Result<Option<gix::ObjectId>, RepositoryError> {
        let mut entries: BTreeMap<BString, (EntryMode, gix::ObjectId)> = BTreeMap::new();
        if let Some(base) = base {
            let tree = repository.find_tree(base).map_err(other)?;
            for entry in tree.iter() {
                let entry = entry.map_err(other)?;
                entries.insert(entry.filename().to_owned(), (entry.mode(), entry.object_id()));
            }
        }
        let is_other = |there: Option<&(EntryMode, gix::ObjectId)>, is_tree: bool| {
            there.is_some_and(|(mode, _)| mode.is_tree() != is_tree)
        };
        for (name, what) in self.entries {
            match what {
                Some((mode, _)) if is_other(entries.get(&name), mode == Mode::Tree) => return Err(in_the_way(&name)),
                Some((mode, id)) => drop(entries.insert(name, (mode.into(), id))),
                None => drop(entries.remove(&name)),
            }
        }
        for (name, below) in self.below {
            let there = entries.get(&name).filter(|(mode, _)| mode.is_tree()).map(|(_, id)| *id);
            match below.written(repository, there)? {
                Some(_) if is_other(entries.get(&name), true) => return Err(in_the_way(&name)),
                Some(id) => drop(entries.insert(name, (Mode::Tree.into(), id))),
                None if there.is_some() => drop(entries.remove(&name)),
                None => {}
            }
        }
        if entries.is_empty() {
            return Ok(None);
        }
        write(repository, entries).map(Some)
    }
}

/// A file where a directory is to be, or the other way round: nobody said that it may go.
fn in_the_way(name: &BString) -> RepositoryError {
    content(format!(
        "`{name}` is there as something else, a file, a link or a directory: move it away or name another path"
    ))
}

/// Writes another tree into the repository.
fn copied(repository: &gix::Repository, tree: &dyn Tree, path: &str) -> Result<gix::ObjectId, RepositoryError> {
    let directory = tree.directory(path).map_err(unreadable)?;
    let mut entries = BTreeMap::new();
    for entry in directory.iter().flat_map(|directory| directory.entries()) {
        let below = join_path(path, &entry.name);
        check_name(&entry.name, &below)?;
        let mode = match entry.kind {
            EntryKind::Directory => Mode::Tree,
            EntryKind::File => Mode::Blob,
            EntryKind::Executable => Mode::BlobExecutable,
            EntryKind::Symlink => Mode::Link,
            EntryKind::Submodule => Mode::Commit,
        };
        let id = match entry.kind {
            EntryKind::Directory => copied(repository, tree, &below)?,
            EntryKind::Submodule => object_id(&entry.id).map_err(unreadable)?,
            _ => {
                let bytes = tree.read(entry).map_err(unreadable)?;
                repository.write_blob(bytes).map_err(other)?.detach()
            }
        };
        // Git has no empty directories.
        if id != gix::ObjectId::empty_tree(repository.object_hash()) {
            entries.insert(entry.name.as_str().into(), (mode.into(), id));
        }
    }
    write(repository, entries)
}

fn write(
    repository: &gix::Repository,
    entries: BTreeMap<BString, (EntryMode, gix::ObjectId)>,
) -> Result<gix::ObjectId, RepositoryError> {
    let mut entries: Vec<_> =
        entries.into_iter().map(|(filename, (mode, oid))| Entry { mode, filename, oid }).collect();
    entries.sort();
    Ok(repository.write_object(gix::objs::Tree { entries }).map_err(other)?.detach())
}

/// One tree with what another has besides. Of files that differ, those in `first` stay, but for
/// notes: these are put one after the other.
pub(super) fn united(
    repository: &gix::Repository,
    (first, second): (gix::ObjectId, gix::ObjectId),
    are_notes: bool,
) -> Result<gix::ObjectId, RepositoryError> {
    if first == second {
        return Ok(first);
    }
    let list = |id| -> Result<BTreeMap<BString, (EntryMode, gix::ObjectId)>, RepositoryError> {
        let tree = repository.find_tree(id).map_err(other)?;
        let entry = |entry: Result<gix::object::tree::EntryRef<'_, '_>, _>| {
            let entry = entry.map_err(other)?;
            Ok((entry.filename().to_owned(), (entry.mode(), entry.object_id())))
        };
        tree.iter().map(entry).collect()
    };
    let mut entries = list(first)?;
    for (name, (mode, id)) in list(second)? {
        match entries.get(&name).copied() {
            None => drop(entries.insert(name, (mode, id))),
            Some((there, _)) if there.is_tree() != mode.is_tree() => {}
            Some((there, known)) if there.is_tree() => {
                let united = united(repository, (known, id), are_notes)?;
                entries.insert(name, (there, united));
            }
            Some((there, known)) if are_notes && known != id => {
                let both = [known, id].map(|id| repository.find_blob(id).map(|blob| blob.data.clone()));
                let [one, two] = both;
                let (one, two) = (one.map_err(other)?, two.map_err(other)?);
                let text = [one.trim_end(), two.trim_end(), b""].join(&b"\n\n"[..]);
                let text = [text.trim_end(), b"\n"].concat();
                entries.insert(name, (there, repository.write_blob(text).map_err(other)?.detach()));
            }
            Some(_) => {}
        }
    }
    write(repository, entries)
}

fn check_path(path: &str) -> Result<(), RepositoryError> {
    if path.is_empty() || !is_clean_path(path) {
        return Err(content(format!("`{path}` is no path within a repository")));
    }
    path.split('/').try_for_each(|name| check_name(name, path))
}

/// Git takes no such name into a work tree: it would be the repository itself.
fn check_name(name: &str, path: &str) -> Result<(), RepositoryError> {
    // As the file systems of other machines read it: without what follows a colon, and what can't be seen.
    let seen: String = name.split(':').next().unwrap_or_default().chars().filter(|c| !is_unseen(*c)).collect();
    if seen.trim_end_matches(['.', ' ']).eq_ignore_ascii_case(".git") || seen.eq_ignore_ascii_case("git~1") {
        return Err(content(format!("git can't keep `{path}`: a part of it is the name of git's own directory")));
    }
    Ok(())
}

fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

fn unreadable(error: TreeError) -> RepositoryError {
    RepositoryError::new(Trouble::Other, error.to_string())
}
