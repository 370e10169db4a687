//! A renderer.

use springline_sdk::prelude::*;

#[config]
struct Config {
    /// What stands above every file.
    header: String,
}

/// Puts a header above every file.
#[renderer]
fn render(config: Config, render: &mut Render) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    for path in render.files()? {
        let text = render.read_text(&path)?;
        objects.push(render.object(path, format!("{}\n{text}", config.header))?);
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_gets_the_header() {
        let host = springline_sdk::fake::Host::new();
        host.add_input("a.txt", "text\n");
        let objects = host.render::<Plugin>(json!({ "header": "# Header" })).unwrap();
        assert_eq!(objects, [Object::inline("a.txt", "# Header\ntext\n")]);
    }
}
