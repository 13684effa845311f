//! One story per test, each on SQLite and on PostgreSQL.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that panics has failed")]

mod abuse;
mod access;
mod attachments;
mod audience;
mod audits;
mod binary;
mod browser;
mod catalogue;
mod clients;
mod command_line;
mod connects;
mod cost;
mod events;
mod explorer;
mod faults;
mod feeds;
mod files;
mod following;
mod forum;
mod garbage;
mod http;
mod idempotency;
mod inbox;
mod jobs;
mod joining;
mod kills;
mod library;
mod links;
mod live;
mod mail;
mod moderation;
mod nodes;
mod pages;
mod read_marks;
mod reading;
mod reports;
mod roles;
mod schema;
mod search;
mod sessions;
mod sharing;
mod socket;
mod steps;
mod story;
mod wire;
mod writers;
mod writes;

use libtest_mimic::Arguments;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let stories = [
        abuse::stories(),
        access::stories(),
        attachments::stories(),
        audience::stories(),
        catalogue::stories(),
        cost::stories(),
        events::stories(),
        feeds::stories(),
        files::stories(),
        following::stories(),
        forum::stories(),
        http::stories(),
        idempotency::stories(),
        inbox::stories(),
        jobs::stories(),
        joining::stories(),
        library::stories(),
        links::stories(),
        live::stories(),
        mail::stories(),
        moderation::stories(),
        pages::stories(),
        read_marks::stories(),
        reading::stories(),
        reports::stories(),
        roles::stories(),
        search::stories(),
        sessions::stories(),
        sharing::stories(),
        socket::stories(),
        story::stories(),
        wire::stories(),
        writes::stories(),
    ];
    let mut trials = harness::trials(stories.into_iter().flatten().collect());
    trials.extend(abuse::trials());
    trials.extend(audits::trials());
    trials.extend(catalogue::trials());
    trials.extend(clients::trials());
    trials.extend(schema::trials());
    trials.extend(command_line::trials());
    trials.extend(connects::trials());
    trials.extend(explorer::trials());
    trials.extend(faults::trials());
    trials.extend(feeds::trials());
    trials.extend(files::trials());
    trials.extend(garbage::trials());
    trials.extend(http::trials());
    trials.extend(kills::trials());
    trials.extend(nodes::trials());
    trials.extend(pages::trials());
    trials.extend(search::trials());
    trials.extend(socket::trials());
    let conclusion = libtest_mimic::run(&arguments, trials);
    harness::servers::stop();
    conclusion.exit_code()
}
