//! What a build step can see of the world.

use std::collections::HashMap;
use std::env;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant, SystemTime};

use springline_sdk::prelude::*;

/// Writes down clocks, chance and environment.
pub fn look(step: &Step) -> Result<String> {
    let mut text = String::new();
    let mut tell = |what: &str, value: String| {
        text.push_str(&format!("{what}: {value}\n"));
    };
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    tell("wall clock", format!("{since_1970:?}"));
    let before = Instant::now();
    tell("no time", format!("{:?}", before.elapsed()));
    std::thread::sleep(Duration::from_millis(30));
    tell("slept", format!("{:?}", before.elapsed()));
    tell("chance", format!("{:x}", RandomState::new().hash_one(7)));
    tell("order", format!("{:?}", (0..20).map(|n| (n, ())).collect::<HashMap<_, _>>().keys().collect::<Vec<_>>()));
    tell("environment", format!("{:?}", env::vars().collect::<Vec<_>>()));
    tell("arguments", format!("{:?}", env::args().collect::<Vec<_>>()));
    let mut input = Vec::new();
    tell("input", format!("{:?}", std::io::stdin().read_to_end(&mut input)));
    tell("nan", format!("{:x}", (f64::from(u8::try_from(env::args().count()).unwrap_or(0)) * 0.0 / 0.0).to_bits()));
    step.write("world.txt", &text)?;
    Ok("looked".into())
}

/// Asks everything.
pub fn ask(step: &Step) -> String {
    let context = step.context();
    format!(
        "{} {:?} {} {} {:?} {:?}",
        context.application(),
        context.environment(),
        context.revision(),
        context.commit_time(),
        context.artifact_names(),
        context.artifact("none"),
    )
}

/// Logs to every stream.
pub fn log() -> String {
    println!("to standard output");
    print!("in ");
    print!("pieces");
    let _ = std::io::stdout().flush();
    eprintln!("to standard error \u{1b}[31mred\u{1b}[0m");
    springline_sdk::info!("to the log\nin two lines");
    springline_sdk::error!("badly");
    springline_sdk::log::progress(1, 2);
    "logged".into()
}

/// Takes so many random bytes at once.
pub fn random(count: u64) -> String {
    let mut bytes = vec![0_u8; usize::try_from(count).unwrap_or(usize::MAX)];
    let _ = springline_sdk::files::read(std::path::Path::new("/dev"), "urandom").map(|read| bytes = read);
    format!("{} bytes", bytes.len())
}
