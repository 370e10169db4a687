//! Kubernetes clusters: the requests of the capability `kubernetes`, and a cache that follows the
//! API servers.
