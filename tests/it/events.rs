//! The ordered log, under many writers at once.

use harness::{Database, Story, World, stories};
use serde_json::json;
use services::clock::Clock;
use services::db::{Db, Tx, Work};
use services::error::Result;
use services::events::{self, Event, Recorded};
use services::id::MemberId;

pub(crate) fn stories() -> Vec<Story> {
    stories![
        two_hundred_writes_at_once_are_numbered_without_a_hole,
        a_follower_misses_nothing_while_writers_commit,
        an_event_committed_late_comes_after_its_elders,
    ]
}

/// A mark in the log, which tells nothing else.
pub(crate) fn marked(n: u128) -> Event {
    Event::MemberChanged { member: MemberId(uuid::Uuid::from_u128(n)) }
}

/// The marks of the events that [`marked`] made, in the order of the log.
pub(crate) fn marks(events: &[Recorded]) -> Vec<u128> {
    let mark = |entry: &Recorded| match entry.event {
        Event::MemberChanged { member } => Some(member.0.as_u128()),
        _ => None,
    };
    events.iter().filter_map(mark).filter(|mark| *mark < 1_000_000).collect()
}

/// A write that tells `count` marks from `first` on, then answers as asked.
pub(crate) async fn write(db: Db, clock: Clock, first: u128, count: u128, answer: Result<u128>) -> Result<u128> {
    db.write(move |tx: &mut Tx| {
        Box::pin(async move {
            for mark in first..first + count {
                events::tell(tx, &clock, None, &marked(mark)).await?;
            }
            answer
        })
    })
    .await
}

/// Follows the log from its start until it has seen `count` marks, waiting for signs as a consumer does.
pub(crate) async fn follow(db: Db, count: usize) -> Vec<Recorded> {
    let (mut wakes, mut seen, mut position) = (db.wakes(Work::Events), Vec::new(), 0);
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    while marks(&seen).len() < count {
        let read = events::after(&mut db.reader().await.expect("a reader"), position, 7).await.expect("events");
        match read.last() {
            Some(last) => position = last.seq,
            // The sign, or the poll behind it.
            None => drop(tokio::time::timeout(std::time::Duration::from_millis(500), wakes.next()).await),
        }
        seen.extend(read);
        assert!(tokio::time::Instant::now() < until, "{} of {count} seen", marks(&seen).len());
    }
    seen
}

async fn two_hundred_writes_at_once_are_numbered_without_a_hole(world: &World) {
    let before = world.events().await.len();
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "DISCUSSION", "Deux cents à la fois", "Texte").await;
    let joined = world.events().await.len();
    assert!(joined > before);
    let (db, clock) = (&world.app.db, &world.app.clock);
    let marks_written = (0..160).map(|n| write(db.clone(), clock.clone(), n, 1, Ok(n)));
    let answers = (0..40).map(|n| {
        let (ada, root) = (ada.clone(), root.clone());
        async move { ada.answer(&root, &format!("Réponse {n}")).await }
    });
    let (written, answered) =
        tokio::join!(futures_util::future::join_all(marks_written), futures_util::future::join_all(answers));
    assert!(written.iter().all(Result::is_ok));
    // `events` checks 1, 2, 3 … without a hole.
    let log = world.events().await;
    assert_eq!(log.len(), joined + 200);
    let mut found = marks(&log);
    found.sort_unstable();
    assert_eq!(found, (0..160).collect::<Vec<_>>());
    let mut told: Vec<_> = log
        .iter()
        .filter_map(|entry| match entry.event {
            Event::PostAdded { post, .. } => Some(post.to_string()),
            _ => None,
        })
        .collect();
    let mut answered = answered;
    told.sort_unstable();
    answered.sort_unstable();
    assert_eq!(told, answered);
    let by: Vec<_> = log[joined..].iter().filter_map(|entry| entry.actor).map(|actor| actor.to_string()).collect();
    assert_eq!(by, vec![ada.id().await; 40]);
    let seen = crate::steps::read(&ada, "query($t: ID!) { thread(id: $t) { postCount } }", json!({ "t": thread })).await;
    assert_eq!(seen["thread"]["postCount"], json!(41));
}

async fn a_follower_misses_nothing_while_writers_commit(world: &World) {
    let (db, clock) = (&world.app.db, &world.app.clock);
    let followers: Vec<_> = (0..2).map(|_| tokio::spawn(follow(db.clone(), 200))).collect();
    // Works of one to three events, so that they take their times apart; a third of them refused.
    let writers: Vec<_> = (0..150)
        .map(|n| {
            let refused = n % 3 == 2;
            let answer = if refused { Err(crate::writes::refusal()) } else { Ok(n) };
            let first = if refused { 900_000 + 3 * n } else { 3 * n };
            tokio::spawn(write(db.clone(), clock.clone(), first, 1 + n % 3, answer))
        })
        .collect();
    let mut expected: Vec<_> = (0..150).filter(|n| n % 3 != 2).flat_map(|n| 3 * n..3 * n + 1 + n % 3).collect();
    for writer in writers {
        drop(writer.await.expect("no panic"));
    }
    assert_eq!(expected.len(), 150);
    for mark in 500_000..500_050 {
        write(db.clone(), clock.clone(), mark, 1, Ok(mark)).await.expect("written");
        expected.push(mark);
    }
    expected.sort_unstable();
    for follower in followers {
        let seen = follower.await.expect("followed");
        assert!(seen.iter().zip(1..).all(|(entry, seq)| entry.seq == seq), "out of order or twice");
        let mut found = marks(&seen);
        // Marks written one after the other stand one after the other.
        assert!(found.iter().filter(|mark| **mark >= 500_000).is_sorted());
        found.sort_unstable();
        assert_eq!(found, expected);
    }
}

async fn an_event_committed_late_comes_after_its_elders(world: &World) {
    if world.database == Database::Sqlite {
        // One writer: there is no late commit. The number is given inside the transaction.
        assert_eq!(world.count("select count(*) from events where seq is null").await, 0);
        return;
    }
    let (db, clock) = (&world.app.db, &world.app.clock);
    let follower = tokio::spawn(follow(db.clone(), 3));
    let url = world.app.config.database_url.as_deref().expect("PostgreSQL");
    let mut late = <sqlx::PgConnection as sqlx::Connection>::connect(url).await.expect("a connection");
    let run = "insert into events (id, kind, data, at) values ($1, 'MemberChanged', $2, $3)";
    let data = json!({ "member": uuid::Uuid::from_u128(7) });
    sqlx::query("begin").execute(&mut late).await.expect("begun");
    sqlx::query(run).bind(clock.id()).bind(data).bind(clock.now()).execute(&mut late).await.expect("inserted");
    write(db.clone(), clock.clone(), 8, 1, Ok(8)).await.expect("written");
    let numbered = world.events().await;
    assert_eq!(marks(&numbered), [8], "what is not committed is not in the log");
    sqlx::query("commit").execute(&mut late).await.expect("committed");
    let after = world.events().await;
    assert_eq!(marks(&after), [8, 7], "its time is older, its number is not");
    assert_eq!(after[..numbered.len()], numbered[..], "a number never changes");
    write(db.clone(), clock.clone(), 9, 1, Ok(9)).await.expect("written");
    assert_eq!(marks(&follower.await.expect("followed")), [8, 7, 9]);
}
