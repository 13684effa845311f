//! Who looks, and what there is to be seen.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use harness::{Client, World};
use serde_json::{Value, json};

use super::table::VIEWERS;
use crate::catalogue::{complete, fields};
use crate::steps::{colleague, grant, moderator, new_forum, nodes, organisation, read, space, text};

/// The viewers, and the places all stories need.
pub(crate) struct Cast<'w> {
    pub(crate) world: &'w World,
    viewers: BTreeMap<&'static str, Client>,
    ids: BTreeMap<&'static str, String>,
}

/// What the author addresses in posts that are then edited or taken away, so that nobody is told.
const GROUPS: &str = "@@moderation @@dedans-bureau";

/// Their handles, for those whom `Cast` makes.
pub(crate) const HANDLES: [(&str, &str); 9] = [
    ("member", "membre"),
    ("outsider", "dehors"),
    ("colleague", "collegue"),
    ("author", "autrice"),
    ("suspended", "suspendue"),
    ("elsewhere", "ailleurs"),
    ("moderator", "ici"),
    ("general", "partout"),
    ("orgadmin", "directrice"),
];

impl<'w> Cast<'w> {
    pub(crate) async fn gather(world: &'w World) -> Self {
        let admin = world.administrator();
        let inside = organisation(world, "Dedans", None).await;
        let office = organisation(world, "Bureau", Some(&inside)).await;
        let outside = organisation(world, "Dehors", None).await;
        let mut viewers = BTreeMap::from([
            ("anonymous", world.anonymous()),
            ("member", world.member("membre").await),
            ("outsider", colleague(world, "dehors", &outside).await),
            ("colleague", colleague(world, "collegue", &office).await),
            ("author", colleague(world, "autrice", &office).await),
            ("suspended", colleague(world, "suspendue", &office).await),
            ("elsewhere", moderator(world, "ailleurs", Some("editorial")).await),
            ("moderator", moderator(world, "ici", Some("plateforme")).await),
            ("general", moderator(world, "partout", None).await),
            ("orgadmin", world.member("directrice").await),
            ("admin", admin.clone()),
        ]);
        grant(world, &viewers["orgadmin"], "ADMINISTRATEUR_ESPACE_DEDIE", json!({ "organisationId": inside })).await;
        grant(world, &viewers["outsider"], "CONCEPTEUR", json!({ "organisationId": outside })).await;
        let management = crate::catalogue::collection(world, "management").await;
        let chefs =
            json!([{ "memberId": viewers["elsewhere"].id().await }, { "name": "Jeanne", "address": "jeanne@exemple.test" }]);
        let lead = json!({ "collectionId": management, "chefs": chefs });
        admin.mutate("updateCollection", lead, "").await.done("updateCollection");
        for (who, _) in HANDLES {
            token(&viewers[who], "LIRE").await;
        }
        for scope in ["LIRE", "ECRIRE", "MODERER", "ADMINISTRER"] {
            viewers.insert(scope, admin.with_bearer(&token(admin, scope).await.1));
        }
        let until = (world.app.clock.now() + TimeDelta::days(30)).to_rfc3339();
        let suspend = json!({ "memberId": viewers["suspended"].id().await, "reason": "Pour l'exemple", "until": until });
        admin.mutate("suspendMember", suspend, "").await.done("suspendMember");
        let external = world.member("externe").await;
        let audience = json!([
            { "kind": "ORGANISATION", "organisationId": inside },
            { "kind": "ROLE", "role": "FORMATEUR", "organisationId": outside },
            { "kind": "MEMBRE", "memberId": external.id().await },
            { "kind": "ROLE_AU_DESSUS", "role": "FORMATEUR", "organisationId": outside },
            { "kind": "CHEFS_DE_FILE", "collectionId": crate::catalogue::collection(world, "langues").await },
        ]);
        let ids = BTreeMap::from([
            ("inside", inside),
            ("office", office),
            ("outside", outside),
            ("external", external.id().await),
            ("category", text(&read(admin, "{ documentCategories { id } }", json!({})).await["documentCategories"][0]["id"])),
            ("management", management),
            ("plateforme", space(world, "plateforme").await),
            ("public", world.forum("plateforme", "questions").await),
            ("news", world.forum("plateforme", "actualites").await),
            ("reports", world.forum("plateforme", "signalements").await),
            ("elsewhere", world.forum("editorial", "idees-et-besoins").await),
            ("members", new_forum(world, "plateforme", "Entre membres", json!([{ "kind": "MEMBRES" }])).await),
            ("restricted", new_forum(world, "plateforme", "Affaires forum-restricted", audience).await),
        ]);
        Self { world, viewers, ids }
    }

    /// The viewers, in the order of the columns.
    pub(crate) fn viewers(&self) -> impl Iterator<Item = (&'static str, &Client)> {
        VIEWERS.into_iter().map(|name| (name, &self.viewers[name]))
    }

    pub(crate) fn viewer(&self, name: &str) -> &Client {
        &self.viewers[name]
    }

    /// The id of an organisation or a forum.
    pub(crate) fn id(&self, name: &str) -> &str {
        self.ids.get(name).unwrap_or_else(|| panic!("no {name} in the cast"))
    }

    /// The address of a viewer who comes with a session.
    pub(crate) fn address(who: &str) -> String {
        let handle = HANDLES.into_iter().find(|(name, _)| *name == who);
        handle.map_or("administration@ciam.test".into(), |(_, handle)| format!("{handle}@exemple.test"))
    }

    /// A wish of `who` to be of an organisation.
    pub(crate) async fn wish(&self, who: &Client, organisation: &str) -> String {
        let input = json!({ "organisationId": organisation });
        let reply = who.mutate("requestAffiliation", input, "affiliation { id }").await;
        text(&reply.done("requestAffiliation")["affiliation"]["id"])
    }

    /// The administrator's decision on it.
    pub(crate) async fn decide(&self, wish: &str, approve: bool) {
        let input = json!({ "affiliationId": wish, "approve": approve, "reason": "Parce que" });
        self.world.administrator().mutate("decideAffiliation", input, "").await.done("decideAffiliation");
    }

    /// A role given from `days` on, from now when none.
    pub(crate) async fn give(&self, member: &str, role: &str, organisation: Option<&str>, days: i64) -> String {
        let start = (days > 0).then(|| (self.world.app.clock.now() + TimeDelta::days(days)).to_rfc3339());
        let input = json!({ "memberId": member, "role": role, "organisationId": organisation, "startsAt": start });
        let reply = self.world.administrator().mutate("grantRole", input, "roleGrant { id }").await;
        text(&reply.done("grantRole")["roleGrant"]["id"])
    }

    /// A new group of synonyms.
    pub(crate) async fn synonyms(&self) -> String {
        let input = json!({ "expressions": ["trottinette", "patinette"] });
        let reply = self.world.administrator().mutate("createSynonyms", input, "group { id }").await;
        text(&reply.done("createSynonyms")["group"]["id"])
    }

    /// A new document of the library: open, of whoever moderates everywhere; or of the organisation inside, for all or for it alone.
    pub(crate) async fn document(&self, name: &str, version: Value) -> String {
        let restricted = name.contains("restricted");
        let grant = json!({ "kind": "ORGANISATION", "organisationId": self.id("inside") });
        let mut input = json!({ "categoryId": self.id("category"), "title": format!("Le document document-{name}"), "tags": ["matrice"],
            "audience": [if restricted { grant } else { json!({ "kind": "PUBLIC" }) }] });
        input.as_object_mut().expect("an object").extend(version.as_object().expect("an object").clone());
        let keeper = if restricted || name.contains("inside") {
            input["ownerOrganisationId"] = json!(self.id("inside"));
            self.world.administrator()
        } else {
            self.viewer("general")
        };
        let reply = keeper.mutate("createDocument", input, "document { id }").await;
        text(&reply.done("createDocument")["document"]["id"])
    }

    /// A new training, as `kind` says: open, draft, restricted; `name` is its short name and ends its title.
    pub(crate) async fn training(&self, kind: &str, name: &str, more: Value) -> String {
        let (admin, inside) = (self.world.administrator(), self.id("inside"));
        let designer = json!({ "memberId": self.viewer("outsider").id().await });
        let mut said = complete();
        for (key, value) in more.as_object().expect("fields") {
            said[key] = value.clone();
        }
        match kind {
            "draft" => (said["designers"], said["opening"]) = (json!([designer]), json!("TOUS_PUBLICS")),
            "restricted" => (said["opening"], said["targetIds"]) = (json!("CIBLE_RESTREINTE"), json!([inside])),
            _ => {
                said["opening"] = json!("TOUS_PUBLICS");
                said["designers"] = json!([designer, { "name": "Un prestataire" }]);
            }
        }
        said["title"] = json!(format!("La formation training-{name}"));
        let organisation = if kind == "draft" { self.id("office") } else { inside };
        let input = json!({ "fields": fields(self.world, organisation, name, said).await });
        let reply = admin.mutate("createTraining", input, "training { id }").await;
        let id = text(&reply.done("createTraining")["training"]["id"]);
        if kind != "draft" {
            crate::catalogue::through(admin, &id, &["ELABORATION_TERMINEE", "PUBLIEE"]).await;
        }
        id
    }

    /// A new session of a training, that one can register for unless it is in preparation; the author leads it when `led`.
    pub(crate) async fn session(&self, training: &str, preparation: bool, led: bool) -> String {
        let admin = self.world.administrator();
        let mut said = json!({ "startsAt": "2027-03-01T08:00:00Z", "endsAt": "2027-03-02T16:00:00Z", "seats": 12, "place": "Lille",
            "registrationOpensAt": "2027-01-10T00:00:00Z", "registrationClosesAt": "2027-02-20T00:00:00Z" });
        if led {
            said["formateurIds"] = json!([self.viewer("author").id().await]);
        }
        let input = json!({ "trainingId": training, "fields": said });
        let reply = admin.mutate("createTrainingSession", input, "session { id }").await;
        let id = text(&reply.done("createTrainingSession")["session"]["id"]);
        if !preparation {
            let state = json!({ "sessionId": id, "state": "INSCRIPTIONS_OUVERTES" });
            admin.mutate("transitionTrainingSession", state, "").await.done("transitionTrainingSession");
        }
        id
    }

    /// A new malfunction report of the author's in that forum.
    pub(crate) async fn report(&self, forum: &str, title: &str) -> String {
        let said =
            json!({ "component": "H5P", "browser": "Firefox", "steps": "Ouvrir", "expected": "Une image", "observed": "Rien" });
        let input = json!({ "forumId": forum, "kind": "SIGNALEMENT", "title": title, "body": "Texte", "report": said });
        let reply = self.viewer("author").mutate("openThread", input, "thread { report { id } }").await;
        text(&reply.done("openThread")["thread"]["report"]["id"])
    }

    /// Links a thread with a training, as the administrator does.
    pub(crate) async fn link(&self, thread: &str, training: &str) {
        let input = json!({ "threadId": thread, "targetId": training });
        self.world.administrator().mutate("linkThread", input, "").await.done("linkThread");
    }

    /// Something a moderator of everywhere does.
    pub(crate) async fn moderate(&self, name: &str, input: Value) {
        self.viewer("general").mutate(name, input, "").await.done(name);
    }
}

/// A new token of that scope; its id and its secret.
pub(crate) async fn token(owner: &Client, scope: &str) -> (String, String) {
    let input = json!({ "name": scope, "scopes": [scope], "expiresInDays": 7 });
    let done = owner.mutate("createAccessToken", input, "token { id } secret").await.done("createAccessToken");
    (text(&done["token"]["id"]), text(&done["secret"]))
}

/// Something to look at: where it is found, `@` standing for its fields, and which of those found there.
pub(crate) struct Target {
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    /// Its id, when it is the same for all viewers.
    pub(crate) id: Option<String>,
    pub(crate) place: String,
    pub(crate) nth: usize,
}

/// All there is to look at. What must not be found holds `thread-<target>`, `post-<target>` … in its text.
pub(crate) async fn targets(cast: &Cast<'_>) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut add = |kind: &'static str, name: &'static str, id: String| {
        let place = format!("node(id: \"{id}\") {{ ... on {kind} {{ @ }} }}");
        targets.push(Target { kind, name, id: Some(id), place, nth: 0 });
    };
    add("Space", "plateforme", cast.id("plateforme").into());
    for forum in ["public", "news", "members", "restricted"] {
        add("Forum", forum, cast.id(forum).into());
    }
    for organisation in ["inside", "office", "outside"] {
        add("Organisation", organisation, cast.id(organisation).into());
    }

    let (author, world) = (cast.viewer("author"), cast.world);
    let sent = async |name: &str| {
        let file = author.send_file(&format!("file-{name}.txt"), format!("Le fichier file-{name}").as_bytes()).await;
        text(&file["id"])
    };
    let open = async |forum: &str, name: &str, kind: &str| {
        let file = sent(name).await;
        let input = json!({ "forumId": cast.id(forum), "kind": kind, "title": format!("Le fil thread-{name}"),
            "body": format!("Bonjour @dehors : post-{name}"), "attachments": [file] });
        let thread =
            author.mutate("openThread", input, "thread { id openingPost { id } }").await.done("openThread")["thread"].clone();
        (text(&thread["id"]), text(&thread["openingPost"]["id"]), file)
    };
    let answer = async |post: &str, name: &str| {
        let file = sent(name).await;
        let input = json!({ "postId": post, "body": format!("Texte post-{name}, @dehors {GROUPS}"), "attachments": [file] });
        (text(&author.mutate("answerPost", input, "post { id }").await.done("answerPost")["post"]["id"]), file)
    };
    let accept = async |post: &str| author.mutate("acceptAnswer", json!({ "postId": post }), "").await.done("acceptAnswer");
    let (thread, opening, file) = open("public", "open", "QUESTION").await;
    add("File", "open", file);
    let (edited, file) = answer(&opening, "edited").await;
    add("File", "edited", file);
    let change = json!({ "postId": edited, "body": "Après post-edited, @dehors", "attachments": [] });
    author.mutate("editPost", change, "").await.done("editPost");
    accept(&edited).await;
    let (hidden, file) = answer(&opening, "hidden").await;
    add("File", "hidden", file);
    let hide = |post: &str| json!({ "postId": post, "hidden": true, "reason": "Motif post-hidden" });
    cast.moderate("hidePost", hide(&hidden)).await;
    let (deleted, file) = answer(&edited, "deleted").await;
    add("File", "deleted", file);
    let below = author.answer(&deleted, "Texte post-below").await;
    author.mutate("deletePost", json!({ "postId": deleted }), "").await.done("deletePost");
    let both = author.answer(&opening, &format!("Texte post-both, @dehors {GROUPS}")).await;
    cast.moderate("hidePost", json!({ "postId": both, "hidden": true, "reason": "Motif post-both" })).await;
    author.mutate("deletePost", json!({ "postId": both }), "").await.done("deletePost");
    let open_thread = thread.clone();
    add("Thread", "open", thread);
    for (name, post) in [
        ("open", opening),
        ("edited", edited.clone()),
        ("hidden", hidden),
        ("deleted", deleted),
        ("below", below),
        ("both", both),
    ] {
        add("Post", name, post);
    }
    let (locked, ..) = open("public", "locked", "DISCUSSION").await;
    cast.moderate("lockThread", json!({ "threadId": locked, "locked": true })).await;
    cast.moderate("pinThread", json!({ "threadId": locked, "pinned": true })).await;
    let locked_thread = locked.clone();
    add("Thread", "locked", locked);
    for (name, forum, hides) in
        [("withdrawn", "public", true), ("restricted", "restricted", false), ("restricted-withdrawn", "restricted", true)]
    {
        let (thread, opening, file) = open(forum, name, "QUESTION").await;
        add("File", name, file);
        let answer = author.answer(&opening, &format!("Une réponse à post-{name}, @dehors")).await;
        accept(&answer).await;
        cast.moderate("pinThread", json!({ "threadId": thread, "pinned": true })).await;
        if hides {
            cast.moderate("hideThread", json!({ "threadId": thread, "hidden": true })).await;
        }
        add("Thread", name, thread);
        add("Post", name, opening);
    }

    add("File", "sent", sent("sent").await);

    let groups = read(cast.viewer("admin"), "{ synonyms { id } }", json!({})).await["synonyms"].clone();
    add("SynonymGroup", "any", text(&groups[0]["id"]));
    add("DocumentCategory", "any", cast.id("category").into());
    let waiting = "{ documents(filter: A_CONFIRMER, first: 1) { edges { node { id } } } }";
    add("Document", "waiting", text(&nodes(&read(author, waiting, json!({})).await["documents"])[0]["id"]));
    let mut documents = BTreeMap::new();
    for (name, keeper) in [("open", "general"), ("restricted", "admin")] {
        let content = format!("Le fichier file-document-{name}");
        let file = cast.viewer(keeper).send_file(&format!("file-document-{name}.txt"), content.as_bytes()).await["id"].clone();
        let until = world.app.clock.now() + TimeDelta::days(30);
        let version = json!({ "fileId": file, "note": "Première version", "licence": "CC_BY", "reviewBy": until.to_rfc3339() });
        documents.insert(name, cast.document(name, version).await);
        add("File", if name == "open" { "document-open" } else { "document-restricted" }, text(&file));
        add("Document", name, documents[name].clone());
    }
    documents.insert("inside", cast.document("inside", json!({ "link": "https://exemple.fr/inside" })).await);
    add("Document", "inside", documents["inside"].clone());
    let archived = cast.document("archived", json!({ "link": "https://exemple.fr/archived" })).await;
    cast.moderate("archiveDocument", json!({ "documentId": archived, "archived": true })).await;
    add("Document", "archived", archived);
    for name in ["open", "restricted"] {
        cast.link(&locked_thread, &documents[name]).await;
        let input = json!({ "documentId": documents[name], "body": format!("Une remarque sur post-document-{name}") });
        author.mutate("remarkDocument", input, "").await.done("remarkDocument");
    }
    let inside = json!([{ "kind": "ORGANISATION", "organisationId": cast.id("inside") }]);
    let input = json!({ "postId": edited, "categoryId": cast.id("category"), "title": "Le document document-published", "audience": inside });
    let published = world.administrator().mutate("publishPost", input, "document { id }").await.done("publishPost");
    add("Document", "published", text(&published["document"]["id"]));
    let input = json!({ "documentId": documents["open"], "useful": true });
    author.mutate("voteDocument", input, "").await.done("voteDocument");
    let kinds = json!({ "forumId": cast.id("restricted"), "kinds": ["QUESTION", "DISCUSSION", "SIGNALEMENT"] });
    world.administrator().mutate("updateForum", kinds, "").await.done("updateForum");
    let report = cast.report(cast.id("reports"), "Le fil thread-report").await;
    cast.link(&format!("thr_{}", &report[4..]), &documents["inside"]).await;
    world.advance(TimeDelta::minutes(1));
    let version = json!({ "documentId": documents["inside"], "link": "https://exemple.fr/inside/2" });
    world.administrator().mutate("addDocumentVersion", version, "").await.done("addDocumentVersion");
    let duplicate = cast.report(cast.id("restricted"), "Un signalement entre nous").await;
    let fixed = json!({ "reportId": report, "state": "CORRIGE", "release": "4.5", "note": "Corrigé" });
    cast.moderate("transitionReport", fixed).await;
    let same = json!({ "reportId": duplicate, "state": "DOUBLON", "duplicateOfId": report });
    cast.moderate("transitionReport", same).await;
    add("Thread", "report", format!("thr_{}", &report[4..]));
    add("Report", "open", report.clone());
    add("Report", "restricted", duplicate.clone());

    let external = cast.id("external").to_owned();
    for (name, who) in [("plain", "member"), ("author", "author"), ("suspended", "suspended"), ("outsider", "outsider")] {
        add("Member", name, cast.viewer(who).id().await);
    }
    add("Member", "external", external.clone());
    let (inside, outside) = (cast.id("inside"), cast.id("outside"));
    let holder = cast.viewer("member").id().await;
    let past = cast.give(&holder, "REFERENT_LOCAL", Some(inside), 0).await;
    world.administrator().mutate("endRole", json!({ "roleGrantId": past }), "").await.done("endRole");
    add("RoleGrant", "present", cast.give(&external, "CONCEPTEUR", Some(inside), 0).await);
    add("RoleGrant", "past", past);
    add("RoleGrant", "future", cast.give(&holder, "FORMATEUR", Some(cast.id("office")), 2).await);
    add("RoleGrant", "future-outside", cast.give(&holder, "FORMATEUR", Some(outside), 2).await);
    let input = json!({ "memberId": holder, "role": "MODERATEUR", "spaceId": cast.id("plateforme"),
        "startsAt": (world.app.clock.now() + TimeDelta::days(2)).to_rfc3339(),
        "endsAt": (world.app.clock.now() + TimeDelta::days(3)).to_rfc3339() });
    let reply = world.administrator().mutate("grantRole", input, "roleGrant { id }").await;
    add("RoleGrant", "future-community", text(&reply.done("grantRole")["roleGrant"]["id"]));

    let candidate = world.member("candidate").await;
    let refused = cast.wish(&candidate, outside).await;
    cast.decide(&refused, false).await;
    add("Affiliation", "refused-outside", refused);
    let ended = cast.wish(&candidate, inside).await;
    cast.decide(&ended, true).await;
    candidate.mutate("leaveOrganisation", json!({}), "").await.done("leaveOrganisation");
    add("Affiliation", "ended", ended);
    add("Affiliation", "waiting", cast.wish(&candidate, cast.id("office")).await);
    add("Member", "candidate", candidate.id().await);
    let own = "{ viewer { affiliations { edges { node { id } } } sessions { edges { node { id } } }
        accessTokens { edges { node { id } } } } }";
    let own = author.run(own, json!({})).await.data["viewer"].clone();
    for (kind, list) in [("Affiliation", "affiliations"), ("Session", "sessions"), ("AccessToken", "accessTokens")] {
        add(kind, "author's", text(&own[list]["edges"][0]["node"]["id"]));
    }

    let everything = json!({ "prerequisites": "Rien", "skills": "Tout", "typicalJobs": "Chef", "contact": "Le bureau", "sirhId": "R1",
        "addresses": ["https://mentor.gouv.fr/catalog/901"], "modules": [{ "title": "Un module", "competences": ["Savoir"] }] });
    let follow = async |target: &str| {
        author.mutate("follow", json!({ "targetId": target, "level": "TOUT" }), "").await.done("follow");
    };
    follow(cast.id("management")).await;
    let open = cast.training("open", "open", everything).await;
    let admin = world.administrator();
    admin.mutate("recordFraming", json!({ "trainingId": open, "note": "Bien" }), "").await.done("recordFraming");
    let withdrawn = cast.training("open", "withdrawn", json!({})).await;
    cast.link(&locked_thread, &withdrawn).await;
    admin.mutate("mergeTrainings", json!({ "fromId": withdrawn, "intoId": open }), "").await.done("mergeTrainings");
    let address = json!({ "addresses": ["https://mentor.gouv.fr/catalog/900"] });
    add("Collection", "management", cast.id("management").into());
    add("Training", "open", open.clone());
    let draft = cast.training("draft", "draft", json!({})).await;
    cast.link(&open_thread, &draft).await;
    add("Training", "draft", draft);
    let announced = cast.training("draft", "announced", json!({})).await;
    cast.link(&open_thread, &announced).await;
    for (days, reason) in [(20, Value::Null), (40, json!("Un retard"))] {
        let date = (world.app.clock.now() + TimeDelta::days(days)).date_naive().to_string();
        let plan = json!({ "trainingId": announced, "date": date, "reason": reason });
        admin.mutate("planTraining", plan, "").await.done("planTraining");
    }
    add("Training", "announced", announced.clone());
    let reserved = cast.training("restricted", "restricted", address).await;
    add("Training", "restricted", reserved.clone());
    cast.link(&open_thread, &reserved).await;
    cast.link(&format!("thr_{}", &duplicate[4..]), &open).await;
    for (name, training, preparation, led) in
        [("open", &open, false, true), ("preparation", &open, true, true), ("restricted", &reserved, false, false)]
    {
        add("TrainingSession", name, cast.session(training, preparation, led).await);
    }
    add("Training", "withdrawn", withdrawn);

    for target in [cast.id("public"), &open_thread, &open] {
        follow(target).await;
    }
    world.deliver().await;
    let moderated = "{ viewer { notifications(reason: MODERATION, last: 1) { edges { node { id } } } } }";
    let moderated = read(author, moderated, json!({})).await["viewer"]["notifications"].clone();
    let seen = json!({ "notificationId": nodes(&moderated)[0]["id"] });
    author.mutate("markNotificationRead", seen, "").await.done("markNotificationRead");

    let director = cast.viewer("orgadmin");
    let table =
        director.send_file("formations.csv", b"Titre;Nom abr\xc3\xa9g\xc3\xa9;Collection;Organisation;Certifiante\n").await;
    let asked = director.mutate("importTrainings", json!({ "fileId": table["id"] }), "trainingImport { id }").await;
    let import = text(&asked.done("importTrainings")["trainingImport"]["id"]);
    world.run_jobs().await;
    add("TrainingImport", "orgadmin's", import.clone());

    let restricted = cast.id("restricted");
    let mut along = |kind: &'static str, name: &'static str, nth: usize, place: String| {
        targets.push(Target { kind, name, id: None, place, nth });
    };
    along("Member", "own", 0, "viewer { @ }".into());
    along("Session", "own", 0, "viewer { sessions { edges { node { @ } } } }".into());
    along("AccessToken", "own", 0, "viewer { accessTokens { edges { node { @ } } } }".into());
    for (nth, name) in ["training", "thread", "forum", "collection"].into_iter().enumerate() {
        along("Follow", name, nth, "viewer { follows { edges { node { @ } } } }".into());
    }
    for (name, only) in
        [("mention", "reason: MENTION, first: 1"), ("training", "reason: FORMATION, last: 1"), ("read", "unread: false")]
    {
        along("Notification", name, 0, format!("viewer {{ notifications({only}) {{ edges {{ node {{ @ }} }} }} }}"));
    }
    along("Suspension", "suspended", 0, "member(handle: \"suspendue\") { suspension { @ } }".into());
    along("Revision", "edited", 0, format!("post(id: \"{edited}\") {{ revisions {{ edges {{ node {{ @ }} }} }} }}"));
    for (name, id) in &documents {
        along("DocumentVersion", name, 0, format!("document(id: \"{id}\") {{ latest {{ @ }} }}"));
    }
    let grants = format!("forum(id: \"{restricted}\") {{ audience {{ @ }} }}");
    for (nth, name) in ["organisation", "role", "space", "member", "over", "leads"].into_iter().enumerate() {
        along("AudienceGrant", name, nth, grants.clone());
    }
    let training = |fields: &str| format!("training(id: \"{open}\") {{ {fields} {{ @ }} }}");
    for (kind, name, nth, fields) in [
        ("TrainingText", "open", 0, "goals"),
        ("TrainingDesigner", "member", 0, "designers"),
        ("TrainingDesigner", "named", 1, "designers"),
        ("MentorAddress", "open", 0, "addresses"),
        ("TrainingModule", "open", 0, "modules"),
        ("TrainingFraming", "open", 0, "framing"),
        ("TrainingStateChange", "last", 0, "stateChanges"),
        ("TrainingStateChange", "first", 2, "stateChanges"),
    ] {
        along(kind, name, nth, training(fields));
    }
    let faults = |fields: &str| format!("node(id: \"{import}\") {{ ... on TrainingImport {{ faults {fields} }} }}");
    along("TrainingImportFault", "orgadmin's", 0, faults("{ edges { node { @ } } }"));
    along("TrainingImportFaultConnection", "orgadmin's", 0, faults("{ @ }"));
    along("TrainingImportFaultEdge", "orgadmin's", 0, faults("{ edges { @ } }"));
    along("CalendarChange", "published", 0, training("calendarChanges"));
    along("CalendarChange", "slip", 0, format!("training(id: \"{announced}\") {{ calendarChanges {{ @ }} }}"));
    along("PublicationFeeds", "whole", 0, "publicationFeeds { @ }".into());
    along("PublicationFeeds", "management", 0, "collection(slug: \"management\") { feeds { @ } }".into());
    along("CalendarMonth", "first", 0, "calendarMonths { @ }".into());
    along("CalendarEntry", "first", 0, "publicationCalendar { edges { node { @ } } }".into());
    for (nth, name) in ["member", "named"].into_iter().enumerate() {
        along("CollectionChef", name, nth, "collection(slug: \"management\") { chefs { @ } }".into());
    }
    for (kind, name, nth, place) in [
        ("ThreadLink", "standing", 0, format!("thread(id: \"{locked_thread}\") {{ links {{ @ }} }}")),
        ("ThreadLink", "ended", 1, format!("thread(id: \"{locked_thread}\") {{ links {{ @ }} }}")),
        (
            "SystemEvent",
            "archived",
            0,
            format!("thread(id: \"{locked_thread}\") {{ systemEvents {{ edges {{ node {{ @ }} }} }} }}"),
        ),
        ("SystemEvent", "slip", 1, format!("thread(id: \"{open_thread}\") {{ systemEvents {{ edges {{ node {{ @ }} }} }} }}")),
        ("ThreadLink", "document", 0, format!("report(id: \"{report}\") {{ thread {{ links {{ @ }} }} }}")),
        (
            "SystemEvent",
            "version",
            0,
            format!("report(id: \"{report}\") {{ thread {{ systemEvents {{ edges {{ node {{ @ }} }} }} }} }}"),
        ),
        ("Thread", "remarks", 0, format!("document(id: \"{}\") {{ remarks {{ @ }} }}", documents["open"])),
        ("Thread", "remarks-restricted", 0, format!("document(id: \"{}\") {{ remarks {{ @ }} }}", documents["restricted"])),
        ("ReportChange", "fixed", 0, format!("report(id: \"{report}\") {{ history {{ edges {{ node {{ @ }} }} }} }}")),
        ("ReportChange", "duplicate", 0, format!("report(id: \"{duplicate}\") {{ history {{ edges {{ node {{ @ }} }} }} }}")),
        ("ReportStatistics", "all", 0, "reportStatistics { @ }".into()),
        ("ReportStateCount", "first", 0, "reportStatistics { byState { @ } }".into()),
        ("LinkedThreadCount", "all", 0, training("threadCounts")),
    ] {
        along(kind, name, nth, place);
    }
    world.index().await;
    for (kind, name, nth, place) in [
        ("SearchConnection", "list", 0, "search(query: \"\", first: 100) { @ }"),
        ("SearchEdge", "list", 0, "search(query: \"\", first: 100) { edges { @ } }"),
        ("SearchFacet", "list", 0, "search(query: \"fil thread\") { facets { @ } }"),
        (
            "SearchFacetValue",
            "list",
            1,
            "search(query: \"\\\"post edited\\\"\", filter: { kinds: [FIL] }) { facets { values { @ } } }",
        ),
        (
            "ThreadHit",
            "open",
            0,
            "search(query: \"\\\"post edited\\\"\", filter: { kinds: [FIL] }) { edges { node { ... on ThreadHit { @ } } } }",
        ),
        (
            "TrainingHit",
            "open",
            0,
            "search(query: \"training open\", filter: { kinds: [FORMATION] }) { edges { node { ... on TrainingHit { @ } } } }",
        ),
        (
            "DocumentHit",
            "open",
            0,
            "search(query: \"document open\", filter: { kinds: [DOCUMENT] }) { edges { node { ... on DocumentHit { @ } } } }",
        ),
        (
            "HighlightedText",
            "title",
            0,
            "search(query: \"document open\", filter: { kinds: [DOCUMENT] }) { edges { node { ... on DocumentHit { title { @ } } } } }",
        ),
        (
            "HighlightRange",
            "first",
            0,
            "search(query: \"document open\", filter: { kinds: [DOCUMENT] }) { edges { node { ... on DocumentHit { title { ranges { @ } } } } } }",
        ),
        ("Suggestions", "list", 0, "suggest(prefix: \"thread\") { @ }"),
        ("SuggestedTitle", "list", 0, "suggest(prefix: \"thread ope\") { hits { @ } }"),
    ] {
        along(kind, name, nth, place.into());
    }
    along("Node", "any", 0, format!("node(id: \"{}\") {{ @ }}", cast.id("plateforme")));
    along("Preview", "any", 0, "preview(body: \"Bonjour\") { @ }".into());
    along("PageInfo", "list", 0, "threads { pageInfo { @ } }".into());
    for (connection, edge, field) in [
        ("AccessTokenConnection", "AccessTokenEdge", "viewer { accessTokens { * } }".to_owned()),
        ("AffiliationConnection", "AffiliationEdge", "member(handle: \"candidate\") { affiliations { * } }".into()),
        ("FollowConnection", "FollowEdge", "viewer { follows { * } }".into()),
        ("NotificationConnection", "NotificationEdge", "viewer { notifications { * } }".into()),
        ("DocumentConnection", "DocumentEdge", "documents(tag: \"matrice\") { * }".into()),
        (
            "DocumentVersionConnection",
            "DocumentVersionEdge",
            format!("document(id: \"{}\") {{ versions {{ * }} }}", documents["open"]),
        ),
        ("MemberConnection", "MemberEdge", "members { * }".into()),
        ("OrganisationConnection", "OrganisationEdge", "organisations { * }".into()),
        ("PostConnection", "PostEdge", format!("post(id: \"{edited}\") {{ thread {{ posts {{ * }} }} }}")),
        ("RevisionConnection", "RevisionEdge", format!("post(id: \"{edited}\") {{ revisions {{ * }} }}")),
        ("RoleGrantConnection", "RoleGrantEdge", "member(handle: \"externe\") { roles { * } }".into()),
        ("SessionConnection", "SessionEdge", "viewer { sessions { * } }".into()),
        ("CalendarChangeConnection", "CalendarChangeEdge", "calendarChanges(since: \"2026-01-01T00:00:00Z\") { * }".into()),
        ("CalendarEntryConnection", "CalendarEntryEdge", "publicationCalendar { * }".into()),
        ("TrainingConnection", "TrainingEdge", "trainings { * }".into()),
        ("TrainingSessionConnection", "TrainingSessionEdge", format!("training(id: \"{open}\") {{ sessions {{ * }} }}")),
        ("SystemEventConnection", "SystemEventEdge", format!("thread(id: \"{locked_thread}\") {{ systemEvents {{ * }} }}")),
        ("ReportConnection", "ReportEdge", "reports { * }".into()),
        ("ReportChangeConnection", "ReportChangeEdge", format!("report(id: \"{report}\") {{ history {{ * }} }}")),
        ("ThreadConnection", "ThreadEdge", format!("threads(forum: \"{}\") {{ * }}", cast.id("public"))),
    ] {
        along(connection, "list", 0, field.replace('*', "@"));
        along(edge, "list", 0, field.replace('*', "edges { @ }"));
    }
    drop(world.take_mails().await);
    targets
}
