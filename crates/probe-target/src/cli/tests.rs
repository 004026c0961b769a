//! Command lines and what they come to. Nothing is run.
