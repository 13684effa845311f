//! Where time, ids and secrets come from: tests move it, the demo repeats it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

/// Time, ids and randomness. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Clock(Arc<Kind>);

enum Kind {
    /// The machine's time, moved by an offset (in microseconds) that only tests change.
    System { offset: AtomicI64 },
    /// A time that stands still until it is set, and the same ids for the same seed.
    Seeded { now: AtomicI64, rng: Box<Mutex<StdRng>> },
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Kind::System { offset: AtomicI64::new(0) }))
    }

    /// A clock that stands at `now` and gives the same ids each time.
    #[must_use]
    pub fn seeded(now: DateTime<Utc>, seed: u64) -> Self {
        let rng = Box::new(Mutex::new(StdRng::seed_from_u64(seed)));
        Self(Arc::new(Kind::Seeded { now: AtomicI64::new(now.timestamp_micros()), rng }))
    }

    /// The time, to the microsecond, since PostgreSQL keeps no more.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> DateTime<Utc> {
        match &*self.0 {
            Kind::System { offset } => Utc::now().trunc_subsecs(6) + TimeDelta::microseconds(offset.load(Ordering::Relaxed)),
            Kind::Seeded { now, .. } => DateTime::from_timestamp_micros(now.load(Ordering::Relaxed)).unwrap_or_default(),
        }
    }

    /// A new UUIDv7 (RFC 9562) of this moment.
    #[must_use]
    pub fn id(&self) -> Uuid {
        let millis = u64::try_from(self.now().timestamp_millis()).unwrap_or(0);
        let mut random = [0; 10];
        match &*self.0 {
            Kind::System { .. } => rand::rng().fill_bytes(&mut random),
            Kind::Seeded { rng, .. } => rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut random),
        }
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// Moves the time forward; for tests.
    pub fn advance(&self, by: TimeDelta) {
        let micros = by.num_microseconds().unwrap_or(0);
        match &*self.0 {
            Kind::System { offset: moved } | Kind::Seeded { now: moved, .. } => {
                moved.fetch_add(micros, Ordering::Relaxed);
            }
        }
    }

    /// Sets a seeded clock; the machine's is moved to that moment.
    pub fn set(&self, to: DateTime<Utc>) {
        self.advance(to - self.now());
    }
}
