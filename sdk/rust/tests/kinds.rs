//! One plugin of each kind, as an author writes it, against the fake host.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, missing_docs)]

mod step {
    use springline_sdk::prelude::*;

    #[config]
    struct Config {
        /// Who is greeted.
        name: String,
        #[serde(default)]
        tone: Tone,
    }

    #[config]
    #[derive(Default)]
    enum Tone {
        #[default]
        Friendly,
        VeryFormal,
    }

    /// Greets
    /// somebody.
    ///
    /// Politely.
    #[build_step(version = "7.0.0")]
    fn hello(config: Config, step: &mut Step) -> Result<String> {
        let greeting = match config.tone {
            Tone::Friendly => "Hello",
            Tone::VeryFormal => "Good day",
        };
        if config.name.is_empty() {
            return Err(Violation::new("nobody to greet").pointer("/name").into());
        }
        info!("greeting {}\ntwice", config.name);
        let source = step.read_text("greeting.txt").unwrap_or_default();
        step.write("bin/hello.txt", format!("{source}{greeting}, {}", config.name))?;
        step.set_executable("bin/hello.txt", step.is_executable("greeting.txt")?)?;
        Ok("1 file".into())
    }

    #[test]
    fn a_step_reads_writes_and_logs() {
        let host = springline_sdk::fake::Host::new();
        host.add_executable_input("greeting.txt", "> ");
        let summary = host.run::<Plugin>(json!({ "name": "Ada", "tone": "very-formal" })).unwrap();
        assert_eq!(summary, "1 file");
        assert_eq!(host.outputs(), ["bin/hello.txt"]);
        assert_eq!(host.output("bin/hello.txt").unwrap(), b"> Good day, Ada");
        assert!(host.is_output_executable("bin/hello.txt"));
        let lines: Vec<_> = host.logged().into_iter().map(|(_, line)| line).collect();
        assert_eq!(lines, ["greeting Ada", "twice"]);
    }

    #[test]
    fn a_copy_keeps_the_executable_bit_and_names_what_is_missing() {
        let host = springline_sdk::fake::Host::new();
        host.add_executable_input("bin/run", vec![7; 3 << 20]).add_input("plain", "text").add_input_link("gone", "no");
        let step = host.step();
        assert_eq!(step.files().unwrap(), ["bin/run", "plain"]);
        step.copy("bin/run", "deep/er/run").unwrap();
        step.copy("plain", "plain").unwrap();
        assert_eq!(host.output("deep/er/run").unwrap(), vec![7; 3 << 20]);
        assert!(host.is_output_executable("deep/er/run") && !host.is_output_executable("plain"));
        for (from, to, expected) in
            [("none", "x", "none: there is no such file"), ("plain", "../x", "`../x` is no path below a directory")]
        {
            let error = step.copy(from, to).unwrap_err();
            assert!(matches!(error, Error::Invalid(_)) && error.to_string().starts_with(expected), "{error}");
        }
    }

    #[test]
    fn an_unknown_key_and_a_refusal_are_invalid() {
        let host = springline_sdk::fake::Host::new();
        for (config, expected) in [
            (json!({ "name": "Ada", "nmae": 1 }), "unknown field `nmae`"),
            (json!({ "name": "" }), "/name: nobody to greet"),
        ] {
            let error = host.run::<Plugin>(config).unwrap_err();
            assert!(matches!(error, Error::Invalid(_)) && error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn a_plugin_describes_itself_from_its_source() {
        let description = Plugin::describe();
        assert_eq!(description.name, "springline-sdk");
        assert_eq!(description.version, "7.0.0");
        assert_eq!(description.summary, "Greets somebody.");
        let schema: Value = springline_sdk::serde_json::from_str(&description.config_schema).unwrap();
        assert_eq!(schema["properties"]["name"]["description"], "Who is greeted.");
        assert_eq!(schema["required"], json!(["name"]));
        assert_eq!(schema["additionalProperties"], false);
    }
}

mod renderer {
    use std::io::Write as _;

    use springline_sdk::plugin::NoConfig;
    use springline_sdk::prelude::*;

    /// Renders what it is given.
    #[renderer(name = "mirror")]
    fn render(_config: NoConfig, render: &mut Render) -> Result<Vec<Object>> {
        let mut objects = vec![Object::tree("site", render.artifact("site")?.digest)];
        for file in render.walk()? {
            let mut blob = render.blob_writer();
            blob.write_all(&render.read(&file.path)?)?;
            objects.push(Object::blob(&file.path, blob.finish()?));
        }
        let values = format!("{}: {}", render.environment()?, Value::from(render.values()?.clone()));
        objects.push(Object::inline("values", values));
        Ok(objects)
    }

    #[test]
    fn a_renderer_sees_artifacts_values_and_the_environment() {
        let host = springline_sdk::fake::Host::new();
        let site = host.add_artifact("site", &[("index.html", "<h1>")]);
        host.add_input("a.yaml", "kind: A").set_environment(Some("prod")).set_values(json!({ "replicas": 2 }));
        let objects = host.render::<Plugin>(json!({})).unwrap();
        assert_eq!(objects[0], Object::tree("site", site));
        let Body::Blob(digest) = &objects[1].body else { panic!("{objects:?}") };
        assert_eq!(host.blob(digest).unwrap(), b"kind: A");
        assert_eq!(objects[2], Object::inline("values", r#"prod: {"replicas":2}"#));
    }

    #[test]
    fn an_object_is_inline_up_to_a_mebibyte() {
        let host = springline_sdk::fake::Host::new();
        let render = host.renderer();
        let (small, large) = (vec![1; 1 << 20], vec![2; (1 << 20) + 1]);
        assert_eq!(render.object("small", small.clone()).unwrap(), Object::inline("small", small));
        let object = render.object("large", large.clone()).unwrap();
        let Body::Blob(digest) = &object.body else { panic!("{}", object.id) };
        assert!(host.blob(digest).unwrap() == large);
    }

    #[test]
    fn values_are_asked_for_once_a_call() {
        let host = springline_sdk::fake::Host::new();
        host.set_values(json!({ "port": 1 }));
        let render = host.renderer();
        host.set_values(json!({ "port": 2 }));
        assert_eq!(render.values().unwrap()["port"], 2);
        host.set_values(json!({ "port": 3 }));
        assert_eq!(render.context().values().unwrap()["port"], 2);
        assert_eq!(host.renderer().values().unwrap()["port"], 3);
    }

    #[test]
    fn a_missing_artifact_is_named_with_those_there_are() {
        let host = springline_sdk::fake::Host::new();
        host.add_artifact("page", &[("x", "y")]);
        let error = host.render::<Plugin>(json!({})).unwrap_err();
        assert_eq!(error.to_string(), "the application declares no artifact `site`; there are: page");
    }
}

mod target {
    use springline_sdk::plugin::{DeployTarget as _, Kind};
    use springline_sdk::prelude::*;

    #[config]
    struct Shelf {
        board: String,
    }

    impl Shelf {
        fn place(&self, object: &Object) -> String {
            format!("{}/{}", self.board, object.id)
        }
    }

    /// Puts every object on a shelf, and never looks again.
    #[deploy_target(capabilities(directory = "the shelf"))]
    impl Target for Shelf {
        fn identify(&self, desired: &[Object], _: &mut Deploy) -> Result<Vec<Identity>> {
            Ok(desired.iter().map(|object| Identity { live: self.place(object), object: object.id.clone() }).collect())
        }

        fn plan(&self, desired: &[Object], owned: &[String], _: &mut Deploy) -> Result<Vec<Change>> {
            let new = desired.iter().filter(|object| !owned.contains(&self.place(object)));
            let change = |object: &Object| {
                let Body::Blob(digest) = &object.body else { return Err(Error::invalid("a shelf takes files")) };
                let after = Some(digest.clone());
                Ok(Change { after, ..Change::new(Action::Create, self.place(object), &object.id) })
            };
            new.map(change).collect()
        }

        fn apply(&self, change: &Change, deploy: &mut Deploy) -> Result<Applied> {
            let blob = change.after.as_deref().unwrap_or_default();
            deploy.directory().put_file(&change.live, blob, false, None)?;
            Ok(Applied { after: change.after.clone(), message: String::new() })
        }

        fn observe(&self, _live: &[String], _: &mut Deploy) -> Result<Vec<Observed>> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn a_target_is_driven_as_the_host_does() {
        let host = springline_sdk::fake::Host::new();
        let target = host.target::<Plugin>(json!({ "board": "top" })).unwrap();
        let desired = [Object::blob("cup", host.add_blob("tea"))];
        let synced = host.sync(&target, &desired, &[]).unwrap();
        assert_eq!(synced.owned, ["top/cup"]);
        assert_eq!(host.live("top/cup").unwrap(), b"tea");

        let missing = Observed { live: "top/cup".into(), version: None, state: Vec::new() };
        assert_eq!(target.judge(&missing).unwrap().status, springline_sdk::HealthStatus::Missing);
        assert!(Plugin::configure(r#"{"bord": 1}"#.into()).is_err());
        assert_eq!(Plugin::describe().kind, Kind::DeployTarget);
        assert_eq!(Plugin::describe().capabilities, [("directory", "the shelf")]);
    }
}

mod target_with_more {
    use springline_sdk::plugin::{TargetHooks as _, TargetInsight as _};
    use springline_sdk::prelude::*;
    use springline_sdk::{Account, Child, Cleanup, Hook, Phase};

    #[config]
    struct Cupboard {}

    /// Puts nothing anywhere, but tells much of it.
    #[deploy_target(hooks, insight)]
    impl Target for Cupboard {
        fn identify(&self, _: &[Object], _: &mut Deploy) -> Result<Vec<Identity>> {
            Ok(Vec::new())
        }

        fn plan(&self, _: &[Object], _: &[String], _: &mut Deploy) -> Result<Vec<Change>> {
            Ok(Vec::new())
        }

        fn apply(&self, _: &Change, _: &mut Deploy) -> Result<Applied> {
            Ok(Applied::default())
        }

        fn observe(&self, _: &[String], _: &mut Deploy) -> Result<Vec<Observed>> {
            Ok(Vec::new())
        }
    }

    impl Hooks for Cupboard {
        fn hooks(&self, desired: &[Object], _: &mut Deploy) -> Result<Vec<Hook>> {
            let hook = |object: &Object| Hook {
                live: format!("hook/{}", object.id),
                object: object.id.clone(),
                phase: Phase::Before,
                wave: -1,
                cleanup: Cleanup { success: true, ..Cleanup::default() },
                state: Vec::new(),
            };
            Ok(desired.iter().map(hook).collect())
        }
    }

    impl Insight for Cupboard {
        fn children(&self, live: &[String], _: &mut Deploy) -> Result<Vec<Child>> {
            let child = |parent: &String| Child {
                parent: parent.clone(),
                live: format!("{parent}/saucer"),
                health: Health::healthy(),
            };
            Ok(live.iter().map(child).collect())
        }

        fn explain_health(&self, live: &[String], _: &mut Deploy) -> Result<Vec<Account>> {
            Ok(live.iter().map(|live| Account { live: live.clone(), lines: vec!["cracked".into()] }).collect())
        }
    }

    #[test]
    fn a_target_may_have_hooks_and_give_insight() {
        let host = springline_sdk::fake::Host::new();
        let hooks = Plugin::configure_hooks("{}".into()).unwrap();
        let found = hooks.hooks(&[Object::inline("a", "b")], &mut host.deploy()).unwrap();
        assert_eq!((found[0].live.as_str(), found[0].phase), ("hook/a", Phase::Before));
        let insight = Plugin::configure_insight("{}".into()).unwrap();
        let cup = ["cup".to_owned()];
        assert_eq!(insight.children(&cup, &mut host.deploy()).unwrap()[0].live, "cup/saucer");
        assert_eq!(insight.explain_health(&cup, &mut host.deploy()).unwrap()[0].lines, ["cracked"]);
    }
}
