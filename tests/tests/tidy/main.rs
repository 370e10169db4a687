//! What a reviewer would otherwise have to look for: layering, links, sizes, the frozen contract.
//! One module a subject; each test collects everything that is wrong and names it.

mod contract;
mod documents;
mod frozen;
mod hostile;
mod layering;
mod manifests;
mod sources;
mod workspace;

/// Fails with all of the problems, a line each.
#[track_caller]
fn assert_none(what: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{what}:\n  {}", problems.join("\n  "));
}
