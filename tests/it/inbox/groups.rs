//! Groups that a post addresses: who is told, who may address them, and how often.

use chrono::TimeDelta;
use harness::{Client, Database, World};
use serde_json::{Value, json};

use super::delivery::told_in_turns;
use super::{read_all, reasons};
use crate::cost::uuid_of;
use crate::following::follow;
use crate::steps::{colleague, grant, moderator, new_forum, nodes, organisation, read, space, text};

const NOTHING: [&str; 0] = [];
const MENTION: [&str; 1] = ["MENTION"];

/// What a post says of whom it mentions.
async fn addressed(who: &Client, post: &str) -> Value {
    let query = "query($p: ID!) { post(id: $p) { html mentionsModerators mentionedOrganisations { slug } mentions { handle } } }";
    read(who, query, json!({ "p": post })).await["post"].clone()
}

/// The slugs of the organisations that a post addresses.
async fn organisations_of(who: &Client, post: &str) -> Vec<String> {
    let found = addressed(who, post).await["mentionedOrganisations"].clone();
    found.as_array().expect("a list").iter().map(|one| text(&one["slug"])).collect()
}

/// Unread notifications of somebody, once all that happened is told.
async fn unread(world: &World, who: &Client) -> Vec<Value> {
    let all = super::inbox(world, who).await;
    all.into_iter().filter(|one| one["readAt"].is_null()).collect()
}

pub(super) async fn a_group_is_told_what_is_said_to_it(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let office = organisation(world, "Bureau", Some(&ministry)).await;
    let elsewhere = organisation(world, "Ailleurs", None).await;
    let (ada, ben) = (colleague(world, "ada", &ministry).await, colleague(world, "ben", &office).await);
    let other = colleague(world, "autre", &elsewhere).await;
    // Who only holds a role there is no member of it.
    grant(world, &other, "CONCEPTEUR", json!({ "organisationId": ministry })).await;
    let (here, everywhere) = (moderator(world, "ici", Some("plateforme")).await, moderator(world, "partout", None).await);
    let beyond = moderator(world, "editorial", Some("editorial")).await;
    let former = world.member("ancienne").await;
    let held = grant(world, &former, "MODERATEUR", json!({})).await;
    world.administrator().mutate("endRole", json!({ "roleGrantId": held }), "").await.done("endRole");

    let forum = world.forum("plateforme", "questions").await;
    let (_, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Bonjour @@moderation et @@Moderation").await;
    for (who, expected) in [(&here, true), (&everywhere, true), (&beyond, false), (&former, false), (&ada, false), (&ben, false)]
    {
        assert_eq!(reasons(world, who).await, if expected { &MENTION[..] } else { &NOTHING[..] });
    }
    assert_eq!(reasons(world, world.administrator()).await, NOTHING, "who administers does not moderate by that");
    let seen = addressed(&world.anonymous(), &root).await;
    assert_eq!((&seen["mentionsModerators"], &seen["mentionedOrganisations"]), (&json!(true), &json!([])));
    assert_eq!(text(&seen["html"]).matches("<strong>@@moderation</strong>").count(), 1, "{seen}");

    let answer = ada.answer(&root, "@@ministere : qu'en dites-vous ?").await;
    for (who, expected) in [(&ben, true), (&other, false), (&ada, false), (&beyond, false)] {
        assert_eq!(reasons(world, who).await, if expected { &MENTION[..] } else { &NOTHING[..] });
    }
    assert_eq!(super::inbox(world, &here).await[0]["count"], json!(1), "told of nothing else");
    let seen = addressed(&world.anonymous(), &answer).await;
    assert_eq!(
        (&seen["mentionsModerators"], &seen["mentionedOrganisations"]),
        (&json!(false), &json!([{ "slug": "ministere" }]))
    );
    assert!(text(&seen["html"]).contains(&format!("<a href=\"/organisations/{ministry}\"")), "{seen}");

    // In the remarks on a document, those who moderate the library's space.
    let keeper = moderator(world, "biblio", Some("accompagnement")).await;
    let documents = read(&ada, "{ documents(filter: A_CONFIRMER, first: 1) { edges { node { id } } } }", json!({})).await;
    let remark =
        json!({ "documentId": nodes(&documents["documents"])[0]["id"], "body": "@@moderation et @@ministere, une coquille" });
    ada.mutate("remarkDocument", remark, "").await.done("remarkDocument");
    assert_eq!((reasons(world, &keeper).await, unread(world, &here).await.len()), (vec!["MENTION".to_owned()], 1));
    assert_eq!(reasons(world, &ben).await, ["MENTION"; 2]);
}

pub(super) async fn what_may_not_be_addressed_stays_plain(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let office = organisation(world, "Bureau", Some(&ministry)).await;
    organisation(world, "Moderation", None).await;
    let boss = colleague(world, "ministre", &ministry).await;
    let (ada, ben) = (colleague(world, "ada", &office).await, colleague(world, "ben", &office).await);
    let outsider = world.member("dehors").await;
    let modo = moderator(world, "modo", Some("plateforme")).await;
    let forum = world.forum("plateforme", "questions").await;
    let (_, root) = outsider.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    let body =
        "`@@moderation` [@@moderation](https://a.fr) x@@moderation @@@moderation @@inconnu @@ministere @@ministere-bureau @@ada";
    let plain = outsider.answer(&root, body).await;
    let seen = addressed(&outsider, &plain).await;
    assert_eq!(
        (&seen["mentionsModerators"], &seen["mentionedOrganisations"], &seen["mentions"]),
        (&json!(false), &json!([]), &json!([]))
    );
    let html = text(&seen["html"]);
    assert!(html.contains("@@inconnu @@ministere @@ministere-bureau @@ada</p>") && !html.contains("<strong>"), "{html}");
    for who in [&boss, &ada, &ben, &modo] {
        assert_eq!(reasons(world, who).await, NOTHING);
    }
    // One's own and its units, not what stands above it; what one holds a role in; any for those who moderate there.
    let both = "@@ministere @@ministere-bureau";
    let of_role = colleague(world, "referente", &organisation(world, "Ailleurs", None).await).await;
    grant(world, &of_role, "REFERENT_LOCAL", json!({ "organisationId": office })).await;
    let editorial = moderator(world, "editorial", Some("editorial")).await;
    let admin = world.administrator();
    let plain_token = crate::access::token(admin, "ECRIRE").await.1;
    let preview = "query($b: String!, $s: ID) { preview(body: $b, space: $s) { html } }";
    let here = space(world, "plateforme").await;
    for (who, expected) in [
        (&boss, &["ministere", "ministere-bureau"][..]),
        (&ada, &["ministere-bureau"]),
        (&of_role, &["ministere-bureau"]),
        (&outsider, &[]),
        (&editorial, &[]),
        (&modo, &["ministere", "ministere-bureau"]),
        (admin, &["ministere", "ministere-bureau"]),
        (&admin.with_bearer(&plain_token), &[]),
    ] {
        let post = who.answer(&root, both).await;
        assert_eq!(organisations_of(who, &post).await, expected);
        let shown = read(who, preview, json!({ "b": both, "s": here })).await["preview"]["html"].clone();
        assert_eq!(shown, addressed(who, &post).await["html"], "a preview is what will be");
    }
    let anonymous = read(&world.anonymous(), preview, json!({ "b": "@@moderation @@ministere", "s": here })).await;
    assert_eq!(anonymous["preview"]["html"], "<p>@@moderation @@ministere</p>\n", "who cannot write addresses nobody");
    // An organisation of that slug is not what it names.
    let post = admin.answer(&root, "@@moderation").await;
    assert_eq!(addressed(admin, &post).await["mentionsModerators"], json!(true));
    assert_eq!(organisations_of(admin, &post).await, NOTHING);
}

pub(super) async fn a_group_is_told_what_it_sees_and_not_silenced(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let (ada, ben) = (colleague(world, "ada", &ministry).await, colleague(world, "ben", &ministry).await);
    let carl = colleague(world, "carl", &ministry).await;
    let named = json!([{ "kind": "MEMBRE", "memberId": ada.id().await }, { "kind": "MEMBRE", "memberId": ben.id().await }]);
    let restricted = new_forum(world, "plateforme", "Entre nous", named).await;
    ada.open_thread(&restricted, "QUESTION", "Une question", "@@ministere, entre nous").await;
    assert_eq!((reasons(world, &ben).await, reasons(world, &carl).await.len()), (vec!["MENTION".to_owned()], 0));
    read_all(world, &ben).await;

    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une autre question", "Texte").await;
    follow(&ben, &forum, Some("MENTIONS")).await;
    follow(&carl, &thread, Some("MUET")).await;
    ada.answer(&root, "@@ministere, pour tous").await;
    assert_eq!((unread(world, &ben).await.len(), unread(world, &carl).await.len()), (1, 0));
    // Several groups and a handle are one thing said to somebody.
    let modo = moderator(world, "modo", None).await;
    read_all(world, &ben).await;
    grant(world, &ben, "MODERATEUR", json!({})).await;
    let post = ada.answer(&root, "@@moderation @@ministere et surtout @ben").await;
    let told = unread(world, &ben).await;
    assert_eq!((told.len(), &told[0]["reason"], &told[0]["count"]), (1, &json!("MENTION"), &json!(1)));
    assert_eq!((&told[0]["post"]["id"], unread(world, &modo).await.len()), (&json!(post), 1));
}

pub(super) async fn an_edit_replaces_groups_and_tells_nobody(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let (ada, ben) = (colleague(world, "ada", &ministry).await, colleague(world, "ben", &ministry).await);
    let modo = moderator(world, "modo", None).await;
    let forum = world.forum("plateforme", "questions").await;
    let (_, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    let post = ada.answer(&root, "@@ministere").await;
    world.deliver().await;
    let edit = async |body: &str| ada.mutate("editPost", json!({ "postId": post, "body": body }), "").await.done("editPost");
    for (body, moderators, organisations) in [
        ("@@moderation plutôt", true, &[][..]),
        ("@@ministere à nouveau", false, &["ministere"]),
        ("personne", false, &[]),
        ("@@moderation et @@ministere", true, &["ministere"]),
    ] {
        edit(body).await;
        assert_eq!(addressed(&ada, &post).await["mentionsModerators"], json!(moderators), "{body}");
        assert_eq!(organisations_of(&ada, &post).await, organisations, "{body}");
    }
    assert_eq!((reasons(world, &ben).await.len(), reasons(world, &modo).await.len()), (1, 0));
    // Who does not read the post is not told whom it addresses.
    for (mutation, input) in [
        ("hidePost", json!({ "postId": post, "hidden": true, "reason": "Parce que" })),
        ("deletePost", json!({ "postId": post })),
    ] {
        modo.mutate(mutation, input, "").await.done(mutation);
        let seen = addressed(&ben, &post).await;
        assert_eq!((&seen["mentionsModerators"], &seen["mentionedOrganisations"]), (&json!(false), &json!([])), "{mutation}");
        assert_eq!(organisations_of(&modo, &post).await, ["ministere"]);
    }
}

pub(super) async fn a_few_posts_a_day_address_organisations(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let ada = colleague(world, "ada", &ministry).await;
    let modo = moderator(world, "modo", Some("plateforme")).await;
    for n in 0..4 {
        organisation(world, &format!("Unité {n}"), Some(&ministry)).await;
    }
    let forum = world.forum("plateforme", "questions").await;
    let answer = async |who: &Client, post: &str, body: &str| {
        who.mutate("answerPost", json!({ "postId": post, "body": body }), "post { id }").await
    };
    let mut roots = Vec::new();
    for n in 0..6 {
        roots.push(modo.open_thread(&forum, "QUESTION", &format!("Question {n}"), "Texte").await.1);
    }
    let four = "@@ministere-unite-0 @@ministere-unite-1 @@ministere-unite-2 @@ministere-unite-3";
    assert_eq!(answer(&ada, &roots[0], four).await.problems("answerPost"), ["body: TROP_LONG"]);
    assert_eq!(answer(&ada, &roots[0], &format!("{four} @@inconnu")).await.problems("answerPost"), ["body: TROP_LONG"]);
    let three = format!("@@moderation {} @@inconnu", &four[..39]);
    let post = text(&answer(&ada, &roots[0], &three).await.done("answerPost")["post"]["id"]);
    assert_eq!(organisations_of(&ada, &post).await, ["ministere-unite-0", "ministere-unite-1"]);
    // What an edit takes out does not make room, nor does a post that is deleted; one post counts once.
    for body in ["Rien", "@@ministere", "@@moderation", "Rien"] {
        ada.mutate("editPost", json!({ "postId": post, "body": body }), "").await.done("editPost");
    }
    let gone = ada.answer(&roots[0], "@@ministere").await;
    ada.mutate("deletePost", json!({ "postId": gone }), "").await.done("deletePost");
    let opening = json!({ "forumId": forum, "kind": "QUESTION", "title": "Une question", "body": "@@ministere" });
    ada.mutate("openThread", opening.clone(), "").await.done("openThread");
    ada.answer(&roots[0], "@@ministere").await;
    // Of several at once, in threads of their own, as many are taken as there is room for.
    let plain = ada.answer(&roots[0], "Texte").await;
    let before = world.count("select count(*) from posts").await;
    let at_once = futures_util::future::join_all(roots.iter().map(|root| answer(&ada, root, "@@ministere, vite"))).await;
    let taken = at_once.iter().filter(|reply| reply.data["answerPost"]["problems"] == json!([])).count();
    assert_eq!((taken, world.count("select count(*) from posts").await), (1, before + 1));
    for refused in at_once.iter().filter(|reply| reply.data["answerPost"]["problems"] != json!([])) {
        assert_eq!(refused.problems("answerPost"), ["body: COMPLET"]);
        assert!(refused.text.contains("Au plus 5 de vos messages par jour s'adressent à des organisations"), "{}", refused.text);
    }
    assert_eq!(ada.mutate("openThread", opening, "").await.problems("openThread"), ["body: COMPLET"]);
    let edit = json!({ "postId": plain, "body": "@@ministere" });
    assert_eq!(ada.mutate("editPost", edit, "").await.problems("editPost"), ["body: COMPLET"]);
    assert_eq!(organisations_of(&ada, &plain).await, NOTHING);
    let documents = read(&ada, "{ documents(filter: A_CONFIRMER, first: 1) { edges { node { id } } } }", json!({})).await;
    let remark = json!({ "documentId": nodes(&documents["documents"])[0]["id"], "body": "@@ministere" });
    assert_eq!(ada.mutate("remarkDocument", remark, "").await.problems("remarkDocument"), ["body: COMPLET"]);
    // What addresses no organisation, or the same post again, is taken, and so is everything of who moderates.
    ada.answer(&roots[0], "@@moderation, à l'aide").await;
    ada.mutate("editPost", json!({ "postId": post, "body": "@@ministere" }), "").await.done("editPost");
    for _ in 0..6 {
        modo.answer(&roots[0], "@@ministere").await;
    }
    world.advance(TimeDelta::hours(25));
    ada.answer(&roots[0], "@@ministere").await;
    world.run_jobs().await;
}

pub(super) async fn a_large_organisation_is_told_in_bounded_turns(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let offices = [organisation(world, "Un", Some(&ministry)).await, organisation(world, "Deux", Some(&ministry)).await];
    let ada = colleague(world, "ada", &ministry).await;
    let (series, id) = match world.database {
        Database::Sqlite => ("with recursive s (i) as (select 1 union all select i + 1 from s where i < 1000)", "randomblob(16)"),
        Database::Postgres => ("with s (i) as (select * from generate_series(1, 1000))", "gen_random_uuid()"),
    };
    let [one, two] = offices.map(|office| world.uuid(uuid_of(&office)));
    let made = world
        .execute(&format!(
            "insert into members (id, address, address_key, handle, name, organisation_id, created_at)
             {series} select {id}, 'agent' || i || '@exemple.test', 'agent' || i || '@exemple.test', 'agent' || i, 'Agent',
                             o.id, (select min(created_at) from spaces)
             from s join organisations o on o.id = {one} and i % 2 = 0 or o.id = {two} and i % 2 = 1"
        ))
        .await;
    assert_eq!(made, 1_000);
    let forum = world.forum("plateforme", "questions").await;
    world.deliver().await;
    ada.open_thread(&forum, "QUESTION", "Une question", "@@ministere, @@ministere-un et @agent7").await;
    world.events().await;
    let turns = told_in_turns(world, 250).await;
    let people = world.count("select count(distinct member_id) from notifications").await;
    assert_eq!((world.count("select count(*) from notifications").await, people), (1_000, 1_000));
    assert_eq!(world.count("select max(many) from notifications").await, 1);
    assert!(turns >= 4, "{turns} turns");
}
