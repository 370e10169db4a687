//! Calls that used powers.

use springline_model::port::{Page, Store as _};
use springline_model::run::{How, Output};

use super::{World, files};

#[test]
fn an_observed_call_is_executed_every_time_and_what_it_used_is_told() {
    let mut world = World::new();
    let secretive = world.plugins.step("upper", |reader, output| {
        reader.use_secret("token");
        output.file("page.txt", "the same");
        Ok(String::new())
    });
    world.chain.artifacts[0].steps[0].uses.plugin = secretive;
    let first = world.run("r1", &files("hello", "-", "a")).unwrap();
    let second = world.run("r1", &files("hello", "-", "a")).unwrap();
    assert_eq!(world.executions(), [2, 1, 1], "what comes after it is pure");
    for report in [&first, &second] {
        let step = &report.run.steps[0];
        assert!(matches!(step.how, How::Executed(_)), "{step:?}");
        assert_eq!(step.used.secrets, ["token"]);
        assert!(matches!(step.output, Some(Output::Tree(_))));
        assert!(report.run.steps[1..].iter().all(|step| step.used.is_empty() && step.output.is_none()));
        assert_eq!(report.synced[0].sealed.record.used.secrets, ["token"]);
    }
    let kept = world.store.history(&Page::default()).unwrap().records;
    let release = kept[0].record.release.unwrap();
    let release = &world.store.releases(None, &release.hex()).unwrap()[0];
    assert_eq!(release.used.secrets, ["token"]);
}
