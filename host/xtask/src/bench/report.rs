//! What was measured: a table for people, JSON for programs.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::process;

/// What was measured of one part. Its table stands between [`begin`] and [`END`]; what is around them is
/// written by hand.
pub struct Measures {
    /// The part's name.
    pub name: &'static str,
    /// What was measured.
    pub rows: Vec<Row>,
}

const END: &str = "<!-- end -->";

fn begin(name: &str) -> String {
    format!("<!-- written by `cargo xtask bench {name}` -->")
}

/// What one thing was measured at.
pub struct Row {
    what: String,
    value: f64,
    unit: &'static str,
    /// What it is compared with, in the same unit.
    against: Option<(String, f64)>,
    aim: Option<Aim>,
}

/// What a measure should stay under.
#[derive(Clone, Copy)]
enum Aim {
    /// The value itself.
    Value(f64),
    /// Its ratio to what it is compared with.
    Ratio(f64),
}

impl Row {
    /// A value in a unit.
    pub fn new(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { what: what.into(), value, unit, against: None, aim: None }
    }

    /// It should stay under this.
    pub fn aim(self, aim: f64) -> Self {
        Self { aim: Some(Aim::Value(aim)), ..self }
    }

    /// Compared with something measured in the same run, in the same unit.
    pub fn against(self, what: impl Into<String>, value: f64) -> Self {
        Self { against: Some((what.into(), value)), ..self }
    }

    /// Its ratio to what it is compared with should stay under this.
    pub fn ratio_aim(self, aim: f64) -> Self {
        Self { aim: Some(Aim::Ratio(aim)), ..self }
    }

    fn ratio(&self) -> Option<f64> {
        self.against.as_ref().map(|(_, against)| self.value / against)
    }

    fn is_met(&self) -> Option<bool> {
        match self.aim? {
            Aim::Value(aim) => Some(self.value < aim),
            Aim::Ratio(aim) => self.ratio().map(|ratio| ratio < aim),
        }
    }

    fn line(&self) -> String {
        let Self { what, value, unit, against, aim } = self;
        let against = against.as_ref().map(|(what, value)| format!("{what}: {} {unit}", digits(*value)));
        let ratio = self.ratio().map(|ratio| format!("{}×", digits(ratio)));
        let aim = aim.map(|aim| match aim {
            Aim::Value(aim) => format!("< {aim} {unit}"),
            Aim::Ratio(aim) => format!("< {aim}×"),
        });
        let missed = if self.is_met() == Some(false) { " **missed**" } else { "" };
        let [against, ratio, aim] = [against, ratio, aim].map(Option::unwrap_or_default);
        format!("| {what} | {} {unit} | {against} | {ratio} | {aim}{missed} |\n", digits(*value))
    }

    fn json(&self) -> Value {
        let (aim, of) = match self.aim {
            Some(Aim::Value(aim)) => (Some(aim), Some("value")),
            Some(Aim::Ratio(aim)) => (Some(aim), Some("ratio")),
            None => (None, None),
        };
        json!({
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "against": self.against.as_ref().map(|(what, value)| json!({ "what": what, "value": value })),
            "ratio": self.ratio(),
            "aim": aim.map(|aim| json!({ "under": aim, "of": of })),
            "met": self.is_met(),
        })
    }
}

/// Three significant digits.
fn digits(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// When and on what it was measured.
pub struct Setting {
    date: String,
    machine: String,
    load: String,
}

impl Setting {
    /// As things are now: what else the machine has to do is looked at before anything is measured.
    pub fn now() -> Result<Self> {
        let date = process::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?.trim().to_owned();
        let system = process::output(Command::new("uname").arg("-srm"))?.trim().to_owned();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("unknown");
            line.trim_start_matches([' ', '\t', ':']).to_owned()
        };
        let model = after(&read("/proc/cpuinfo"), "model name");
        let memory = after(&read("/proc/meminfo"), "MemTotal");
        let memory = memory.strip_suffix(" kB").and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() >> 20;
        let load = read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_owned();
        Ok(Self { date, machine: format!("{model}, {cores} cores, {memory} GiB of memory, {system}"), load })
    }
}

/// Prints the rows as JSON, and writes them into the page and into a file.
pub fn publish(setting: &Setting, measured: &[Measures], page: &Path, file: &Path) -> Result<()> {
    let Setting { date, machine, load } = setting;
    let mut text = fs::read_to_string(page).with_context(|| format!("can't read {}", page.display()))?;
    let mut parts = serde_json::Map::new();
    for Measures { name, rows } in measured {
        let mut table = format!(
            "Measured on {date}: {machine}; the load average was {load} before.\n\n\
             | what | measured | compared with | ratio | aim |\n|---|---:|---:|---:|---:|\n"
        );
        table.extend(rows.iter().map(Row::line));
        text = replaced(&text, name, &table)
            .with_context(|| format!("{} lacks `{}`, or the end", page.display(), begin(name)))?;
        parts.insert((*name).to_owned(), rows.iter().map(Row::json).collect());
    }
    fs::write(page, text).with_context(|| format!("can't write {}", page.display()))?;
    let json = json!({ "date": date, "machine": machine, "load-average": load, "measures": parts });
    fs::write(file, format!("{json:#}\n")).with_context(|| format!("can't write {}", file.display()))?;
    println!("{json:#}");
    eprintln!("Written to {} and {}", page.display(), file.display());
    Ok(())
}

/// The page with the table of a part in the place of its old one; none without the markers.
fn replaced(page: &str, name: &str, table: &str) -> Option<String> {
    let begin = begin(name);
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_replaced_and_all_else_stays() {
        let page = |calls: &str| {
            format!("# Title\n{}\n{calls}{END}\n{}\nof before\n{END}\nCauses\n", begin("calls"), begin("idle"))
        };
        assert_eq!(replaced(&page("old\n"), "calls", "| new |\n"), Some(page("| new |\n")));
        assert!(replaced(&page(""), "fleet", "").is_none());
    }

    #[test]
    fn an_aim_is_of_the_value_or_of_the_ratio() {
        let row = Row::new("reading", 30.0, "ms").against("git", 20.0).ratio_aim(1.0);
        assert_eq!(row.line(), "| reading | 30.0 ms | git: 20.0 ms | 1.50× | < 1× **missed** |\n");
        assert_eq!(row.json()["met"], json!(false));
        let row = Row::new("start", 5.0, "ms").aim(50.0);
        assert_eq!(row.line(), "| start | 5.00 ms |  |  | < 50 ms |\n");
        assert_eq!(row.json()["met"], json!(true));
    }
}
