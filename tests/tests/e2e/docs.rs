//! Every command in a `console` block of the documentation is run, and what it shows is compared.
//!
//! In a page, a fence ```` ```yaml file=NAME ```` is a file that the reader writes, and a fence
//! ```` ```console ```` is a terminal: lines that start with `$ ` are commands, the lines after
//! them what they print. Times, durations and digests may differ. A page is one session.
//! `UPDATE_DOCS=1` writes down what the commands print now, `UPDATE_DOCS=PART` that of the pages with this in
//! their path alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use springline_testcluster::Cluster;

use crate::desk::has_rust;
use crate::sandbox::{Sandbox, root};

/// Commands of ```` ```sh ```` fences: they are run by other tests or by CI itself.
const ELSEWHERE: [&str; 5] =
    ["cargo xtask ", "git clone REPOSITORY", "springline init", "springline run", "springline diff"];

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    let mut left = vec![root().join("docs")];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

#[test]
fn every_page_shows_what_happens() {
    if Sandbox::empty().is_none() {
        return;
    }
    let update = std::env::var("UPDATE_DOCS").ok();
    let part = update.as_deref().filter(|part| *part != "1").unwrap_or_default();
    let mut commands = 0;
    let mut wrong = Vec::new();
    for page in pages().into_iter().filter(|page| page.to_string_lossy().contains(part)) {
        let text = fs::read_to_string(&page).unwrap();
        if text.contains("$ springline plugin new --lang rust ") && !has_rust() {
            continue;
        }
        // A page that speaks to a cluster gets one of its own.
        let speaks = text.contains("$ kubectl ");
        let cluster = if speaks { Cluster::start() } else { None };
        if speaks && !cluster.as_ref().is_some_and(Cluster::controllers) {
            continue;
        }
        let session = Session::play(&text, cluster.as_ref());
        commands += session.commands;
        if update.is_some() && session.text != text {
            fs::write(&page, &session.text).unwrap();
        } else if normal(&session.text) != normal(&text) {
            wrong.push(format!("{}:\n{}", page.display(), first_difference(&text, &session.text)));
        }
    }
    assert!(commands > 20 || !part.is_empty(), "only {commands} commands were found");
    assert!(wrong.is_empty(), "UPDATE_DOCS=1 writes down what is shown now, if it is right:\n{}", wrong.join("\n"));
}

/// A page's session: the page again, with what the commands print now.
struct Session {
    text: String,
    commands: usize,
}

impl Session {
    fn play(page: &str, cluster: Option<&Cluster>) -> Self {
        let sandbox = Sandbox::empty().unwrap();
        fs::remove_dir_all(sandbox.repo()).unwrap();
        fs::create_dir_all(sandbox.repo()).unwrap();
        let mut session = Self { text: String::new(), commands: 0 };
        let mut directory = sandbox.repo();
        let mut lines = page.lines().peekable();
        while let Some(line) = lines.next() {
            session.push(line);
            let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
            let mut body = Vec::new();
            for line in lines.by_ref() {
                if line == "```" {
                    break;
                }
                body.push(line);
            }
            if let Some(file) = info.split_whitespace().find_map(|word| word.strip_prefix("file=")) {
                let path = directory.join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, format!("{}\n", body.join("\n"))).unwrap();
            }
            match info.split_whitespace().next() {
                Some("console") => session.terminal(&sandbox, &mut directory, (&body, cluster)),
                Some("sh") => {
                    for line in &body {
                        assert!(ELSEWHERE.iter().any(|known| line.starts_with(known)), "`{line}` is run by no test");
                        session.push(line);
                    }
                }
                _ => body.iter().for_each(|line| session.push(line)),
            }
            session.push("```");
        }
        session
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn terminal(&mut self, sandbox: &Sandbox, directory: &mut PathBuf, (body, cluster): (&[&str], Option<&Cluster>)) {
        let actor = format!("tester@{}", nodename());
        for command in body.iter().filter_map(|line| line.strip_prefix("$ ")) {
            self.commands += 1;
            self.push(&format!("$ {command}"));
            if let Some(to) = command.strip_prefix("cd ") {
                *directory = directory.join(to);
                continue;
            }
            // Errors and data in one, as in a terminal; the exit code is a part of what is shown.
            let program = sandbox.command::<&str>(&[]);
            let bin = Path::new(program.get_program()).parent().unwrap().to_owned();
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("exec 2>&1\n{command}")]).current_dir(&*directory);
            let mut path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
            if let Some(cluster) = cluster {
                path = format!("{}:{path}", cluster.programs().display());
                shell.env("KUBECONFIG", cluster.kubeconfig());
            }
            shell.env("PATH", path).env("COLUMNS", "100").env("SPRINGLINE_ROOT", root());
            // The session's home is its own; cargo and rustup stay where they are.
            for (name, place) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
                let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(place).into_os_string());
                if let Some(value) = std::env::var_os(name).or(home) {
                    shell.env(name, value);
                }
            }
            let outcome = sandbox.finish(shell);
            for line in outcome.stdout.lines() {
                let line = line.trim_end().replace(&sandbox.path("").display().to_string(), "/home/you/");
                self.push(&line.replace(&actor, "you@host"));
            }
        }
    }
}

/// What this machine is called.
fn nodename() -> String {
    let told = Command::new("uname").arg("-n").output().unwrap();
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

/// A page with everything that differs from run to run made equal.
fn normal(text: &str) -> Vec<String> {
    // What a watch tells of several applications comes as it happens: one that waits holds up no other.
    let (mut done, mut told, mut is_watch) = (Vec::new(), Vec::<Vec<String>>::new(), false);
    // Whether something has to be waited for is a matter of moments.
    for line in text.lines().chain(["```"]).filter(|line| !line.starts_with("  waiting ")) {
        let normal = join_units(&line.split_whitespace().map(normal_word).collect::<Vec<_>>().join(" "));
        if line.starts_with("$ ") || line.starts_with("```") {
            // What is told of one environment, and what ends it all, stay where they are.
            let end = told.pop();
            told.sort_by(|one, other| subject(one).cmp(subject(other)));
            told.extend(end);
            done.extend(told.drain(..).flatten());
            is_watch = line.starts_with("$ springline watch ");
        }
        match told.last_mut() {
            Some(last) if line.starts_with("  ") => last.push(normal),
            _ if is_watch && !line.starts_with("$ ") => told.push(vec![normal]),
            _ => done.push(normal),
        }
    }
    done
}

/// What the lines are about: the environment of an application, where it is one.
fn subject(lines: &[String]) -> &str {
    let first = lines.first().map(String::as_str).unwrap_or_default();
    first.split_once(": ").map_or(first, |(subject, _)| subject)
}

fn normal_word(word: &str) -> String {
    let mut normal = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        let run = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(run);
        let digest = digits.len() >= 7 && digits.bytes().any(|byte| byte.is_ascii_digit());
        normal.push_str(if digest { "DIGEST" } else { digits });
        let next = after.chars().next();
        normal.extend(next);
        rest = &after[next.map_or(0, char::len_utf8)..];
    }
    let bare = word.trim_matches(['(', ')', ',', ':', ';']);
    let date = bare.len() == 10
        && bare
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    let time = bare.len() == 8
        && bare
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 2 || at == 5 { byte == b':' } else { byte.is_ascii_digit() });
    if date {
        word.replace(bare, "DATE")
    } else if time {
        word.replace(bare, "TIME")
    } else {
        normal
    }
}

/// `12 ms` and `1.5 s` are the same, and so are `300.1 KiB` and `301.0 KiB`.
fn join_units(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let unit = |word: &str| matches!(word.trim_end_matches([')', ',']), "us" | "ms" | "s" | "B" | "KiB" | "MiB");
    let words = words.iter().enumerate().map(|(at, word)| {
        let number = word.trim_start_matches('(').parse::<f64>().is_ok();
        match words.get(at + 1) {
            Some(next) if number && unit(next) => "N",
            _ if unit(word) && at > 0 && words[at - 1].trim_start_matches('(').parse::<f64>().is_ok() => "UNIT",
            _ => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn first_difference(expected: &str, found: &str) -> String {
    let (expected, found) = (normal(expected), normal(found));
    let at = expected.iter().zip(&found).position(|(a, b)| a != b).unwrap_or(expected.len().min(found.len()));
    let show =
        |lines: &[String]| lines.iter().skip(at.saturating_sub(3)).take(12).cloned().collect::<Vec<_>>().join("\n    ");
    format!("  the page says\n    {}\n  and this is shown\n    {}", show(&expected), show(&found))
}

#[test]
fn what_differs_from_run_to_run_is_made_equal() {
    let one = "synced site: 4 changes applied, release 3f9a1c2b0d11 of 4f2a91c   12 ms 2026-11-23 14:05:09: yes";
    let two = "synced site: 4 changes applied, release aa9a1c2b0d12 of 5f2a91c   1.3 s 2027-01-02 00:00:00: yes";
    assert_eq!(normal(one), normal(two));
    assert_ne!(
        normal(one),
        normal("synced site: 5 changes applied, release aa9a1c2b0d12 of 5f2a91c 1.3 s 2027-01-02 00:00:00")
    );
    let watch = |told: &str| {
        normal(&format!("```console\n$ springline watch --passes 1\n{told}2 deployed 1 s\n```\n$ no\nb\na\n"))
    };
    let a = "a/live: deployed 4f2a91c 12 ms\n  create a.txt\n";
    let b = "b/live: deployed 4f2a91c 12 ms\n  create b.txt\n";
    let again = "a/live: repaired 12 ms\n";
    let one = watch(&format!("{a}{again}{b}"));
    assert_eq!(one, watch(&format!("{b}{a}{again}")));
    assert_ne!(one, watch(&format!("{b}{again}{a}")), "of one the order is what it is");
    assert_ne!(one, watch(&format!("a/live: deployed 4f2a91c 12 ms\n  create b.txt\n{again}{b}")));
    assert_ne!(
        watch(a),
        normal(&format!("```console\n$ springline watch --passes 1\n2 deployed 1 s\n{a}```\n$ no\nb\na\n"))
    );
    assert_eq!(one[one.len() - 3..], ["b", "a", "```"]);
}
