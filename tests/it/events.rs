//! The ordered log and the door to writes, under many writers at once.

use std::sync::Arc;

use harness::{Database, Story, World, stories};
use serde_json::json;
use services::clock::Clock;
use services::db::{Db, Tx};
use services::error::{Code, Error, Result};
use services::events::{self, Event, Recorded};
use services::id::MemberId;
use tokio::sync::Notify;

pub(crate) fn stories() -> Vec<Story> {
    stories![
        two_hundred_writes_at_once_are_numbered_without_a_hole,
        a_follower_misses_nothing_while_writers_commit,
        an_event_committed_late_comes_after_its_elders,
        a_refused_write_undoes_only_itself,
        a_write_goes_on_when_its_caller_went_away,
        a_write_that_panics_is_our_fault_and_the_next_goes_on,
    ]
}

fn marked(n: u128) -> Event {
    Event::MemberChanged { member: MemberId(uuid::Uuid::from_u128(n)) }
}

/// The marks of the events that [`marked`] made, in the order of the log.
fn marks(events: &[Recorded]) -> Vec<u128> {
    let mark = |entry: &Recorded| match entry.event {
        Event::MemberChanged { member } => Some(member.0.as_u128()),
        _ => None,
    };
    events.iter().filter_map(mark).filter(|mark| *mark < 1_000_000).collect()
}

/// A write that tells `count` marks from `first` on, then answers as asked.
async fn write(db: Db, clock: Clock, first: u128, count: u128, answer: Result<u128>) -> Result<u128> {
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

fn refusal() -> Error {
    Error::conflict("postId", Code::Refused, "Non.")
}

/// Follows the log from its start until it has seen `count` marks, waiting for signs as a consumer does.
async fn follow(db: Db, count: usize) -> Vec<Recorded> {
    let (mut wakes, mut seen, mut position) = (db.wakes(), Vec::new(), 0);
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
            let answer = if refused { Err(refusal()) } else { Ok(n) };
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

async fn a_refused_write_undoes_only_itself(world: &World) {
    let (db, clock) = (&world.app.db, &world.app.clock);
    // The first holds the door until all the others wait behind it: on SQLite they ride in one transaction.
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, outside) = (Arc::clone(&entered), Arc::clone(&go));
    let first = db.write(move |_tx: &mut Tx| {
        Box::pin(async move {
            inside.notify_one();
            outside.notified().await;
            Ok(())
        })
    });
    let others = async {
        entered.notified().await;
        let riders = (0..30).map(|n| {
            let answer = if n % 5 == 3 { Err(refusal()) } else { Ok(n) };
            write(db.clone(), clock.clone(), 2 * n, 2, answer)
        });
        let riders = futures_util::future::join_all(riders);
        // Joined futures are all polled, and so all queued, before this one lets the first go.
        let open = async {
            go.notify_one();
        };
        tokio::join!(riders, open).0
    };
    let (first, outcomes) = tokio::join!(first, others);
    first.expect("written");
    for (n, outcome) in (0..30).zip(&outcomes) {
        match outcome {
            Ok(answer) => assert_eq!((*answer, n % 5 != 3), (n, true)),
            Err(error) => assert_eq!((error.code(), n % 5), ("CONFLICT", 3)),
        }
    }
    let mut found = marks(&world.events().await);
    if world.database == Database::Sqlite {
        assert!(found.is_sorted(), "in the order of arrival");
    }
    found.sort_unstable();
    assert_eq!(found, (0..30).filter(|n| n % 5 != 3).flat_map(|n| [2 * n, 2 * n + 1]).collect::<Vec<_>>());
    // A statement that the database refuses: the same.
    let (twice, again) = (clock.id(), clock.clone());
    let broken = db.write(move |tx: &mut Tx| {
        Box::pin(async move {
            events::tell(tx, &again, None, &marked(700)).await?;
            let nobody = MemberId(twice);
            let audience = services::audience::ensure(tx, &again, &[services::audience::Grant::Member(nobody)]).await;
            audience.map(drop)
        })
    });
    let beside = (0..5).map(|n| write(db.clone(), clock.clone(), 800 + n, 1, Ok(n)));
    let (broken, beside) = tokio::join!(broken, futures_util::future::join_all(beside));
    assert_eq!(broken.expect_err("a member unknown").code(), "INVALID");
    assert!(beside.iter().all(Result::is_ok));
    let mut found = marks(&world.events().await).into_iter().filter(|mark| *mark >= 700).collect::<Vec<_>>();
    found.sort_unstable();
    assert_eq!(found, (800..805).collect::<Vec<_>>());
}

async fn a_write_goes_on_when_its_caller_went_away(world: &World) {
    let (db, clock) = (world.app.db.clone(), world.app.clock.clone());
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, outside, told) = (Arc::clone(&entered), Arc::clone(&go), clock.clone());
    let caller = tokio::spawn(async move {
        db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                events::tell(tx, &told, None, &marked(1)).await?;
                inside.notify_one();
                outside.notified().await;
                events::tell(tx, &told, None, &marked(2)).await
            })
        })
        .await
    });
    entered.notified().await;
    caller.abort();
    assert!(caller.await.expect_err("aborted").is_cancelled());
    go.notify_one();
    // The next one waits its turn behind it on SQLite; on PostgreSQL the follower does.
    write(world.app.db.clone(), clock, 3, 1, Ok(3)).await.expect("written");
    let mut found = marks(&follow(world.app.db.clone(), 3).await);
    found.sort_unstable();
    assert_eq!(found, [1, 2, 3]);
    // A person who hangs up in the middle of a mutation: what was begun is done, once or not at all.
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (_, root) = ada.open_thread(&forum, "DISCUSSION", "Un lecteur pressé", "Texte").await;
    for n in 0..10 {
        let (ada, root) = (ada.clone(), root.clone());
        let hurried = tokio::spawn(async move { ada.answer(&root, &format!("Réponse {n}")).await });
        for _ in 0..n {
            tokio::task::yield_now().await;
        }
        hurried.abort();
        drop(hurried.await);
    }
    ada.answer(&root, "La dernière").await;
    world.stop().await;
    let posts = world.count("select count(*) from posts").await;
    assert_eq!(world.count("select post_count from threads").await, posts);
    assert_eq!(world.count("select next_ordinal from threads").await, posts);
    assert_eq!(world.count("select count(*) from events where kind = 'PostAdded'").await, posts - 1);
}

async fn a_write_that_panics_is_our_fault_and_the_next_goes_on(world: &World) {
    let (db, clock) = (&world.app.db, &world.app.clock);
    let panicking = |mark: u128| {
        let clock = clock.clone();
        db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                events::tell(tx, &clock, None, &marked(mark)).await?;
                if mark > 0 {
                    panic!("a fault, as this story wants");
                }
                Ok(mark)
            })
        })
    };
    let alone = panicking(1).await.expect_err("it panicked");
    assert_eq!((alone.code(), alone.sentence().contains("erreur interne")), ("INTERNAL", true));
    // Among others, more often than there are connections.
    let panics = futures_util::future::join_all((10..30).map(panicking));
    let beside = futures_util::future::join_all((100..140).map(|n| write(db.clone(), clock.clone(), n, 1, Ok(n))));
    let (panics, beside) = tokio::join!(panics, beside);
    assert!(panics.iter().all(|outcome| outcome.as_ref().is_err_and(|error| error.code() == "INTERNAL")));
    assert!(beside.iter().all(Result::is_ok));
    let mut found = marks(&world.events().await);
    found.sort_unstable();
    assert_eq!(found, (100..140).collect::<Vec<_>>());
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    ada.open_thread(&forum, "DISCUSSION", "La vie continue", "Texte").await;
}
