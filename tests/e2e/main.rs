//! Tests against a real Docker engine.

mod ssh;
