//! Builds plugins: finds each language's toolchain and makes components.
