//! End-to-end tests of the real program, and the tidy checks.
