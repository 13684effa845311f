//! The machine: how fast it makes a write durable, what a process of it has used, and on which core it runs.

use std::io::{Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often in a second 4 KiB of a file of `folder` are written and made durable, one after the other.
pub(crate) fn fsyncs(folder: &Path, time: Duration) -> f64 {
    std::fs::create_dir_all(folder).expect("a folder");
    let mut file = tempfile::tempfile_in(folder).expect("a file");
    let (began, mut count) = (Instant::now(), 0.0);
    while began.elapsed() < time {
        file.rewind().and_then(|()| file.write_all(&[7; 4096])).and_then(|()| file.sync_data()).expect("a durable write");
        count += 1.0;
    }
    count / began.elapsed().as_secs_f64()
}

/// What a process has used of the processors, in ticks of 10 ms.
pub(crate) fn cpu(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a process");
    // The name in parentheses may hold anything: fields are counted after it.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(10 * ticks)
}

/// What a process holds in memory, in MB.
pub(crate) fn memory(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1000.0
}

/// Cores to keep a server and its clients apart; none on a machine with one, or without `taskset`.
pub(crate) fn two_cores() -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2) && harness::servers::on_path("taskset").is_some()
}

/// Moves this thread, and those it starts from now on, to `cores`.
pub(crate) fn move_to(cores: &str) {
    let own = std::process::id().to_string();
    let moved = Command::new("taskset").args(["-cp", cores, &own]).stdout(Stdio::null()).status();
    assert!(moved.is_ok_and(|status| status.success()), "taskset");
}

/// A line that says what this runs on.
pub(crate) fn describe() -> String {
    let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = text("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = text("/proc/meminfo").split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1_000_000;
    let load = text("/proc/loadavg").split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    format!("{cores} cores ({model}), {memory} GB, load before: {load}")
}
