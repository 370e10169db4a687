//! What a guest learned about the paths of one mount.

use std::collections::HashMap;

use springline_model::trace::Access;

use super::FileError;

/// How much memory the facts of one mount may take, roughly, in bytes. Millions of looks fit; a
/// guest that makes up paths for ever is stopped.
const MAX_WEIGHT: usize = 256 << 20;

/// Facts by path, none that another one of the same path implies.
#[derive(Default)]
pub(super) struct Facts {
    paths: HashMap<String, Vec<Access>>,
    weight: usize,
}

impl Facts {
    /// Writes a fact down.
    ///
    /// # Errors
    /// [`FileError::Untraceable`] if there are too many.
    pub(super) fn learn(&mut self, path: &str, fact: Access) -> Result<(), FileError> {
        if let Some(known) = self.paths.get_mut(path) {
            if !known.iter().any(|known| implies(known, &fact)) {
                known.retain(|known| !implies(&fact, known));
                known.push(fact);
            }
            return Ok(());
        }
        self.weight += path.len() + link_length(&fact) + 128;
        if self.weight > MAX_WEIGHT {
            return Err(FileError::Untraceable);
        }
        self.paths.insert(path.to_owned(), vec![fact]);
        Ok(())
    }

    /// Whether the listing of this directory was learned.
    pub(super) fn knows_listing(&self, path: &str) -> bool {
        self.paths.get(path).is_some_and(|known| known.iter().any(|fact| matches!(fact, Access::Listed(_))))
    }

    /// All facts, sorted by path and then by themselves.
    pub(super) fn sorted(&self) -> Vec<(String, Access)> {
        let mut all: Vec<_> =
            self.paths.iter().flat_map(|(path, facts)| facts.iter().map(|fact| (path.clone(), fact.clone()))).collect();
        all.sort_unstable();
        all
    }
}

fn link_length(fact: &Access) -> usize {
    if let Access::Link(target) = fact { target.len() } else { 0 }
}

/// Whether wherever the first fact holds about a path the second one holds about it as well.
fn implies(first: &Access, second: &Access) -> bool {
    first == second
        || matches!(
            (first, second),
            (Access::Read(_) | Access::Size(_) | Access::Executable(_), Access::IsFile)
                | (Access::Read(_), Access::Size(_))
                | (Access::Listed(_), Access::IsDirectory)
        )
}

#[cfg(test)]
mod tests {
    use springline_model::{Digest, ObjectId};

    use super::*;

    #[test]
    fn the_stronger_fact_stands_for_the_weaker() {
        let read = Access::Read(ObjectId::Blob(Digest::of("x")));
        let mut facts = Facts::default();
        for fact in [Access::IsFile, Access::Size(1), read.clone(), Access::Size(1), Access::IsFile] {
            facts.learn("a", fact).unwrap();
        }
        facts.learn("a", Access::Executable(true)).unwrap();
        facts.learn("0", Access::Missing).unwrap();
        let expected = [("0", Access::Missing), ("a", read), ("a", Access::Executable(true))];
        assert_eq!(facts.sorted(), expected.map(|(path, fact)| (path.to_owned(), fact)));
    }
}
