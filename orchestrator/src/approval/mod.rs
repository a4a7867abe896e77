//! Questions and privileged requests to people, and their answers. Executes nothing.
