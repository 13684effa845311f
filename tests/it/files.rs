//! Files over HTTP: up and down unchanged, checked by what they hold, kept once, gone when nothing wants them.

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use harness::servers::{SmallDisk, chromium_missing, setting, small_disk_missing};
use harness::{Client, Database, Settings, Story, World, stories, tell, trial};
use libtest_mimic::Trial;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use services::config::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::binary::{Place, Served, until};
use crate::browser::Page;
use crate::steps::text;

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_file_goes_up_and_comes_down_unchanged,
        a_part_of_a_file_is_given,
        what_is_sent_is_checked,
        only_who_may_sends_and_takes,
        equal_contents_are_kept_once_and_swept_last,
        an_interrupted_upload_leaves_nothing,
    ]
}

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("files::a_slow_upload_passes_and_a_stalled_one_does_not".into(), None, || tell(slow_uploads())),
        trial("files::an_upload_killed_on_the_way_leaves_nothing".into(), None, || tell(killed_upload())),
        trial("files::a_large_file_costs_no_memory".into(), None, || tell(large_file())),
        trial("files::a_pdf_is_shown_by_a_browser".into(), chromium_missing(), || tell(shown_pdf())),
        trial("files::a_full_disk_refuses_a_file_and_keeps_nothing_of_it".into(), small_disk_missing(), || tell(full_disk())),
    ];
    for database in [Database::Sqlite, Database::Postgres] {
        let name = format!("files::a_day_has_its_bounds [{database}]");
        trials.push(trial(name, database.missing(), move || tell(bounded_day(database))));
    }
    trials
}

/// The least PDF that is recognised as one, with something of its own.
pub(crate) fn pdf(words: &str) -> Vec<u8> {
    format!("%PDF-1.4\n% {words}\n1 0 obj << >> endobj\ntrailer << /Root 1 0 R >>\n%%EOF\n").into_bytes()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

async fn send(client: &Client, name: &str, content: impl Into<reqwest::Body>) -> (u16, Value) {
    let response = client.request(Method::POST, &Client::sending(name)).body(content).send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

/// Status, code and sentence of a refusal.
async fn refused(client: &Client, name: &str, content: impl Into<reqwest::Body>) -> (u16, String, String) {
    let (status, body) = send(client, name, content).await;
    let error = &body["errors"][0];
    (status, text(&error["extensions"]["code"]), text(&error["message"]))
}

fn path(file: &Value) -> String {
    format!("/files/{}", text(&file["id"]))
}

/// Names of what lies in the folder of files, those on their way with it.
fn kept(folder: &Path) -> Vec<String> {
    let below = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path());
    let files = below(&folder.join("files")).flat_map(|folder| below(&folder).collect::<Vec<_>>());
    files.map(|file| file.display().to_string()).collect()
}

async fn a_file_goes_up_and_comes_down_unchanged(world: &World) {
    let ada = world.member("ada").await;
    let content = pdf("Été");
    let file = ada.send_file("Guide d'été.pdf", &content).await;
    assert_eq!((&file["name"], &file["mediaType"]), (&json!("Guide d'été.pdf"), &json!("application/pdf")));
    assert_eq!(file["size"], json!(content.len()));
    assert_eq!(file["url"], json!(format!("{}{}", world.url, path(&file))));
    let taken = ada.request(Method::GET, &path(&file)).send().await.expect("an answer");
    assert_eq!(taken.status(), 200);
    let tag = format!("\"{}\"", text(&file["sha256"]));
    let length = content.len().to_string();
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("content-length", &*length),
        ("etag", &tag),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, no-cache"),
        ("cross-origin-resource-policy", "same-origin"),
        ("content-disposition", "inline; filename=\"Guide d'_t_.pdf\"; filename*=UTF-8''Guide%20d%27%C3%A9t%C3%A9.pdf"),
    ] {
        assert_eq!(header(&taken, name), value, "{name}");
    }
    assert!(header(&taken, "content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(taken.bytes().await.expect("bytes"), content);
    let asked = ada.request(Method::GET, &format!("{}?download", path(&file))).send().await.expect("an answer");
    assert!(header(&asked, "content-disposition").starts_with("attachment;"));
    assert!(header(&asked, "content-security-policy").contains("sandbox"));
    let head = ada.request(Method::HEAD, &path(&file)).send().await.expect("an answer");
    assert_eq!((head.status().as_u16(), header(&head, "content-length"), header(&head, "etag")), (200, &*length, &*tag));
    for (name, value, status) in [
        ("if-none-match", &*tag, 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"autre\"", 200),
        ("if-match", &tag, 200),
        ("if-match", "\"autre\"", 412),
    ] {
        let reply = ada.request(Method::GET, &path(&file)).header(name, value).send().await.expect("an answer");
        assert_eq!((reply.status().as_u16(), header(&reply, "etag")), (status, &*tag), "{name}: {value}");
        assert_eq!(reply.bytes().await.expect("bytes").is_empty(), status != 200);
    }
    let sheet = ada.send_file("liste.csv", b"nom;pr\xe9nom\r\n").await;
    let taken = ada.request(Method::GET, &path(&sheet)).send().await.expect("an answer");
    assert_eq!(header(&taken, "content-type"), "text/csv; charset=windows-1252");
    assert!(header(&taken, "content-disposition").starts_with("attachment;"));
    // FIPS 180-4's own example.
    let known = ada.send_file("abc.txt", b"abc").await;
    assert_eq!(known["sha256"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

async fn a_part_of_a_file_is_given(world: &World) {
    let ada = world.member("ada").await;
    let content = pdf(&"0123456789".repeat(20_000));
    let size = content.len();
    let file = ada.send_file("grand.pdf", &content).await;
    let tag = format!("\"{}\"", text(&file["sha256"]));
    let last = size - 1;
    for (range, first, end) in [
        ("bytes=0-0".to_owned(), 0, 0),
        ("bytes=5-".into(), 5, last),
        ("BYTES=70000-140000".into(), 70_000, 140_000),
        ("bytes=-7".into(), size - 7, last),
        (format!("bytes=-{}", size * 2), 0, last),
        (format!("bytes=10-{}", size * 2), 10, last),
        ("bytes=10-99999999999999999999999".into(), 10, last),
    ] {
        let reply = ada.request(Method::GET, &path(&file)).header("range", &range).send().await.expect("an answer");
        assert_eq!((reply.status().as_u16(), header(&reply, "etag")), (206, &*tag), "{range}");
        assert_eq!(header(&reply, "content-range"), format!("bytes {first}-{end}/{size}"));
        assert_eq!(reply.bytes().await.expect("bytes"), content[first..=end], "{range}");
    }
    for range in [format!("bytes={size}-"), "bytes=-0".into(), "bytes=99999999999999999999-".into()] {
        let reply = ada.request(Method::GET, &path(&file)).header("range", &range).send().await.expect("an answer");
        assert_eq!((reply.status().as_u16(), header(&reply, "content-range")), (416, &*format!("bytes */{size}")), "{range}");
    }
    // Another unit, nonsense, several: the whole.
    for range in ["lines=1-2", "bytes=", "bytes=2-1", "bytes=a-b", "bytes=0-1,5-6", "bytes=+1-2", "0-5"] {
        let reply = ada.request(Method::GET, &path(&file)).header("range", range).send().await.expect("an answer");
        assert_eq!((reply.status().as_u16(), reply.bytes().await.expect("bytes").len()), (200, size), "{range}");
    }
    for (condition, status) in [(&*tag, 206), ("\"autre\"", 200), ("Wed, 21 Oct 2026 07:28:00 GMT", 200), ("W/\"autre\"", 200)] {
        let request = ada.request(Method::GET, &path(&file)).header("range", "bytes=0-9").header("if-range", condition);
        assert_eq!(request.send().await.expect("an answer").status().as_u16(), status, "{condition}");
    }
    let head = ada.request(Method::HEAD, &path(&file)).header("range", "bytes=0-9").send().await.expect("an answer");
    assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, &*size.to_string()), "a range is for GET");
}

async fn what_is_sent_is_checked(world: &World) {
    let ada = world.member("ada").await;
    let zip = b"PK\x03\x04\x14\0\0\0\0\0".to_vec();
    let mut empty_zip = b"PK\x05\x06".to_vec();
    empty_zip.extend([0; 18]);
    for (name, content, status, sentence) in [
        ("a.pdf", zip, 415, "« a.pdf » n'est pas un PDF : son contenu est abîmé ou d'un autre type."),
        ("a.pdf", empty_zip, 415, "« a.pdf » n'est pas un PDF : son contenu est une archive ZIP."),
        (
            "a.exe",
            b"MZ\x90\0\x03\0\0\0\x04".to_vec(),
            415,
            "Le contenu de « a.exe » n'est d'aucun des types que ce service prend",
        ),
        ("a.html", b"<!DOCTYPE html><p>Bonjour".to_vec(), 415, "Le contenu de « a.html »"),
        ("a.pdf", Vec::new(), 422, "Ce fichier est vide."),
        ("", pdf(""), 422, "À remplir."),
        ("a\u{202e}fdp.exe", pdf(""), 422, "Ce texte contient des caractères de contrôle ou invisibles."),
        (&*format!("{}.pdf", "a".repeat(150)), pdf(""), 422, "Au plus 150 caractères (154 donnés)."),
    ] {
        let (told, code, message) = refused(&ada, name, content).await;
        assert_eq!((told, &*code), (status, "INVALID"), "{name}: {message}");
        assert!(message.starts_with(sentence), "{name}: {message}");
    }
    for (given, name) in [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\fakepath\\CON.pdf", "_CON.pdf"),
        ("a\r\nb?.pdf", "a b-.pdf"),
        ("guide", "guide.pdf"),
    ] {
        assert_eq!(ada.send_file(given, &pdf("")).await["name"], json!(name), "{given}");
    }
    // A form's body is not the file; what curl says of any file unless told is no form.
    for (kind, status) in [("multipart/form-data; boundary=x", 415), ("application/x-www-form-urlencoded", 201)] {
        let request = ada.request(Method::POST, &Client::sending("a.pdf")).header("content-type", kind).body(pdf(""));
        assert_eq!(request.send().await.expect("an answer").status(), status, "{kind}");
    }
    let unreadable = ada.request(Method::POST, "/files?name=%ff%fe").body(pdf("")).send().await.expect("an answer");
    assert_eq!(unreadable.status(), 422, "a name that is not UTF-8");
    assert_eq!(world.count("select count(*) from files").await, 5);
    assert_eq!(kept(world.folder()).len(), 1, "one content, nothing on its way");
}

async fn only_who_may_sends_and_takes(world: &World) {
    let (ada, other) = (world.member("ada").await, world.member("autre").await);
    assert_eq!(refused(&world.anonymous(), "a.pdf", pdf("")).await.0, 401);
    assert_eq!(refused(&ada.with_bearer("tok_rien"), "a.pdf", pdf("")).await.0, 401);
    for (scope, status) in [("LIRE", 403), ("ECRIRE", 201)] {
        let (_, token) = crate::access::token(&ada, scope).await;
        assert_eq!(send(&ada.with_bearer(&token), "a.pdf", pdf("")).await.0, status, "{scope}");
    }
    // A browser's session, from a page of another site and of ours.
    let cookie = format!("ciam={}", ada.bearer.clone().expect("a session"));
    let anonymous = world.anonymous();
    for (origin, status) in [("https://ailleurs.example", 403), ("null", 403), (&*world.url, 201)] {
        let request = anonymous.request(Method::POST, &Client::sending("a.pdf")).header("cookie", &cookie);
        let reply = request.header("origin", origin).body(pdf("")).send().await.expect("an answer");
        assert_eq!(reply.status().as_u16(), status, "{origin}");
    }
    let file = ada.send_file("a.pdf", &pdf("à moi")).await;
    assert_eq!(ada.take(&path(&file)).await.0, 200);
    let unknown = format!("/files/fil_{:032x}", 7);
    for client in [&other, &anonymous, world.administrator()] {
        let mut replies = Vec::new();
        for path in [&path(&file), &unknown, "/files/n'importe quoi"] {
            for method in [Method::GET, Method::HEAD] {
                let reply = client.request(method, path).header("range", "bytes=0-1").send().await.expect("an answer");
                let mut headers: Vec<_> = reply.headers().iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
                headers.retain(|header| !header.starts_with("date"));
                replies.push((reply.status().as_u16(), headers, reply.bytes().await.expect("bytes")));
            }
        }
        assert!(replies.iter().all(|reply| reply.0 == 404));
        assert_eq!(replies[..2], replies[2..4], "what is not to be seen looks as what is not there");
        assert_eq!(replies[..2], replies[4..]);
    }
    assert_eq!(ada.with_bearer("ses_rien").take(&path(&file)).await.0, 401);
    let until = (world.app.clock.now() + TimeDelta::days(1)).to_rfc3339();
    let input = json!({ "memberId": ada.id().await, "reason": "Pour l'exemple", "until": until });
    world.administrator().mutate("suspendMember", input, "").await.done("suspendMember");
    let (status, _, sentence) = refused(&ada, "a.pdf", pdf("")).await;
    assert!(status == 403 && sentence.starts_with("Votre compte est suspendu"), "{status} {sentence}");
}

async fn equal_contents_are_kept_once_and_swept_last(world: &World) {
    let (ada, bob) = (world.member("ada").await, world.member("bob").await);
    let content = pdf("le même");
    let together = (0..4).map(|n| if n % 2 == 0 { ada.send_file("a.pdf", &content) } else { bob.send_file("b.pdf", &content) });
    let files = futures_util::future::join_all(together).await;
    assert_eq!(kept(world.folder()).len(), 1);
    world.advance(TimeDelta::hours(23));
    let later = ada.send_file("plus tard.pdf", &content).await;
    world.advance(TimeDelta::hours(2));
    world.run_jobs().await;
    assert_eq!(ada.take(&path(&files[0])).await.0, 404, "forgotten after a day");
    assert_eq!(ada.take(&path(&later)).await, (200, content.clone()), "another file has the same content");
    world.advance(TimeDelta::hours(48));
    world.run_jobs().await;
    assert_eq!(ada.take(&path(&later)).await.0, 404);
    assert_eq!(kept(world.folder()), [""; 0], "nothing is left of it");
    assert_eq!(world.count("select count(*) from contents").await, 0);
    // A content without a row, as a process that died between the two leaves it; one taken away by a sweep that died.
    let file = ada.send_file("a.pdf", &content).await;
    let stray = world.folder().join("files/00");
    std::fs::create_dir_all(&stray).expect("a folder");
    std::fs::write(stray.join("0".repeat(62)), "perdu").expect("a file");
    let (home, sha256) = (kept(world.folder()), text(&file["sha256"]));
    let home = home.iter().find(|path| path.ends_with(&sha256[2..])).expect("its content");
    std::fs::rename(home, world.folder().join("files/tmp").join(format!("sortant-{sha256}"))).expect("moved");
    world.change("update files set unused_since = null").await;
    world.advance(TimeDelta::hours(25));
    world.run_jobs().await;
    assert_eq!(kept(world.folder()), std::slice::from_ref(home), "the one is gone, the other is back");
    assert_eq!(ada.send_file("encore.pdf", &content).await["sha256"], json!(sha256));
}

/// Begins an upload and sends part of it; what comes next is the caller's.
async fn begin(url: &str, client: &Client, size: usize, sent: &[u8]) -> TcpStream {
    begin_named(url, client, "a.pdf", size, sent).await
}

pub(crate) async fn begin_named(url: &str, client: &Client, name: &str, size: usize, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").expect("an address")).await.expect("a connection");
    let bearer = client.bearer.as_deref().expect("a token");
    let head = format!(
        "POST /files?name={name} HTTP/1.1\r\nHost: ciam\r\nAuthorization: Bearer {bearer}\r\nContent-Length: {size}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(sent).await.expect("sent");
    stream
}

async fn an_interrupted_upload_leaves_nothing(world: &World) {
    let ada = world.member("ada").await;
    let content = pdf(&"x".repeat(300_000));
    let streams = [
        begin(&world.url, &ada, content.len(), &content[..content.len() - 1]).await,
        begin(&world.url, &ada, content.len(), &[]).await,
    ];
    until("both have begun", async || kept(world.folder()).len() == 2).await;
    drop(streams);
    until("nothing is left", async || kept(world.folder()).is_empty()).await;
    assert_eq!(world.count("select count(*) from files").await, 0);
    ada.send_file("a.pdf", &content).await;
}

async fn bounded_day(database: Database) {
    let limits = Limits { file_bytes: 60_000, file_day_bytes: 100_000, file_uploads: 2, ..Limits::default() };
    let world = World::with(database, Settings { limits, ..Settings::default() }).await;
    let ada = world.member("ada").await;
    let sized = |n: usize, size: usize| {
        let mut content = pdf(&format!("{n}"));
        content.resize(size, b'\n');
        content
    };
    let (status, _, sentence) = refused(&ada, "a.pdf", sized(0, 60_001)).await;
    assert_eq!((status, &*sentence), (413, "Ce fichier est trop grand : au plus 58,5 Kio."));
    // Without a length said beforehand, it is counted as it comes.
    let mut stream = begin(&world.url, &ada, 0, &[]).await;
    drop(stream.shutdown().await);
    let chunked = reqwest::Body::from(sized(0, 60_001));
    assert_eq!(refused(&ada, "a.pdf", chunked).await.0, 413);
    // Two at once that are too much together: one of them stays.
    ada.send_file("a.pdf", &sized(1, 30_000)).await;
    let both = futures_util::future::join(send(&ada, "a.pdf", sized(2, 50_000)), send(&ada, "a.pdf", sized(3, 50_000))).await;
    let mut statuses = [both.0.0, both.1.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 429]);
    assert_eq!(kept(world.folder()).len(), 2, "nothing is left of the other");
    let (status, code, sentence) = refused(&ada, "a.pdf", sized(4, 50_000)).await;
    assert_eq!((status, &*code), (429, "CONFLICT"));
    assert!(sentence.starts_with("Vous pouvez envoyer 97,6 Kio de fichiers par jour, et il vous reste 19,5 Kio"), "{sentence}");
    world.member("bob").await.send_file("a.pdf", &sized(4, 50_000)).await;
    world.advance(TimeDelta::hours(25));
    ada.send_file("a.pdf", &sized(4, 50_000)).await;
    // More than two on their way at once.
    let held = [begin(&world.url, &ada, 10, b"%PDF").await, begin(&world.url, &ada, 10, b"%PDF").await];
    until("both have begun", async || kept(world.folder()).iter().filter(|file| file.contains("files/tmp")).count() == 2).await;
    assert_eq!(refused(&ada, "a.pdf", sized(5, 100)).await.0, 429);
    drop(held);
    until("they are given up", async || send(&ada, "a.pdf", sized(5, 100)).await.0 == 201).await;
    world.run_jobs().await;
    world.finish().await;
}

async fn slow_uploads() {
    let limits = Limits { body_time: Duration::from_secs(1), file_pace: 100, ..Limits::default() };
    let world = World::with(Database::Sqlite, Settings { limits, ..Settings::default() }).await;
    let ada = world.member("ada").await;
    let content = pdf(&"x".repeat(2_000));
    // Steady: longer in all than any body of a query may take.
    let began = Instant::now();
    let mut stream = begin(&world.url, &ada, content.len(), &[]).await;
    for part in content.chunks(content.len().div_ceil(8)) {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stream.write_all(part).await.expect("sent");
    }
    let mut reply = vec![0; 1024];
    let read = stream.read(&mut reply).await.expect("an answer");
    assert!(reply[..read].starts_with(b"HTTP/1.1 201"), "{}", String::from_utf8_lossy(&reply[..read]));
    assert!(began.elapsed() > limits.body_time * 2);
    // A byte now and then, and nothing at all.
    for drip in [true, false] {
        let mut stream = begin(&world.url, &ada, content.len(), b"%").await;
        let mut reply = Vec::new();
        let (mut from, mut to) = stream.split();
        let dripping = async {
            let mut again = tokio::time::interval(Duration::from_millis(200));
            while drip && to.write_all(b"P").await.is_ok() {
                again.tick().await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = dripping => {}
            read = from.read_to_end(&mut reply) => drop(read),
        }
        assert!(reply.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&reply));
    }
    until("nothing is left of them", async || kept(world.folder()).len() == 1).await;
    world.finish().await;
}

async fn administrator(served: &Served) -> Client {
    Client::new(&served.url).sign_in(&served.first_link().expect("a link")).await
}

async fn killed_upload() {
    let place = Place::new(Database::Sqlite).await;
    let served = place.serve().await;
    let client = administrator(&served).await;
    let content = pdf(&"x".repeat(300_000));
    let file = client.send_file("entier.pdf", &content).await;
    let _stream = begin(&served.url, &client, content.len(), &content[..200_000]).await;
    until("it has begun", async || kept(place.folder.path()).len() == 2).await;
    served.kill().await;
    assert_eq!(kept(place.folder.path()).len(), 2, "as it was left");
    let served = place.serve().await;
    assert_eq!(kept(place.folder.path()).len(), 1);
    let client = client.at(&served.url);
    assert_eq!(client.take(&path(&file)).await, (200, content), "what was acknowledged is there");
    served.stop().await;
}

async fn full_disk() {
    let disk = SmallDisk::new("12m");
    let place = Place::within(disk.path());
    let served = place.serve().await;
    let client = administrator(&served).await;
    let (status, code, _) = refused(&client, "a.pdf", pdf(&"x".repeat(20_000_000))).await;
    assert_eq!((status, &*code), (503, "UNAVAILABLE"));
    until("nothing is left of it", async || kept(place.folder.path()).is_empty()).await;
    let small = pdf("petit");
    let file = client.send_file("a.pdf", &small).await;
    assert_eq!(client.take(&path(&file)).await, (200, small));
    served.stop().await;
}

/// A line of `/proc/<process>/status`, in bytes.
pub(crate) fn memory(process: u32, line: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(':'))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// 200 MB up and down, or as many bytes as `TEST_FILE_BYTES` says, through a process of its own.
async fn large_file() {
    const GROWTH: u64 = 20_000_000;
    const PART: usize = 1 << 20;
    let bytes: usize =
        setting("TEST_FILE_BYTES").map_or(200_000_000, |bytes| bytes.parse().expect("TEST_FILE_BYTES is a number"));
    let place = Place::new(Database::Sqlite).await;
    let served = place.serve().await;
    let client = administrator(&served).await;
    client.send_file("avant.pdf", &pdf("avant")).await;
    let process = served.child.id().expect("it runs");
    let before = memory(process, "VmRSS");
    let part = |n: usize| {
        let mut part = n.to_le_bytes().repeat(PART / size_of::<usize>());
        part.truncate((bytes - n * PART).min(PART));
        if n == 0 {
            part[..9].copy_from_slice(b"%PDF-1.4\n");
        }
        part
    };
    let parts = bytes.div_ceil(PART);
    let mut stream = begin(&served.url, &client, bytes, &[]).await;
    for n in 0..parts {
        stream.write_all(&part(n)).await.expect("sent");
    }
    let mut reply = vec![0; 4096];
    let read = stream.read(&mut reply).await.expect("an answer");
    let reply = String::from_utf8_lossy(&reply[..read]).into_owned();
    assert!(reply.starts_with("HTTP/1.1 201"), "{reply}");
    let (_, body) = reply.split_once("\r\n\r\n").expect("a body");
    let file: Value = serde_json::from_str(body).expect("JSON");
    let mut taken = client.request(Method::GET, &path(&file)).send().await.expect("an answer");
    let (mut n, mut rest) = (0, Vec::new());
    while let Some(chunk) = taken.chunk().await.expect("bytes") {
        rest.extend_from_slice(&chunk);
        while n < parts && rest.len() >= part(n).len() {
            let expected = part(n);
            assert!(rest.starts_with(&expected), "part {n}");
            rest.drain(..expected.len());
            n += 1;
        }
    }
    assert_eq!((n, rest.len()), (parts, 0));
    if let (Some(before), Some(peak)) = (before, memory(process, "VmHWM")) {
        assert!(peak <= before + GROWTH, "{} kB more than the {} kB before", (peak.saturating_sub(before)) / 1024, before / 1024);
    }
    served.stop().await;
}

/// A page that is larger than a window, all of it red.
fn red_pdf() -> Vec<u8> {
    let content = "1 0 0 rg 0 0 3000 3000 re f";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 3000 3000] /Contents 4 0 R >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
    ];
    let (mut pdf, mut places) = ("%PDF-1.4\n".to_owned(), "0000000000 65535 f \n".to_owned());
    for (n, object) in (1..).zip(objects) {
        places += &format!("{:010} 00000 n \n", pdf.len());
        pdf += &format!("{n} 0 obj\n{object}\nendobj\n");
    }
    let start = pdf.len();
    pdf += &format!("xref\n0 5\n{places}trailer << /Size 5 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
    pdf.into_bytes()
}

/// In its place, by the browser's own viewer, and not kept from it by our headers.
async fn shown_pdf() {
    let world = World::start(Database::Sqlite).await;
    let ada = world.member("ada").await;
    let file = ada.send_file("Guide d'été.pdf", &red_pdf()).await;
    let forum = world.forum("plateforme", "questions").await;
    let input =
        json!({ "forumId": forum, "kind": "QUESTION", "title": "Une question", "body": "Texte", "attachments": [file["id"]] });
    ada.mutate("openThread", input, "").await.done("openThread");
    let page = Page::open(&world.url).await;
    page.goto(&path(&file)).await;
    page.until("return document.contentType === 'application/pdf'").await;
    page.until_colour((900, 500), [255, 0, 0]).await;
    // A file names no icon: the browser asks the site for one.
    let noted = page.complaints().await;
    assert!(noted.iter().all(|line| line["message"].as_str().is_some_and(|text| text.contains("/favicon.ico"))), "{noted:?}");
    page.close().await;
    world.finish().await;
}
