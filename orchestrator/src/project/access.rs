//! Who may do what: one constant, decided in the transaction of the act.
