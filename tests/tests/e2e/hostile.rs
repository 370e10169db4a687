//! The hostile guests (tests/guests/hostile) as a user meets them: each run fails with an error that names
//! the plugin and the limit, and the state directory is as good as before. How the runtime holds, call by
//! call, is tested beside it.

use std::fs;

use crate::code::PLUGIN;
use crate::sandbox::{Outcome, Sandbox, guests, names};

const LIMITS: &str = "\
limits: { memory-mib: 64, wall-seconds: 2, compute-seconds: 1, log-kib: 16, output-mib: 8, output-entries: 1000, handles: 64 }
";

/// An application with one hostile step, whose output is rendered and deployed if there is any.
struct World {
    sandbox: Sandbox,
    application: String,
}

impl World {
    fn new() -> Option<Self> {
        let (sandbox, guests) = (Sandbox::site()?, guests()?);
        for guest in ["hostile", "hostile-c", "hostile-c-start", "hostile-c-describe", "probe-renderer"] {
            let component = fs::read(guests.join(format!("{guest}.wasm"))).unwrap();
            sandbox.write(&format!("plugins/{guest}.wasm"), component);
        }
        sandbox.write("docs/read.txt", "1");
        std::os::unix::fs::symlink("../../../etc", sandbox.repo().join("docs/out-dir")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", sandbox.repo().join("docs/absolute")).unwrap();
        let application = "\
application: hostile
artifacts:
  made:
    steps:
      - { name: attack, plugin: ./plugins/GUEST.wasm, in: docs, with: { attack: ATTACK, count: COUNT } }
environments:
  site:
    render: { plugin: ./plugins/probe-renderer.wasm, in: deploy, with: { mode: artifacts } }
    target: local
"
        .to_owned();
        let operator = fs::read_to_string(sandbox.repo().join(".springline/host.yaml")).unwrap();
        sandbox.operator(&format!("{operator}{LIMITS}"));
        Some(Self { sandbox, application })
    }

    /// Runs an attack.
    fn attack(&self, guest: &str, attack: &str, count: u64) -> Outcome {
        let with = self.application.replace("GUEST", guest).replace("ATTACK", attack);
        self.sandbox.write("springline.yaml", with.replace("COUNT", &count.to_string()));
        self.sandbox.commit(attack);
        self.sandbox.springline(&["run"])
    }

    /// What has to hold after any attack: a good run succeeds, the state verifies, nothing is left.
    fn is_unharmed(&self) {
        self.attack("hostile", "odd-names", 0).ok();
        self.sandbox.springline(&["history", "verify"]).ok();
        let scratch = self.sandbox.repo().join(".springline/scratch");
        assert!(names(&scratch).is_empty(), "{:?}", names(&scratch));
    }
}

#[test]
fn an_attack_ends_its_run_with_the_limit_that_it_hit() {
    let Some(world) = World::new() else { return };
    world.is_unharmed();
    let live = names(&world.sandbox.live());
    for (guest, attack, count, word) in [
        ("hostile", "loop", 0, "compute-seconds"),
        ("hostile-c", "sleep", 0, "wall-seconds"),
        ("hostile", "memory", 0, "memory-mib"),
        ("hostile-c", "recurse", 1, "stack"),
        ("hostile-c", "sinks", 0, "handles"),
        ("hostile-c", "writers", 0, "output-mib"),
        ("hostile", "many-files", 5_000, "output-entries"),
        ("hostile-c", "log-surrogate", 0, "trapped"),
        ("hostile-c", "forged-handle", 1, "trapped"),
        ("hostile-c", "summary-long", 65, "memory-mib"),
        ("hostile-c-start", "good", 0, "compute"),
        ("hostile-c-describe", "good", 0, "compute"),
    ] {
        let stderr = world.attack(guest, attack, count).fails(PLUGIN, &[guest, word]);
        assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
        assert_eq!(names(&world.sandbox.live()), live, "{attack}");
    }
    world.is_unharmed();
}

#[test]
fn what_is_said_can_be_shown() {
    let Some(world) = World::new() else { return };
    let harmful =
        |c: char| (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{61c}');
    for (guest, attack) in [
        ("hostile", "log-poison"),
        ("hostile", "summary-poison"),
        ("hostile", "panic-poison"),
        ("hostile", "violations"),
        ("hostile-c", "log-poison"),
        ("hostile-c", "fail-poison"),
    ] {
        let outcome = world.attack(guest, attack, 3);
        for shown in [&outcome.stdout, &outcome.stderr] {
            assert!(!shown.contains(harmful), "{attack}: {shown:?}");
        }
        let log = world.sandbox.springline(&["logs"]);
        assert!(!log.stdout.contains(harmful), "{attack}: {:?}", log.stdout);
    }
    world.is_unharmed();
}

#[test]
fn what_is_kept_stays_inside_when_it_is_exported() {
    let Some(world) = World::new() else { return };
    // The last one leaves a file: once something is live, a run that renders nothing would be refused.
    for (guest, attack) in [
        ("hostile", "links"),
        ("hostile", "names"),
        ("hostile-c", "links"),
        ("hostile-c", "good"),
        ("hostile", "read-only"),
    ] {
        world.attack(guest, attack, 0).ok();
    }
    for attack in ["odd-names", "archive"] {
        world.attack("hostile", attack, 0).ok();
        let to = world.sandbox.path(attack);
        world.sandbox.springline(&["artifact", "export", "made", "--to", to.to_str().unwrap()]).ok();
        for (name, _) in crate::sandbox::files(&to) {
            let real = fs::canonicalize(to.join(&name)).unwrap();
            assert!(real.starts_with(fs::canonicalize(&to).unwrap()), "{attack}: {name:?} leads out");
        }
    }
    world.is_unharmed();
}
