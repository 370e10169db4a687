//! A build step for tests: makes a request, and its description does not say that it would.

use springline_sdk::http::Request;
use springline_sdk::prelude::*;

#[config]
struct Config {
    /// Where to.
    url: String,
}

/// Makes a request.
#[build_step]
fn probe_net_unasked(config: Config, _: &mut Step) -> Result<String> {
    Request::get(&config.url).send().map(|answer| answer.status.to_string())
}
