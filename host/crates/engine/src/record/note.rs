//! Notes of commits: one block for each environment, and whatever people write besides.

use springline_model::Cancel;
use springline_model::port::Tree;
use springline_model::repository::Edit;
use springline_model::run::Place;
use springline_model::trace::{Found, find};
use springline_model::tree::{Entry, TreeError, join_path};

use super::account::Account;

/// What a block begins with.
const BLOCK: &str = "springline: ";
/// With so many notes in one directory, new ones go into directories below.
const CROWDED: usize = 256;
/// In how many levels of directories notes are looked for.
const LEVELS: usize = 3;

/// The block of an account.
pub(super) fn block(account: &Account) -> String {
    let mut block = format!("{}\n", begins(&account.place()));
    account.fields().iter().for_each(|(key, value)| block.push_str(&format!("  {key}: {value}\n")));
    block
}

/// The first line of the block of a place.
fn begins(place: &Place) -> String {
    format!("{BLOCK}{place}")
}

/// The block of a place in a note, if there is one.
pub(super) fn block_of<'n>(note: &'n str, place: &Place) -> Option<&'n str> {
    let begins = begins(place);
    parts_of(note).into_iter().find(|part| part.lines().next() == Some(begins.as_str()))
}

/// A note with the block of this account in the place of the one that its environment had. All else
/// stays as it is.
pub(super) fn with(note: &[u8], account: &Account) -> Vec<u8> {
    // Whatever bytes there are stay: each counts as a character of its own.
    let note = &wide(note);
    let (block, begins) = (wide(block(account).as_bytes()), wide(begins(&account.place()).as_bytes()));
    let mut parts: Vec<String> = Vec::new();
    let mut is_placed = false;
    for part in parts_of(note) {
        if part.lines().next() != Some(begins.as_str()) {
            parts.push(part.to_owned());
        } else if !is_placed {
            parts.push(block.clone());
            is_placed = true;
        }
    }
    if !is_placed {
        if let Some(last) = parts.last_mut() {
            let gap = if last.ends_with("\n\n") {
                ""
            } else if last.ends_with('\n') {
                "\n"
            } else {
                "\n\n"
            };
            last.push_str(gap);
        }
        parts.push(block);
    }
    narrow(&parts.concat())
}

fn wide(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn narrow(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

/// The accounts in a note.
pub(super) fn accounts(note: &str) -> Vec<Account> {
    let account = |part: &str| {
        let mut lines = part.lines();
        let (application, environment) = lines.next()?.strip_prefix(BLOCK)?.split_once('/')?;
        let place = Place { application: application.to_owned(), environment: environment.to_owned() };
        Account::read(&place, lines.filter_map(|line| line.strip_prefix("  ")?.split_once(": ")))
    };
    parts_of(note).into_iter().filter_map(account).collect()
}

/// Blocks of ours, and the text between them.
fn parts_of(note: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut at, mut in_block) = (0, 0, false);
    for line in note.split_inclusive('\n') {
        let begins = line.starts_with(BLOCK);
        if begins || (in_block && !line.starts_with("  ")) {
            parts.push(&note[start..at]);
            start = at;
            in_block = begins;
        }
        at += line.len();
    }
    parts.push(&note[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// Where the notes of a commit are: in whatever directories its id is spread over. The last is the one
/// that a note of it is written to.
pub(super) struct Places {
    /// Paths of notes that are there.
    pub there: Vec<(String, Entry)>,
    /// Where a new one goes.
    pub new: String,
}

pub(super) fn places(tree: Option<&dyn Tree>, commit: &str) -> Result<Places, TreeError> {
    let mut there = Vec::new();
    let (mut at, mut rest) = (String::new(), commit);
    let Some(tree) = tree else { return Ok(Places { there, new: commit.to_owned() }) };
    while let Some(directory) = tree.directory(&at)? {
        if let Found::Entry(entry) = find(tree, &join_path(&at, rest))?
            && entry.kind.is_file()
        {
            there.push((join_path(&at, rest), entry));
        }
        let is_spread = directory.entries().iter().any(is_part);
        let is_crowded = directory.entries().len() >= CROWDED;
        if rest.len() <= 2 || !(is_spread || is_crowded) {
            break;
        }
        at = join_path(&at, &rest[..2]);
        rest = &rest[2..];
    }
    Ok(Places { there, new: join_path(&at, rest) })
}

/// Whether an entry is one of the directories that ids are spread over.
fn is_part(entry: &Entry) -> bool {
    entry.kind == springline_model::tree::EntryKind::Directory
        && entry.name.len() == 2
        && entry.name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The edits that make a commit's note this text, wherever it was.
pub(super) fn edits(places: &Places, text: Vec<u8>) -> Vec<Edit> {
    let path = places.there.first().map_or(&places.new, |(path, _)| path);
    let others = places.there.iter().skip(1).map(|(path, _)| Edit::Remove { path: path.clone() });
    others.chain([Edit::Put { path: path.clone(), bytes: text }]).collect()
}

/// Every note in a tree: text of files whose paths are ids.
///
/// Somebody may have made them so that they never end: they are followed no deeper than git itself goes
/// with millions of notes, and no longer than somebody wants that.
pub(super) fn all(tree: &dyn Tree, cancel: &Cancel, each: &mut dyn FnMut(&str)) -> Result<(), TreeError> {
    let mut open = vec![String::new()];
    while let Some(at) = open.pop().filter(|_| !cancel.is_cancelled()) {
        let is_deepest = at.split('/').filter(|part| !part.is_empty()).count() == LEVELS;
        for entry in tree.directory(&at)?.iter().flat_map(|directory| directory.entries()) {
            if is_part(entry) && !is_deepest {
                open.push(join_path(&at, &entry.name));
            } else if entry.kind.is_file() {
                each(&String::from_utf8_lossy(&tree.read(entry)?));
            }
        }
    }
    Ok(())
}
