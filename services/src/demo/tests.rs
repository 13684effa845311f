use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{Datelike, Weekday};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::content::{RESTRICTED, WrittenAnswer};
use super::plan::{Plan, What};
use super::*;
use crate::config::{Config, Limits, LinkLimits};
use crate::db::{Cx, all, one};
use crate::forum::ThreadKind;
use crate::id::{ForumId, PostId, ThreadId};
use crate::{forum, text};

/// The written threads are all of the community's last year.
const OLDEST_WRITTEN: i64 = 366;

async fn app(folder: &TempDir) -> App {
    let config = Config {
        data_dir: folder.path().into(),
        database_url: None,
        redis_url: None,
        search_server: None,
        smtp_url: None,
        mail_from: "Mentor <ciam@mentor.example>".into(),
        public_url: "http://localhost:8000".into(),
        admin_address: "administration@ciam.example".into(),
        links_per_hour: LinkLimits::default(),
        limits: Limits::default(),
    };
    App::open(config, Clock::system(), uuid::Uuid::nil()).await.unwrap()
}

fn written(answers: &[WrittenAnswer]) -> Vec<&WrittenAnswer> {
    answers.iter().flat_map(|answer| std::iter::once(answer).chain(written(&answer.answers))).collect()
}

#[test]
fn the_present_is_what_it_says() {
    assert_eq!(NOW.to_rfc3339(), "2026-11-02T08:00:00+00:00");
    assert_eq!((NOW - FOUNDED).to_rfc3339(), "2024-09-02T08:00:00+00:00");
}

#[test]
fn the_content_is_sound() {
    let content = Content::read().unwrap();
    let mut organisations = HashMap::new();
    for organisation in &content.organisations {
        assert_eq!(text::slug(&organisation.slug), organisation.slug);
        assert!(
            text::line("name", &organisation.name, 2, 150).is_ok() && text::line("n", &organisation.short_name, 2, 40).is_ok()
        );
        if let Some(parent) = &organisation.parent {
            assert_eq!(organisations.get(parent.as_str()), Some(&organisation.kind), "{parent}: above, and of the same kind");
        }
        assert!(organisations.insert(organisation.slug.as_str(), organisation.kind).is_none());
    }
    let mut handles = HashSet::new();
    let mut kinds = Vec::new();
    for member in &content.members {
        assert_eq!(text::handle("handle", &member.handle).as_ref(), Ok(&member.handle));
        assert!(crate::accounts::member_name(&member.name).is_ok());
        assert!(handles.insert(member.handle.as_str()), "{} twice", member.handle);
        let kind = organisations[member.organisation.as_str()];
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
        for role in &member.roles {
            assert_eq!(role.role.needs_organisation(), role.organisation.is_some(), "{}", member.handle);
            assert!(role.organisation.iter().all(|slug| organisations.contains_key(slug.as_str())));
            assert!(role.space.is_none() || role.role == crate::roles::Role::Moderateur);
        }
    }
    assert_eq!(kinds.len(), 5, "members of all five kinds of organisations");
    assert!(handles.len() >= 40 && content.threads.len() >= 60);

    let (mut titles, mut posts, mut to_moderators) = (HashSet::new(), 0, 0);
    for (_, thread) in &content.threads {
        assert!(forum::sound_title(&thread.title).is_ok(), "{}", thread.title);
        assert!(titles.insert(&thread.title), "{} twice", thread.title);
        assert!(handles.contains(thread.author.as_str()), "{}", thread.author);
        assert!((1..OLDEST_WRITTEN).contains(&thread.days_ago), "{}", thread.title);
        let answers = written(&thread.answers);
        for body in answers.iter().flat_map(|answer| [Some(&answer.body), answer.edited.as_ref()]).flatten().chain([&thread.body])
        {
            text::body("body", body).unwrap();
            let names = text::names(body).unwrap();
            for handle in &names.handles {
                assert!(handles.contains(handle.as_str()), "@{handle} in {}", thread.title);
            }
            for group in &names.groups {
                assert!(group == text::MODERATORS, "@@{group} in {}", thread.title);
                to_moderators += 1;
            }
        }
        for answer in &answers {
            assert!(handles.contains(answer.author.as_str()), "{}", answer.author);
            assert!(answer.hours_later >= 0 && answer.edited.as_ref() != Some(&answer.body));
        }
        let accepted = answers.iter().filter(|answer| answer.accepted).count();
        assert!(accepted <= usize::from(thread.kind.can_be_solved()), "{}", thread.title);
        posts += 1 + answers.len();
    }
    assert!(posts >= 500 && to_moderators > 0, "{posts}, {to_moderators}");

    for document in &content.documents {
        assert!(handles.contains(document.author.as_str()), "{}", document.author);
        assert!(document.organisation.iter().all(|slug| organisations.contains_key(slug.as_str())), "{}", document.title);
        assert!(
            text::line("title", &document.title, 3, 200).is_ok() && text::line("summary", &document.summary, 1, 1000).is_ok()
        );
        assert!(document.useful <= content.members.len());
        assert!(document.versions.is_sorted_by_key(|version| -version.days_ago), "{}", document.title);
        assert!(document.versions.iter().all(|version| version.link.is_some() != version.file.is_some()));
        assert!(document.made_of.is_none() || document.versions.is_empty() && document.organisation.is_none());
        assert!(document.remarks.iter().all(|remark| handles.contains(remark.author.as_str())), "{}", document.title);
        assert!(document.remarks.is_sorted_by_key(|remark| -remark.days_ago), "{}", document.title);
    }
    let states = [
        content.documents.iter().filter(|one| one.versions.len() > 1).count(),
        content.documents.iter().filter(|one| one.versions.is_empty() && one.made_of.is_none()).count(),
        content.documents.iter().filter(|one| one.made_of.is_some()).count(),
        content.documents.iter().filter(|one| one.remarks.len() > 1).count(),
        content.documents.iter().filter(|one| !one.threads.is_empty()).count(),
        content.documents.iter().filter(|one| one.archived_days_ago.is_some()).count(),
        content.documents.iter().filter(|one| one.restricted).count(),
        content.documents.iter().filter(|one| one.review_in_days.is_some_and(|days| days < 0)).count(),
    ];
    assert!(states.iter().all(|count| *count > 0), "documents in every state: {states:?}");
}

fn check_order(plan: &Plan, members: usize) {
    let mut at = vec![None; plan.posts.len()];
    let mut opened = vec![false; plan.threads.len()];
    for act in &plan.acts {
        assert!(act.at <= NOW);
        match act.what {
            What::Post(post) => {
                let parent = plan.posts[post].parent;
                assert!(parent.is_none_or(|parent| at[parent].is_some_and(|parent| parent <= act.at)), "before what it answers");
                assert!(!matches!(act.at.weekday(), Weekday::Sat | Weekday::Sun));
                assert!(plan.posts[post].author < members);
                assert!(at[post].replace(act.at).is_none());
                opened[plan.posts[post].thread] = true;
            }
            What::Edit(post, _) | What::Accept(post, _) => assert!(at[post].is_some(), "after the post"),
            What::Pin(_) | What::Lock(_) | What::Document(_) | What::Catalogue(_) => {}
            What::Publish(_, post) => assert!(at[post].is_some(), "after the post"),
            What::Version(own, _)
            | What::Useful(own, _)
            | What::Archive(own)
            | What::LinkDocument(own, _)
            | What::Remark(own, _) => {
                let is_it = |what| matches!(what, What::Document(one) | What::Publish(one, _) if one == own);
                let added = plan.acts.iter().find(|other| is_it(other.what));
                assert!(added.is_some_and(|added| added.at <= act.at), "after the document");
            }
            What::Link(thread, _) | What::Report(thread, _) => {
                assert!(opened[thread], "after the opening post");
            }
        }
    }
    assert!(at.iter().all(Option::is_some));
}

#[test]
fn a_plan_keeps_the_order_of_time() {
    let content = Content::read().unwrap();
    for posts in [0, 20_000] {
        let plan = plan::plan(&content, posts).unwrap();
        assert!(plan.posts.len() >= posts);
        check_order(&plan, content.members.len());
        let joined = NOW - FOUNDED + TimeDelta::days(50);
        assert!(plan.acts[0].at > joined, "everybody has joined before the first post");
        let titles: HashSet<_> = plan.threads.iter().map(|thread| &thread.title).collect();
        assert_eq!(titles.len(), plan.threads.len(), "titles differ");
    }
}

#[test]
fn a_large_plan_has_deep_chains_and_one_huge_thread() {
    let content = Content::read().unwrap();
    let plan = plan::plan(&content, 200_000).unwrap();
    check_order(&plan, content.members.len());
    let mut sizes = vec![0; plan.threads.len()];
    let mut depths = vec![0; plan.posts.len()];
    for (own, post) in plan.posts.iter().enumerate() {
        sizes[post.thread] += 1;
        depths[own] = post.parent.map_or(0, |parent| depths[parent] + 1);
    }
    assert_eq!(sizes.iter().filter(|size| **size >= 10_000).count(), 1);
    assert!(depths.iter().any(|depth| *depth > 64), "deeper than a path has levels");
    assert!(plan.forums.iter().all(|forum| plan.threads.iter().any(|t| plan.forums[t.forum] == *forum)));
    let restricted = plan.threads.iter().filter(|thread| plan.forums[thread.forum].1 == RESTRICTED.1).count();
    assert_eq!(restricted, 2, "nothing is generated in the restricted forum");
}

/// Everything of the database that has to be the same each time.
async fn digest(app: &App) -> String {
    type ThreadRow = (ThreadId, ForumId, String, i64, i64, DateTime<Utc>, Option<PostId>, Option<DateTime<Utc>>);
    type PostRow = (PostId, ThreadId, Option<PostId>, i64, Vec<u8>, i64, String, String, DateTime<Utc>, Option<DateTime<Utc>>);
    let cx = &mut *app.db.reader().await.unwrap();
    let threads = all!(
        cx,
        ThreadRow,
        "select id, forum_id, title, post_count, next_ordinal, last_activity_at, accepted_post_id, locked_at from threads order by id"
    );
    let posts = all!(
        cx,
        PostRow,
        "select id, thread_id, parent_id, ordinal, path, depth, body, html, created_at, edited_at from posts order by id"
    );
    let forums = all!(cx, (ForumId, String, i64), "select id, slug, thread_count from forums order by id");
    let events = all!(cx, (i64, uuid::Uuid, String, String), "select seq, id, kind, cast(data as text) from events order by seq");
    let members = all!(
        cx,
        (uuid::Uuid, String, uuid::Uuid),
        "select m.id, m.handle, a.id from members m join affiliations a on a.member_id = m.id order by m.id"
    );
    let trainings = all!(
        cx,
        (uuid::Uuid, String, String, Option<String>, i64, DateTime<Utc>),
        "select id, short_name, state, calendar_on, revision, updated_at from trainings order by id"
    );
    let text = format!("{threads:?}{posts:?}{forums:?}{events:?}{members:?}{trainings:?}");
    assert!(
        [trainings.is_ok(), threads.is_ok(), posts.is_ok(), forums.is_ok(), events.is_ok(), members.is_ok()].iter().all(|ok| *ok),
        "{text:.300}"
    );
    format!("{:x}", Sha256::digest(text))
}

async fn check_counts(app: &App, filled: &Filled) {
    let cx = &mut *app.db.reader().await.unwrap();
    let counts = one!(
        cx,
        (i64, i64, i64, i64, i64),
        "select (select count(*) from members), (select count(*) from threads), (select count(*) from posts),
                (select count(*) from jobs where kind <> 'MoveSession'), (select count(*) from mails)"
    )
    .unwrap();
    let told = |n: usize| i64::try_from(n).unwrap();
    // The first administrator is not the demo's; the one job is the foundation's.
    assert_eq!(counts, (told(filled.members) + 1, told(filled.threads), told(filled.posts), 1, 0));
    for wrong in [
        "select count(*) from threads t where post_count <>
           (select count(*) from posts p where p.thread_id = t.id and deleted_at is null and hidden_at is null)",
        "select count(*) from threads t where next_ordinal <> (select max(ordinal) + 1 from posts p where p.thread_id = t.id)",
        "select count(*) from threads t where last_activity_at <> (select max(created_at) from posts p where p.thread_id = t.id)",
        "select count(*) from forums f where thread_count <> (select count(*) from threads t where t.forum_id = f.id)",
        "select count(*) from threads t where not exists
           (select 1 from forum_kinds k where k.forum_id = t.forum_id and k.kind = t.kind)",
        "select count(*) from posts p join posts above on above.id = p.parent_id
         where above.ordinal >= p.ordinal or above.created_at > p.created_at or above.depth + 1 <> p.depth",
        "select count(*) from threads t join posts p on p.id = t.accepted_post_id
         where p.thread_id <> t.id or t.kind not in ('QUESTION', 'SIGNALEMENT') or p.parent_id is null",
        "select abs(count(*) - max(seq)) + min(seq) - 1 + count(*) - count(distinct seq) from events",
        "select count(*) from (select at, lag(at) over (order by seq) as before from events) as told where at < before",
        "select abs((select count(*) from events where kind in ('PostAdded', 'ThreadOpened')) - (select count(*) from posts))",
        "select abs((select count(*) from events where kind = 'PostEdited') - (select count(*) from post_revisions))",
        "select abs((select count(*) from events where kind = 'AnswerAccepted')
                    - (select count(*) from threads where accepted_post_id is not null))",
        "select count(*) from documents d where useful_count <>
           (select count(*) from document_votes v where v.document_id = d.id) or latest <>
           (select count(*) from document_versions v where v.document_id = d.id)",
        "select abs((select count(*) from events where kind = 'DocumentVersionAdded') - (select count(*) from document_versions))",
        "select count(*) from document_versions v left join files f on f.id = v.file_id
         where (v.link is null) = (f.id is null) or f.unused_since is not null",
        "select count(*) from threads t where (t.kind = 'SIGNALEMENT') <> exists (select 1 from reports r where r.id = t.id)",
        "select count(*) from threads t join reports r on r.id = t.id where r.state = 'CORRIGE' and t.solved_at is null",
        "select count(*) from members m where organisation_id is not null and not exists
           (select 1 from affiliations a where a.member_id = m.id and a.organisation_id = m.organisation_id
              and a.state = 'APPROUVEE' and a.decided_at is not null)",
    ] {
        assert_eq!(one!(cx, (i64,), wrong).unwrap().0, 0, "{wrong}");
    }
}

#[tokio::test]
async fn two_databases_are_filled_alike_and_none_twice() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (one, other) = (app(&one).await, app(&other).await);
    let filled = fill(&one, 0, |_, _| {}).await.unwrap();
    fill(&other, 0, |_, _| {}).await.unwrap();
    check_counts(&one, &filled).await;
    assert_eq!(digest(&one).await, digest(&other).await);
    let link = filled.first_link.expect("the foundation was laid here");
    assert!(crate::sessions::sign_in(&one, None, &link, crate::sessions::SessionKind::Client, "test").await.is_ok());

    let Err(Error::Conflict(problem)) = fill(&one, 0, |_, _| {}).await else { panic!("filled twice") };
    assert_eq!(problem.field, "demo");
}

#[tokio::test]
async fn one_ministry_and_the_moderators_see_its_forum() {
    let folder = TempDir::new().unwrap();
    let app = app(&folder).await;
    fill(&app, 0, |_, _| {}).await.unwrap();
    let cx = &mut *app.db.reader().await.unwrap();
    let (in_it, moderators) = (["camille.roussel", "vincent.prevost"], ["sonia.belkacem", "elodie.garnier"]);
    for handle in in_it.into_iter().chain(moderators).chain(["karim.benali"]) {
        let sees = handle != "karim.benali";
        let member = crate::accounts::member_by_handle(cx, handle).await.unwrap().unwrap();
        let caller = crate::Caller::member(cx, member.id, crate::caller::Credential::Operator, NOW).await.unwrap().unwrap();
        let forums = forum::forums_of(cx, &caller).await.unwrap();
        let restricted = forums.values().flatten().find(|forum| forum.slug == RESTRICTED.1);
        assert_eq!(restricted.map(|forum| forum.thread_count), sees.then_some(2), "{handle}");
    }
}

#[tokio::test]
async fn news_is_told_by_those_who_may_open_it() {
    let folder = TempDir::new().unwrap();
    let app = app(&folder).await;
    fill(&app, 2000, |_, _| {}).await.unwrap();
    let cx = &mut *app.db.reader().await.unwrap();
    let rows =
        all!(cx, (crate::id::MemberId, ForumId, ThreadKind), "select distinct t.author_id, t.forum_id, t.kind from threads t")
            .unwrap();
    for (author, forum, kind) in rows {
        let caller = crate::Caller::member(cx, author, crate::caller::Credential::Operator, NOW).await.unwrap().unwrap();
        let forum = forum::forums_by_id(cx, &[forum]).await.unwrap().remove(&forum).expect("the forum");
        assert!(caller.sees(forum.audience_id), "the author sees {}", forum.slug);
        assert!(caller.sees(forum.opening_audience_id) || caller.moderates(forum.space_id), "{} {kind:?}", forum.slug);
    }
}

#[tokio::test]
async fn the_catalogue_shows_every_state_and_a_year_with_slips() {
    let folder = TempDir::new().unwrap();
    let app = app(&folder).await;
    let filled = super::fill(&app, 0, |_, _| {}).await.unwrap();
    let cx = &mut *app.db.reader().await.unwrap();
    let count = async |cx: &mut Cx, sql: &'static str| one!(cx, (i64,), sql).unwrap().0;
    assert_eq!(count(cx, "select count(*) from trainings").await, i64::try_from(filled.trainings).unwrap());
    for (sql, least) in [
        ("select count(distinct state) from trainings", 5),
        ("select count(distinct opening) from trainings", 4),
        ("select count(distinct collection_id) from trainings", 14),
        ("select count(distinct state) from training_sessions", 7),
        (
            "select count(distinct substr(calendar_on, 1, 7)) from trainings where calendar_on >= '2026-01' and calendar_on < '2027'",
            12,
        ),
        (
            "select count(distinct substr(planned_on, 1, 7)) from trainings where planned_on > '2026-11-02' and state <> 'PUBLIEE'",
            9,
        ),
        ("select count(*) from calendar_changes where from_on is not null and to_on > from_on and kind = 'PLANIFICATION'", 8),
        ("select count(*) from trainings where state = 'BROUILLON' and announced_at is not null and planned_on is not null", 7),
        ("select count(*) from trainings where state = 'BROUILLON' and announced_at is not null and planned_on is null", 1),
        ("select count(distinct state) from reports", 6),
        ("select count(*) from reports where duplicate_of_id is not null", 1),
        ("select count(distinct training_id) from thread_links where origin = 'CHOIX' and ended_at is null", 8),
        ("select count(distinct document_id) from thread_links where origin = 'CHOIX' and ended_at is null", 4),
        ("select count(*) from documents d join threads t on t.document_id = d.id", 3),
        ("select count(*) from documents d join threads t on t.accepted_post_id = d.post_id where d.latest = 1", 1),
        ("select count(distinct training_id) from thread_links where origin = 'ADRESSE' and ended_at is null", 1),
    ] {
        assert!(count(cx, sql).await >= least, "{sql}");
    }
    let late = "select count(*) from events where at > (select max(created_at) from posts) and kind like 'Training%'";
    assert!(count(cx, late).await < 10, "the catalogue's acts stand among the others");
    // Those who made it are those who may.
    let made = all!(
        cx,
        (crate::id::OrganisationId, crate::id::MemberId, String),
        "select distinct t.organisation_id, c.changed_by, t.short_name
         from trainings t join training_state_changes c on c.training_id = t.id"
    );
    for (organisation, member, short_name) in made.unwrap() {
        let ancestors = crate::organisations::ancestors(cx, organisation).await.unwrap();
        let caller = crate::Caller::member(cx, member, crate::caller::Credential::Operator, NOW).await.unwrap().unwrap();
        assert!(crate::catalogue::may_manage(&caller, &ancestors), "{short_name}");
    }
}

#[tokio::test]
async fn people_follow_things_and_are_told_of_the_last_month() {
    let folder = TempDir::new().unwrap();
    let app = app(&folder).await;
    fill(&app, 0, |_, _| {}).await.unwrap();
    crate::inbox::catch_up(&app).await.unwrap();
    let cx = &mut *app.db.reader().await.unwrap();
    let (follows, told, reasons) = one!(
        cx,
        (i64, i64, i64),
        "select (select count(*) from follows), (select count(*) from notifications), (select count(distinct reason) from notifications)"
    )
    .unwrap();
    assert!(follows >= 8 && told >= 20 && reasons >= 4, "{follows} {told} {reasons}");
    let (first,) = one!(cx, (DateTime<Utc>,), "select min(created_at) from notifications").unwrap();
    assert!(first > NOW - TimeDelta::days(31), "{first}");
    let claire = crate::accounts::member_by_handle(cx, "claire.fontaine").await.unwrap().unwrap();
    let caller = crate::Caller::member(cx, claire.id, crate::caller::Credential::Operator, NOW).await.unwrap().unwrap();
    assert!(crate::inbox::count_unread(cx, &caller).await.unwrap() > 0);
}

#[tokio::test]
async fn more_posts_are_made_and_counted() {
    let folder = TempDir::new().unwrap();
    let app = app(&folder).await;
    let told = Arc::new(AtomicU64::new(0));
    let last = Arc::clone(&told);
    let progress = move |done, total| {
        assert!(done <= total);
        last.fetch_max(done, Ordering::Relaxed);
    };
    let filled = fill(&app, 3000, progress).await.unwrap();
    assert!((3000..3200).contains(&filled.posts), "{filled:?}");
    assert_eq!(usize::try_from(told.load(Ordering::Relaxed)), Ok(filled.posts));
    check_counts(&app, &filled).await;
}

#[tokio::test]
async fn a_community_of_others_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let app = app(&folder).await;
    foundation::lay(&app).await.unwrap();
    let clock = app.clock.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let (member, now) = (crate::id::MemberId::new(&clock), clock.now());
                crate::accounts::insert_member(tx, member, ("a@b.example", "a@b.example"), "quelqu-un", "Quelqu'un", now).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    let Err(Error::Conflict(problem)) = fill(&app, 0, |_, _| {}).await else { panic!("mixed") };
    assert_eq!(problem.field, "demo");
    let cx = &mut *app.db.reader().await.unwrap();
    assert_eq!(one!(cx, (i64,), "select count(*) from organisations").unwrap().0, 0);
}
