//! Where runs may run: capacity and leases.
