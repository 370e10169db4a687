//! Revisions and their trees, read from git without a checkout, and commits written to it.
//!
//! [`GitSource`] opens a repository on disk, or a mirror of one that it fetches from a URL. Trees
//! of commits come straight from the object database, packed or loose; what is read is checked
//! against its id. Uncommitted state is a tree as well, and nothing is written into the user's
//! repository to make it one.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod changes;
mod commit;
mod difference;
mod fetch;
mod git_tree;
mod listing;
mod objects;
mod past;
mod program;
mod source;
mod status;
#[cfg(test)]
mod testing;
mod url;
mod worktree;
mod write;

pub use past::{FileChange, Past};
pub use source::GitSource;
pub use write::GitWriter;

use springline_model::port::SourceError;

/// What went wrong, with all its causes, in one line.
fn message(error: &gix::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.iter_errors() {
        let text = cause.to_string();
        let line = text.lines().next().unwrap_or_default().trim().trim_end_matches(['.', ':']);
        // Causes repeat each other, and some only classify the one before.
        let says_more = !line.starts_with("I/O error (") && !parts.iter().any(|part| part.contains(line));
        if says_more {
            parts.push(line.to_owned());
        }
    }
    parts.join(": ")
}

fn git_error(error: gix::Error) -> SourceError {
    SourceError::Git(message(&error))
}
