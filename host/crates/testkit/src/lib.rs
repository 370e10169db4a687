//! Fakes of the ports, and the tests every Store and every Blobs must pass.
