//! Rows that somebody changed, moved or copied: each is a miss, an alarm, and gone.

use super::{LONG, Stand, embedding, entry, store};
use supergate::cache::store::Tier;
use supergate_tests::logs::Logs;

#[tokio::test]
async fn a_row_that_was_changed_or_moved_is_a_miss_an_alarm_and_gone() {
    let stand = Stand::new().await;
    let [own, other] = stand.tenants.map(|tenant| *tenant.as_uuid());
    let flip = |column: &str, byte: usize| {
        format!(
            "update cache_entries set {column} = set_byte({column}, {byte}, get_byte({column}, {byte}) # 1) where tenant_id = '{own}'"
        )
    };
    let later = |column: &str| {
        format!("update cache_entries set {column} = {column} + interval '1 microsecond' where tenant_id = '{own}'")
    };
    let set = |what: &str| format!("update cache_entries set {what} where tenant_id = '{own}'");
    let of_prompt = "namespace = decode(repeat('01', 32), 'hex') and exact = decode(repeat('02', 32), 'hex')";
    let vector = |what: &str| format!("update cache_vectors set {what} where tenant_id = '{own}'");
    let (exact, canonical, similar) = (Tier::Exact, Tier::Canonical, Tier::Similar);
    #[rustfmt::skip]
    let table: Vec<(String, Tier, &str)> = vec![
        (flip("ciphertext", 0),                      exact,     "the first byte"),
        (flip("ciphertext", 30),                     exact,     "a byte of what is sealed"),
        (flip("nonce", 11),                          exact,     "the nonce"),
        (flip("canonical", 5),                       exact,     "its canonical text"),
        (set("exact = decode(repeat('09', 32), 'hex')"), canonical, "it is put to another prompt, and found by its canonical text"),
        (set("canonical = exact"),                   exact,     "it is put to another canonical text"),
        (set("id = gen_random_uuid()"),              exact,     "another id"),
        (set("model = 'another'"),                   exact,     "another model"),
        (set("provider = 'another'"),                exact,     "another provider"),
        (set("cost_nanos = 0"),                      exact,     "another cost"),
        (set("bytes = bytes - 1"),                   exact,     "another size"),
        (later("created_at"),                        exact,     "it is made younger"),
        (set("exact_until = exact_until + interval '1 day', expires_at = expires_at + interval '1 day'"), exact, "it is kept longer"),
        (later("canonical_until"),                   canonical, "the same"),
        (later("similar_until"),                     similar,   "the same"),
        (vector("embedding = '[0.9999,0.0141]'"),    similar,   "another vector"),
        (format!("update cache_entries set namespace = decode(repeat('07', 32), 'hex') where tenant_id = '{own}' and {of_prompt}"), similar, "its vector is found where it is not any more"),
        (format!("delete from cache_entries where tenant_id = '{own}';
                  update cache_entries set tenant_id = '{own}' where tenant_id = '{other}';
                  update cache_keys set tenant_id = '{own}' where tenant_id = '{other}'"), exact, "another tenant's row and key"),
        (format!("update cache_entries e set ciphertext = o.ciphertext, nonce = o.nonce from cache_entries o
                  where e.tenant_id = '{own}' and o.tenant_id = '{other}'"), exact, "another tenant's answer"),
        (format!("update cache_entries e set ciphertext = o.ciphertext, nonce = o.nonce from cache_entries o
                  where e.tenant_id = '{own}' and e.namespace < o.namespace and o.tenant_id = '{own}'"), exact, "another namespace's answer"),
        (format!("delete from cache_entries where tenant_id = '{own}' and {of_prompt};
                  update cache_entries set namespace = decode(repeat('01', 32), 'hex') where tenant_id = '{own}'"), exact, "another namespace's row"),
        ("update cache_keys set wrapped_key = set_byte(wrapped_key, 40, get_byte(wrapped_key, 40) # 1)".into(), exact, "another data key"),
    ];
    for (sql, tier, why) in table {
        stand.execute("delete from cache_vectors; delete from cache_entries; delete from cache_keys").await;
        // Each time a process that remembers nothing.
        let fresh = store(&stand.database, stand.witness.url(), &stand.clock, LONG).await;
        for address in [stand.at(0, 1, 2, 3), stand.at(0, 5, 2, 3), stand.at(1, 1, 2, 3)] {
            let vector = (address.namespace == [1; 32]).then_some(&[1.0, 0.0][..]);
            fresh.insert(entry(address, "Lisbon", vector)).await.expect("kept");
        }
        let reader = store(&stand.database, stand.witness.url(), &stand.clock, LONG).await;
        let look = async || {
            let defer = |work| stand.later.defer(work);
            let hit = match tier {
                Tier::Exact => reader.find(stand.at(0, 1, 2, 9), None, &defer).await.expect("a look-up").hit,
                Tier::Canonical => reader.find(stand.at(0, 1, 9, 3), None, &defer).await.expect("a look-up").hit,
                Tier::Similar => {
                    let vector = embedding(&[1.0, 0.0]);
                    let found = reader.find_similar(stand.at(0, 1, 8, 8), &vector, (0.9, 3), None, &defer).await;
                    found.expect("a look-up").pop()
                }
            };
            (hit.is_some(), stand.later.run().await)
        };
        if !why.contains("data key") {
            assert_eq!(look().await, (true, 0), "the control: {why}");
        }
        stand.execute(&sql).await;
        let logs = Logs::errors();
        let before = stand.count("cache_entries").await;
        assert_eq!(look().await, (false, 1), "{why}");
        assert_eq!(logs.alarms("cache_entry_poisoned").len(), 1, "{why}: {}", logs.text());
        assert!(!logs.text().contains("Lisbon"), "{why}");
        assert_eq!(stand.count("cache_entries").await, before - 1, "{why}");
        assert_eq!(look().await, (false, 0), "and it is gone: {why}");
    }
}
