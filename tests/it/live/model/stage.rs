//! Where the clients look on: who writes there, and what about.

use std::sync::Mutex;

use chrono::TimeDelta;
use harness::{Client, World};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::Draws;
use crate::catalogue::{collection, complete, fields, manager, new_training, published};
use crate::library::{added, category, editor};
use crate::steps::{moderator, organisation, space, text};

pub(super) struct Stage<'w> {
    pub(super) world: &'w World,
    /// Who opened the threads.
    pub(super) ada: Client,
    /// A moderator.
    pub(super) grace: Client,
    /// Who manages trainings.
    pub(super) mona: Client,
    /// Who validates their framing.
    pub(super) chef: Client,
    /// Who keeps the library.
    pub(super) edith: Client,
    /// Who only looks on.
    pub(super) linus: Client,
    pub(super) here: String,
    pub(super) there: String,
    pub(super) inside: String,
    pub(super) category: String,
    /// The document whose remarks are one of the threads.
    pub(super) remarked: String,
    /// One that threads are linked with.
    pub(super) document: String,
    /// Reports that others are duplicates of, in threads of their own.
    pub(super) originals: [String; 2],
    /// What a new training says.
    pub(super) fields: Value,
    /// The training that every thread is linked with, whose title is the mark.
    pub(super) marked: String,
    threads: Mutex<Vec<String>>,
    posts: Mutex<Vec<String>>,
    answers: Mutex<Vec<String>>,
    trainings: Mutex<Vec<String>>,
    sessions: Mutex<Vec<String>>,
}

impl<'w> Stage<'w> {
    pub(super) async fn set(world: &'w World) -> Self {
        let (ada, linus, chef) = (world.member("ada").await, world.member("linus").await, world.member("chef").await);
        let (grace, edith) = (moderator(world, "grace", None).await, editor(world, "edith").await);
        let inside = organisation(world, "Dedans", None).await;
        let mona = manager(world, "mona", &inside).await;
        let admin = world.administrator();
        let chefs = json!({ "collectionId": collection(world, "management").await, "chefs": [{ "memberId": chef.id().await }] });
        admin.mutate("updateCollection", chefs, "").await.done("updateCollection");
        let (here, there) = (forum(world, "Ici").await, forum(world, "Ailleurs").await);

        let open = json!({ "opening": "TOUS_PUBLICS" });
        let marked = published(world, &mona, &inside, "REPERE", open.clone()).await;
        let mut trainings = Vec::new();
        for name in ["UNE", "DEUX", "TROIS"] {
            trainings.push(published(world, &mona, &inside, name, open.clone()).await);
        }
        let session = json!({ "trainingId": trainings[0], "fields": dates() });
        let session = mona.mutate("createTrainingSession", session, "session { id }").await.done("createTrainingSession");
        let session = text(&session["session"]["id"]);
        let opened = json!({ "sessionId": session, "state": "INSCRIPTIONS_OUVERTES" });
        mona.mutate("transitionTrainingSession", opened, "").await.done("transitionTrainingSession");
        let mut more = complete();
        more["opening"] = json!("TOUS_PUBLICS");
        for (name, day) in [("QUATRE", 20), ("CINQ", 30), ("SIX", 40)] {
            let planned = new_training(world, &mona, &inside, name, more.clone()).await;
            let plan = json!({ "trainingId": planned, "date": day_after(world, day) });
            mona.mutate("planTraining", plan, "").await.done("planTraining");
            trainings.push(planned);
        }
        let fields = fields(world, &inside, "", more).await;

        let (thread, root) = ada.open_thread(&here, "SIGNALEMENT", "La vidéo reste noire", "Texte").await;
        let mut originals = Vec::new();
        for title in ["L'image reste noire", "L'écran reste noir"] {
            originals.push(report_of(&linus.open_thread(&here, "SIGNALEMENT", title, "Texte").await.0));
        }
        let link = json!({ "link": "https://exemple.fr" });
        let (remarked, document) = (added(world, &edith, link.clone()).await, added(world, &edith, link).await);
        let remark = json!({ "documentId": remarked, "body": "Une remarque" });
        let remark = ada.mutate("remarkDocument", remark, "post { id thread { id } }").await.done("remarkDocument");
        let threads = vec![thread, text(&remark["post"]["thread"]["id"])];
        for thread in &threads {
            let all: Vec<_> = trainings.iter().chain([&marked]).collect();
            let links = json!({ "threadId": thread, "trainings": all });
            grace.mutate("editThread", links, "").await.done("editThread");
        }
        let answer = grace.answer(&root, "Réponse").await;
        let (posts, answers) = (Mutex::new(vec![root, answer.clone(), text(&remark["post"]["id"])]), Mutex::new(vec![answer]));
        let category = category(world, "documentation-modele").await;
        let originals = originals.try_into().expect("two");
        let (threads, trainings, sessions) = (Mutex::new(threads), Mutex::new(trainings), Mutex::new(vec![session]));
        Self {
            world,
            ada,
            grace,
            mona,
            chef,
            edith,
            linus,
            here,
            there,
            inside,
            category,
            remarked,
            document,
            originals,
            fields,
            marked,
            threads,
            posts,
            answers,
            trainings,
            sessions,
        }
    }

    pub(super) fn threads(&self) -> Vec<String> {
        list(&self.threads).clone()
    }

    pub(super) fn thread(&self, rng: &mut StdRng) -> String {
        any(rng, &list(&self.threads)).clone()
    }

    pub(super) fn post(&self, rng: &mut StdRng) -> String {
        any(rng, &list(&self.posts)).clone()
    }

    /// A post that is not the first of its thread.
    pub(super) fn answer(&self, rng: &mut StdRng) -> String {
        any(rng, &list(&self.answers)).clone()
    }

    pub(super) fn training(&self, rng: &mut StdRng) -> String {
        any(rng, &list(&self.trainings)).clone()
    }

    pub(super) fn session(&self, rng: &mut StdRng) -> String {
        any(rng, &list(&self.sessions)).clone()
    }

    /// Does so many things of those that are drawn from. Some are refused: nothing is told of them.
    pub(super) async fn write(&self, steps: usize, draws: Draws, mut rng: StdRng, done: &Mutex<Vec<String>>) {
        for _ in 0..steps {
            let mut table = draws(self, &mut rng);
            let (who, name, input) = table.swap_remove(rng.random_range(..table.len()));
            let made = match name {
                "openThread" => "thread { id openingPost { id } }",
                "answerPost" | "remarkDocument" => "post { id }",
                "createTraining" => "training { id }",
                "createTrainingSession" => "session { id }",
                _ => "",
            };
            let reply = who.mutate(name, input.clone(), made).await;
            let refused = reply.errors.is_empty() || ["FORBIDDEN", "NOT_FOUND"].contains(&reply.code().as_str());
            assert!(refused, "{name} {input}: {}", reply.text);
            let payload = &reply.data[name];
            for (made, at) in [
                (&self.threads, "/thread/id"),
                (&self.posts, "/thread/openingPost/id"),
                (&self.posts, "/post/id"),
                (&self.answers, "/post/id"),
                (&self.trainings, "/training/id"),
                (&self.sessions, "/session/id"),
            ] {
                list(made).extend(payload.pointer(at).and_then(Value::as_str).map(str::to_owned));
            }
            list(done).push(format!("{name} {input}: {}", reply.text));
        }
    }

    /// Says a mark in each stream: a training has another title, a forum another description.
    pub(super) async fn mark(&self, mark: &str) {
        let title = json!({ "trainingId": self.marked, "fields": { "title": mark } });
        self.mona.mutate("updateTraining", title, "").await.done("updateTraining");
        for forum in [&self.here, &self.there] {
            let description = json!({ "forumId": forum, "description": mark });
            self.world.administrator().mutate("updateForum", description, "").await.done("updateForum");
        }
    }
}

/// A forum where everything can be, and everybody is.
async fn forum(world: &World, name: &str) -> String {
    let everybody = json!([{ "kind": "MEMBRES" }]);
    let input = json!({ "spaceId": space(world, "plateforme").await, "name": name, "description": "",
        "kinds": ["QUESTION", "DISCUSSION", "BONNE_PRATIQUE", "SIGNALEMENT"], "audience": everybody, "openingAudience": everybody });
    let reply = world.administrator().mutate("createForum", input, "forum { id }").await;
    text(&reply.done("createForum")["forum"]["id"])
}

/// The day after so many.
pub(super) fn day_after(world: &World, days: i64) -> String {
    (world.app.clock.now() + TimeDelta::days(days)).date_naive().to_string()
}

/// When a session is held: far off, so that no day comes that takes it on.
pub(super) fn dates() -> Value {
    json!({ "startsAt": "2037-03-01T08:00:00Z", "endsAt": "2037-03-02T16:00:00Z", "place": "Lille",
        "registrationOpensAt": "2037-01-10T00:00:00Z", "registrationClosesAt": "2037-02-20T00:00:00Z" })
}

/// The report that a thread has or would have.
pub(super) fn report_of(thread: &str) -> String {
    thread.replacen("thr_", "rep_", 1)
}

pub(super) fn any<'l, T>(rng: &mut StdRng, list: &'l [T]) -> &'l T {
    &list[rng.random_range(..list.len())]
}

fn list(list: &Mutex<Vec<String>>) -> std::sync::MutexGuard<'_, Vec<String>> {
    list.lock().expect("not poisoned")
}
