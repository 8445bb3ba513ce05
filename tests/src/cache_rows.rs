//! Rows of a cache that say nothing: for what administers them, which does not read what they say.

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

/// Stores an entry of a tenant, with a vector if it may answer similar prompts, and gives its id as callers write it. `changes` are columns.
///
/// # Panics
/// When the database refuses it.
pub async fn plant(superuser: &Client, tenant: Uuid, changes: &Value) -> String {
    let (id, hash) = (Uuid::now_v7(), format!("\\x{}", Uuid::now_v7().simple().to_string().repeat(2)));
    let mut row = json!({
        "tenant_id": tenant, "id": id, "key_id": tenant, "namespace": hash, "exact": hash, "canonical": hash, "provider": "openai",
        "model": "gpt-4o-mini", "created_at": "2026-01-01T00:00:00Z", "exact_until": "2100-01-01T00:00:00Z",
        "canonical_until": "2100-01-01T00:00:00Z", "similar_until": "2100-01-01T00:00:00Z", "expires_at": "2100-01-01T00:00:00Z",
        "nonce": "\\x000000000000000000000000", "ciphertext": hash, "bytes": 1000, "cost_nanos": 250_000, "hits": 3,
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        row[name.as_str()] = value.clone();
    }
    let columns = row.as_object().expect("a row").keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "insert into cache_keys (tenant_id, id, wrapped_key, kms_key_id) values ('{tenant}', '{tenant}', '\\x00', 'k') on conflict do nothing;
         insert into cache_entries ({columns}) select {columns} from jsonb_populate_record(null::cache_entries, '{row}');
         insert into cache_vectors (tenant_id, entry_id, namespace, until, embedding)
         select tenant_id, id, namespace, similar_until, '[1,0]' from cache_entries
         where tenant_id = '{tenant}' and id = '{id}' and similar_until is not null"
    );
    superuser.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{error:?}"));
    format!("che_{}", id.simple())
}
