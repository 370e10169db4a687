//! From the guest's data to the model's, for what a deploy target may export besides.

use std::collections::HashSet;

use springline_model::manifest::{Account, Child, Cleanup, Hook, Phase};
use springline_model::plugin::Fault;

use super::worlds::deploy_target::exports::springline::plugin::{hooks, insight};
use super::{check, from_guest, types};
use crate::capability::masks::Masks;
use crate::fault::contract;

/// The most lines that an account of an object has.
const LINES: usize = 100;
/// The most live objects that are told of as children.
const CHILDREN: usize = 100_000;

pub(super) fn hooks(found: Vec<hooks::Hook>, desired: &[types::Object], masks: &Masks) -> Result<Vec<Hook>, Fault> {
    let known: HashSet<_> = desired.iter().map(|object| object.id.as_str()).collect();
    let mut seen = HashSet::new();
    let mut hooks = Vec::with_capacity(found.len());
    for hook in found {
        check::name(masks, "a live object's name", &hook.ref_)?;
        from_guest::check_object(&hook.object, &known, masks)?;
        check::state(masks, &hook.ref_, &hook.state)?;
        let phase = phase(hook.phase);
        // An object may be run in several phases, in each once.
        if !seen.insert((phase, hook.ref_.clone())) {
            return Err(contract(format!("two hooks of one phase make the same live object: `{}`", hook.ref_)));
        }
        hooks.push(Hook {
            live: hook.ref_,
            object: hook.object,
            phase,
            wave: hook.wave,
            cleanup: cleanup(hook.cleanup),
            state: hook.state,
        });
    }
    Ok(hooks)
}

const fn phase(phase: hooks::Phase) -> Phase {
    match phase {
        hooks::Phase::Before => Phase::Before,
        hooks::Phase::During => Phase::During,
        hooks::Phase::After => Phase::After,
        hooks::Phase::Failure => Phase::Failure,
    }
}

fn cleanup(cleanup: hooks::Cleanup) -> Cleanup {
    Cleanup {
        before_creation: cleanup.contains(hooks::Cleanup::BEFORE_CREATION),
        success: cleanup.contains(hooks::Cleanup::SUCCESS),
        failure: cleanup.contains(hooks::Cleanup::FAILURE),
    }
}

/// Children: each once, after its parent.
pub(super) fn children(found: Vec<insight::Child>, asked: &[String], masks: &Masks) -> Result<Vec<Child>, Fault> {
    if found.len() > CHILDREN {
        return Err(contract(format!("it tells of {} children, and {CHILDREN} are the most", found.len())));
    }
    let mut known: HashSet<String> = asked.iter().cloned().collect();
    let mut children = Vec::with_capacity(found.len());
    for child in found {
        check::name(masks, "a live object's name", &child.ref_)?;
        if !known.contains(&child.parent) {
            let parent = check::line(masks, &child.parent);
            return Err(contract(format!(
                "`{}` belongs to what was neither asked for nor told of before: `{parent}`",
                child.ref_
            )));
        }
        if !known.insert(child.ref_.clone()) {
            return Err(contract(format!("it tells of a child that is known already: `{}`", child.ref_)));
        }
        children.push(Child {
            parent: child.parent,
            live: child.ref_,
            health: from_guest::health(&child.health, masks),
        });
    }
    Ok(children)
}

pub(super) fn accounts(found: Vec<insight::Account>, asked: &[String], masks: &Masks) -> Result<Vec<Account>, Fault> {
    let mut left: HashSet<&str> = asked.iter().map(String::as_str).collect();
    let mut accounts = Vec::with_capacity(found.len());
    for account in found {
        if !left.remove(account.ref_.as_str()) {
            let live = check::line(masks, &account.ref_);
            return Err(contract(format!("it explains what was not asked for, or twice: `{live}`")));
        }
        let lines = account.lines.iter().take(LINES).map(|line| check::line(masks, line)).collect();
        accounts.push(Account { live: account.ref_, lines });
    }
    Ok(accounts)
}
