//! Turns `rules/` into one table of constants, so that judging an object looks up the rules of its
//! kind and reads no other.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use springline_yaml::{Node, Schema};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=rules");
    let mut files = Vec::new();
    walk(Path::new("rules"), &mut files)?;
    files.sort();
    let mut table = Vec::new();
    let (mut deleting, mut generic) = (String::new(), String::new());
    for file in &files {
        let documents = springline_yaml::read(&fs::read_to_string(file)?, Schema::Core)
            .map_err(|error| format!("{}:{}: {}", file.display(), error.line, error.message))?;
        for document in &documents {
            let rules = rules(document).map_err(|problem| format!("{}: {problem}", file.display()))?;
            match file.file_name().and_then(|name| name.to_str()) {
                Some("deleting.yaml") => deleting = rules,
                Some("generic.yaml") => generic = rules,
                _ => {
                    for kind in kinds(document).ok_or_else(|| format!("{}: `kinds` is missing", file.display()))? {
                        let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
                        table.push((group.to_owned(), kind.to_owned(), rules.clone()));
                    }
                }
            }
        }
    }
    table.sort();
    if let Some(pair) = table.windows(2).find(|pair| pair[0].0 == pair[1].0 && pair[0].1 == pair[1].1) {
        return Err(format!("{}.{} has rules in two places", pair[0].1, pair[0].0).into());
    }
    let mut code = format!("const DELETING: &[Rule] = &{deleting};\nconst GENERIC: &[Rule] = &{generic};\n");
    for (name, wild) in [("EXACT", false), ("WILD", true)] {
        writeln!(code, "const {name}: &[Entry] = &[")?;
        for (group, kind, rules) in
            table.iter().filter(|(group, kind, _)| format!("{group}{kind}").contains('*') == wild)
        {
            writeln!(code, "    Entry {{ group: {group:?}, kind: {kind:?}, rules: &{rules} }},")?;
        }
        code.push_str("];\n");
    }
    fs::write(PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?).join("table.rs"), code)?;
    Ok(())
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        match path.is_dir() {
            true => walk(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}

fn kinds(document: &Node) -> Option<Vec<&str>> {
    document.get("kinds")?.as_list()?.iter().map(Node::as_text).collect()
}

/// The rules of a document as the Rust constant that they become.
fn rules(document: &Node) -> Result<String, String> {
    let rules = document.get("rules").and_then(Node::as_list).ok_or("`rules` is missing")?;
    let mut code = String::from("[");
    for rule in rules {
        let place = |problem: &str| format!("line {}: {problem}", rule.line);
        let fields = rule.as_map().ok_or_else(|| place("a rule is a mapping"))?;
        if let Some(field) = fields.keys().find(|field| !["when", "status", "message"].contains(&field.as_str())) {
            return Err(place(&format!("no rule has `{field}`")));
        }
        let text = |field: &str| rule.get(field).map(|node| node.as_text().ok_or_else(|| place(field))).transpose();
        let status = text("status")?.ok_or_else(|| place("`status` is missing"))?;
        let (when, message) = (text("when")?, text("message")?.unwrap_or_default());
        write!(code, "Rule {{ when: {when:?}, status: Status::{status}, message: {message:?} }}, ")
            .map_err(|error| error.to_string())?;
    }
    code.push(']');
    Ok(code)
}
