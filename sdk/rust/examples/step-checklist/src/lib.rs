//! Collects the tasks of Markdown files, `- [ ] open` and `- [x] done`, into one checklist.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod tasks;

use springline_sdk::prelude::*;

use tasks::Task;

/// What is collected, and how it is written.
#[config]
struct Config {
    /// The checklist's title.
    title: String,
    /// Paths of files that are left out.
    #[serde(default)]
    exclude: Vec<String>,
    /// Whether to write `check.sh`, which fails while a task is open.
    #[serde(default = "yes")]
    script: bool,
}

const fn yes() -> bool {
    true
}

const TOPIC: &str = "checklist";

/// Collects the tasks of Markdown files into one checklist.
#[build_step]
fn checklist(config: Config, step: &mut Step) -> Result<String> {
    let mut pages = step.files()?;
    pages.retain(|path| path.ends_with(".md") && !config.exclude.contains(path));
    let mut violations = Vec::new();
    let mut lines = format!("{} ({})\n", config.title, step.context().application());
    let (mut done, mut all) = (0, 0);
    for page in &pages {
        info!(topic: TOPIC, "reading {page}");
        let Ok(text) = String::from_utf8(step.read(page)?) else {
            violations.push(Violation::new("not UTF-8").file(page));
            continue;
        };
        for (number, task) in tasks::of(&text) {
            match task {
                Ok(Task { is_done, text }) => {
                    (done, all) = (done + u64::from(is_done), all + 1);
                    lines.push_str(&format!("[{}] {page}:{number} {text}\n", if is_done { 'x' } else { ' ' }));
                }
                Err(mark) => violations
                    .push(Violation::new(format!("unknown mark `{mark}`: use `[ ]` or `[x]`")).file(page).line(number)),
            }
        }
    }
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    if all == 0 {
        warn!(topic: TOPIC, "no items");
    }
    let summary = format!("{done} of {all} done");
    step.write("checklist.txt", format!("{lines}{summary}\n"))?;
    for page in &pages {
        step.copy(page, format!("sources/{page}"))?;
    }
    if config.script {
        step.write("check.sh", format!("#!/bin/sh\nexit {}\n", u8::from(done < all)))?;
        step.set_executable("check.sh", true)?;
    }
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use springline_sdk::fake::Host;

    use super::*;

    #[test]
    fn tasks_are_collected_and_counted() {
        let host = Host::new();
        host.add_input("b.md", "- [x] done\n").add_executable_input("a.md", "# Title\n  - [ ] open \r\n");
        host.set_application("handbook");
        assert_eq!(host.run::<Plugin>(json!({ "title": "To do" })).unwrap(), "1 of 2 done");
        let list = String::from_utf8(host.output("checklist.txt").unwrap()).unwrap();
        assert_eq!(list, "To do (handbook)\n[ ] a.md:2 open\n[x] b.md:1 done\n1 of 2 done\n");
        assert_eq!(host.outputs(), ["check.sh", "checklist.txt", "sources/a.md", "sources/b.md"]);
        assert!(host.is_output_executable("sources/a.md") && !host.is_output_executable("sources/b.md"));
        assert_eq!(host.output("check.sh").unwrap(), b"#!/bin/sh\nexit 1\n");
        assert_eq!(host.logged()[0].1, "checklist: reading a.md");
    }

    #[test]
    fn everything_that_is_wrong_is_told() {
        let host = Host::new();
        host.add_input("a.md", "- [?] what\n- [] no task\n").add_input("b.md", b"\xff").add_input("c.txt", b"\xff");
        let error = host.run::<Plugin>(json!({ "title": "To do" })).unwrap_err();
        assert_eq!(error.to_string(), "a.md:1: unknown mark `?`: use `[ ]` or `[x]`\nb.md: not UTF-8");
    }
}
