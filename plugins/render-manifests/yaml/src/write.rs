//! From trees to text.

use std::fmt::Write as _;

use crate::node::{Map, Node, Value};
use crate::scalar::is_text_everywhere;

/// The tree as one document in block style, ending with a line break. Keys stay in their order;
/// text is quoted wherever some reader of YAML, 1.1 or 1.2, would take it for something else.
pub fn write(node: &Node) -> String {
    let mut text = String::new();
    match &node.value {
        Value::Map(map) if !map.is_empty() => write_map(&mut text, map, 0, false),
        Value::List(items) if !items.is_empty() => write_list(&mut text, items, 0, false),
        // A literal block at the root has no parent to be indented from.
        Value::Text(content) => {
            write_flow_text(&mut text, content);
            text.push('\n');
        }
        _ => {
            write_scalar(&mut text, &node.value, 0);
            text.push('\n');
        }
    }
    text
}

fn indent(text: &mut String, width: usize) {
    text.extend(std::iter::repeat_n(' ', width));
}

/// Writes a mapping whose keys stand in column `column`; `inline` if the cursor is there already.
fn write_map(text: &mut String, map: &Map, column: usize, mut inline: bool) {
    for (key, node) in map {
        if !std::mem::take(&mut inline) {
            indent(text, column);
        }
        write_flow_text(text, key);
        text.push(':');
        match &node.value {
            Value::Map(map) if !map.is_empty() => {
                text.push('\n');
                write_map(text, map, column + 2, false);
            }
            Value::List(items) if !items.is_empty() => {
                text.push('\n');
                write_list(text, items, column, false);
            }
            scalar => {
                text.push(' ');
                write_scalar(text, scalar, column);
                text.push('\n');
            }
        }
    }
}

/// Writes a sequence whose dashes stand in column `column`; `inline` if the cursor is there
/// already.
fn write_list(text: &mut String, items: &[Node], column: usize, mut inline: bool) {
    for node in items {
        if !std::mem::take(&mut inline) {
            indent(text, column);
        }
        text.push_str("- ");
        match &node.value {
            Value::Map(map) if !map.is_empty() => write_map(text, map, column + 2, true),
            Value::List(items) if !items.is_empty() => write_list(text, items, column + 2, true),
            scalar => {
                write_scalar(text, scalar, column);
                text.push('\n');
            }
        }
    }
}

/// Writes what fits behind a key or a dash; `column` is where that stands.
fn write_scalar(text: &mut String, value: &Value, column: usize) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(yes) => text.push_str(if *yes { "true" } else { "false" }),
        Value::Int(number) => {
            let _ = write!(text, "{number}");
        }
        Value::Float(number) => text.push_str(&float(*number)),
        Value::Text(content) if is_literal(content) => write_literal(text, content, column),
        Value::Text(content) => write_flow_text(text, content),
        Value::List(_) => text.push_str("[]"),
        Value::Map(_) => text.push_str("{}"),
    }
}

/// With a point and a signed exponent, so that readers of YAML 1.1 see a number too.
fn float(number: f64) -> String {
    let shortest = format!("{number:?}");
    let Some((mantissa, exponent)) = shortest.split_once('e') else { return shortest };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

/// Whether a text is shown best, and without loss, as a literal block.
fn is_literal(content: &str) -> bool {
    content.contains('\n')
        && !content.starts_with([' ', '\t', '\n'])
        && content.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
        && content.split('\n').all(|line| !line.ends_with([' ', '\t']))
}

fn write_literal(text: &mut String, content: &str, column: usize) {
    let body = content.trim_end_matches('\n');
    text.push_str(match content.len() - body.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    for line in body.split('\n') {
        text.push('\n');
        if !line.is_empty() {
            indent(text, column + 2);
            text.push_str(line);
        }
    }
    // The caller ends the last line; `|+` keeps every further one.
    text.extend(std::iter::repeat_n('\n', (content.len() - body.len()).saturating_sub(1)));
}

/// Writes text in one line, quoted where it must be.
fn write_flow_text(text: &mut String, content: &str) {
    if is_plain(content) {
        text.push_str(content);
    } else {
        write_quoted(text, content);
    }
}

fn is_plain(content: &str) -> bool {
    let Some(first) = content.chars().next() else { return false };
    let starts_well = first.is_alphanumeric()
        || matches!(first, '_' | '/' | '.' | '$' | '(' | ')' | '+' | ';' | '^' | '\\')
        || first == '-' && content[1..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    starts_well
        && !content.starts_with("---")
        && !content.starts_with("...")
        && content.chars().all(|c| (' '..='~').contains(&c) || c.is_alphanumeric())
        && !content.ends_with([' ', ':'])
        && !content.contains(": ")
        && !content.contains(" #")
        && is_text_everywhere(content)
}

fn write_quoted(text: &mut String, content: &str) {
    text.push('"');
    for c in content.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if is_printable(c) => text.push(c),
            c => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xff => write!(text, "\\x{code:02x}"),
                    0x100..=0xffff => write!(text, "\\u{code:04x}"),
                    _ => write!(text, "\\U{code:08x}"),
                };
            }
        }
    }
    text.push('"');
}

/// What a double-quoted or literal text holds as it is, without a line break.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    use super::*;
    use crate::{Schema, check, read};

    fn rewrite(text: &str) -> String {
        write(&read(text, Schema::Kubernetes).unwrap()[0])
    }

    #[test]
    fn writes_block_style_in_the_order_of_the_text() {
        let text = "b: 1\na:\n- x: [1, {y: 'yes'}]\n  z: {}\n- - 1\n  - []\n# gone\nc: 0644\n";
        assert_eq!(rewrite(text), "b: 1\na:\n- x:\n  - 1\n  - \"true\": \"yes\"\n  z: {}\n- - 1\n  - []\nc: 420\n");
    }

    #[test]
    fn quotes_what_someone_would_misread() {
        for text in [
            "yes",
            "No",
            "on",
            "y",
            "1:30",
            "0644",
            "1e3",
            "2001-12-14",
            "null",
            "a: b",
            "a #b",
            "- a",
            "*x",
            "{{ x }}",
            "",
            "x ",
            "#34577c",
            "@a",
            "%a",
            "'",
            "---",
            "a:",
        ] {
            let written = write(&Node::text(text));
            assert!(written.starts_with('"'), "{text}: {written}");
            assert_eq!(read(&written, Schema::Kubernetes).unwrap()[0].as_text(), Some(text));
        }
        for text in
            ["--port=9898", "ghcr.io/a/b:1.2.3", "100m", "http://x/y", "system:node", "ünïcode", "it's", "/data"]
        {
            assert_eq!(write(&Node::text(text)), format!("{text}\n"));
        }
    }

    #[test]
    fn shows_lines_as_lines() {
        let text = "a: |\n  #!/bin/sh\n    echo\n\n  done\nb: |-\n  x\n  y\nc: |+\n  x\n\nd: \"  x\\ny\"\n";
        assert_eq!(rewrite(text), text);
    }

    #[test]
    fn numbers_are_numbers_to_all() {
        for (number, text) in [(1.0, "1.0"), (1e100, "1.0e+100"), (1.5e-9, "1.5e-9"), (-0.25, "-0.25")] {
            assert_eq!(write(&Node::new(Value::Float(number))).trim(), text);
        }
    }

    fn random_text(random: &mut ChaCha8Rng) -> String {
        const PIECES: &[&str] = &[
            "a", "B", "0", "1", "-", ":", " ", "\n", "#", "'", "\"", "\\", "\t", "{", "}", "[", "]", ",", "&", "*",
            "?", "|", ">", "!", "%", "@", "`", "~", "=", "<<", "é", "\u{2028}", "\u{7}", "😀", ".", "+", "_", "e",
            "yes", "null", "---", "...", "\r", "\u{85}", "\u{feff}", "0x", "/", "\u{1f}",
        ];
        (0..random.next_u32() % 7).map(|_| PIECES[random.next_u32() as usize % PIECES.len()]).collect()
    }

    fn random_node(random: &mut ChaCha8Rng, depth: u32) -> Node {
        Node::new(match random.next_u32() % if depth == 0 { 6 } else { 10 } {
            0 => Value::Null,
            1 => Value::Bool(random.next_u32().is_multiple_of(2)),
            2 => Value::Int(i128::from(random.next_u64()) - i128::from(random.next_u64() / 2)),
            3 => Value::Float(f64::from(random.next_u32()) * 10_f64.powi(random.next_u32() as i32 % 30)),
            4 | 5 => Value::Text(random_text(random)),
            6 | 7 => Value::List((0..random.next_u32() % 4).map(|_| random_node(random, depth - 1)).collect()),
            _ => Value::Map(
                (0..random.next_u32() % 4).map(|_| (random_text(random), random_node(random, depth - 1))).collect(),
            ),
        })
    }

    fn without_lines(mut node: Node) -> Node {
        node.line = 0;
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(|item| *item = without_lines(item.clone())),
            Value::Map(map) => map.values_mut().for_each(|value| *value = without_lines(value.clone())),
            _ => {}
        }
        node
    }

    #[test]
    fn what_is_written_is_read_again_by_either_schema() {
        let seed = std::env::var("SPRINGLINE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7_u64);
        println!("seed {seed}; set SPRINGLINE_SEED for another");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..5_000 {
            let node = random_node(&mut random, 4);
            let text = write(&node);
            check(&text).unwrap();
            for schema in [Schema::Core, Schema::Kubernetes] {
                let again = read(&text, schema).unwrap_or_else(|error| panic!("{error}\n{text}\n{node:?}"));
                assert_eq!(
                    again.into_iter().map(without_lines).collect::<Vec<_>>(),
                    std::slice::from_ref(&node),
                    "\n{text}"
                );
            }
        }
    }
}
