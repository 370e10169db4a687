//! A build step.

use springline_sdk::prelude::*;

#[config]
struct Config {
    /// Who is greeted.
    name: String,
}

/// Greets somebody.
#[build_step]
fn run(config: Config, step: &mut Step) -> Result<String> {
    step.write("hello.txt", format!("Hello, {}\n", config.name))?;
    Ok("1 file".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greets() {
        let host = springline_sdk::fake::Host::new();
        assert_eq!(host.run::<Plugin>(json!({ "name": "Ada" })).unwrap(), "1 file");
        assert_eq!(host.output("hello.txt").unwrap(), b"Hello, Ada\n");
    }
}
