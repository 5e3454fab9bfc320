//! What malware scanners say of one SHA-256.
#![forbid(unsafe_code)]
