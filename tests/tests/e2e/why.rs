//! `springline why`: the commit, the file and the plugin behind a value.

use serde_json::{Value, json};

use crate::code::USAGE;
use crate::sandbox::{OPERATOR, Sandbox};

const APPLICATION: &str = "\
application: shop
environments:
  production:
    render: { plugin: render-template, in: deploy, with: { values: deploy/production.yaml } }
    values: { team: blue }
    target: local
";

/// A repository whose deployment has values, in commits of their own.
struct Shop {
    sandbox: Sandbox,
    commits: Vec<String>,
}

impl Shop {
    fn new() -> Option<Self> {
        let sandbox = Sandbox::empty()?;
        sandbox.operator(OPERATOR);
        let mut shop = Self { sandbox, commits: Vec::new() };
        shop.sandbox.write("springline.yaml", APPLICATION.replace(", with: { values: deploy/production.yaml }", ""));
        shop.deployment(2, "web:1");
        shop.sandbox.write("deploy/motd.txt", "one\ntwo\nteam {{ values.team }}\n");
        shop.sandbox.springline(&["update"]).ok();
        shop.commit("Begin");
        shop.deployment(3, "web:1");
        shop.commit("Three of them");
        shop.deployment(3, "web:2");
        shop.commit("The second web");
        shop.sandbox.write("deploy/motd.txt", "one\n2\nteam {{ values.team }}\n");
        shop.commit("Say it in digits");
        let yaml = shop.yaml().replace("team: blue", "team: red");
        shop.sandbox.write("springline.yaml", yaml);
        shop.commit("Another team");
        Some(shop)
    }

    fn yaml(&self) -> String {
        std::fs::read_to_string(self.sandbox.repo().join("springline.yaml")).unwrap()
    }

    fn deployment(&self, replicas: u32, image: &str) {
        let text = format!("kind: Deployment\nspec:\n  replicas: {replicas}\n  image: {image}\n");
        self.sandbox.write("deploy/web.yaml", text);
    }

    fn commit(&mut self, subject: &str) {
        self.commits.push(self.sandbox.commit(subject));
    }

    /// What is found for a value.
    #[track_caller]
    fn why(&self, object: &str, field: &str) -> Value {
        self.sandbox.springline(&["why", "production", object, field, "-o", "json"]).json()
    }
}

#[track_caller]
fn assert_proven(found: &Value, commit: &str, path: &str, line: u64) {
    let first = &found["findings"][0];
    let file = &first["files"][0];
    assert_eq!((first["state"].as_str(), first["commit"].as_str()), (Some("proven"), Some(commit)), "{found:#}");
    assert_eq!((file["path"].as_str(), file["line"].as_u64()), (Some(path), Some(line)), "{found:#}");
}

#[test]
fn a_value_is_traced_to_the_commit_that_made_it() {
    let Some(shop) = Shop::new() else { return };
    shop.sandbox.springline(&["run"]).ok();
    let [_, three, second, digits, team] = shop.commits.as_slice() else { panic!() };
    let replicas = shop.why("web.yaml", "/spec/replicas");
    assert_proven(&replicas, three, "deploy/web.yaml", 3);
    assert_eq!(replicas["value"], 3);
    assert_eq!(replicas["findings"][0]["without"], json!({ "value": 2 }));
    assert_eq!(replicas["findings"][0]["files"][0]["plugin"]["name"], "render-template");
    assert_proven(&shop.why("web.yaml", "spec.image"), second, "deploy/web.yaml", 4);
    assert_proven(&shop.why("motd.txt", "2"), digits, "deploy/motd.txt", 2);
    let red = shop.why("motd.txt", "3");
    assert_eq!(red["findings"][0]["state"], "proven");
    assert!(
        red["findings"].as_array().unwrap().iter().any(|finding| finding["commit"] == **team
            && finding["files"][0]["path"] == "springline.yaml"
            && finding["without"]["value"] == "team blue"),
        "{red:#}"
    );

    let text = shop.sandbox.springline(&["why", "production", "web.yaml", "spec.replicas"]).ok();
    for words in [
        "production/web.yaml /spec/replicas is 3",
        "proven",
        "Three of them",
        "deploy/web.yaml:3",
        "render-template sha256:",
        "without it: 2",
    ] {
        assert!(text.contains(words), "`{words}` is not in\n{text}");
    }
    let runs = shop.sandbox.springline(&["history", "-o", "json"]).json();
    assert_eq!(runs.as_array().unwrap().len(), 1, "nothing was deployed by asking");
    assert!(!shop.sandbox.git(&["status", "--porcelain"]).contains("springline.lock"));
}

#[test]
fn a_value_that_went_there_and_back_is_traced_to_the_way_back() {
    let Some(mut shop) = Shop::new() else { return };
    for (replicas, subject) in [(5, "Five of them"), (3, "Three again")] {
        shop.deployment(replicas, "web:2");
        shop.commit(subject);
    }
    shop.deployment(3, "web:3");
    shop.commit("The third web");
    shop.sandbox.springline(&["run"]).ok();
    let found = shop.why("web.yaml", "/spec/replicas");
    assert_proven(&found, &shop.commits[6], "deploy/web.yaml", 3);
    assert_eq!(found["findings"][0]["without"], json!({ "value": 5 }));
    // There are renders for a guess, and not to try all that was in between.
    let few = ["why", "production", "web.yaml", "/spec/replicas", "--renders", "4", "-o", "json"];
    let guess = shop.sandbox.springline(&few).json();
    assert_ne!(guess["findings"][0]["state"], "proven", "{guess:#}");
}

#[test]
fn another_application_is_no_answer() {
    let Some(shop) = Shop::new() else { return };
    shop.sandbox.springline(&["run"]).ok();
    let blog = APPLICATION.replace("shop", "blog").replace("deploy", "blog/deploy");
    shop.sandbox.write("blog/springline.yaml", blog.replace("values: blog/deploy/production.yaml", ""));
    shop.sandbox.write("blog/blog/deploy/web.yaml", "kind: Deployment\nspec:\n  replicas: 3\n");
    shop.sandbox.commit("A blog");
    let operator = OPERATOR.replace(
        "targets:",
        "targets:\n  other: { plugin: target-directory, grants: { directory: { path: ../other } } }",
    );
    shop.sandbox.operator(&operator);
    let yaml = std::fs::read_to_string(shop.sandbox.repo().join("blog/springline.yaml")).unwrap();
    shop.sandbox.write("blog/springline.yaml", yaml.replace("target: local", "target: other"));
    shop.sandbox.commit("Elsewhere");
    shop.sandbox.springline(&["update", "--path", "blog"]).ok();
    shop.sandbox.springline(&["run", "--path", "blog"]).ok();
    let why = |arguments: &[&str]| {
        shop.sandbox.springline(&[&["why", "production", "web.yaml", "/spec/replicas"], arguments].concat())
    };
    // Each is the one that the repository declares there.
    assert!(why(&[]).ok().contains("deploy/web.yaml:3"));
    assert!(why(&["--path", "blog"]).ok().contains("blog/blog/deploy/web.yaml:3"));
    why(&["--app", "blog"]).fails(USAGE, &["declares `shop`", "`blog`", "--path"]);
    why(&["--app", "blog", "--path", "."]).fails(USAGE, &["from another directory"]);
}

#[test]
fn what_was_there_from_the_beginning_says_so() {
    let Some(shop) = Shop::new() else { return };
    shop.sandbox.springline(&["run"]).ok();
    let kind = shop.why("web.yaml", "/kind");
    assert_proven(&kind, &shop.commits[0], "deploy/web.yaml", 1);
    assert_eq!(kind["findings"][0]["without"], "nothing");
    // What was committed since has no part in it.
    shop.sandbox.write("deploy/web.yaml", "kind: Job\n");
    shop.sandbox.commit("Not deployed");
    assert_eq!(shop.why("web.yaml", "/kind")["findings"], kind["findings"]);
}

#[test]
fn a_value_that_goes_through_an_artifact_is_traced_through_its_step() {
    let Some(sandbox) = Sandbox::site() else { return };
    sandbox.write("docs/guide.md", "# Guide\n\nTwo steps at once.\n");
    let hurried = sandbox.commit("Hurry");
    sandbox.springline(&["run"]).ok();
    let page = std::fs::read_to_string(sandbox.live().join("www/guide.html")).unwrap();
    let line = page.lines().position(|line| line.contains("Two steps")).unwrap() + 1;
    let found = sandbox.springline(&["why", "site", "www/guide.html", &line.to_string(), "-o", "json"]).json();
    let first = &found["findings"][0];
    assert_eq!(
        (first["state"].as_str(), first["commit"].as_str()),
        (Some("proven"), Some(hurried.as_str())),
        "{found:#}"
    );
    assert_eq!(first["files"][0]["path"], "docs/guide.md");
    assert_eq!(first["files"][0]["call"], "site/pages");
    assert_eq!(first["files"][0]["plugin"]["name"], "step-site");
}

#[test]
fn what_several_files_make_together_is_a_candidate() {
    let Some(mut shop) = Shop::new() else { return };
    // Each file alone, as it was before, asks for a value that is not there.
    shop.sandbox.write("springline.yaml", shop.yaml().replace("team: red", "squad: green"));
    shop.sandbox.write("deploy/motd.txt", "one\n2\nteam {{ values.squad }}\n");
    shop.commit("Squads");
    shop.sandbox.springline(&["run"]).ok();
    let found = shop.why("motd.txt", "3");
    let first = &found["findings"][0];
    assert_eq!(
        (first["state"].as_str(), first["commit"].as_str()),
        (Some("candidate"), shop.commits.last().map(String::as_str))
    );
    let paths: Vec<_> = first["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!((paths.len(), first["without"]["value"].as_str()), (2, Some("team red")), "{found:#}");
    assert!(paths.contains(&"springline.yaml") && paths.contains(&"deploy/motd.txt"));
}

#[test]
fn no_more_is_rendered_than_is_allowed() {
    let Some(shop) = Shop::new() else { return };
    shop.sandbox.springline(&["run"]).ok();
    let limited = shop
        .sandbox
        .springline(&["why", "production", "web.yaml", "/spec/replicas", "--renders", "1", "-o", "json"])
        .json();
    assert_eq!(limited["findings"].as_array().unwrap().len(), 0);
    assert!(limited["left-out"].as_u64().unwrap() > 0, "{limited:#}");
}

#[test]
fn what_is_not_there_is_told() {
    let Some(shop) = Shop::new() else { return };
    let why = |arguments: &[&str]| shop.sandbox.springline(&[&["why"], arguments].concat());
    why(&["production", "web.yaml", "/kind"]).fails(USAGE, &["nothing was deployed"]);
    shop.sandbox.springline(&["run"]).ok();
    why(&["staging", "web.yaml", "/kind"]).fails(USAGE, &["nothing was deployed to `staging`"]);
    why(&["production", "none.yaml", "/kind"]).fails(USAGE, &["no object `none.yaml`"]);
    why(&["production", "web.yaml", "/none"]).fails(USAGE, &["no value at /none"]);
    why(&["production", "web.yaml", "a..b"]).fails(USAGE, &["names no value"]);
    why(&["production", "motd.txt", "99"]).fails(USAGE, &["no value at line 99"]);
    shop.sandbox.write("deploy/web.yaml", "kind: Job\n");
    shop.sandbox.springline(&["run", "--worktree"]).ok();
    why(&["production", "web.yaml", "/kind"]).fails(USAGE, &["uncommitted state"]);
}
