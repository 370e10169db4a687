use springline_model::footprint::path_of;

use super::super::find::{Candidate, Unnamed};
use super::super::plan::{Address, Find, Rule};
use super::*;

/// One repository, and a rule for the directories of it.
fn state(prune: bool) -> State {
    let find = Find::Directories { revision: "HEAD".into(), matches: "apps/*".into() };
    let rule = |text: &str| Rule {
        repository: 0,
        find: find.clone(),
        name: text.to_owned(),
        prune,
        text: text.to_owned(),
        is_retired: false,
    };
    let url = "file:///origin".to_owned();
    let repositories = vec![Address { shown: url.clone(), url, every: Duration::from_secs(60), is_used: true }];
    let mut state = State::new(Plan { repositories, rules: vec![rule("one"), rule("two")] });
    state.started = true;
    state
}

fn commit(id: &str) -> Arc<Revision> {
    Arc::new(Revision { id: id.to_owned(), time: 0, subject: String::new() })
}

fn found(names: &[&str]) -> Discovery {
    let candidate =
        |name: &&str| Candidate { name: (*name).into(), revision: "HEAD".into(), path: format!("apps/{name}").into() };
    Discovery { candidates: names.iter().map(candidate).collect(), ..Discovery::default() }
}

fn at(id: &str, changes: Option<Changes>) -> Polled {
    Polled {
        heads: BTreeMap::from([("HEAD".into(), Ok(commit(id)))]),
        changes: changes.into_iter().map(|changes| ("HEAD".into(), changes)).collect(),
        ..Polled::default()
    }
}

fn changes(paths: &[&str]) -> Changes {
    let mut changes = Changes::default();
    paths.iter().for_each(|path| changes.add(path_of(path.as_bytes())));
    changes
}

fn reads(paths: &[&str]) -> Option<Footprint> {
    let mut footprint = Footprint::default();
    paths.iter().for_each(|path| footprint.add_path(path));
    Some(footprint.packed())
}

/// Everything that waits is done, at the commit that is wanted; what leaves has a hyphen before it.
fn work(state: &mut State) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(id) = state.queue.take(Instant::now()) {
        let member = state.member(id);
        member.at = member.wanted.clone();
        let (name, leaves) = (member.name.to_string(), member.leaves);
        state.passed(id);
        state.queue.done(id);
        if leaves {
            state.stop_leaving(&name);
        }
        names.push(if leaves { format!("-{name}") } else { name });
    }
    names.sort();
    names
}

#[test]
fn a_commit_queues_those_that_it_concerns_and_no_others() {
    let mut state = state(false);
    let first = Polled { found: vec![(0, Ok(found(&["a", "b", "c", "d"])))], ..at("1", None) };
    assert_eq!(state.take_in(0, first), []);
    assert_eq!(work(&mut state), ["a", "b", "c", "d"]);
    for (name, reads) in [("a", reads(&["shared", "apps/a"])), ("b", reads(&["apps/b"])), ("c", None)] {
        let id = state.id(name).unwrap();
        state.set_footprint(id, reads);
    }
    let id = state.id("d").unwrap();
    state.set_footprint(id, Some(Footprint::of_everything()));
    let news = state.take_in(0, at("2", Some(changes(&["shared"]))));
    assert!(matches!(&news[..], [News::Revision { concerned: 3, others: 1, .. }]), "{news:?}");
    // What is not known, and what every commit concerns, is queued as well.
    assert_eq!(work(&mut state), ["a", "c", "d"]);
    // The next step counts from where each is.
    state.take_in(0, at("3", Some(changes(&["apps/b"]))));
    assert_eq!(work(&mut state), ["b", "c", "d"]);
    // Of what can't be compared, everything is queued.
    state.take_in(0, at("4", None));
    assert_eq!(work(&mut state).len(), 4);
}

#[test]
fn one_that_is_not_where_the_others_are_is_queued_by_any_commit() {
    let mut state = state(false);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a"])))], ..at("1", None) });
    work(&mut state);
    let id = state.id("a").unwrap();
    state.set_footprint(id, reads(&["apps/a"]));
    // It failed.
    state.member(id).at = None;
    state.take_in(0, at("2", Some(changes(&["other"]))));
    assert_eq!(work(&mut state), ["a"]);
}

#[test]
fn something_newer_ends_the_pauses_of_failures_and_stops_what_is_older() {
    let mut state = state(false);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a"])))], ..at("1", None) });
    let id = state.queue.take(Instant::now()).unwrap();
    state.set_spots(id, &["live"]);
    let steer = Arc::new(Steer::new(springline_model::Cancel::new()));
    state.member(id).steer = Some((steer.clone(), "1".to_owned()));
    state.take_in(0, at("1", None));
    assert!(!steer.is_superseded());
    // What concerns others leaves it alone.
    state.set_footprint(id, reads(&["apps/a"]));
    state.take_in(0, at("1b", Some(changes(&["other"]))));
    assert!(!steer.is_superseded());
    state.take_in(0, at("2", None));
    assert!(steer.is_superseded());
    let now = Instant::now();
    let key = (id, Part::Deploy("live".into()));
    state.paces.failed(&key, (now, now));
    state.queue.done(id);
    assert_eq!(state.queue.take(now), Some(id));
    state.queue.done(id);
    state.take_in(0, at("3", None));
    assert_eq!(state.paces.pauses(&key, now), None);
    assert_eq!(state.queue.take(now), Some(id));
}

#[test]
fn what_is_found_no_longer_is_orphaned_and_pruned_only_where_that_is_said() {
    for prune in [false, true] {
        let mut state = state(prune);
        state.take_in(0, Polled { found: vec![(0, Ok(found(&["a", "b"])))], ..at("1", None) });
        work(&mut state);
        let news = state.take_in(0, Polled { found: vec![(0, Ok(found(&["b"])))], ..Polled::default() });
        assert_eq!(news, [News::Orphaned { name: "a".into(), stays: (!prune).then_some(Stays::Unasked) }]);
        assert_eq!(state.live().count(), 1);
        // Where nothing matches at all any more, the rule may be wrong.
        let news = state.take_in(0, Polled { found: vec![(0, Ok(found(&[])))], ..Polled::default() });
        assert_eq!(
            news,
            [News::Orphaned { name: "b".into(), stays: Some(if prune { Stays::Alone } else { Stays::Unasked }) }]
        );
        assert_eq!(work(&mut state), if prune { vec!["-a"] } else { vec![] });
        // It is back.
        state.take_in(0, Polled { found: vec![(0, Ok(found(&["b"])))], ..Polled::default() });
        assert_eq!(work(&mut state), ["b"]);
    }
}

/// What a rule found: names, and the directories where they are.
fn found_in(named: &[(&str, &str)]) -> Discovery {
    let candidate = |(name, directory): &(&str, &str)| Candidate {
        name: (*name).into(),
        revision: "HEAD".into(),
        path: format!("apps/{directory}").into(),
    };
    Discovery { candidates: named.iter().map(candidate).collect(), ..Discovery::default() }
}

fn path(state: &State, name: &str) -> Option<String> {
    Some(state.members[state.id(name)? as usize].path.to_string())
}

#[test]
fn who_has_a_name_keeps_it() {
    let mut state = state(true);
    state.take_in(0, Polled { found: vec![(0, Ok(found_in(&[("shop", "shop")])))], ..at("1", None) });
    assert_eq!(work(&mut state), ["shop"]);
    // Somebody copied it; the copy comes first, by its path and by its rule.
    let copied = || found_in(&[("shop", "beta"), ("shop", "shop")]);
    let news = state.take_in(0, Polled { found: vec![(0, Ok(copied()))], ..Polled::default() });
    assert!(matches!(&news[..], [News::Taken { rule, .. }] if rule.starts_with("apps/beta of ")), "{news:?}");
    assert_eq!((path(&state, "shop").unwrap(), work(&mut state).len()), ("apps/shop".to_owned(), 0));
    assert_eq!(state.take_in(0, Polled { found: vec![(0, Ok(copied()))], ..Polled::default() }), []);
    // It is gone: the other one has the name now.
    let news = state.take_in(0, Polled { found: vec![(0, Ok(found_in(&[("shop", "beta")])))], ..Polled::default() });
    assert_eq!((news, path(&state, "shop").unwrap()), (vec![], "apps/beta".to_owned()));
    assert_eq!(work(&mut state), ["shop"]);
    // It is back, and that is told again.
    let news = state.take_in(0, Polled { found: vec![(0, Ok(copied()))], ..Polled::default() });
    assert!(matches!(&news[..], [News::Taken { rule, .. }] if rule.starts_with("apps/shop of ")), "{news:?}");
}

#[test]
fn of_two_that_want_a_name_nobody_has_neither_gets_it() {
    let mut state = state(true);
    let both = vec![(0, Ok(found_in(&[("shop", "one")]))), (1, Ok(found_in(&[("shop", "two"), ("b", "b")])))];
    let news = state.take_in(0, Polled { found: both, ..at("1", None) });
    assert!(matches!(&news[..], [News::Taken { .. }, News::Taken { .. }]), "{news:?}");
    assert_eq!(work(&mut state), ["b"]);
    // Nor do they get it from one that moves away: that is none that went.
    let mut state = self::state(true);
    state.take_in(0, Polled { found: vec![(0, Ok(found_in(&[("shop", "shop"), ("b", "b")])))], ..at("1", None) });
    let two = found_in(&[("shop", "one"), ("shop", "two"), ("b", "b")]);
    let news = state.take_in(0, Polled { found: vec![(0, Ok(two))], ..Polled::default() });
    assert!(matches!(&news[..], [News::Taken { .. }, News::Taken { .. }]), "{news:?}");
    assert_eq!(path(&state, "shop"), None);
    let news = state.take_in(0, Polled { found: vec![(0, Ok(found(&["b"])))], ..Polled::default() });
    assert_eq!(news, []);
}

#[test]
fn nobody_has_a_name_for_being_read_first() {
    let mut state = state(true);
    state.started = false;
    let read = |state: &mut State, rule, directory| {
        state.take_in(0, Polled { found: vec![(rule, Ok(found_in(&[("shop", directory)])))], ..at("1", None) })
    };
    assert_eq!(read(&mut state, 0, "one"), []);
    let news = read(&mut state, 1, "two");
    let [News::Taken { why: one, .. }, News::Taken { why: two, .. }] = &news[..] else { panic!("{news:?}") };
    assert!(one.contains("(apps/two of ") && two.contains("(apps/one of "), "{news:?}");
    state.started = true;
    assert_eq!((path(&state, "shop"), work(&mut state)), (None, vec![]));
    // Of many, a few are named.
    let many = found_in(&["a", "b", "c", "d", "e"].map(|directory| ("shop", directory)));
    let news = self::state(true).take_in(0, Polled { found: vec![(0, Ok(many))], ..at("1", None) });
    let few = |one: &News| matches!(one, News::Taken { why, .. } if why.matches("apps/").count() == 3 && why.contains(", …)"));
    assert!(news.len() == 5 && news.iter().all(few), "{news:?}");
}

/// What was looked after before, by name, repository and directory.
fn before(all: &[(&str, &str, &str)]) -> HashMap<Arc<str>, Vec<Was>> {
    let was = |(name, repository, directory): &(&str, &str, &str)| {
        let (revision, path) = ("HEAD".to_owned(), format!("apps/{directory}"));
        let origin = Origin { repository: (*repository).to_owned(), revision, path, by_itself: true };
        ((*name).into(), vec![Was { environment: "live".to_owned(), origin }])
    };
    all.iter().map(was).collect()
}

const ORIGIN: &str = "file:///origin";

#[test]
fn who_had_a_name_before_has_it_again() {
    let mut state = state(true);
    state.before = before(&[("shop", ORIGIN, "shop")]);
    // It is not known yet whether it is still there.
    let beta = Polled { found: vec![(1, Ok(found_in(&[("shop", "beta")])))], ..at("1", None) };
    assert!(matches!(&state.take_in(0, beta)[..], [News::Taken { why, .. }] if why.contains("could not be read yet")));
    assert_eq!(work(&mut state).len(), 0);
    let copied = found_in(&[("shop", "alpha"), ("shop", "shop")]);
    state.take_in(0, Polled { found: vec![(0, Ok(copied))], ..Polled::default() });
    assert_eq!((path(&state, "shop").unwrap(), work(&mut state)), ("apps/shop".to_owned(), vec!["shop".to_owned()]));
    // What has moved since then has moved.
    let mut state = self::state(true);
    state.before = before(&[("shop", ORIGIN, "shop")]);
    let moved = || vec![(0, Ok(found_in(&[("shop", "beta")]))), (1, Ok(found(&[])))];
    state.take_in(0, Polled { found: moved(), ..at("1", None) });
    assert_eq!(path(&state, "shop").unwrap(), "apps/beta");
}

#[test]
fn what_went_while_nobody_watched_goes_when_that_is_sure() {
    let mut state = state(true);
    state.before = before(&[("a", ORIGIN, "a"), ("b", ORIGIN, "b"), ("x", "file:///other", "x"), ("y", ORIGIN, "y/y")]);
    assert_eq!(state.take_in(0, Polled { found: vec![(0, Ok(found(&["b"])))], ..at("1", None) }), []);
    assert_eq!(work(&mut state), ["b"]);
    let news = state.take_in(0, Polled { found: vec![(1, Ok(found(&["c"])))], ..Polled::default() });
    assert_eq!(news, [News::Orphaned { name: "a".into(), stays: None }]);
    assert_eq!((state.pending, work(&mut state), state.pending), (1, vec!["-a".to_owned(), "c".to_owned()], 0));
    // An environment is declared no longer, wherever it was declared.
    let id = state.id("b").unwrap();
    state.before = before(&[("b", "file:///other", "b")]);
    assert_eq!(state.gone_of(id, &["other"]), ["live"]);
    assert!(state.gone_of(id, &["other"]).is_empty() && state.before.is_empty());
}

#[test]
fn what_goes_before_it_was_read_goes_once() {
    // As it was before, known to be all that there is only afterwards; and moved since.
    for (directory, is_all_known) in [("a", false), ("elsewhere", true)] {
        let mut state = state(true);
        state.before = before(&[("a", ORIGIN, directory)]);
        let rest = || (1, Ok(found(&[])));
        let first = [(0, Ok(found(&["a", "b"])))].into_iter().chain(is_all_known.then(rest)).collect();
        state.take_in(0, Polled { found: first, ..at("1", None) });
        let news = state.take_in(0, Polled { found: vec![(0, Ok(found(&["b"])))], ..Polled::default() });
        assert!(matches!(news[..], [News::Orphaned { stays: None, .. }, ..]), "{news:?}");
        let again = state.take_in(0, Polled { found: vec![rest()], ..Polled::default() });
        assert_eq!((again, state.before.len()), (vec![], 0));
        let leaving = state.members.iter().filter(|member| member.leaves);
        let leaving: Vec<String> = leaving.map(|member| member.path.to_string()).collect();
        assert_eq!(leaving, [format!("apps/{directory}")]);
        assert_eq!(work(&mut state), ["-a", "b"]);
        assert!(state.leaving.is_empty() && state.members.iter().all(|member| !member.leaves));
    }
}

#[test]
fn what_is_still_there_by_another_name_is_not_removed() {
    let renamed = || found_in(&[("new", "a"), ("b", "b")]);
    let orphaned = [News::Orphaned { name: "a".into(), stays: Some(Stays::Renamed) }];
    // While it is looked after, and while nobody watched.
    let mut state = state(true);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a", "b"]))), (1, Ok(found(&[])))], ..at("1", None) });
    assert_eq!(state.take_in(0, Polled { found: vec![(0, Ok(renamed()))], ..Polled::default() }), orphaned);
    let mut state = self::state(true);
    state.before = before(&[("a", ORIGIN, "a")]);
    let polled = || vec![(0, Ok(renamed())), (1, Ok(found(&[])))];
    assert_eq!(state.take_in(0, Polled { found: polled(), ..at("1", None) }), orphaned);
    assert_eq!(work(&mut state), ["b", "new"]);
}

#[test]
fn a_branch_that_gets_its_name_late_is_deployed() {
    let mut state = state(false);
    let branch: Arc<str> = "refs/heads/next".into();
    let candidate = Candidate { name: "shop".into(), revision: branch.clone(), path: "".into() };
    let next = Discovery { candidates: vec![candidate], ..Discovery::default() };
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["shop"])))], ..at("1", None) });
    let heads = BTreeMap::from([(branch, Ok(commit("2")))]);
    let news = state.take_in(0, Polled { found: vec![(1, Ok(next))], heads, ..Polled::default() });
    assert!(matches!(&news[..], [News::Taken { .. }]), "{news:?}");
    work(&mut state);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&[])))], ..Polled::default() });
    assert_eq!((work(&mut state), state.id("shop").is_some()), (vec!["shop".to_owned()], true));
    assert_eq!(state.members[state.id("shop").unwrap() as usize].at, Some(commit("2")));
}

#[test]
fn what_is_not_known_yet_may_be_looked_after() {
    let mut state = state(false);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a"])))], ..at("1", None) });
    assert!(state.looks_after("a", "live") && state.looks_after("b", "live"));
    state.take_in(0, Polled { found: vec![(1, Ok(found(&[])))], ..Polled::default() });
    assert!(state.looks_after("a", "live") && !state.looks_after("b", "live"));
    let id = state.id("a").unwrap();
    state.set_spots(id, &["live"]);
    assert!(state.looks_after("a", "live") && !state.looks_after("a", "gone"));
}

fn unnamed(directory: &str) -> Unnamed {
    let (path, why) = (format!("apps/{directory}"), format!("apps/{directory}: what?"));
    Unnamed { revision: "HEAD".into(), path: path.into(), why }
}

#[test]
fn what_can_not_be_read_after_a_restart_is_not_gone() {
    let mut state = state(true);
    state.before = before(&[("a", ORIGIN, "a"), ("b", ORIGIN, "b")]);
    let broken = || Discovery { unnamed: vec![unnamed("a")], ..found(&["b"]) };
    let polled = || vec![(0, Ok(broken())), (1, Ok(found(&[])))];
    let news = state.take_in(0, Polled { found: polled(), ..at("1", None) });
    assert!(matches!(&news[..], [News::Unreadable { .. }]), "{news:?}");
    assert_eq!(work(&mut state), ["a", "b"]);
    // It is mended.
    assert_eq!(state.take_in(0, Polled { found: vec![(0, Ok(found(&["a", "b"])))], ..at("1", None) }), []);
    assert_eq!((work(&mut state), state.live().count()), (vec![], 2));
}

#[test]
fn what_is_back_does_not_go() {
    let mut state = state(true);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a", "b"])))], ..at("1", None) });
    work(&mut state);
    let (id, now) = (state.id("a").unwrap(), Instant::now());
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["b"])))], ..Polled::default() });
    state.begin_pass(now, &[]);
    assert_eq!((state.pending, state.queue.take(now)), (2, Some(id)));
    let steer = Arc::new(Steer::new(springline_model::Cancel::new()));
    state.member(id).steer = Some((steer.clone(), String::new()));
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a", "b"])))], ..Polled::default() });
    assert!(steer.is_superseded() && state.leaving.is_empty());
    state.queue.done(id);
    state.free_if_gone(id);
    assert_eq!((work(&mut state), state.pending), (vec!["a".to_owned(), "b".to_owned()], 0));
}

#[test]
fn another_plan_is_followed_from_then_on() {
    let mut state = state(true);
    let both = || vec![(0, Ok(found(&["a", "b"]))), (1, Ok(found(&["c"])))];
    state.take_in(0, Polled { found: both(), ..at("1", None) });
    assert_eq!(work(&mut state), ["a", "b", "c"]);
    let one = state.plan.rules[0].clone();
    let other = Rule { text: "three".to_owned(), name: "three".to_owned(), ..one.clone() };
    let repositories = state.plan.repositories.clone();
    // A rule in the stead of another: what that found stays until it is known what this one finds.
    let plan = |rules: &[&Rule]| {
        let rules = rules.iter().copied().cloned().collect();
        Plan { repositories: repositories.clone(), rules }
    };
    assert_eq!(state.follow(plan(&[&one, &other])), []);
    assert_eq!((state.live().count(), state.sought[2].is_stale), (3, true));
    assert_eq!(state.take_in(0, Polled { found: vec![(2, Ok(found(&["c", "d"])))], ..at("1", None) }), []);
    assert_eq!((work(&mut state), state.live().count()), (vec!["d".to_owned()], 4));
    // What no rule finds any more is let go, and never removed: it may be a slip.
    let mut news = state.follow(plan(&[&other]));
    news.sort_by_key(|news| format!("{news:?}"));
    let orphaned = |name: &str| News::Orphaned { name: name.into(), stays: Some(Stays::Retired) };
    assert_eq!((news, work(&mut state)), (vec![orphaned("a"), orphaned("b")], vec![]));
    // A slip indeed.
    assert_eq!(state.follow(plan(&[&one, &other])), []);
    assert!(state.sought[0].is_stale && !state.is_all_known());
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a", "b"])))], ..at("1", None) });
    assert_eq!(work(&mut state), ["a", "b"]);
    // The same by another spelling is called as it was.
    let spelled = Address { url: format!("{ORIGIN}/"), shown: format!("{ORIGIN}/"), ..repositories[0].clone() };
    assert_eq!(state.follow(Plan { repositories: vec![spelled], rules: vec![one.clone(), other] }), []);
    assert_eq!(state.plan.repositories, repositories);
    // Another repository, and none of the first: nothing is to be found out there any more.
    let two = "file:///two".to_owned();
    let elsewhere = Address { shown: two.clone(), url: two, ..repositories[0].clone() };
    assert_eq!(state.follow(Plan { repositories: vec![elsewhere], rules: vec![one] }).len(), 4);
    let used: Vec<_> = state.plan.repositories.iter().map(|known| known.is_used).collect();
    assert_eq!((used, state.plan.rules.last().unwrap().repository, state.live().count()), (vec![false, true], 1, 0));
}

#[test]
fn what_an_address_with_another_secret_finds_is_waited_for() {
    let mut state = state(true);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a"]))), (1, Ok(found(&[])))], ..at("1", None) });
    let one = state.plan.rules[0].clone();
    let rotated = Address { url: "file:///rotated".to_owned(), ..state.plan.repositories[0].clone() };
    assert_eq!(state.follow(Plan { repositories: vec![rotated], rules: vec![one] }), []);
    assert_eq!(state.take_in(1, Polled { found: vec![(2, Ok(found(&["a"])))], ..at("1", None) }), []);
    assert_eq!((work(&mut state), state.live().count()), (vec!["a".to_owned()], 1));
}

#[test]
fn what_two_rules_find_is_one() {
    let mut state = state(false);
    let both = vec![(0, Ok(found(&["a"]))), (1, Ok(found(&["a", "b"])))];
    assert_eq!(state.take_in(0, Polled { found: both, ..at("1", None) }), []);
    assert_eq!(work(&mut state), ["a", "b"]);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&[])))], ..Polled::default() });
    assert_eq!((work(&mut state), state.live().count()), (vec![], 2), "the other one still finds it");
}

#[test]
fn a_rule_that_failed_is_searched_again_and_then_says_nothing_more() {
    let mut state = state(false);
    let fails = || Polled { found: vec![(0, Err("the disk".to_owned()))], ..at("1", None) };
    assert!(matches!(&state.take_in(0, fails())[..], [News::Unreadable { revision, .. }] if **revision == *"one"));
    assert_eq!((state.take_in(0, fails()), state.sought[0].is_stale), (vec![], true));
    let unnamed = Discovery { unnamed: vec![unnamed("b")], ..found(&["a"]) };
    let news = state.take_in(0, Polled { found: vec![(0, Ok(unnamed))], ..at("1", None) });
    assert!(matches!(&news[..], [News::Unreadable { why, .. }] if why.starts_with("apps/b")), "{news:?}");
    // What is not searched again says what it said.
    assert_eq!(state.take_in(0, at("1", None)), []);
    assert_eq!((state.sought[0].is_stale, work(&mut state)), (false, vec!["a".to_owned()]));
    assert_eq!(state.take_in(0, fails()).len(), 1, "it is news again");
}

#[test]
fn what_is_gone_leaves_nothing_behind() {
    let mut state = state(false);
    for round in 0..50 {
        let (name, branch): (Arc<str>, Arc<str>) = (format!("a-{round}").into(), format!("refs/heads/{round}").into());
        let candidate = Candidate { name: name.clone(), revision: branch.clone(), path: "".into() };
        let found = Discovery { candidates: vec![candidate], ..Discovery::default() };
        let heads = BTreeMap::from([("HEAD".into(), Ok(commit("1"))), (branch, Ok(commit(&name)))]);
        state.take_in(0, Polled { found: vec![(0, Ok(found))], heads, ..Polled::default() });
        let (id, now) = (state.id(&name).unwrap(), Instant::now());
        state.set_spots(id, &["live"]);
        state.paces.failed(&(id, Part::Look("live".into())), (now, now));
        // Half of them go while something is under way.
        if round % 2 == 0 {
            assert_eq!(work(&mut state), [name.to_string()]);
            continue;
        }
        assert_eq!(state.queue.take(now), Some(id));
        state.take_in(0, Polled { found: vec![(0, Ok(Discovery::default()))], ..Polled::default() });
        state.queue.done(id);
        state.free_if_gone(id);
    }
    assert!(state.members.len() <= 2, "{}", state.members.len());
    assert!(state.repositories[0].heads.len() <= 2);
    assert!((0..2).all(|id| state.paces.waiting(id).count() == 0));
}

#[test]
fn what_can_not_be_read_is_told_once_and_changes_nothing() {
    let mut state = state(true);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a"])))], ..at("1", None) });
    work(&mut state);
    let gone = || Polled { heads: BTreeMap::from([("HEAD".into(), Err("gone".to_owned()))]), ..Polled::default() };
    assert_eq!(state.take_in(0, gone()).len(), 1);
    assert_eq!(state.take_in(0, gone()), []);
    assert_eq!(state.live().count(), 1);
    // It is there again, and gone again.
    state.take_in(0, at("1", None));
    assert_eq!(state.take_in(0, gone()).len(), 1);
    assert!(work(&mut state).is_empty());
}

#[test]
fn a_pass_counts_what_pauses_and_does_not_look_at_it() {
    let mut state = state(false);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a", "b"])))], ..at("1", None) });
    work(&mut state);
    let (id, now) = (state.id("a").unwrap(), Instant::now());
    state.set_spots(id, &["live"]);
    state.paces.failed(&(id, Part::Look("live".into())), (now, now));
    state.count_anew();
    state.begin_pass(now, &[]);
    assert_eq!((state.pending, work(&mut state)), (1, vec!["b".to_owned()]));
    assert_eq!((state.pending, state.members[id as usize].spots[0].came), (0, Some(Came::Failed)));
}

#[test]
fn what_fails_has_its_time_unless_a_commit_touches_it() {
    let mut state = state(false);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a"])))], ..at("1", None) });
    work(&mut state);
    let (id, now) = (state.id("a").unwrap(), Instant::now());
    let key = (id, Part::Deploy("live".into()));
    state.set_footprint(id, reads(&["apps/a"]));
    state.member(id).at = None;
    state.paces.failed(&key, (now, now));
    state.take_in(0, at("2", Some(changes(&["other"]))));
    assert!(work(&mut state).is_empty() && state.paces.pauses(&key, now).is_some());
    assert_eq!(state.member(id).wanted, Some(commit("2")));
    state.take_in(0, at("3", Some(changes(&["apps/a"]))));
    assert_eq!(state.paces.pauses(&key, now), None);
    assert_eq!(work(&mut state), ["a"]);
}

#[test]
fn a_pass_that_begins_anew_counts_each_once() {
    let mut state = state(false);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a", "b"])))], ..at("1", None) });
    let now = Instant::now();
    state.begin_pass(now, &[]);
    let id = state.id("a").unwrap();
    // A verb has its turn; then somebody undoes what is repaired.
    state.set_spots(id, &["live"]);
    assert_eq!(state.queue.take(now), Some(id));
    state.queue.done(id);
    state.queue.want_at(id, now + Duration::from_secs(9));
    state.paces.failed(&(id, Part::Look("live".into())), (now, now));
    state.begin_pass(now, &[]);
    assert_eq!(state.pending, 1);
    state.passed(id);
    assert_eq!(state.pending, 1);
}

#[test]
fn what_was_begun_before_a_change_says_nothing_of_what_came_to_be() {
    let mut state = state(false);
    state.take_in(0, Polled { found: vec![(0, Ok(found_in(&[("a", "a")])))], ..at("1", None) });
    let id = state.queue.take(Instant::now()).unwrap();
    let came = |state: &mut State, era| {
        state.came_to(id, era, Some(commit("1")), Some((reads(&["apps/a"]).unwrap(), false)));
        (state.members[0].at.clone(), state.members[0].footprint.is_some())
    };
    // The name is somewhere else, at the same commit.
    let era = state.members[0].era;
    state.take_in(0, Polled { found: vec![(0, Ok(found_in(&[("a", "moved")])))], ..Polled::default() });
    assert_eq!(came(&mut state, era), (None, false));
    let era = state.members[0].era;
    assert_eq!(came(&mut state, era), (Some(commit("1")), true));
    // The operator's file is another one.
    state.look_anew();
    state.set_footprint(id, None);
    assert_eq!(came(&mut state, era), (None, false));
    state.queue.done(id);
    assert_eq!(state.queue.take(Instant::now()), Some(id), "it is looked at again");
}

#[test]
fn what_hands_each_commit_over_is_stopped_only_by_those_that_touch_it() {
    let mut state = state(false);
    state.take_in(0, Polled { found: vec![(0, Ok(found(&["a"])))], ..at("1", None) });
    work(&mut state);
    let (id, now) = (state.id("a").unwrap(), Instant::now());
    let era = state.member(id).era;
    state.came_to(id, era, Some(commit("1")), Some((reads(&["apps/a"]).unwrap(), true)));
    state.take_in(0, at("2", Some(changes(&["other"]))));
    assert_eq!(state.member(id).at, Some(commit("1")));
    assert_eq!(state.queue.take(now), Some(id));
    let steer = Arc::new(Steer::new(springline_model::Cancel::new()));
    state.member(id).steer = Some((steer.clone(), "2".to_owned()));
    state.take_in(0, at("3", Some(changes(&["other"]))));
    assert!(!steer.is_superseded());
    state.queue.done(id);
    assert_eq!(state.queue.take(now), Some(id));
    state.take_in(0, at("4", Some(changes(&["apps/a"]))));
    assert!(steer.is_superseded());
    // What failed has its time.
    state.member(id).steer = None;
    state.queue.done(id);
    assert_eq!(work(&mut state), ["a"]);
    let key = (id, Part::Deploy("deliver/id".into()));
    state.paces.failed(&key, (now, now));
    state.take_in(0, at("5", Some(changes(&["other"]))));
    assert!(work(&mut state).is_empty() && state.paces.pauses(&key, now).is_some());
}
