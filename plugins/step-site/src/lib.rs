//! `step-site`: turns a directory of Markdown into a static site.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod html;
mod links;
mod navigation;
mod page;
mod path;
mod site;
mod template;

use springline_sdk::prelude::*;

/// Every `*.md` becomes a page; every other file is copied.
#[config]
pub struct Config {
    /// The site's title. Without one it is the application's name.
    #[serde(default)]
    title: Option<String>,
    /// A page template of your own: a path in the input directory. It shows the page at
    /// `{{ content }}`; README.md of this plugin lists the other placeholders.
    #[serde(default)]
    template: Option<String>,
    /// Files that are neither pages nor copied: globs over their paths in the input directory,
    /// such as `drafts/**`.
    #[serde(default)]
    exclude: Vec<String>,
    /// Whether a relative link that leads nowhere fails the step. If not, it is warned of.
    #[serde(default = "yes")]
    strict_links: bool,
}

fn yes() -> bool {
    true
}

/// Turns a directory of Markdown into a static site.
#[build_step]
fn site(config: Config, step: &mut Step) -> Result<String> {
    site::build(&config, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_explains_every_key_and_refuses_others() {
        let schema: Value = springline_sdk::serde_json::from_str(&Plugin::describe().config_schema).unwrap();
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema.get("required"), None, "{schema:#}");
        for (key, property) in schema["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{key}: {property}");
        }
    }
}
