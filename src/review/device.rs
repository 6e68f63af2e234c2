//! The proof that a browser was let in under an account before. It opens nothing: whoever has it does not wait with strangers.

use axum::http::HeaderMap;
use jiff::Timestamp;

use super::answer::Refusal;
use super::challenges::random;
use super::guard::cookie;
use super::{Review, totp};
use crate::desk::AccountId;

/// Random, and of one browser.
pub type DeviceId = [u8; 16];

/// For so long after it was let in last it is known.
const DAYS: i64 = 180;
const DAY: i64 = 24 * 3_600;

impl Review {
    /// The cookie that a browser keeps: its number and the day, and a digest over both that a new invitation, which brings a new secret
    /// of the second factor, makes worthless. One for each account, for those who share a browser. One that is not `known` gets a number.
    ///
    /// # Errors
    /// When the kernel gives no random octets.
    pub(super) fn device_cookie(
        &self,
        now: Timestamp,
        account: AccountId,
        totp: &[u8],
        known: Option<DeviceId>,
    ) -> Result<String, Refusal> {
        let device = known.map_or_else(random, Ok).map_err(|error| Refusal::World(error.to_string()))?;
        let (proof, age) = (self.device_proof(account, totp, device, now.as_second() / DAY), DAYS * DAY);
        Ok(format!("{}={proof}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Strict", name(account)))
    }

    /// Which of the browsers that were let in under this account it is, if it is one.
    pub(super) fn device(&self, now: Timestamp, account: AccountId, totp: &[u8], headers: &HeaderMap) -> Option<DeviceId> {
        let shown = cookie(headers, &name(account))?;
        let (device, rest) = shown.split_once('.')?;
        let day: i64 = rest.split_once('.')?.0.parse().ok()?;
        let mut known = DeviceId::default();
        hex::decode_to_slice(device, &mut known).ok()?;
        let proven = totp::same(shown, &self.device_proof(account, totp, known, day));
        (proven && (0..DAYS).contains(&(now.as_second() / DAY - day))).then_some(known)
    }

    fn device_proof(&self, account: AccountId, totp: &[u8], device: DeviceId, day: i64) -> String {
        let mac = self.desk().mac("device", &[&account.0.to_be_bytes(), &device, &day.to_be_bytes(), totp]);
        format!("{}.{day}.{}", hex::encode(device), hex::encode(mac))
    }
}

fn name(account: AccountId) -> String {
    format!("__Host-mw-device-{}", account.0)
}
