//! springline.yaml, host.yaml and springline.lock, read with errors that name the line.
