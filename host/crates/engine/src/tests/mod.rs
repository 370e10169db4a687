//! The engine on fakes.
