//! After any commit, those applications are deployed whose result could be another one, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::crash::Random;
use crate::sandbox::files;
use crate::watching::Origin;

/// What each application renders; a leading `/` is the repository's root.
const APPLICATIONS: [(&str, &str); 6] = [
    ("a", "deploy"),
    ("b", "deploy"),
    ("c", "/shared/one"),
    ("d", "/shared/one"),
    ("e", "/shared/two"),
    ("f", "/shared"),
];
const COMMITS: usize = 25;

/// One of several.
fn one_of<T: Copy>(random: &mut Random, all: &[T]) -> T {
    all[random.below(all.len() as u64) as usize]
}

/// The directory that an application renders.
fn input(name: &str, of: &str) -> String {
    of.strip_prefix('/').map_or_else(|| format!("apps/{name}/{of}"), str::to_owned)
}

/// Changes something somewhere.
fn change(random: &mut Random, repo: &Path, at: usize) {
    let directories =
        ["apps/a/deploy", "apps/b/deploy", "shared", "shared/one", "shared/two", "apps/a", "docs", "apps/c", "."];
    let directory = repo.join(one_of(random, &directories));
    let file = directory.join(one_of(random, &["one.txt", "two.txt", "three.txt"]));
    let nested = directory.join(one_of(random, &["deep", "deeper/still"]));
    match random.below(6) {
        0 if file.exists() => fs::remove_file(file).unwrap(),
        1 if file.exists() => fs::rename(&file, directory.join(format!("moved-{at}.txt"))).unwrap(),
        2 if nested.is_dir() => fs::remove_dir_all(nested).unwrap(),
        2 | 3 => {
            fs::create_dir_all(&nested).unwrap();
            fs::write(nested.join("below.txt"), format!("{at}\n")).unwrap();
        }
        4 => {
            let yaml = repo.join(format!("apps/{}/springline.yaml", one_of(random, &APPLICATIONS).0));
            let text = fs::read_to_string(&yaml).unwrap();
            fs::write(yaml, format!("{text}# {at}\n")).unwrap();
        }
        _ => {
            fs::create_dir_all(&directory).unwrap();
            fs::write(file, format!("{at}\n")).unwrap();
        }
    }
}

#[test]
fn random_commits_are_deployed_for_exactly_those_whose_result_could_change() {
    let Some(origin) = Origin::new() else { return };
    let mut random = Random::new();
    for (name, of) in APPLICATIONS {
        let render = format!("render: {{ plugin: render-template, in: {of} }}");
        let yaml = format!("application: {name}\nenvironments:\n  live:\n    {render}\n    target: {name}\n");
        origin.sandbox.write(&format!("apps/{name}/springline.yaml"), yaml);
        origin.sandbox.write(&format!("{}/always.txt", input(name, of)), "always\n");
    }
    origin.sandbox.write("docs/always.txt", "always\n");
    let names: Vec<&str> = APPLICATIONS.iter().map(|(name, _)| *name).collect();
    origin.targets(&names);
    origin.fleet("generators: [{ directories: { repo: ORIGIN, revision: main, match: apps/* } }]\n");
    origin.push("First");
    let mut watch = origin.watch(&[]);
    watch.passes();
    let repo = origin.sandbox.repo();
    for at in 0..COMMITS {
        (0..=random.below(3)).for_each(|_| change(&mut random, &repo, at));
        if origin.sandbox.git(&["status", "--porcelain"]).is_empty() {
            continue;
        }
        let commit = origin.push(&format!("Change {at}"));
        let changed = origin.sandbox.git(&["diff", "--name-only", "--no-renames", "HEAD~1", "HEAD"]);
        let concerns = |name: &str, of: &str| {
            let (below, yaml) = (format!("{}/", input(name, of)), format!("apps/{name}/springline.yaml"));
            changed.lines().any(|path| path.starts_with(&below) || path == yaml)
        };
        let meant: BTreeSet<&str> =
            APPLICATIONS.iter().filter(|(name, of)| concerns(name, of)).map(|(name, _)| *name).collect();
        origin.notify();
        let told = watch.tells(|line| line["commit"] == commit);
        assert_eq!(told["concerned"], meant.len(), "commit {at}: {meant:?} by {changed}: {told:#}");
        for _ in &meant {
            watch.tells(|line| line["deployed"].is_array() && line["revision"] == commit);
        }
        let deployed: BTreeSet<String> = watch
            .heard()
            .iter()
            .filter(|line| line["deployed"].is_array() && line["revision"] == commit)
            .map(|line| line["application"].as_str().unwrap().to_owned())
            .collect();
        assert!(
            deployed.iter().map(String::as_str).eq(meant.iter().copied()),
            "commit {at}: {deployed:?}, not {meant:?}"
        );
        // What is live is what a run from nothing would make of the commit.
        for (name, of) in APPLICATIONS {
            let live: BTreeMap<_, _> = files(&origin.live(name)).into_iter().collect();
            let wanted: BTreeMap<_, _> = files(&repo.join(input(name, of))).into_iter().collect();
            assert_eq!(live, wanted, "{name} at commit {at}");
        }
    }
}
