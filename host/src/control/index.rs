//! Which applications a commit concerns.

use std::collections::HashMap;

use springline_model::footprint::{ByNumber, Changes, Footprint};

use super::queue::Id;

/// The applications by what they depend on. Most paths have one reader: that stands for itself.
#[derive(Debug, Default)]
pub(super) struct Index {
    readers: HashMap<u64, u32, ByNumber>,
    many: Vec<Vec<Id>>,
    /// The places in `many` that nobody uses.
    free: Vec<u32>,
}

/// Marks a place in `many`.
const MANY: u32 = 1 << 31;

impl Index {
    /// An application depends on this.
    pub(super) fn add(&mut self, id: Id, footprint: &Footprint) {
        for number in footprint.numbers() {
            match self.readers.get_mut(number) {
                None => drop(self.readers.insert(*number, id)),
                Some(many) if *many & MANY != 0 => self.many[(*many & !MANY) as usize].push(id),
                Some(one) => {
                    let both = vec![*one, id];
                    *one = MANY
                        | self.free.pop().unwrap_or_else(|| {
                            self.many.push(Vec::new());
                            u32::try_from(self.many.len() - 1).unwrap_or(!MANY)
                        });
                    self.many[(*one & !MANY) as usize] = both;
                }
            }
        }
    }

    /// An application depends on this no longer.
    pub(super) fn remove(&mut self, id: Id, footprint: &Footprint) {
        for number in footprint.numbers() {
            let Some(found) = self.readers.get(number).copied() else { continue };
            if found & MANY != 0 {
                let all = &mut self.many[(found & !MANY) as usize];
                all.retain(|other| *other != id);
                if !all.is_empty() {
                    continue;
                }
                *all = Vec::new();
                self.free.push(found & !MANY);
            }
            self.readers.remove(number);
        }
    }

    /// The applications that what changed concerns, sorted; those that every commit concerns aside.
    pub(super) fn concerned(&self, changes: &Changes) -> Vec<Id> {
        let mut ids: Vec<Id> = Vec::new();
        for number in changes.numbers() {
            match self.readers.get(&number) {
                None => {}
                Some(many) if many & MANY != 0 => ids.extend(&self.many[(many & !MANY) as usize]),
                Some(one) => ids.push(*one),
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
        let places = index.many.len();
        index.remove(7, &of[7]);
        assert!(index.concerned(&changed("apps/7")).is_empty());
        assert_eq!(index.concerned(&changed("shared")).len(), 99);
        (0..).zip(&of).for_each(|(id, footprint)| index.remove(id, footprint));
        assert!(index.readers.is_empty());
        (0..).zip(&of).for_each(|(id, footprint)| index.add(id, footprint));
        assert_eq!((index.concerned(&changed("shared")).len(), index.many.len()), (100, places));
    }
}
