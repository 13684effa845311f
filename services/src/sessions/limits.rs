//! How often one origin may ask for a link. Counted by all nodes together over Redis, else in this process; what is counted per
//! address is counted in the database.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use sha2::{Digest, Sha256};

use crate::config::LinkLimits;
use crate::error::{Error, Result};
use crate::nodes::Nodes;

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

/// The counters.
pub struct Limits {
    quota: Quota,
    nodes: Nodes,
    /// This process's own, for when there is no Redis, or none that answers.
    links: RateLimiter<Origin, HashMapStateStore<Origin>, DefaultClock>,
}

impl Limits {
    /// Counters with these limits.
    #[must_use]
    pub fn new(limits: LinkLimits, nodes: Nodes) -> Self {
        let quota = Quota::per_hour(NonZeroU32::new(limits.per_origin).unwrap_or(NonZeroU32::MIN));
        Self { quota, nodes, links: RateLimiter::hashmap(quota) }
    }

    /// Counts a request for a link.
    pub(super) async fn request_link(&self, origin: Origin) -> Result<()> {
        match self.nodes.count(&key(origin), self.quota.replenish_interval()).await {
            Some(Duration::ZERO) => Ok(()),
            Some(wait) => Err(Error::Limited(wait)),
            None => self.request_link_here(origin),
        }
    }

    fn request_link_here(&self, origin: Origin) -> Result<()> {
        if self.links.len() > REMEMBERED {
            self.forget_old();
        }
        self.links.check_key(&origin).map_err(|refusal| Error::Limited(refusal.wait_time_from(DefaultClock::default().now())))
    }

    pub(crate) fn forget_old(&self) {
        self.links.retain_recent();
    }
}

/// Redis is told no address as it is: whoever looks into it, or keeps a copy, is not to read who came.
fn key(origin: Origin) -> String {
    let hash = Sha256::digest(format!("ciam:links:{}", origin.0));
    hash.iter().fold("links:".to_owned(), |key, byte| format!("{key}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(address: &str) -> Origin {
        Origin::new(address.parse().unwrap())
    }

    #[test]
    fn an_origin_has_one_key_that_does_not_show_it() {
        let v4 = key(origin("192.0.2.7"));
        assert_eq!(v4, key(origin("::ffff:192.0.2.7")));
        assert_eq!(key(origin("2001:db8::1")), key(origin("2001:db8::ffff")));
        assert_ne!(key(origin("2001:db8::1")), key(origin("2001:db8:0:1::1")));
        let hash = v4.strip_prefix("links:").unwrap();
        assert!(hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()), "{v4}");
    }

    #[tokio::test]
    async fn one_process_counts_for_itself() {
        let limits = Limits::new(LinkLimits { per_address: 1, per_origin: 3 }, Nodes::default());
        let (ada, linus) = (origin("192.0.2.7"), origin("192.0.2.8"));
        for _ in 0..3 {
            limits.request_link(ada).await.unwrap();
        }
        let refused = limits.request_link(ada).await;
        assert!(matches!(refused, Err(Error::Limited(wait)) if wait > Duration::from_secs(60)), "{refused:?}");
        limits.request_link(linus).await.unwrap();
    }
}
