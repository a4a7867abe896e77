//! A PostgreSQL with pgvector found or fetched for development and tests.
