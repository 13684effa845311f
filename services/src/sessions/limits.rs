//! How often one origin may ask for a link. Counted in this process; what is counted per address is counted in the database.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::config::LinkLimits;
use crate::error::{Error, Result};

/// Origins remembered before old ones are forgotten.
const REMEMBERED: usize = 10_000;

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin(IpAddr);

impl Origin {
    /// An IPv6 client owns a whole /64: that is what counts.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
            v4 => v4,
        })
    }
}

/// The counters of one process.
pub struct Limits {
    links: RateLimiter<Origin, HashMapStateStore<Origin>, DefaultClock>,
}

impl Limits {
    /// Counters with these limits.
    #[must_use]
    pub fn new(limits: LinkLimits) -> Self {
        let hourly = NonZeroU32::new(limits.per_origin).unwrap_or(NonZeroU32::MIN);
        Self { links: RateLimiter::hashmap(Quota::per_hour(hourly)) }
    }

    /// Counts a request for a link.
    pub(super) fn request_link(&self, origin: Origin) -> Result<()> {
        if self.links.len() > REMEMBERED {
            self.forget_old();
        }
        self.links.check_key(&origin).map_err(|refusal| Error::Limited(refusal.wait_time_from(DefaultClock::default().now())))
    }

    pub(crate) fn forget_old(&self) {
        self.links.retain_recent();
    }
}
