//! Which applications a commit concerns.

use std::collections::HashMap;

use springline_model::footprint::{ByNumber, Changes, Footprint};

use super::queue::Id;

/// The applications by what they depend on.
#[derive(Debug, Default)]
pub(super) struct Index {
    readers: HashMap<u64, Readers, ByNumber>,
}

/// Most paths have one reader.
#[derive(Debug)]
enum Readers {
    One(Id),
    Many(Vec<Id>),
}

impl Index {
    /// An application depends on this.
    pub(super) fn add(&mut self, id: Id, footprint: &Footprint) {
        for number in footprint.numbers() {
            match self.readers.get_mut(number) {
                None => drop(self.readers.insert(*number, Readers::One(id))),
                Some(Readers::Many(all)) => all.push(id),
                Some(one) => {
                    if let Readers::One(other) = *one {
                        *one = Readers::Many(vec![other, id]);
                    }
                }
            }
        }
    }

    /// An application depends on this no longer.
    pub(super) fn remove(&mut self, id: Id, footprint: &Footprint) {
        for number in footprint.numbers() {
            let empty = match self.readers.get_mut(number) {
                None => false,
                Some(Readers::One(_)) => true,
                Some(Readers::Many(all)) => {
                    all.retain(|other| *other != id);
                    all.is_empty()
                }
            };
            if empty {
                self.readers.remove(number);
            }
        }
    }

    /// The applications that what changed concerns, sorted; those that every commit concerns aside.
    pub(super) fn concerned(&self, changes: &Changes) -> Vec<Id> {
        let mut ids: Vec<Id> = Vec::new();
        for number in changes.numbers() {
            match self.readers.get(&number) {
                None => {}
                Some(Readers::One(id)) => ids.push(*id),
                Some(Readers::Many(all)) => ids.extend(all),
            }
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

#[cfg(test)]
mod tests {
    use springline_model::footprint::path_of;

    use super::*;

    fn footprint(paths: &[&str]) -> Footprint {
        let mut footprint = Footprint::default();
        paths.iter().for_each(|path| footprint.add_path(path));
        footprint.packed()
    }

    #[test]
    fn who_depends_on_what_changed_is_found() {
        let of: Vec<Footprint> = (0..100).map(|at| footprint(&["shared", &format!("apps/{at}")])).collect();
        let mut index = Index::default();
        (0..).zip(&of).for_each(|(id, footprint)| index.add(id, footprint));
        let changed = |path: &str| {
            let mut changes = Changes::default();
            changes.add(path_of(path.as_bytes()));
            changes
        };
        assert_eq!(index.concerned(&changed("shared")).len(), 100);
        assert_eq!(index.concerned(&changed("apps/7")), [7]);
        assert!(index.concerned(&changed("other")).is_empty());
        index.remove(7, &of[7]);
        assert!(index.concerned(&changed("apps/7")).is_empty());
        assert_eq!(index.concerned(&changed("shared")).len(), 99);
        (0..).zip(&of).for_each(|(id, footprint)| index.remove(id, footprint));
        assert!(index.readers.is_empty());
    }
}
