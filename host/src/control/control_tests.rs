use std::fs;
use std::net::TcpListener;
use std::sync::Arc;

use serde_json::Value;
use springline_engine::chain::Chain;
use springline_model::port::Revision;
use springline_testkit::MemoryTree;

use super::find::{Candidate, Discovery};
use super::state::Polled;
use super::work::{Done, Loaded};
use super::world::World;
use super::*;
use crate::cli::error::Kind;
use crate::project::{Configured, Picked};
use crate::resolve::Unbound;
use crate::site::Site;

const FLEET: &str = "applications: [{ name: shop, repo: /nowhere/shop }]\n";
const OTHER: &str = "applications: [{ name: blog, repo: /nowhere/blog }]\n";
const HOST: &str = "version: 1\n";
const ANOTHER: &str = "version: 1\ngit: { timeout-seconds: 7 }\n";

fn why(told: &Value) -> &str {
    told["error"]["message"].as_str().unwrap_or_default()
}

/// Which repositories are followed.
fn followed(world: &World) -> Vec<String> {
    let state = world.inner().state();
    let used = state.plan.repositories.iter().filter(|known| known.is_used);
    used.map(|known| known.url.clone()).collect()
}

#[test]
fn a_fleet_file_that_goes_is_told_once_and_what_it_said_holds() {
    let world = World::new(FLEET, HOST);
    let file = world.at("fleet.yaml");
    fs::remove_file(&file).unwrap();
    let told = world.look(5);
    assert!(told.len() == 1 && why(&told[0]).contains("No such file"), "{told:#?}");
    fs::create_dir(&file).unwrap();
    let told = world.look(5);
    assert!(told.len() == 1 && why(&told[0]).contains("is no file"), "{told:#?}");
    fs::remove_dir(&file).unwrap();
    fs::write(&file, "applications: 7\n").unwrap();
    let told = world.look(5);
    assert!(told.len() == 1 && why(&told[0]).contains("fleet.yaml:1:"), "{told:#?}");
    assert_eq!(followed(&world), ["/nowhere/shop"]);
    fs::write(&file, OTHER).unwrap();
    let told = world.look(5);
    assert!(told.len() == 1 && told[0]["read"] == true, "{told:#?}");
    assert_eq!(followed(&world), ["/nowhere/blog"]);
}

#[test]
fn a_hosts_file_that_goes_is_told_once_and_what_it_said_holds() {
    let world = World::new(FLEET, ANOTHER);
    let file = world.at("host.yaml");
    let seconds = || world.inner().operated().app.operator.value.git.timeout_seconds;
    fs::remove_file(&file).unwrap();
    let told = world.look(5);
    assert!(told.len() == 1 && why(&told[0]).contains("No such file"), "{told:#?}");
    fs::create_dir(&file).unwrap();
    let told = world.look(5);
    assert!(told.len() == 1 && why(&told[0]).contains("is no file"), "{told:#?}");
    fs::remove_dir(&file).unwrap();
    fs::write(&file, "version: 7\n").unwrap();
    let told = world.look(5);
    assert!(told.len() == 1 && why(&told[0]).contains("host.yaml:1:"), "{told:#?}");
    assert_eq!(seconds(), 7);
    fs::write(&file, HOST).unwrap();
    let told = world.look(5);
    assert!(told.len() == 1 && told[0]["operator"] == "host.yaml", "{told:#?}");
    assert_eq!(seconds(), 60);
}

#[test]
fn how_long_git_may_be_silent_is_as_hosts_file_says_now() {
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}/shop", silent.local_addr().unwrap());
    let host = |seconds: u64| format!("version: 1\ngit: {{ timeout-seconds: {seconds} }}\n");
    let world = World::new(&format!("applications: [{{ name: shop, repo: '{url}' }}]\n"), &host(1));
    let ask = || {
        let told = world.told(|inner| inner.ask(0));
        told.iter().map(why).collect::<Vec<_>>().join("\n")
    };
    let told = ask();
    assert!(told.contains("after 1 s of silence"), "{told}");
    fs::write(world.at("host.yaml"), host(2)).unwrap();
    assert_eq!(world.look(2).len(), 1);
    let told = ask();
    assert!(told.contains("after 2 s of silence"), "{told}");
}

fn commit(id: &str) -> Arc<Revision> {
    Arc::new(Revision { id: id.to_owned(), time: 0, subject: String::new() })
}

/// A task for the one application, at a commit.
fn task(world: &World, id: &str) -> Task {
    let candidate = Candidate { name: "shop".into(), revision: "HEAD".into(), path: "".into() };
    let found = Discovery { candidates: vec![candidate], ..Discovery::default() };
    let heads = [("HEAD".into(), Ok(commit(id)))].into();
    let mut state = world.inner().state();
    state.take_in(0, Polled { heads, found: vec![(0, Ok(found))], ..Polled::default() });
    let id = state.queue.take(Instant::now()).unwrap();
    world.inner().task(&mut state, id).unwrap()
}

fn loaded() -> Arc<Loaded> {
    let text = "application: shop\nenvironments: {}\n";
    let (value, document) = springline_config::load_application("springline.yaml", text).unwrap();
    let picked = Picked {
        revision: Revision::clone(&commit("1")),
        tree: Arc::new(MemoryTree::of_files([("a", String::new())])),
        site: Site { work_dir: None, directory: String::new() },
        name: None,
        newer: Arc::new(|_, _| false),
    };
    let (artifacts, environments, deliveries) = Default::default();
    let chain = Chain { application: "shop".into(), artifacts, environments, deliveries };
    Arc::new(Loaded { picked, declared: Configured { value, document }, chain, unbound: Unbound::new() })
}

#[test]
fn chains_made_with_another_hosts_file_are_not_used() {
    let world = World::new(FLEET, HOST);
    let inner = world.inner();
    let key: Chained = ("shop".into(), "".into(), "1".into());
    let before = inner.operated().app.clone();
    inner.remember(key.clone(), loaded(), &before);
    assert!(inner.recent(&key).is_some());
    fs::write(world.at("host.yaml"), ANOTHER).unwrap();
    assert_eq!(world.look(2).len(), 1);
    assert!(inner.recent(&key).is_none(), "it was made with the one before");
    // Whoever began before that ends after it.
    inner.remember(key.clone(), loaded(), &before);
    assert!(inner.recent(&key).is_none());
    inner.remember(key.clone(), loaded(), &inner.operated().app);
    assert!(inner.recent(&key).is_some());
}

#[test]
fn what_was_begun_before_another_hosts_file_says_nothing_of_what_is_there() {
    let world = World::new(FLEET, HOST);
    let task = task(&world, "1");
    fs::write(world.at("host.yaml"), ANOTHER).unwrap();
    assert_eq!(world.look(2).len(), 1);
    world.inner().ended(&task, Done { there: true, ..Done::default() });
    let mut state = world.inner().state();
    assert_eq!(state.member(task.id).at, None);
    assert_eq!(state.queue.take(Instant::now()), Some(task.id), "it comes again at once");
}

#[test]
fn what_failed_in_between_is_not_where_it_was_to_be_brought() {
    let world = World::new(FLEET, HOST);
    let task = task(&world, "1");
    let began = Instant::now();
    // As when it can't be written down where it comes from.
    let problem = Some(CliError::new(Kind::State, "the disk is full"));
    let told = world.told(|inner| inner.ended(&task, Done { problem, there: true, ..Done::default() }));
    assert!(told.len() == 1 && why(&told[0]) == "the disk is full", "{told:#?}");
    let mut state = world.inner().state();
    assert_eq!(state.member(task.id).at, None);
    assert_eq!(state.queue.take(began), None);
    let later = Instant::now() + Duration::from_secs(5);
    assert_eq!(state.queue.take(later), Some(task.id), "after a pause it is tried again");
}
