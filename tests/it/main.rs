//! One story per test, each on SQLite and on PostgreSQL.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that panics has failed")]

mod audience;
mod events;
mod forum;
mod joining;
mod mail;
mod moderation;
mod roles;
mod schema;
mod sessions;
mod steps;
mod story;

use libtest_mimic::Arguments;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let stories = [
        audience::stories(),
        events::stories(),
        forum::stories(),
        joining::stories(),
        mail::stories(),
        moderation::stories(),
        roles::stories(),
        sessions::stories(),
        story::stories(),
    ];
    let mut trials = harness::trials(stories.into_iter().flatten().collect());
    trials.extend(schema::trials());
    let conclusion = libtest_mimic::run(&arguments, trials);
    harness::servers::stop();
    conclusion.exit_code()
}
