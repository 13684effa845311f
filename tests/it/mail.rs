use harness::{Story, stories};
pub(crate) fn stories() -> Vec<Story> { stories![] }
