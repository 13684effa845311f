//! What the nodes of one product tell each other and count together over Redis: only what may be lost.
//!
//! One connection a process: by RESP3 it brings what the others say while it asks. Nobody waits for Redis when it is away: words
//! are dropped, counts are each process's own, and what happened is found in the log, which is looked at anyway.

use std::time::Duration;

use rand::RngExt;
use redis::aio::{MultiplexedConnection, SendError};
use redis::{
    AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisError, RedisResult, Value,
    cmd,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc, watch};

use crate::error::{Error, Result};
use crate::id::{MemberId, ThreadId};

const CHANNEL: &str = "ciam:nodes";
/// Redis answers within thousandths of a second: who waited so long goes on without it.
const PATIENCE: Duration = Duration::from_millis(500);
/// It is asked that often whether it is there, and tried again that often when it is not.
const BEAT: Duration = Duration::from_secs(1);
/// Words on their way, and words heard that somebody here has not taken yet; more are dropped.
const ROOM: usize = 1024;

/// What a node tells the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Word {
    /// There are new jobs or events.
    Work,
    /// These look at these threads.
    Look(Vec<(ThreadId, MemberId)>),
    /// One looks no more.
    Leave(ThreadId, MemberId),
    /// One is typing.
    Type(ThreadId, MemberId),
}

#[derive(Serialize, Deserialize)]
struct Said {
    by: u64,
    word: Word,
}

/// How a node stands with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// There is no Redis.
    None,
    /// Redis answers.
    Open,
    /// It does not.
    Cut,
}

/// The other nodes, as one process reaches them. Cheap to clone.
#[derive(Clone)]
pub struct Nodes {
    /// None without Redis.
    says: Option<mpsc::Sender<Word>>,
    line: watch::Receiver<Option<MultiplexedConnection>>,
    heard: broadcast::Sender<Word>,
}

impl Default for Nodes {
    /// No others, or none that are reached over Redis.
    fn default() -> Self {
        Self { says: None, line: watch::channel(None).1, heard: broadcast::Sender::new(1) }
    }
}

impl Nodes {
    /// Those that are reached over the Redis at `url`. The line is opened in the background, and again whenever it is cut, until
    /// the last clone is gone.
    ///
    /// # Errors
    /// [`Error::Startup`] for what is no address of a Redis.
    pub fn over(url: &str) -> Result<Self> {
        let sentence = "REDIS_URL n'est pas une adresse redis:// ou rediss:// valable.";
        // The address may hold a password: it is not repeated.
        let client = client(url).map_err(|_| Error::Startup(sentence.into()))?;
        let (says, said) = mpsc::channel(ROOM);
        let (opened, line) = watch::channel(None);
        let heard = broadcast::Sender::new(ROOM);
        let keeper = Keeper { client, me: rand::rng().random(), said, line: opened, heard: heard.clone() };
        tokio::spawn(keeper.keep());
        Ok(Self { says: Some(says), line, heard })
    }

    /// How this node stands with the others, as it found within the last seconds.
    #[must_use]
    pub fn line(&self) -> Line {
        match (&self.says, &*self.line.borrow()) {
            (None, _) => Line::None,
            (Some(_), Some(_)) => Line::Open,
            (Some(_), None) => Line::Cut,
        }
    }

    /// Tells the others, unless the line is cut. Nobody waits for that.
    pub(crate) fn say(&self, word: Word) {
        if let (Some(says), Line::Open) = (&self.says, self.line()) {
            drop(says.try_send(word));
        }
    }

    /// What the others say from now on.
    pub(crate) fn hear(&self) -> broadcast::Receiver<Word> {
        self.heard.subscribe()
    }

    /// Counts one more under `key`, of those of all nodes: how long to wait when that is too many. As many are let through at
    /// once as `each` goes into an hour, then one every `each`. None when Redis did not say, being away or slow.
    pub(crate) async fn count(&self, key: &str, each: Duration) -> Option<Duration> {
        let line = self.line.borrow().clone();
        let mut redis = line?;
        let mut script = cmd("EVAL");
        script.arg(COUNT).arg(1).arg(format!("ciam:{key}")).arg(each.as_millis().max(1).to_string());
        let counted = in_time(script.query_async(&mut redis)).await;
        counted.inspect_err(|error| tracing::debug!(%error, "Redis did not count")).ok().map(Duration::from_millis)
    }
}

/// The generic cell rate algorithm over an hour: a key holds the moment, in thousandths of a second, at which all that was let
/// through is paid for, and is forgotten then. Redis has the one clock of all nodes.
const COUNT: &str = "local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local paid = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + ARGV[1]
local wait = paid - now - 3600000
if wait > 0 then return wait end
redis.call('SET', KEYS[1], paid, 'PX', paid - now)
return 0";

fn client(url: &str) -> RedisResult<Client> {
    let info = url.into_connection_info()?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Client::open(info.set_redis_settings(settings))
}

/// Holds the line.
struct Keeper {
    client: Client,
    /// Tells its own words from the others'.
    me: u64,
    said: mpsc::Receiver<Word>,
    line: watch::Sender<Option<MultiplexedConnection>>,
    heard: broadcast::Sender<Word>,
}

impl Keeper {
    async fn keep(mut self) {
        let mut open = true;
        while !self.said.is_closed() {
            let cut = match self.open().await {
                Ok(redis) => {
                    tracing::info!("Redis carries what the nodes tell each other");
                    open = true;
                    self.hold(redis).await
                }
                Err(cut) => Err(cut),
            };
            self.line.send_replace(None);
            // Once, not every second.
            if let (Err(error), true) = (cut, open) {
                tracing::warn!(%error, "Redis is away; everybody goes on without it");
                open = false;
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    async fn open(&self) -> RedisResult<MultiplexedConnection> {
        let (me, heard) = (self.me, self.heard.clone());
        let hears = move |push: PushInfo| {
            if let (PushKind::Message, [_, Value::BulkString(said)]) = (&push.kind, &*push.data)
                // A newer node may say what this one does not know.
                && let Ok(said) = serde_json::from_slice::<Said>(said)
                && said.by != me
            {
                drop(heard.send(said.word));
            }
            Ok::<_, SendError>(())
        };
        let config = AsyncConnectionConfig::new().set_push_sender(hears);
        in_time(async {
            let mut redis = self.client.get_multiplexed_async_connection_with_config(&config).await?;
            redis.subscribe(CHANNEL).await?;
            Ok(redis)
        })
        .await
    }

    /// Speaks, and sees that somebody is there. Returns when nobody speaks any more, or when the line is cut.
    async fn hold(&mut self, mut redis: MultiplexedConnection) -> RedisResult<()> {
        self.line.send_replace(Some(redis.clone()));
        // Nobody knows what was said meanwhile.
        drop(self.heard.send(Word::Work));
        let mut beat = tokio::time::interval(BEAT);
        loop {
            let asked = tokio::select! {
                word = self.said.recv() => match word {
                    Some(word) => self.publish(word),
                    None => return Ok(()),
                },
                _ = beat.tick() => cmd("PING"),
            };
            in_time(asked.exec_async(&mut redis)).await?;
        }
    }

    fn publish(&self, word: Word) -> Cmd {
        let said = serde_json::to_vec(&Said { by: self.me, word }).unwrap_or_default();
        let mut publish = cmd("PUBLISH");
        publish.arg(CHANNEL).arg(said);
        publish
    }
}

async fn in_time<T>(asked: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let answered = tokio::time::timeout(PATIENCE, asked).await;
    answered.unwrap_or_else(|_| Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_one_of_redis_and_its_password_is_not_repeated() {
        for url in ["http://x", "redis", "", "redis://:secret@x:port"] {
            let refused = Nodes::over(url).err().map(|error| error.sentence().into_owned()).unwrap_or_default();
            assert!(refused.contains("REDIS_URL") && !refused.contains("secret"), "{url}: {refused}");
        }
        for url in ["redis://127.0.0.1:1", "redis://:secret@127.0.0.1:1/2", "rediss://127.0.0.1:1"] {
            assert_eq!(Nodes::over(url).map(|nodes| nodes.line()).ok(), Some(Line::Cut), "{url}");
        }
    }

    #[tokio::test]
    async fn without_redis_nothing_is_counted_and_words_go_nowhere() {
        let nodes = Nodes::default();
        let mut heard = nodes.hear();
        nodes.say(Word::Work);
        assert!(heard.try_recv().is_err());
        assert_eq!((nodes.line(), nodes.count("k", Duration::from_secs(1)).await), (Line::None, None));
    }

    #[test]
    fn a_word_is_understood_by_other_versions_of_the_nodes() {
        let said = r#"{"by":7,"word":{"Type":["01890a5d-ac96-774b-bcce-b302099a8057","01890a5d-ac96-774b-bcce-b302099a8058"]}}"#;
        let told: Said = serde_json::from_str(said).unwrap();
        assert!(matches!(told.word, Word::Type(..)));
        assert_eq!(serde_json::to_string(&told).unwrap(), said);
        assert!(serde_json::from_str::<Said>(r#"{"by":7,"word":"Later"}"#).is_err());
    }
}
