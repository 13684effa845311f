//! Mail over real SMTP: once, put off, refused, in doubt.

use chrono::TimeDelta;
use harness::smtp::SmtpServer;
use harness::{Mail, Settings, Story, World, servers, stories};
use serde_json::json;

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_mail_leaves_once_over_smtp,
        a_mail_that_is_put_off_is_tried_again,
        a_refused_mail_is_not_tried_again,
        a_server_that_is_away_is_tried_again,
        a_server_that_stays_away_is_given_up_after_a_day,
        a_mail_of_a_dead_worker_is_left_in_doubt_over_smtp,
        a_mail_of_a_dead_worker_is_written_again_as_a_file,
    ]
}

async fn over_smtp(world: &World, url: String) -> World {
    World::with(world.database, Settings { smtp_url: Some(url), ..Settings::default() }).await
}

async fn ask(world: &World, address: &str) {
    world.anonymous().mutate("requestLink", json!({ "address": address }), "message").await.done("requestLink");
}

fn one(mut mails: Vec<Mail>) -> Mail {
    assert_eq!(mails.len(), 1, "{mails:?}");
    mails.remove(0)
}

/// Wishes to be of an organisation: a mail to the administrators that stays true for long.
async fn wish(world: &World) {
    let administration = world.administrator();
    let organisation = administration.make_organisation("Culture", None).await;
    let input = json!({ "organisationId": organisation });
    administration.mutate("requestAffiliation", input, "affiliation { id }").await.done("requestAffiliation");
}

async fn a_mail_leaves_once_over_smtp(world: &World) {
    let server = SmtpServer::start().await;
    let world = over_smtp(world, server.url()).await;
    ask(&world, "camille@exemple.test").await;
    assert!(server.take().is_empty(), "nothing leaves inside the request");
    assert_eq!(world.run_jobs().await, 1);
    let mail = one(server.take());
    assert_eq!((&*mail.to, &*mail.subject), ("camille@exemple.test", "Rejoindre la CIAM"));
    let camille = world.anonymous().sign_up(&mail.token(), "camille", "Camille", None).await;
    assert!(camille.id().await.starts_with("mem_"));
    assert_eq!(world.run_jobs().await, 0);
    assert!(server.take().is_empty());
    assert_eq!(
        world.count("select count(*) from mails where state = 'sent' and settled_at is not null and last_error is null").await,
        1
    );
    assert!(!world.folder().join("outbox").exists(), "no files beside SMTP");
    world.finish().await;
}

async fn a_mail_that_is_put_off_is_tried_again(world: &World) {
    let server = SmtpServer::start().await;
    let world = over_smtp(world, server.url()).await;
    server.refuse_next("450 4.2.1 camille@exemple.test is busy");
    ask(&world, "camille@exemple.test").await;
    world.run_jobs().await;
    assert!(server.take().is_empty());
    // The server's sentence repeats the address: only its code is kept.
    assert_eq!(world.count("select count(*) from mails where state = 'pending' and last_error = 'SMTP 450'").await, 1);
    assert_eq!(
        world.count("select count(*) from jobs where kind = 'SendMail' and dead_at is null and last_error = 'SMTP 450'").await,
        1
    );
    assert_eq!(world.run_jobs().await, 0, "not at once");
    world.advance(TimeDelta::seconds(13));
    assert_eq!(world.run_jobs().await, 1);
    let mail = one(server.take());
    world.anonymous().sign_up(&mail.token(), "camille", "Camille", None).await;
    world.advance(TimeDelta::minutes(2));
    assert_eq!(world.run_jobs().await, 0);
    assert!(server.take().is_empty());
    assert_eq!(world.count("select count(*) from mails where state = 'sent'").await, 1);
    world.finish().await;
}

async fn a_refused_mail_is_not_tried_again(world: &World) {
    let server = SmtpServer::start().await;
    let world = over_smtp(world, server.url()).await;
    server.refuse_next("550 5.1.1 no such user inconnu@exemple.test");
    ask(&world, "inconnu@exemple.test").await;
    world.run_jobs().await;
    world.advance(TimeDelta::hours(3));
    assert_eq!(world.run_jobs().await, 0);
    assert!(server.take().is_empty());
    assert_eq!(world.count("select count(*) from mails where state = 'failed' and last_error = 'SMTP 550'").await, 1);
    assert_eq!(world.count("select count(*) from jobs where dead_at is not null and last_error = 'SMTP 550'").await, 1);
    // The next one is another mail.
    ask(&world, "camille@exemple.test").await;
    world.run_jobs().await;
    assert_eq!(one(server.take()).to, "camille@exemple.test");
    world.finish().await;
}

async fn a_server_that_is_away_is_tried_again(world: &World) {
    let address = ([127, 0, 0, 1], servers::free_port()).into();
    let world = over_smtp(world, format!("smtp://{address}")).await;
    ask(&world, "camille@exemple.test").await;
    world.run_jobs().await;
    assert_eq!(world.count("select count(*) from mails where state = 'pending' and last_error is not null").await, 1);
    world.advance(TimeDelta::seconds(13));
    assert_eq!(world.run_jobs().await, 1, "still away");
    let server = SmtpServer::at(address).await;
    world.advance(TimeDelta::seconds(13));
    assert_eq!(world.run_jobs().await, 0, "further apart each time");
    world.advance(TimeDelta::seconds(13));
    assert_eq!(world.run_jobs().await, 1);
    let mail = one(server.take());
    world.anonymous().sign_up(&mail.token(), "camille", "Camille", None).await;
    world.finish().await;
}

async fn a_server_that_stays_away_is_given_up_after_a_day(world: &World) {
    let world = over_smtp(world, format!("smtp://127.0.0.1:{}", servers::free_port())).await;
    wish(&world).await;
    world.run_jobs().await;
    let mut minutes = 0;
    while minutes == 0 || world.count("select count(*) from jobs where kind = 'SendMail' and dead_at is null").await == 1 {
        assert!(minutes < 30 * 60, "tried for ever");
        let mut ran = 0;
        while ran == 0 {
            world.advance(TimeDelta::minutes(2));
            minutes += 2;
            ran = world.run_jobs().await;
        }
    }
    assert!(minutes >= 24 * 60, "given up after {minutes} minutes");
    assert_eq!(world.count("select count(*) from mails where state = 'failed'").await, 1);
    assert_eq!(world.count("select count(*) from jobs where dead_at is not null").await, 1);
    world.finish().await;
}

async fn a_mail_of_a_dead_worker_is_left_in_doubt_over_smtp(world: &World) {
    let server = SmtpServer::start().await;
    let world = over_smtp(world, server.url()).await;
    ask(&world, "camille@exemple.test").await;
    world.change("update mails set state = 'sending'").await;
    world.run_jobs().await;
    assert!(server.take().is_empty(), "nobody knows whether it left");
    assert_eq!(world.count("select count(*) from mails where state = 'uncertain'").await, 1);
    assert_eq!(world.count("select count(*) from jobs where kind = 'SendMail'").await, 0);
    world.finish().await;
}

async fn a_mail_of_a_dead_worker_is_written_again_as_a_file(world: &World) {
    ask(world, "camille@exemple.test").await;
    world.change("update mails set state = 'sending'").await;
    let mail = world.mail_to("camille@exemple.test").await;
    world.anonymous().sign_up(&mail.token(), "camille", "Camille", None).await;
    assert_eq!(world.count("select count(*) from mails where state = 'sent'").await, 1);
}
