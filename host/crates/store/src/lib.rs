//! Runs, releases, inventory, results and history, kept in sled.
