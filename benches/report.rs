//! The table of results: what was measured, beside its limit.

/// Lines, with how many passed.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<String>,
}

impl Report {
    /// At least `limit`, else it is missed.
    pub(crate) fn at_least(&mut self, what: &str, measured: f64, limit: f64) {
        self.line(what, format!("{measured:.2}"), format!("≥ {limit}"), measured >= limit);
    }

    /// At most `limit`, in `unit`.
    pub(crate) fn at_most(&mut self, what: &str, measured: f64, limit: f64, unit: &str) {
        self.line(what, format!("{measured:.2}{unit}"), format!("≤ {limit}{unit}"), measured <= limit);
    }

    fn line(&mut self, what: &str, measured: String, limit: String, passed: bool) {
        let word = if passed { "PASS" } else { "MISS" };
        self.lines.push(format!("| {what} | {measured} | {limit} | {word} |"));
    }

    pub(crate) fn print(&self) {
        println!("\n| what | measured | limit | |\n| --- | --- | --- | --- |\n{}", self.lines.join("\n"));
    }
}
