//! End-to-end tests: real processes, real disks, the real SDK.
