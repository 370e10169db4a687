//! Looks that need not be repeated.

/// What a look at reality depended on.
pub trait Seen: Send + Sync {
    /// Whether another look would see the same. Where that can't be told, it would not.
    fn still_holds(&self) -> bool;
}
