//! What is remembered, and for whom. How credentials are opened is tested with a real database and KMS.

use super::*;
use crate::{
    config::{DatabaseAuth, DatabaseConfig, KmsKey},
    tenancy::{CredentialId, TenantId},
};

struct Stopped(Mutex<Duration>);

impl Clock for Stopped {
    fn since_epoch(&self) -> Duration {
        *self.0.lock().expect("the time")
    }

    fn monotonic(&self) -> Duration {
        self.since_epoch()
    }
}

/// A vault that is connected to nothing, and its clock.
fn vault() -> (Vault, Arc<Stopped>) {
    let config = DatabaseConfig {
        url: "postgresql://nobody@127.0.0.1:1/none?sslmode=disable".into(),
        auth: DatabaseAuth::Url,
        connect_timeout: Duration::from_secs(1),
        ca_file: None,
    };
    let aws = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
    let key = KmsKey { id: "alias/none".into(), previous: None, endpoint: None };
    let clock = Arc::new(Stopped(Mutex::new(Duration::from_secs(1_000_000))));
    let db = Database::new(&config, 1).expect("a pool");
    (Vault::new(db, MasterKey::new(&aws, key), clock.clone()), clock)
}

fn credential(number: u64) -> CredentialRef {
    let at = Duration::from_secs(number);
    CredentialRef { tenant: TenantId::generate(at), id: CredentialId::generate(at) }
}

/// As if it had just been opened.
fn remember(vault: &Vault, identity: Identity) {
    let now = vault.clock.since_epoch();
    let (key, until) = (Arc::new(ProviderKey::new("sk-canary".into())), now + CREDENTIAL_TTL);
    let envelope = Envelope {
        version: 1,
        wrapped_key: Vec::new(),
        kms_key_id: String::new(),
        nonce: [0; 12],
        ciphertext: Vec::new(),
    };
    let slot = vault.slot(identity);
    let mut state = slot.state.try_lock().expect("nobody else");
    state.sealed = Some(Sealed { id: identity.0.id, envelope, until: now + ENVELOPE_TTL });
    state.opened = Some(Opened { key, until });
}

fn is_remembered(vault: &Vault, identity: Identity) -> bool {
    vault.slots.lock().expect("the slots").get(&identity).is_some_and(|slot| slot.until().is_some())
}

fn is_open(vault: &Vault, identity: Identity) -> bool {
    let slots = vault.slots.lock().expect("the slots");
    slots.get(&identity).is_some_and(|slot| slot.state.try_lock().expect("nobody else").opened.is_some())
}

fn advance(clock: &Stopped, seconds: u64) {
    *clock.0.lock().expect("the time") += Duration::from_secs(seconds);
}

#[test]
fn no_two_identities_share_a_place() {
    let (vault, _) = vault();
    let (one, other) = (credential(1), credential(2));
    remember(&vault, (one, "openai"));
    #[rustfmt::skip]
    let table = [
        ((one, "openai"),                                                  true,  "the same"),
        ((one, "mistral"),                                                 false, "another provider's"),
        ((CredentialRef { tenant: other.tenant, ..one }, "openai"),        false, "another tenant's"),
        ((CredentialRef { id: other.id, ..one }, "openai"),                false, "another credential"),
        ((CredentialRef { tenant: TenantId::PLATFORM, ..one }, "openai"),  false, "the platform's"),
    ];
    for (identity, expected, why) in table {
        assert_eq!(vault.slot(identity).until().is_some(), expected, "{why}");
    }
}

#[test]
fn no_more_than_a_thousand_are_remembered_and_the_oldest_goes_first() {
    let (vault, clock) = vault();
    for number in 0..1_500 {
        remember(&vault, (credential(number), "openai"));
        if number % 10 == 0 {
            advance(&clock, 1);
        }
    }
    assert_eq!(vault.slots.lock().expect("the slots").len(), MAX_REMEMBERED);
}

#[test]
fn the_oldest_makes_room() {
    let (vault, clock) = vault();
    let oldest = (credential(1), "openai");
    remember(&vault, oldest);
    advance(&clock, 1);
    let others: Vec<Identity> = (2..=MAX_REMEMBERED as u64).map(|number| (credential(number), "openai")).collect();
    others.iter().for_each(|identity| remember(&vault, *identity));
    assert!(is_remembered(&vault, oldest));
    remember(&vault, (credential(9_999), "openai"));
    assert!(!is_remembered(&vault, oldest));
    assert!(others.iter().all(|identity| is_remembered(&vault, *identity)));
}

#[test]
fn an_expired_secret_leaves_memory_when_the_next_comes_and_one_in_use_does_not() {
    let (vault, clock) = vault();
    let (expired, fresh, in_use) = ((credential(1), "openai"), (credential(2), "openai"), (credential(3), "openai"));
    remember(&vault, expired);
    let held = vault.slot(in_use);
    advance(&clock, 299);
    remember(&vault, fresh);
    assert!(is_open(&vault, expired), "300 seconds are not over");
    advance(&clock, 2);
    vault.slot((credential(4), "openai"));
    assert!(!is_open(&vault, expired) && is_open(&vault, fresh));
    assert!(is_remembered(&vault, expired), "its envelope is no secret");
    advance(&clock, 900);
    vault.slot((credential(5), "openai"));
    assert!(!is_remembered(&vault, expired) && is_remembered(&vault, fresh), "nor is it of use for ever");
    assert!(Arc::ptr_eq(&held, &vault.slot(in_use)), "who waits for it finds what is put there");
}
