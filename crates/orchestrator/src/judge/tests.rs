//! Hand-made timelines and what is made of them.
