use std::collections::BTreeMap;
use std::io::Read as _;

use springline_sdk::fake::Host;
use springline_sdk::plugin::Describe as _;
use springline_sdk::prelude::*;

use crate::Plugin;

/// An input with everything that an archive must keep.
fn host() -> Host {
    let host = Host::new();
    host.add_input("b/readme.md", "# Hello\n").add_input("a.txt", "alpha").add_input("b.txt", "");
    host.add_executable_input("bin/run", "#!/bin/sh\n").add_input_link("bin/start", "run");
    host
}

#[derive(Debug, PartialEq)]
struct Packed {
    mode: u32,
    mtime: u64,
    owner: (u64, u64),
    content: String,
}

/// What is in an archive, by path, and the paths in their order.
fn unpack(archive: &[u8]) -> (Vec<String>, BTreeMap<String, Packed>) {
    let (mut order, mut packed) = (Vec::new(), BTreeMap::new());
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = String::new();
        match entry.link_name().unwrap() {
            Some(target) => content = format!("-> {}", target.display()),
            None => drop(entry.read_to_string(&mut content).unwrap()),
        }
        let header = entry.header();
        let owner = (header.uid().unwrap(), header.gid().unwrap());
        let (mode, mtime) = (header.mode().unwrap(), header.mtime().unwrap());
        order.push(path.clone());
        packed.insert(path, Packed { mode, mtime, owner, content });
    }
    (order, packed)
}

fn decompress(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(bytes).unwrap().read_to_end(&mut plain).unwrap();
    plain
}

#[test]
fn an_archive_keeps_paths_modes_and_links_and_nothing_else() {
    let host = host();
    let summary = host.run::<Plugin>(json!({})).unwrap();
    assert_eq!(host.outputs(), ["archive.tar.zst"]);
    let bytes = host.output("archive.tar.zst").unwrap();
    assert_eq!(summary, format!("5 files of 23 bytes, packed into {}", bytes.len()));

    let (order, packed) = unpack(&decompress(&bytes));
    assert_eq!(order, ["a.txt", "b.txt", "b/readme.md", "bin/run", "bin/start"]);
    let file = |mode, content: &str| Packed { mode, mtime: 0, owner: (0, 0), content: content.to_owned() };
    assert_eq!(packed["a.txt"], file(0o644, "alpha"));
    assert_eq!(packed["b.txt"], file(0o644, ""));
    assert_eq!(packed["bin/run"], file(0o755, "#!/bin/sh\n"));
    assert_eq!(packed["bin/start"], file(0o777, "-> run"));
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let archives = [(); 2].map(|()| {
        let host = host();
        host.run::<Plugin>(json!({ "level": 9 })).unwrap();
        host.output("archive.tar.zst").unwrap()
    });
    assert_eq!(archives[0], archives[1]);
}

#[test]
fn every_level_and_size_decompresses_to_what_was_packed() {
    // Pseudo-random words, so that there is something to find and something that can't be found.
    let mut state = 42_u64;
    let mut text = String::new();
    while text.len() < 700_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:x} word{} ", state >> 40, state >> 58));
    }
    for (level, length) in [(1, 700_000), (3, 0), (3, 131_072), (5, 131_073), (9, 300_000)] {
        let host = Host::new();
        host.add_input("text", &text[..length]);
        host.run::<Plugin>(json!({ "level": level })).unwrap();
        let (_, packed) = unpack(&decompress(&host.output("archive.tar.zst").unwrap()));
        assert!(packed["text"].content == text[..length], "level {level}, {length} bytes");
    }
}

#[test]
fn the_config_is_obeyed() {
    let host = host();
    host.set_commit_time(1_234_567_890);
    let config = json!({ "format": "tar", "name": "dist/site.tar", "prefix": "site-1.0/", "mtime": "commit" });
    host.run::<Plugin>(config).unwrap();
    let (order, packed) = unpack(&host.output("dist/site.tar").unwrap());
    assert_eq!(order[0], "site-1.0/a.txt");
    assert_eq!(packed["site-1.0/a.txt"].mtime, 1_234_567_890);
}

#[test]
fn long_paths_survive() {
    let host = Host::new();
    let path = format!("{}/file", ["directory-with-a-long-name"; 12].join("/"));
    host.add_input(&path, "deep").add_input_link("link", &path);
    host.run::<Plugin>(json!({ "format": "tar" })).unwrap();
    let (_, packed) = unpack(&host.output("archive.tar").unwrap());
    assert_eq!(packed[&path].content, "deep");
    assert_eq!(packed["link"].content, format!("-> {path}"));
}

#[test]
fn names_that_lead_out_are_refused_with_their_place() {
    for (key, value) in [("name", "../x.tar"), ("name", ""), ("prefix", "/etc"), ("prefix", "a/../..")] {
        let error = host().run::<Plugin>(json!({ key: value })).unwrap_err();
        assert_eq!(error, Violation::new("no path below a directory").pointer(format!("/{key}")).into(), "{value:?}");
    }
}

#[test]
fn an_empty_input_is_an_empty_archive_and_a_warning() {
    let host = Host::new();
    host.run::<Plugin>(json!({ "format": "tar" })).unwrap();
    assert!(unpack(&host.output("archive.tar").unwrap()).0.is_empty());
    assert_eq!(host.logged().len(), 1);
}

#[test]
fn it_describes_itself() {
    let description = Plugin::describe();
    assert_eq!(description.name, "step-archive");
    let schema: Value = springline_sdk::serde_json::from_str(&description.config_schema).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["level"]["maximum"], 9);
}
