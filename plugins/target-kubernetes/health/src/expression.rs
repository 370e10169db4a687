//! One CEL expression: parsed within limits, evaluated within a budget.

use std::fmt;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr};
use cel::parser::PrattParser;
use cel::{Context, ExecutionError, Value};

use crate::functions;

/// Bytes of an expression.
const LENGTH: usize = 4_096;
/// Nodes of an expression once macros are expanded.
const NODES: usize = 1_000;
/// How deep brackets may be nested in the text.
const BRACKETS: u16 = 24;
/// How deep the tree may be. Chains such as `a + b + c` are as deep as they are long.
const DEPTH: usize = 100;

/// A place in a text, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The expression is no CEL.
    #[error("this is not CEL: {0}")]
    Syntax(String),
    /// The expression is longer or more deeply nested than is allowed.
    #[error("this expression is {0}; split it into several rules")]
    TooLarge(&'static str),
    /// A name that nothing has.
    #[error("nothing is called `{0}`; there are `object`, `metadata`, `spec`, `status` and `conditions`")]
    Variable(String),
    /// A function that there is not.
    #[error("there is no function `{0}`")]
    Function(String),
    /// `${` without its `}`.
    #[error("`${{` has no `}}`; write `$${{` for the text itself")]
    Unclosed,
    /// No name of a kind.
    #[error("`{0}` is no kind; write `KIND.GROUP`, such as `Certificate.cert-manager.io`")]
    Kind(String),
    /// More rules than can be.
    #[error("these are more than {0} rules and kinds")]
    TooMany(usize),
}

/// Where and what.
pub(crate) type Located = (Option<Position>, Problem);

/// Why an expression has no value.
#[derive(Debug, PartialEq)]
pub(crate) enum NoValue {
    /// It reads a field that the object has not.
    Missing,
    /// Anything else.
    Failed(String),
}

/// A checked expression.
#[derive(Debug)]
pub(crate) struct Expression(IdedExpr);

impl Expression {
    pub(crate) fn compile(text: &str) -> Result<Self, Located> {
        if text.len() > LENGTH {
            return Err((None, Problem::TooLarge("too long")));
        }
        let parser = PrattParser::new()
            .enable_optional_syntax(true)
            .max_recursion_depth(BRACKETS)
            .max_expression_node_count(NODES)
            .error_recovery_limit(1)
            .error_reporting_limit(1);
        let mut expression = parser.parse(text).map_err(|errors| syntax(&errors))?;
        let mut checked = Check { text, bound: Vec::new() };
        checked.visit(&mut expression, 0)?;
        Ok(Self(expression))
    }

    pub(crate) fn evaluate(&self, context: &Context<'_, '_>) -> Result<Value, NoValue> {
        Value::resolve(&self.0, context).map_err(|error| match error {
            ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => NoValue::Missing,
            other => NoValue::Failed(describe(&other)),
        })
    }

    pub(crate) fn holds(&self, context: &Context<'_, '_>) -> Result<bool, String> {
        match self.evaluate(context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err("it is neither true nor false".to_owned()),
            Err(NoValue::Missing) => Ok(false),
            Err(NoValue::Failed(why)) => Err(why),
        }
    }
}

/// The first error. Its own text is not used: it panics where a line is very long.
fn syntax(errors: &cel::ParseErrors) -> Located {
    let Some(error) = errors.errors.first() else { return (None, Problem::Syntax("it has no meaning".to_owned())) };
    let place = |number: isize| usize::try_from(number).ok().filter(|number| *number > 0);
    let position = place(error.pos.0).zip(place(error.pos.1)).map(|(line, column)| Position { line, column });
    if error.msg.contains("limit exceeded") || error.msg.contains("node count") {
        return (position, Problem::TooLarge("too deeply nested or has too many parts"));
    }
    (position, Problem::Syntax(error.msg.clone()))
}

/// An error's text without the object's values, which may be large or secret.
fn describe(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchOverload(error) => {
            let what = error.function().replace("_", "");
            format!("`{what}` does not take {}", error.argument_types().join(" and "))
        }
        ExecutionError::FunctionError { function, message } => format!("{function}: {message}"),
        ExecutionError::UnexpectedType { got, want } => format!("this needs {want}, not {got}"),
        ExecutionError::InvalidArgumentCount { expected, actual } => {
            format!("a function takes {expected} arguments, not {actual}")
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "division by zero".to_owned(),
        ExecutionError::Overflow(..) => "the number is too large".to_owned(),
        ExecutionError::UndeclaredReference(name) => format!("nothing is called `{name}`"),
        _ => "its parts are of types that do not fit".to_owned(),
    }
}

/// Walks a tree: refuses unknown names and too deep a tree, and makes every loop pay for what it
/// goes over.
struct Check<'t> {
    text: &'t str,
    bound: Vec<String>,
}

impl Check<'_> {
    fn visit(&mut self, node: &mut IdedExpr, depth: usize) -> Result<(), Located> {
        if depth > DEPTH {
            return Err((None, Problem::TooLarge("too deeply nested")));
        }
        let below = depth + 1;
        match &mut node.expr {
            Expr::Unspecified | Expr::Struct(_) => {
                Err((None, Problem::Syntax("there are no message types here".to_owned())))
            }
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.visit(&mut select.operand, below),
            Expr::List(list) => list.elements.iter_mut().try_for_each(|element| self.visit(element, below)),
            Expr::Map(map) => map.entries.iter_mut().try_for_each(|entry| match &mut entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.visit(&mut entry.key, below)?;
                    self.visit(&mut entry.value, below)
                }
                EntryExpr::StructField(field) => self.visit(&mut field.value, below),
            }),
            Expr::Call(call) => self.call(call, below),
            Expr::Comprehension(each) => {
                self.visit(&mut each.iter_range, below)?;
                self.visit(&mut each.accu_init, below)?;
                let range = std::mem::take(&mut each.iter_range);
                let paid = CallExpr { func_name: functions::PAY.to_owned(), target: None, args: vec![range] };
                each.iter_range = IdedExpr { id: 0, expr: Expr::Call(paid) };
                let before = self.bound.len();
                self.bound.push(each.accu_var.clone());
                self.bound.push(each.iter_var.clone());
                self.bound.extend(each.iter_var2.clone());
                self.visit(&mut each.loop_cond, below)?;
                self.visit(&mut each.loop_step, below)?;
                self.visit(&mut each.result, below)?;
                self.bound.truncate(before);
                Ok(())
            }
        }
    }

    fn call(&mut self, call: &mut CallExpr, depth: usize) -> Result<(), Located> {
        // `optional.of(x)` is a function of that name, not a method of a variable.
        let namespace = |target: &IdedExpr| matches!(&target.expr, Expr::Ident(name) if name == "optional");
        match &mut call.target {
            Some(target) if namespace(target) && functions::OPTIONAL.contains(&call.func_name.as_str()) => {}
            target => {
                let name = call.func_name.as_str();
                let operator = !name.starts_with(|first: char| first.is_ascii_alphabetic());
                if !operator && !functions::known(name) {
                    return Err((self.place(name), Problem::Function(name.to_owned())));
                }
                if let Some(target) = target {
                    self.visit(target, depth)?;
                }
            }
        }
        call.args.iter_mut().try_for_each(|argument| self.visit(argument, depth))
    }

    fn variable(&self, name: &str) -> Result<(), Located> {
        if functions::VARIABLES.contains(&name)
            || functions::TYPES.contains(&name)
            || self.bound.iter().any(|bound| bound == name)
        {
            return Ok(());
        }
        Err((self.place(name), Problem::Variable(name.to_owned())))
    }

    /// Where a name stands as a whole word; the parser does not tell.
    fn place(&self, name: &str) -> Option<Position> {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let whole = |at: usize| {
            !self.text[..at].ends_with(|c: char| word(c) || c == '.') && !self.text[at + name.len()..].starts_with(word)
        };
        let method = |at: usize| !self.text[at + name.len()..].starts_with(word);
        let all = || self.text.match_indices(name).map(|(at, _)| at);
        let at = all().find(|at| whole(*at)).or_else(|| all().find(|at| method(*at)))?;
        Some(position(self.text, at))
    }
}

/// The place of a byte of a text.
pub(crate) fn position(text: &str, at: usize) -> Position {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    Position { line, column: at - before.rfind('\n').map_or(0, |newline| newline + 1) + 1 }
}

#[cfg(test)]
#[path = "expression_tests.rs"]
mod tests;
