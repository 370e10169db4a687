//! What every [`Store`] must pass: kept results.

use springline_model::Digest;
use springline_model::port::Store;

use crate::sample;

pub(super) fn suite(make: &impl Fn() -> Box<dyn Store>) {
    a_result_is_found_exactly_and_by_its_key(&*make());
    the_newest_few_are_offered(&*make());
    only_so_many_results_of_a_key_are_kept(&*make());
    one_result_under_many_exact_keys_is_offered_once(&*make());
    results_that_share_an_exact_key_are_all_offered(&*make());
    old_results_are_forgotten(&*make());
    a_large_result_is_kept_whole(&*make());
}

fn exact(seed: impl std::fmt::Display) -> Digest {
    Digest::of(format!("exact {seed}"))
}

fn a_result_is_found_exactly_and_by_its_key(store: &dyn Store) {
    let (key, other) = (sample::key("a"), sample::key("b"));
    let (kept, another) = (sample::kept(key, "1", 5), sample::kept(other, "2", 6));
    store.keep(&exact(1), &kept).unwrap();
    store.keep(&exact(2), &another).unwrap();
    assert_eq!(store.kept_exact(&exact(1)).unwrap().as_ref(), Some(&kept));
    assert_eq!(store.kept_exact(&exact(3)).unwrap(), None);
    assert_eq!(store.kept(&key).unwrap(), std::slice::from_ref(&kept));
    assert_eq!(store.kept(&other).unwrap(), std::slice::from_ref(&another));
    assert!(store.kept(&sample::key("c")).unwrap().is_empty());
    let mut all = store.all_kept().unwrap();
    all.sort_by_key(|kept| kept.at);
    assert_eq!(all, [kept, another]);
}

fn the_newest_few_are_offered(store: &dyn Store) {
    let key = sample::key("a");
    let made: Vec<_> = (0..12).map(|at| sample::kept(key, &at.to_string(), at)).collect();
    for kept in &made {
        store.keep(&exact(kept.at), kept).unwrap();
    }
    let newest: Vec<_> = made.iter().rev().take(8).cloned().collect();
    assert_eq!(store.kept(&key).unwrap(), newest);
    assert_eq!(store.kept_exact(&exact(0)).unwrap().as_ref(), Some(&made[0]), "an older one is still known");
    // Kept again, an older one is the newest.
    store.keep(&exact("0 again"), &made[0]).unwrap();
    assert_eq!(store.kept(&key).unwrap()[0], made[0]);
    assert_eq!(store.all_kept().unwrap().len(), 12);
}

fn only_so_many_results_of_a_key_are_kept(store: &dyn Store) {
    let (key, other) = (sample::key("a"), sample::key("b"));
    store.keep(&exact("other"), &sample::kept(other, "other", 0)).unwrap();
    for at in 0..50 {
        store.keep(&exact(at), &sample::kept(key, &at.to_string(), at)).unwrap();
    }
    let mut of_key: Vec<_> = store.all_kept().unwrap().into_iter().filter(|kept| kept.key == key).collect();
    of_key.sort_by_key(|kept| kept.at);
    assert_eq!(of_key.iter().map(|kept| kept.at).collect::<Vec<_>>(), (18..50).collect::<Vec<_>>());
    for at in 0..50 {
        assert_eq!(store.kept_exact(&exact(at)).unwrap().is_some(), at >= 18, "{at}");
    }
    assert!(store.kept_exact(&exact("other")).unwrap().is_some());
}

fn one_result_under_many_exact_keys_is_offered_once(store: &dyn Store) {
    let key = sample::key("a");
    let (old, new) = (sample::kept(key, "old", 1), sample::kept(key, "new", 2));
    store.keep(&exact("old"), &old).unwrap();
    // Unrelated commits: other trees, the same result.
    for at in 0..100 {
        store.keep(&exact(at), &new).unwrap();
        assert_eq!(store.kept_exact(&exact(at)).unwrap().as_ref(), Some(&new));
    }
    assert_eq!(store.kept(&key).unwrap(), [new.clone(), old.clone()], "and it never displaces another");
    assert_eq!(store.kept_exact(&exact("old")).unwrap(), Some(old));
    assert!(store.kept_exact(&exact(0)).unwrap().is_none(), "only its latest exact keys lead to it");
    assert_eq!(store.all_kept().unwrap().len(), 2);
}

fn results_that_share_an_exact_key_are_all_offered(store: &dyn Store) {
    let key = sample::key("a");
    let (staging, live) = (sample::kept(key, "staging", 1), sample::kept(key, "live", 2));
    for _ in 0..3 {
        store.keep(&exact(1), &staging).unwrap();
        assert_eq!(store.kept_exact(&exact(1)).unwrap().as_ref(), Some(&staging));
        store.keep(&exact(1), &live).unwrap();
        assert_eq!(store.kept_exact(&exact(1)).unwrap().as_ref(), Some(&live), "the latest is found");
    }
    assert_eq!(store.kept(&key).unwrap(), [live.clone(), staging]);
    assert_eq!(store.forget_kept(2).unwrap(), 1);
    assert_eq!(store.kept_exact(&exact(1)).unwrap(), Some(live), "forgetting one leaves the other");
}

fn old_results_are_forgotten(store: &dyn Store) {
    let (a, b) = (sample::key("a"), sample::key("b"));
    for at in 0..10 {
        store.keep(&exact(at), &sample::kept(if at % 2 == 0 { a } else { b }, &at.to_string(), at)).unwrap();
    }
    assert_eq!(store.forget_kept(6).unwrap(), 6);
    assert_eq!(store.forget_kept(6).unwrap(), 0);
    for at in 0..10 {
        assert_eq!(store.kept_exact(&exact(at)).unwrap().is_some(), at >= 6, "{at}");
    }
    assert_eq!(store.kept(&a).unwrap().len() + store.kept(&b).unwrap().len(), 4);
    assert_eq!(store.all_kept().unwrap().len(), 4);
}

fn a_large_result_is_kept_whole(store: &dyn Store) {
    let key = sample::key("a");
    let mut kept = sample::kept(key, "large", 0);
    kept.context = (0..2_000).map(|at| (format!("artifact/{at}"), Digest::of(at.to_string()))).collect();
    store.keep(&exact(1), &kept).unwrap();
    store.keep(&exact(2), &kept).unwrap();
    assert_eq!(store.kept_exact(&exact(1)).unwrap().as_ref(), Some(&kept));
    assert_eq!(store.kept(&key).unwrap(), [kept]);
    assert_eq!(store.forget_kept(1).unwrap(), 1);
    assert_eq!(store.kept_exact(&exact(2)).unwrap(), None);
}
