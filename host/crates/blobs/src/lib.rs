//! Content-addressed blobs and directories on disk.
