//! Reads every file of its input, and does nothing with them.

use springline_sdk::prelude::*;

#[config]
struct Config {}

/// Reads every file of its input, and does nothing with them.
#[build_step]
fn reader(_: Config, step: &mut Step) -> Result<String> {
    let (mut files, mut bytes) = (0, 0);
    for entry in step.walk()? {
        bytes += step.read(&entry.path)?.len();
        files += 1;
    }
    Ok(format!("{files} files of {bytes} bytes"))
}
