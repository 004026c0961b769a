//! Every whole-system test, and the checks the workspace makes on itself.
