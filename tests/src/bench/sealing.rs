//! A provider's key, sealed and opened: the cryptography alone, and storing one through its function.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::json;
use supergate::{
    crypto::envelope::{DataKey, Envelope, Label, NONCE_BYTES, VERSION},
    tenancy::{CredentialId, TenantId},
};
use supergate_tests::{
    app::provider_key,
    lambda::{Function, Stack, Version, http_event},
};

use crate::measure::{DEADLINE, count, cpu_per_call, median};
use crate::report::Report;

const ROUNDS: usize = 2_000;
const BATCHES: usize = 9;

/// What AES-GCM costs, without KMS and without the database.
pub fn cryptography(report: &mut Report) {
    let at = Duration::from_secs(1);
    let label = Label { tenant: TenantId::generate(at), provider: "openai", credential: CredentialId::generate(at) };
    let key = DataKey::new(vec![7; 32]).expect("32 bytes");
    let (nonce, secret) = ([3; NONCE_BYTES], provider_key("openai").repeat(4));
    let seal = || key.seal(&label, nonce, &secret).expect("a short secret");
    let envelope =
        Envelope { version: VERSION, wrapped_key: vec![1], kms_key_id: String::new(), nonce, ciphertext: seal() };
    let sealing = per_round(|| drop(black_box(seal())));
    let opening = per_round(|| drop(black_box(key.open(&label, &envelope).expect("its own"))));
    report.add("seal_us", "sealing a provider's key, without KMS", sealing, "µs", None);
    report.add("open_us", "opening one, without KMS", opening, "µs", None);
}

/// What the function spends on replacing one: key check, data key from KMS, sealing, three statements.
pub async fn storing(stack: &Stack, function: &Function, report: &mut Report) {
    let authorization = format!("Bearer {}", stack.api_key());
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let body = json!({"api_key": provider_key("cohere")}).to_string();
    let event = http_event("PUT", "/v1/tenant/keys/cohere", &headers, body, Version::V2);
    // The first one replaces nothing, and is a 201.
    function.invoke(event.clone(), DEADLINE).await;
    let cpu = cpu_per_call(function, &event, 1, 200).await.as_secs_f64() * 1e3;
    report.add("store_key_cpu_ms", "CPU per provider key that is replaced, KMS and Postgres asked", cpu, "ms", None);
}

/// In microseconds.
fn per_round(mut work: impl FnMut()) -> f64 {
    let batch = |work: &mut dyn FnMut()| {
        let begun = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        begun.elapsed() / count(ROUNDS)
    };
    median((0..BATCHES).map(|_| batch(&mut work)).collect()).as_secs_f64() * 1e6
}
