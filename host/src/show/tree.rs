//! Live objects and what belongs to them, as a tree.

use anstyle::Style;
use springline_engine::status::{Branch, Node};
use springline_model::manifest::{Health, HealthStatus};

use super::difference::word;
use super::{BAD, FAINT, GOOD, NOTE, line, paint};

/// How many objects of an environment are shown.
const MOST_OBJECTS: usize = 20;
/// How many children of an object are shown.
const MOST_CHILDREN: usize = 5;

/// The style of a health.
pub const fn style_of(health: HealthStatus) -> Style {
    match health {
        HealthStatus::Healthy => GOOD,
        HealthStatus::Suspended | HealthStatus::Progressing | HealthStatus::Unknown => NOTE,
        HealthStatus::Missing | HealthStatus::Degraded => BAD,
    }
}

/// Prints the objects of an environment: those that are not as desired or not healthy, and those to
/// which others belong; not too many of either, unless all are asked for.
pub fn print(environment: &str, nodes: &[Node], all: bool) {
    lines(environment, nodes, all).iter().for_each(line);
}

fn lines(environment: &str, nodes: &[Node], all: bool) -> Vec<String> {
    let mut tree = Tree { lines: Vec::new(), most: if all { usize::MAX } else { MOST_CHILDREN } };
    let shown: Vec<&Node> = if all {
        nodes.iter().collect()
    } else {
        nodes.iter().filter(|node| wants_a_look(node) || !node.children.is_empty()).take(MOST_OBJECTS).collect()
    };
    if shown.is_empty() {
        return Vec::new();
    }
    tree.lines.push(environment.to_owned());
    let rest = nodes.len() - shown.len();
    for (at, node) in shown.iter().enumerate() {
        tree.node(node, at + 1 == shown.len() && rest == 0);
    }
    if rest > 0 {
        let bad = nodes.iter().filter(|node| wants_a_look(node)).count();
        let bad = bad.saturating_sub(shown.iter().filter(|node| wants_a_look(node)).count());
        let how = match bad {
            0 => "in sync and healthy".to_owned(),
            bad => format!("{bad} of them not in sync or not healthy"),
        };
        tree.lines.push(format!("└─ {}", paint(FAINT, format_args!("... and {rest} more, {how} (--all shows them)"))));
    }
    tree.lines
}

/// Whether something is to be said of it.
fn wants_a_look(node: &Node) -> bool {
    node.change.is_some() || node.health.as_ref().is_none_or(|health| health.status != HealthStatus::Healthy)
}

struct Tree {
    lines: Vec<String>,
    most: usize,
}

/// What stands before an object, and before what is below it.
const fn rails(last: bool) -> (&'static str, &'static str) {
    if last { ("└─ ", "   ") } else { ("├─ ", "│  ") }
}

impl Tree {
    fn node(&mut self, node: &Node, last: bool) {
        let (here, below) = rails(last);
        let mut text = here.to_owned();
        if let Some(change) = node.change {
            text.push_str(&paint(NOTE, word(change).0));
            text.push(' ');
        }
        text.push_str(&node.live);
        match &node.health {
            Some(health) => text.push_str(&told(health)),
            None => text.push_str(&format!("  {}", paint(NOTE, "no longer desired"))),
        }
        if !node.summary.is_empty() {
            text.push_str(&format!("  {}", paint(FAINT, &node.summary)));
        }
        self.lines.push(text);
        let under = if node.children.is_empty() { "   " } else { "│  " };
        self.lines.extend(node.why.iter().map(|why| format!("{below}{under}{}", paint(FAINT, why))));
        self.branches(&node.children, below);
    }

    fn branches(&mut self, branches: &[Branch], indent: &str) {
        let shown = branches.len().min(self.most);
        let rest = branches.len() - shown;
        for (at, branch) in branches[..shown].iter().enumerate() {
            let (here, below) = rails(at + 1 == shown && rest == 0);
            self.lines.push(format!("{indent}{here}{}{}", branch.live, told(&branch.health)));
            self.branches(&branch.children, &format!("{indent}{below}"));
        }
        if rest > 0 {
            // They are sorted: none of the rest is worse than this one.
            let worst = branches[shown].health.status;
            let most = if worst == HealthStatus::Healthy { "all" } else { "at worst" };
            let more = format!("... and {rest} more, {most} {worst}");
            self.lines.push(format!("{indent}└─ {}", paint(FAINT, more)));
        }
    }
}

fn told(health: &Health) -> String {
    let message = if health.message.is_empty() { String::new() } else { format!("  {}", health.message) };
    format!("  {}{message}", paint(style_of(health.status), health.status))
}

#[cfg(test)]
mod tests {
    use springline_model::manifest::Action;

    use super::*;

    fn health(status: HealthStatus, message: &str) -> Health {
        Health { status, message: message.into() }
    }

    fn node(live: &str, status: HealthStatus) -> Node {
        Node {
            live: live.into(),
            object: live.into(),
            change: None,
            summary: String::new(),
            health: Some(health(status, "")),
            why: Vec::new(),
            children: Vec::new(),
        }
    }

    fn plain(nodes: &[Node], all: bool) -> Vec<String> {
        lines("prod", nodes, all).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn what_is_well_is_counted_and_what_is_not_is_shown_with_what_belongs_to_it() {
        let pod = |at: usize| Branch {
            live: format!("pod-{at}"),
            health: health(HealthStatus::Healthy, ""),
            children: Vec::new(),
        };
        let mut web = node("web", HealthStatus::Progressing);
        web.why = vec!["1 of 9 is ready".into()];
        web.children = vec![Branch {
            live: "set".into(),
            health: health(HealthStatus::Progressing, "starting"),
            children: (0..9).map(pod).collect(),
        }];
        let mut config = node("config", HealthStatus::Healthy);
        (config.change, config.summary) = (Some(Action::Update), "data.key".into());
        let gone = Node { health: None, change: Some(Action::Delete), ..node("old", HealthStatus::Healthy) };
        let nodes = [web, config, gone, node("a", HealthStatus::Healthy), node("b", HealthStatus::Healthy)];
        assert_eq!(
            plain(&nodes, false),
            [
                "prod",
                "├─ web  Progressing",
                "│  │  1 of 9 is ready",
                "│  └─ set  Progressing  starting",
                "│     ├─ pod-0  Healthy",
                "│     ├─ pod-1  Healthy",
                "│     ├─ pod-2  Healthy",
                "│     ├─ pod-3  Healthy",
                "│     ├─ pod-4  Healthy",
                "│     └─ ... and 4 more, all Healthy",
                "├─ ~ config  Healthy  data.key",
                "├─ - old  no longer desired",
                "└─ ... and 2 more, in sync and healthy (--all shows them)",
            ]
        );
        assert_eq!(plain(&nodes, true).len(), 1 + 3 + 9 + 1 + 1 + 2);
    }

    #[test]
    fn where_all_is_well_nothing_is_shown_but_on_request() {
        let nodes = [node("a", HealthStatus::Healthy)];
        assert!(plain(&nodes, false).is_empty());
        assert_eq!(plain(&nodes, true), ["prod", "└─ a  Healthy"]);
    }

    #[test]
    fn too_many_that_are_not_well_are_counted() {
        let nodes: Vec<Node> = (0..25).map(|at| node(&format!("o{at}"), HealthStatus::Missing)).collect();
        let shown = plain(&nodes, false);
        assert_eq!(shown.len(), 22);
        assert_eq!(shown[21], "└─ ... and 5 more, 5 of them not in sync or not healthy (--all shows them)");
    }
}
