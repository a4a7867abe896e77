//! Questions of tools that only the worker can ask the world, answered through a row and a notice.
