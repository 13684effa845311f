//! The door to writes: what each of those who ride in one transaction gets when one of them is refused, fails, takes too long
//! or goes away, and when the commit fails. On PostgreSQL each has its own transaction, and only the one at fault is concerned.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use harness::{Database, Story, World, stories};
use services::db::Tx;
use services::error::{Code, Error, Result};
use services::events;
use services::id::MemberId;
use tokio::sync::{Notify, oneshot};

use crate::events::{follow, marked, marks, write};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_refused_write_undoes_only_itself,
        a_write_goes_on_when_its_caller_went_away,
        a_write_that_panics_is_our_fault_and_the_next_goes_on,
        each_rider_gets_its_own_answer,
        a_commit_that_fails_keeps_nothing,
        a_failure_that_a_work_passes_over_is_not_acknowledged,
        riders_whose_callers_hang_up_are_kept_whole,
        a_statement_without_an_end_is_ended,
    ]
}

pub(crate) fn refusal() -> Error {
    Error::conflict("postId", Code::Refused, "Non.")
}

/// Has all of `riders` wait behind a write that holds the door: on SQLite they then ride in one transaction.
async fn together<T>(world: &World, riders: impl IntoIterator<Item: Future<Output = T>>) -> Vec<T> {
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, outside) = (Arc::clone(&entered), Arc::clone(&go));
    let first = world.app.db.write(move |_tx: &mut Tx| {
        Box::pin(async move {
            inside.notify_one();
            outside.notified().await;
            Ok(())
        })
    });
    let others = async {
        entered.notified().await;
        // Joined futures are all polled, and so all queued, before the first is let go.
        tokio::join!(join_all(riders), async { go.notify_one() }).0
    };
    let (first, outcomes) = tokio::join!(first, others);
    first.expect("written");
    outcomes
}

/// The marks in the log, sorted; and the door still opens.
async fn kept(world: &World) -> Vec<u128> {
    write(world.app.db.clone(), world.app.clock.clone(), 999_999, 1, Ok(0)).await.expect("the next goes on");
    let mut found = marks(&world.events().await);
    assert_eq!(found.last(), Some(&999_999));
    found.retain(|mark| *mark != 999_999);
    found.sort_unstable();
    found
}

fn code<T>(outcome: &Result<T>) -> &'static str {
    outcome.as_ref().map_or_else(Error::code, |_| "kept")
}

async fn a_refused_write_undoes_only_itself(world: &World) {
    let (db, clock) = (&world.app.db, &world.app.clock);
    let riders = (0..30).map(|n| {
        let answer = if n % 5 == 3 { Err(refusal()) } else { Ok(n) };
        write(db.clone(), clock.clone(), 2 * n, 2, answer)
    });
    let outcomes = together(world, riders).await;
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
    let (broken, beside) = tokio::join!(broken, join_all(beside));
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
        let answer = |text: String| {
            let (ada, root) = (ada.clone(), root.clone());
            tokio::spawn(async move { ada.answer(&root, &text).await })
        };
        let (hurried, beside) = (answer(format!("Réponse {n}")), answer(format!("À côté {n}")));
        for _ in 0..n {
            tokio::task::yield_now().await;
        }
        hurried.abort();
        drop(hurried.await);
        beside.await.expect("who stays is answered");
    }
    ada.answer(&root, "La dernière").await;
    world.stop().await;
    let posts = world.count("select count(*) from posts").await;
    assert!((12..=22).contains(&posts), "{posts}");
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
    let panics = join_all((10..30).map(panicking));
    let beside = join_all((100..140).map(|n| write(db.clone(), clock.clone(), n, 1, Ok(n))));
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

/// Among those who are kept, one is refused, one panics and one never ends: it is given ten seconds.
async fn each_rider_gets_its_own_answer(world: &World) {
    let (db, clock) = (&world.app.db, &world.app.clock);
    let ending = |mark: u128, end: fn() -> BoxFuture<'static, Result<u128>>| {
        let (db, clock) = (db.clone(), clock.clone());
        async move {
            let told = db.write(move |tx: &mut Tx| {
                Box::pin(async move {
                    events::tell(tx, &clock, None, &marked(mark)).await?;
                    end().await
                })
            });
            told.await
        }
    };
    let kept_one = || async { Ok(0) }.boxed();
    let riders = [
        ending(1, kept_one),
        ending(2, || async { Err(refusal()) }.boxed()),
        ending(3, kept_one),
        ending(4, || async { panic!("a fault, as this story wants") }.boxed()),
        ending(5, kept_one),
        ending(6, || std::future::pending().boxed()),
        ending(7, kept_one),
    ];
    let outcomes = together(world, riders).await;
    let codes: Vec<_> = outcomes.iter().map(code).collect();
    assert_eq!(codes, ["kept", "CONFLICT", "kept", "INTERNAL", "kept", "UNAVAILABLE", "kept"]);
    assert_eq!(kept(world).await, [1, 3, 5, 7]);
}

/// Has COMMIT fail once something told the mark 404: a key that is checked only then, and that is wrong.
async fn doom(world: &World) {
    let sql = match world.database {
        Database::Sqlite => {
            "create table doomed (member_id uuid references members (id) deferrable initially deferred);
             create trigger doom after insert on events when new.data like '%-000000000194%'
             begin insert into doomed values (new.id); end"
        }
        Database::Postgres => {
            "create table doomed (member_id uuid references members (id) deferrable initially deferred);
             create function doom() returns trigger language plpgsql as
                 'begin insert into doomed values (new.id); return null; end';
             create trigger doom after insert on events for each row
             when (new.data->>'member' like '%-000000000194') execute function doom()"
        }
    };
    world.change(sql).await;
}

async fn a_commit_that_fails_keeps_nothing(world: &World) {
    let (db, clock) = (&world.app.db, &world.app.clock);
    doom(world).await;
    let alone = write(db.clone(), clock.clone(), 404, 1, Ok(404)).await;
    assert_eq!(code(&alone), "UNAVAILABLE");
    assert_eq!(kept(world).await, []);
    let riders = [1, 2, 404, 3].map(|mark| write(db.clone(), clock.clone(), mark, 1, Ok(mark)));
    let refused = write(db.clone(), clock.clone(), 4, 1, Err(refusal()));
    let riders = riders.into_iter().map(FutureExt::boxed).chain([refused.boxed()]);
    let codes: Vec<_> = together(world, riders).await.iter().map(code).collect();
    // The log has no hole either: `kept` reads it.
    let found = kept(world).await;
    match world.database {
        Database::Sqlite => assert_eq!((codes, found), (vec!["UNAVAILABLE"; 5], vec![])),
        Database::Postgres => {
            assert_eq!((codes, found), (vec!["kept", "kept", "UNAVAILABLE", "kept", "CONFLICT"], vec![1, 2, 3]));
        }
    }
    let sentence = write(db.clone(), clock.clone(), 404, 1, Ok(404)).await.expect_err("doomed").sentence().into_owned();
    assert_eq!(sentence, "Le service est momentanément indisponible. Réessayez dans un instant.");
}

/// On PostgreSQL a failed statement ends the transaction, whose COMMIT then keeps nothing and says so to nobody.
async fn a_failure_that_a_work_passes_over_is_not_acknowledged(world: &World) {
    let (db, clock) = (&world.app.db, &world.app.clock);
    world
        .change(match world.database {
            Database::Sqlite => {
                "create trigger no after insert on events when new.data like '%-000000000194%'
                 begin select raise(abort, 'no'); end"
            }
            Database::Postgres => {
                "create function no() returns trigger language plpgsql as 'begin raise exception ''no''; end';
                 create trigger no after insert on events for each row
                 when (new.data->>'member' like '%-000000000194') execute function no()"
            }
        })
        .await;
    let careless = || {
        let clock = clock.clone();
        let told = db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                events::tell(tx, &clock, None, &marked(1)).await?;
                drop(events::tell(tx, &clock, None, &marked(404)).await);
                Ok(1)
            })
        });
        told.boxed()
    };
    assert_eq!(code(&careless().await), "INTERNAL", "alone");
    let beside = || write(db.clone(), clock.clone(), 2, 1, Ok(2)).boxed();
    let codes: Vec<_> = together(world, [beside(), careless(), beside()]).await.iter().map(code).collect();
    assert_eq!(codes, ["kept", "INTERNAL", "kept"]);
    assert_eq!(kept(world).await, [2, 2]);
}

/// Half of the callers go away while their works wait, or are half done.
async fn riders_whose_callers_hang_up_are_kept_whole(world: &World) {
    let (db, clock) = (&world.app.db, &world.app.clock);
    // Half done: the work has written its first mark, and its caller is gone before the second.
    let (begun, half) = oneshot::channel();
    let (go, on) = oneshot::channel::<()>();
    let again = clock.clone();
    let caller = tokio::spawn({
        let db = db.clone();
        async move {
            let told = db.write(move |tx: &mut Tx| {
                Box::pin(async move {
                    events::tell(tx, &again, None, &marked(1)).await?;
                    begun.send(()).expect("somebody waits");
                    drop(on.await);
                    events::tell(tx, &again, None, &marked(2)).await
                })
            });
            told.await
        }
    });
    half.await.expect("half done");
    caller.abort();
    assert!(caller.await.expect_err("gone").is_cancelled());
    // These are behind it on SQLite, and half of their callers go away too.
    let (mut stay, mut leave) = (Vec::new(), Vec::new());
    for mark in (10..30).step_by(2) {
        let rider = write(db.clone(), clock.clone(), mark, 2, Ok(mark)).boxed();
        if mark % 4 == 0 { stay.push(rider) } else { leave.push(rider) }
    }
    for rider in &mut leave {
        // Asked once: the work is queued, or under way.
        assert!(futures_util::poll!(rider).is_pending());
    }
    drop(leave);
    go.send(()).expect("the work goes on");
    assert!(join_all(stay).await.iter().all(Result::is_ok));
    world.stop().await;
    let marks = world.count("select count(*) from events where kind = 'MemberChanged'").await;
    assert_eq!(marks, 22, "both marks of each of the eleven");
}

/// The database is told to give up what its caller has given up: else nobody would write any more.
async fn a_statement_without_an_end_is_ended(world: &World) {
    world
        .change(match world.database {
            Database::Sqlite => {
                "create trigger endless after insert on events when new.data like '%-000000000194%'
                 begin select count(*) from mail_states a, mail_states b, mail_states c, mail_states d, mail_states e,
                     mail_states f, mail_states g, mail_states h, mail_states i, mail_states j, mail_states k, mail_states l,
                     mail_states m, mail_states n, mail_states o, mail_states p, mail_states q, mail_states r; end"
            }
            Database::Postgres => {
                "create function endless() returns trigger language plpgsql as 'begin perform pg_sleep(3600); return null; end';
                 create trigger endless after insert on events for each row
                 when (new.data->>'member' like '%-000000000194') execute function endless()"
            }
        })
        .await;
    let (db, clock) = (&world.app.db, &world.app.clock);
    let riders = [1, 404, 2].map(|mark| write(db.clone(), clock.clone(), mark, 1, Ok(mark)));
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), together(world, riders)).await;
    let codes: Vec<_> = ended.expect("an end").iter().map(code).collect();
    match world.database {
        // SQLite undoes the whole transaction of a change that it interrupts.
        Database::Sqlite => assert_eq!((codes, kept(world).await), (vec!["UNAVAILABLE"; 3], vec![])),
        Database::Postgres => assert_eq!((codes, kept(world).await), (vec!["kept", "UNAVAILABLE", "kept"], vec![1, 2])),
    }
}
