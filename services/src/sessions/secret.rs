//! A secret: 256 random bits, shown once as `<id>_<43 characters>`, stored as a SHA-256.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub(super) struct Secret([u8; 32]);

impl Secret {
    pub(super) fn new() -> Self {
        let mut bytes = [0; 32];
        rand::rng().fill_bytes(&mut bytes);
        Self(bytes)
    }

    pub(super) fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }

    pub(super) fn with(&self, id: impl Display) -> String {
        format!("{id}_{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// In constant time.
    pub(super) fn matches(&self, hash: Option<&[u8]>) -> bool {
        hash.is_some_and(|hash| self.hash().ct_eq(hash).into())
    }
}

/// The id and the secret of a token; none when it is not of this kind.
pub(super) fn parse<Id: FromStr>(token: &str) -> Option<(Id, Secret)> {
    // An id is four characters of prefix and 32 digits.
    let (id, secret) = token.trim().split_at_checked(36)?;
    let bytes = URL_SAFE_NO_PAD.decode(secret.strip_prefix('_')?).ok()?;
    Some((id.parse().ok()?, Secret(bytes.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::id::{AccessTokenId, SessionId};

    #[test]
    fn a_secret_reads_back_and_only_for_its_kind() {
        let (id, secret) = (SessionId::new(&Clock::system()), Secret::new());
        let token = secret.with(id);
        let (read, again) = parse::<SessionId>(&token).unwrap();
        assert_eq!(read, id);
        assert!(again.matches(Some(&secret.hash())) && !again.matches(Some(&Secret::new().hash())) && !again.matches(None));
        assert!(parse::<AccessTokenId>(&token).is_none());
        for wrong in ["", "ses_", &token[..50], &format!("{token}x"), &"é".repeat(60)] {
            assert!(parse::<SessionId>(wrong).is_none(), "{wrong}");
        }
    }
}
