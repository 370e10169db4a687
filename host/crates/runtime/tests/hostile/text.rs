//! Text that is too long, that is none, or that a terminal would obey.

use springline_model::plugin::{Fault, Limits, LogLine};

use crate::attack::{Outcome, attack, attack_under, breaks_the_contract, limits, traps};

/// What would do anything to a terminal or to a line.
fn is_harmful(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
fn harmless(text: &str) {
    assert!(!text.contains(is_harmful), "{text:?}");
}

fn log_of(outcome: Outcome) -> Vec<LogLine> {
    match outcome {
        Ok(called) => called.log,
        Err(error) => error.log,
    }
}

#[test]
fn nothing_that_is_said_reaches_a_terminal_but_text() {
    for (guest, name) in [
        ("hostile", "log-poison"),
        ("hostile", "summary-poison"),
        ("hostile", "panic-poison"),
        ("hostile-c", "log-poison"),
    ] {
        let Some(outcome) = attack(guest, name, 0) else { return };
        if let Ok(called) = &outcome {
            harmless(&called.value.summary);
        }
        let log = log_of(outcome);
        assert!(name == "summary-poison" || log.iter().any(|line| line.text.contains("\\u{1b}[2J")), "{log:?}");
        log.iter().for_each(|line| harmless(&line.text));
    }
    let Some(outcome) = attack("hostile", "violations", 3_000) else { return };
    let Fault::Invalid { violations } = outcome.unwrap_err().fault else { panic!("it has violations") };
    assert_eq!(violations.len(), 1_000);
    for violation in &violations {
        harmless(&violation.to_string());
        harmless(violation.pointer.as_deref().unwrap());
    }
    let Some(outcome) = attack("hostile-c", "fail-poison", 0) else { return };
    let Fault::Failed { message } = outcome.unwrap_err().fault else { panic!("it failed") };
    harmless(&message);
}

#[test]
fn a_forged_line_is_a_line_of_the_guest() {
    let Some(outcome) = attack("hostile-c", "log-poison", 0) else { return };
    let log = log_of(outcome);
    let forged = log.iter().find(|line| line.text.contains("error: forged line")).unwrap();
    assert!(forged.text.starts_with("\\u{1b}[2Jtopic\\u{a}of its own"), "{}", forged.text);
}

#[test]
fn logs_are_bounded_however_they_are_filled() {
    for (guest, name, count) in [
        ("hostile", "log-long", 8),
        ("hostile", "log-flood", 20_000),
        ("hostile-c", "log-long", 32),
        ("hostile-c", "log-breaks", 32),
        ("hostile-c", "topic-long", 32),
        ("hostile-c", "log-flood", 100_000),
    ] {
        let Some(outcome) = attack_under(guest, name, count, Limits { memory_mib: 128, ..limits() }) else { return };
        let log = log_of(Ok(outcome.unwrap()));
        let bytes: usize = log.iter().map(|line| line.text.len()).sum();
        assert!(bytes < 17 << 10, "{guest} {name}: {bytes} bytes");
        assert!(name == "topic-long" || log.last().unwrap().text.contains("more lines were dropped"), "{name}");
    }
}

#[test]
fn what_is_returned_is_cut_or_refused() {
    let room = Limits { memory_mib: 256, ..limits() };
    let Some(outcome) = attack_under("hostile-c", "summary-long", 60, room.clone()) else { return };
    assert_eq!(outcome.unwrap().value.summary.len(), 16 << 10);
    let outcome = attack_under("hostile-c", "error-long", 60, room.clone()).unwrap();
    let Fault::Failed { message } = outcome.unwrap_err().fault else { panic!("it failed") };
    assert_eq!(message.len(), 16 << 10);
    let outcome = attack_under("hostile", "error-long", 20, room.clone()).unwrap();
    assert!(matches!(outcome.unwrap_err().fault, Fault::Failed { message } if message.len() == 16 << 10));
    for name in ["summary-long", "error-long", "log-long", "topic-long"] {
        breaks_the_contract(attack_under("hostile-c", name, 100, room.clone()), "64 MiB in one call");
    }
}

#[test]
fn what_is_no_text_is_a_trap() {
    traps(attack("hostile-c", "log-no-text", 0), "utf-8");
    traps(attack("hostile-c", "log-surrogate", 0), "utf-8");
    traps(attack("hostile-c", "log-beyond", 0), "out of bounds");
    traps(attack("hostile-c", "return-beyond", 0), "out of bounds");
}
