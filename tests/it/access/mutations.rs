//! How each mutation ends for each viewer, each time on a fresh target, and that a refusal never tells the invisible from the
//! unknown.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Client, Reply, World};
use serde_json::{Value, json};

use super::cast::{Cast, HANDLES, token};
use super::shape::Shape;
use super::table::{self, refusal};
use crate::catalogue::fields;
use crate::steps::text;

/// Fields of payloads that may be null although all is done.
const MAY_BE_NULL: [&str; 1] = ["DeletePostPayload.post"];

pub(super) async fn every_mutation_ends_as_its_row_says(world: &World) {
    let expected = table::mutations();
    let shape = Shape::read(world).await;
    let stage = Stage::set(world).await;
    let mut found = BTreeMap::new();
    for (name, entry) in &expected {
        let rows: &mut BTreeMap<String, Vec<String>> = found.entry(name.clone()).or_default();
        for target in entry.rows.keys() {
            let mut cells = Vec::new();
            let mut kept: Option<Value> = None;
            for (who, client) in stage.cast.viewers() {
                let act = match kept.take() {
                    Some(input) => Act { client: client.clone(), input, own: false },
                    None => stage.act(name, target, who).await,
                };
                let reply = send(&shape, &act.client, name, act.input.clone()).await;
                let cell = ending(&shape, name, &reply);
                if cell == "done" {
                    stage.mend(name, target, who, &reply.data[name]).await;
                } else {
                    compare_to_unknown(&shape, &act, name, &reply).await;
                    // Nothing was done: the next viewer finds the target as it was.
                    if !act.own {
                        kept = Some(act.input);
                    } else if name == "endRole" {
                        world.administrator().mutate(name, act.input, "").await.done(name);
                    }
                }
                cells.push(cell);
            }
            rows.insert(target.clone(), cells);
        }
    }
    drop(world.take_mails().await);
    table::compare(&expected, &found);
}

async fn send(shape: &Shape, client: &Client, name: &str, mut input: Value) -> Reply {
    input["clientMutationId"] = json!("c1");
    let payload = payload(name);
    let fields: Vec<_> = shape.fields_of(&payload).map(|field| format!("{field} {}", shape.below(&payload, field))).collect();
    let mut kind = name[..1].to_uppercase();
    kind.push_str(&name[1..]);
    let query = format!("mutation($i: {kind}Input!) {{ {name}(input: $i) {{ {} }} }}", fields.join(" "));
    client.run(&query, json!({ "i": input })).await
}

fn payload(name: &str) -> String {
    format!("{}{}Payload", name[..1].to_uppercase(), &name[1..])
}

/// Done, a code of the problems, or of the error; and the payload is as its rows say.
fn ending(shape: &Shape, name: &str, reply: &Reply) -> String {
    if !reply.errors.is_empty() {
        assert!(reply.data[name].is_null() && reply.errors.len() == 1, "{name}: {}", reply.text);
        return refusal(&reply.code()).to_owned();
    }
    let given = &reply.data[name];
    let problems = given["problems"].as_array().unwrap_or_else(|| panic!("{name}: {}", reply.text));
    assert_eq!(given["clientMutationId"], "c1");
    let kind = payload(name);
    for field in shape.fields_of(&kind).filter(|field| !["clientMutationId", "problems"].contains(field)) {
        let whole = format!("{kind}.{field}");
        if problems.is_empty() && !MAY_BE_NULL.contains(&whole.as_str()) {
            assert!(!given[field].is_null(), "{whole} of what is done: {}", reply.text);
        } else if !problems.is_empty() {
            assert!(given[field].is_null(), "{whole} of what is not: {}", reply.text);
        }
    }
    problems.first().map_or("done".into(), |problem| text(&problem["code"]))
}

/// An id in the input that this viewer does not see is refused word for word as one that nothing has.
async fn compare_to_unknown(shape: &Shape, act: &Act, name: &str, reply: &Reply) {
    let fields = act.input.as_object().expect("an input");
    for (key, id) in fields.iter().filter(|(key, id)| key.ends_with("Id") && id.is_string()) {
        let looked = act.client.run("query($i: ID!) { node(id: $i) { id } }", json!({ "i": id })).await;
        if looked.data["node"].is_null() {
            let mut input = act.input.clone();
            input[key] = json!(format!("{}_{:032x}", &text(id)[..3], 7));
            let unknown = send(shape, &act.client, name, input).await;
            assert_eq!(reply.text, unknown.text, "{name} with an invisible {key}, and with an unknown one");
        }
    }
}

/// One attempt.
struct Act {
    client: Client,
    input: Value,
    /// Made for this viewer alone.
    own: bool,
}

/// Where mutations are tried.
struct Stage<'w> {
    cast: Cast<'w>,
    victim: Client,
    candidate: Client,
    count: AtomicUsize,
    /// A token and a session that somebody suspended still has to end.
    left: BTreeMap<&'static str, String>,
}

impl<'w> Stage<'w> {
    async fn set(world: &'w World) -> Self {
        let cast = Cast::gather(world).await;
        let (victim, candidate) = (world.member("cible").await, world.member("candidate").await);
        let own = "{ viewer { sessions { edges { node { id } } } accessTokens { edges { node { id } } } } }";
        let of =
            async |who: &Client, list: &str| text(&who.run(own, json!({})).await.data["viewer"][list]["edges"][0]["node"]["id"]);
        let kinds = json!({ "forumId": cast.id("restricted"), "kinds": ["QUESTION", "DISCUSSION", "SIGNALEMENT"] });
        world.administrator().mutate("updateForum", kinds, "").await.done("updateForum");
        let left = BTreeMap::from([
            ("session", of(&victim, "sessions").await),
            ("token", token(&victim, "LIRE").await.0),
            ("suspended's token", of(cast.viewer("suspended"), "accessTokens").await),
        ]);
        Self { cast, victim, candidate, count: AtomicUsize::new(0), left }
    }

    /// A number not given before.
    fn number(&self) -> usize {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    /// Opens another session of whoever `who` is.
    async fn session(&self, who: &str) -> Client {
        let world = self.cast.world;
        drop(world.take_mails().await);
        let link = world.link(&Cast::address(who)).await;
        world.anonymous().sign_in(&link).await
    }

    /// A thread of the author's with one answer, in the state that `target` names: its id, its answer's and its forum's.
    async fn thread(&self, target: &str) -> (String, String, String) {
        let (cast, author) = (&self.cast, self.cast.viewer("author"));
        let forum = if target.contains("restricted") { cast.id("restricted") } else { cast.id("public") };
        let (thread, opening) = author.open_thread(forum, "QUESTION", "Un fil à essayer", "Texte").await;
        let answer = author.answer(&opening, "Réponse").await;
        if target.contains("solved") {
            author.mutate("acceptAnswer", json!({ "postId": answer }), "").await.done("acceptAnswer");
        }
        if target.contains("locked") {
            cast.moderate("lockThread", json!({ "threadId": thread, "locked": true })).await;
        }
        if target.contains("hidden post") {
            cast.moderate("hidePost", json!({ "postId": answer, "hidden": true, "reason": "Parce que" })).await;
        }
        if target.contains("deleted post") {
            author.mutate("deletePost", json!({ "postId": answer }), "").await.done("deletePost");
        }
        if target.contains("withdrawn") {
            cast.moderate("hideThread", json!({ "threadId": thread, "hidden": true })).await;
        }
        (thread, answer, forum.to_owned())
    }

    /// A fresh target, the input for it, and who sends it.
    async fn act(&self, name: &str, target: &str, who: &'static str) -> Act {
        let cast = &self.cast;
        let admin = cast.world.administrator();
        let (viewer, n) = (cast.viewer(who), self.number());
        let anonymous = who == "anonymous";
        let mut act = Act { client: viewer.clone(), input: json!({}), own: target == "own" };
        act.input = match name {
            "requestLink" if target == "known" => json!({ "address": "cible@exemple.test" }),
            "requestLink" => json!({ "address": format!("nouvelle{n}@exemple.test") }),
            "signIn" | "signUp" => {
                drop(cast.world.take_mails().await);
                let address = if name == "signIn" { "cible@exemple.test".into() } else { format!("membre{n}@exemple.test") };
                let link = cast.world.link(&address).await;
                if target == "spent" {
                    cast.world.anonymous().sign_in(&link).await;
                }
                let mut input = json!({ "token": link, "kind": "CLIENT" });
                if name == "signUp" {
                    input["handle"] = json!(format!("membre{n}"));
                    input["name"] = json!("Nouveau membre");
                }
                input
            }
            "signOut" => {
                if !anonymous && !is_token(who) {
                    act.client = self.session(who).await;
                }
                json!({})
            }
            "revokeSession" if target == "own" && !anonymous => {
                let own = self.session(who).await;
                let sessions = own.run("{ viewer { sessions(last: 1) { edges { node { id } } } } }", json!({})).await;
                json!({ "sessionId": sessions.data["viewer"]["sessions"]["edges"][0]["node"]["id"] })
            }
            "revokeSession" => json!({ "sessionId": self.left["session"] }),
            "createAccessToken" => json!({ "name": "essai", "scopes": ["LIRE"], "expiresInDays": 7 }),
            "revokeAccessToken" if target == "own" && !anonymous => {
                let id = match who {
                    "suspended" => self.left["suspended's token"].clone(),
                    _ => token(if is_token(who) { admin } else { viewer }, "LIRE").await.0,
                };
                json!({ "tokenId": id })
            }
            "revokeAccessToken" => json!({ "tokenId": self.left["token"] }),
            "updateProfile" => json!({ "name": "Un autre nom" }),
            "createOrganisation" => {
                let parent = (target == "unit").then(|| cast.id("inside"));
                let kind = parent.is_none().then_some("PFRH");
                json!({ "kind": kind, "name": "Organisation", "shortName": format!("Essai {n}"), "parentId": parent })
            }
            "updateOrganisation" => json!({ "organisationId": cast.id(target), "name": "Un autre nom" }),
            "requestAffiliation" => json!({ "organisationId": cast.id("outside") }),
            "decideAffiliation" => {
                let wish = cast.wish(&self.candidate, cast.id(target.split(' ').next().unwrap_or(target))).await;
                if target.ends_with("decided") {
                    cast.decide(&wish, false).await;
                }
                json!({ "affiliationId": wish, "approve": false })
            }
            "leaveOrganisation" => json!({}),
            "grantRole" => {
                let (role, organisation) = match target {
                    "community" => ("EDITEUR", None),
                    other => ("FORMATEUR", Some(cast.id(other))),
                };
                json!({ "memberId": self.victim.id().await, "role": role, "organisationId": organisation })
            }
            "endRole" => {
                let member = match target {
                    "own" if !anonymous => viewer.id().await,
                    _ => self.victim.id().await,
                };
                let organisation = target.split(' ').nth(1).map(|name| cast.id(name));
                let role = if organisation.is_some() { "CONCEPTEUR" } else { "ORGANISATEUR" };
                let grant = cast.give(&member, role, organisation, if target.starts_with("future") { 2 } else { 0 }).await;
                if target.starts_with("past") {
                    admin.mutate("endRole", json!({ "roleGrantId": grant }), "").await.done("endRole");
                }
                json!({ "roleGrantId": grant })
            }
            "openThread" => {
                let kind = if target == "news" { "ACTUALITE" } else { "QUESTION" };
                json!({ "forumId": cast.id(target), "kind": kind, "title": "Un titre sensé", "body": "Texte" })
            }
            "createForum" => json!({ "spaceId": cast.id("plateforme"), "name": format!("Forum {n}"), "description": "",
                "kinds": ["QUESTION"], "audience": [{ "kind": "MEMBRES" }], "openingAudience": [{ "kind": "MEMBRES" }] }),
            "createDocument" => json!({ "categoryId": cast.id("category"), "title": format!("Document {n}"),
                "audience": [{ "kind": "MEMBRES" }], "link": "https://exemple.fr" }),
            "updateDocument" | "addDocumentVersion" | "archiveDocument" | "voteDocument" | "remarkDocument" => {
                let mut input = match name {
                    "updateDocument" => json!({ "summary": format!("Résumé {n}") }),
                    "addDocumentVersion" => json!({ "link": "https://exemple.fr" }),
                    "archiveDocument" => json!({ "archived": true }),
                    "remarkDocument" => json!({ "body": "Une remarque" }),
                    _ => json!({ "useful": true }),
                };
                input["documentId"] = json!(cast.document(target, json!({ "link": "https://exemple.fr" })).await);
                input
            }
            "updateForum" => json!({ "forumId": cast.id(target), "description": format!("Texte {n}") }),
            "suspendMember" | "reinstateMember" => {
                let member = if target == "administrator" { admin.id().await } else { self.victim.id().await };
                self.suspend(target == "suspended").await;
                let mut input = json!({ "memberId": member });
                if name == "suspendMember" {
                    input["reason"] = json!("Parce que");
                }
                input
            }
            "createCollection" => json!({ "name": format!("Collection {n}"), "colour": "#123456", "description": "" }),
            "updateCollection" => json!({ "collectionId": cast.id(target), "description": format!("Texte {n}") }),
            "createSynonyms" => json!({ "expressions": [format!("un {n}"), "deux".to_owned()] }),
            "updateSynonyms" => {
                json!({ "groupId": cast.synonyms().await, "expressions": [format!("trois {n}"), "deux".to_owned()] })
            }
            "removeSynonyms" => json!({ "groupId": cast.synonyms().await }),
            "createTraining" => {
                json!({ "fields": fields(cast.world, cast.id(target), &format!("nouvelle-{n}"), json!({})).await })
            }
            "importTrainings" => {
                let sender = match target {
                    "own" if !anonymous && who != "suspended" && !is_token(who) => viewer,
                    _ => cast.viewer("author"),
                };
                let file = sender.send_file(&format!("formations-{n}.csv"), b"Titre;Licence\n").await;
                json!({ "fileId": file["id"] })
            }
            "linkThread" | "unlinkThread" => {
                let (thread, _, _) = self.thread(target).await;
                let kind = if target == "draft" { "draft" } else { "open" };
                let training = cast.training(kind, &format!("lien-{n}"), json!({})).await;
                if name == "unlinkThread" {
                    cast.link(&thread, &training).await;
                }
                json!({ "threadId": thread, "targetId": training })
            }
            "follow" if target == "draft" => {
                json!({ "targetId": cast.training("draft", &format!("suivie-{n}"), json!({})).await, "level": "TOUT" })
            }
            "markForumRead" => json!({ "forumId": cast.id(target) }),
            "markNotificationRead" if target == "own" && !anonymous => {
                let handle = HANDLES.into_iter().find(|(name, _)| *name == who).map_or("administration", |(_, handle)| handle);
                json!({ "notificationId": self.notification(viewer, handle).await })
            }
            "markNotificationRead" => json!({ "notificationId": self.notification(&self.candidate, "candidate").await }),
            "markAllNotificationsRead" => json!({ "upTo": cast.world.app.clock.now().to_rfc3339() }),
            "updateReport" | "noteReport" | "transitionReport" => {
                let report =
                    cast.report(cast.id(if target == "restricted" { "restricted" } else { "reports" }), "Un signalement").await;
                if target == "locked" {
                    let lock = json!({ "threadId": format!("thr_{}", &report[4..]), "locked": true });
                    cast.moderate("lockThread", lock).await;
                }
                match name {
                    "updateReport" => json!({ "reportId": report, "fields": { "component": "Via" } }),
                    "noteReport" => json!({ "reportId": report, "note": "Une note" }),
                    _ => json!({ "reportId": report, "state": "CONFIRME" }),
                }
            }
            name if name.contains("Training") || name == "recordFraming" => self.training_input(name, target).await,
            _ => self.forum_input(name, target).await,
        };
        act
    }

    /// The same for what is done to trainings.
    async fn training_input(&self, name: &str, target: &str) -> Value {
        let (cast, n) = (&self.cast, self.number());
        let kind = if target == "preparation" { "open" } else { target };
        let training = cast.training(kind, &format!("essai-{n}"), json!({})).await;
        match name {
            "planTraining" => json!({ "trainingId": training, "date": "2035-01-01" }),
            "createTrainingSession" => json!({ "trainingId": training,
                "fields": { "startsAt": "2027-03-01T08:00:00Z", "endsAt": "2027-03-02T16:00:00Z" } }),
            "updateTrainingSession" | "transitionTrainingSession" => {
                let session = cast.session(&training, target == "preparation", false).await;
                match name {
                    "updateTrainingSession" => json!({ "sessionId": session, "fields": { "seats": 3 } }),
                    _ => json!({ "sessionId": session, "state": "REPORTEE" }),
                }
            }
            "updateTraining" if target == "opening" => {
                json!({ "trainingId": training, "fields": { "opening": "INTERMINISTERIEL" } })
            }
            "updateTraining" => json!({ "trainingId": training, "fields": { "title": format!("Un autre titre {n}") } }),
            "transitionTraining" => {
                json!({ "trainingId": training, "state": if target == "draft" { "GABARIT" } else { "ARCHIVEE" } })
            }
            "recordFraming" => json!({ "trainingId": training, "note": "Bien cadrée" }),
            "mergeTrainings" => {
                json!({ "fromId": training, "intoId": cast.training("open", &format!("reste-{n}"), json!({})).await })
            }
            _ => panic!("no input for {name}: write one beside the others"),
        }
    }

    /// The same for what is done to threads and posts.
    async fn forum_input(&self, name: &str, target: &str) -> Value {
        let (cast, n) = (&self.cast, self.number());
        let (thread, answer, _) = self.thread(target).await;
        match name {
            "follow" => json!({ "targetId": thread, "level": "TOUT" }),
            "markThreadRead" => json!({ "threadId": thread, "upTo": answer }),
            "markThreadNotificationsRead" | "sayTyping" => json!({ "threadId": thread }),
            "editThread" => json!({ "threadId": thread, "title": format!("Un autre titre {n}") }),
            "answerPost" => json!({ "postId": answer, "body": "Une réponse" }),
            "editPost" => json!({ "postId": answer, "body": format!("Un autre texte {n}") }),
            "deletePost" | "acceptAnswer" => json!({ "postId": answer }),
            "publishPost" => {
                json!({ "postId": answer, "categoryId": cast.id("category"), "title": format!("Tiré du message {n}") })
            }
            "reopenThread" => json!({ "threadId": thread }),
            "hideThread" => json!({ "threadId": thread, "hidden": !target.contains("withdrawn") }),
            "lockThread" => json!({ "threadId": thread, "locked": true }),
            "pinThread" => json!({ "threadId": thread, "pinned": true }),
            "hidePost" => json!({ "postId": answer, "hidden": true, "reason": "Parce que" }),
            "moveThread" => {
                let to = match target.rsplit(' ').next() {
                    Some("elsewhere") => "elsewhere",
                    Some("affairs") => "restricted",
                    _ if target.contains("restricted") => "public",
                    _ => "members",
                };
                json!({ "threadId": thread, "forumId": cast.id(to) })
            }
            _ => panic!("no input for {name}: write one beside the others"),
        }
    }

    /// Something that `reader`, whose handle that is, was told and did not read; its id.
    async fn notification(&self, reader: &Client, handle: &str) -> String {
        let (cast, body) = (&self.cast, format!("Pour @{handle}"));
        self.victim.open_thread(cast.id("public"), "QUESTION", "Un fil à lire", &body).await;
        cast.world.deliver().await;
        let query = "{ viewer { notifications(first: 1) { edges { node { id } } } } }";
        text(&reader.run(query, json!({})).await.data["viewer"]["notifications"]["edges"][0]["node"]["id"])
    }

    /// Suspends the victim, or puts them back.
    async fn suspend(&self, on: bool) {
        let member = self.victim.id().await;
        let admin = self.cast.world.administrator();
        // Refused when they are not suspended, which is what is wanted.
        admin.mutate("reinstateMember", json!({ "memberId": member }), "").await;
        if on {
            self.cast.moderate("suspendMember", json!({ "memberId": member, "reason": "Parce que" })).await;
        }
    }

    /// Undoes what would change what the viewers after this one may do.
    async fn mend(&self, name: &str, target: &str, who: &str, done: &Value) {
        let cast = &self.cast;
        let admin = cast.world.administrator();
        match name {
            "requestAffiliation" => cast.decide(&text(&done["affiliation"]["id"]), false).await,
            "leaveOrganisation" => {
                let home = if who == "outsider" { cast.id("outside") } else { cast.id("office") };
                let wish = cast.wish(cast.viewer(who), home).await;
                cast.decide(&wish, true).await;
            }
            "grantRole" => {
                admin.mutate("endRole", json!({ "roleGrantId": done["roleGrant"]["id"] }), "").await.done("endRole");
            }
            "pinThread" => {
                let unpin = json!({ "threadId": done["thread"]["id"], "pinned": false });
                admin.mutate("pinThread", unpin, "").await.done("pinThread");
            }
            // One at a time: the next one waits for its end.
            "importTrainings" => drop(cast.world.run_jobs().await),
            "suspendMember" => self.suspend(false).await,
            "updateOrganisation" => {
                let name = json!({ "organisationId": cast.id(target), "name": "Le nom d'avant" });
                admin.mutate("updateOrganisation", name, "").await.done("updateOrganisation");
            }
            _ => {}
        }
    }
}

fn is_token(who: &str) -> bool {
    ["LIRE", "ECRIRE", "MODERER", "ADMINISTRER"].contains(&who)
}
