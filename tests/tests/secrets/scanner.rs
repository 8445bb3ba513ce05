//! Finds secrets in texts.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;
use std::collections::BTreeMap;
use supergate_tests::kms::kms;
use tokio_postgres::Client;
use uuid::Uuid;

/// Known secrets, and the forms in which they would be noticed.
#[derive(Default, Clone)]
pub struct Scanner {
    secrets: BTreeMap<String, Vec<u8>>,
}

/// Shorter ones are found in innocent texts.
const LEAST_BYTES: usize = 16;

/// The forms of a secret: in clear, in JSON, in hexadecimal, in base 64 at each of the three places that it can begin, as a list of bytes.
pub fn forms(secret: &[u8]) -> Vec<(&'static str, String)> {
    let hex = |upper: bool| -> String {
        secret.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect()
    };
    let list = |between: &str| secret.iter().map(u8::to_string).collect::<Vec<_>>().join(between);
    let mut forms = vec![
        ("hexadecimal", hex(false)),
        ("HEXADECIMAL", hex(true)),
        ("a list of bytes", list(", ")),
        ("a JSON list of bytes", list(",")),
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        let quoted = json!(text).to_string();
        forms.push(("clear", text.to_owned()));
        forms.push(("JSON", quoted[1..quoted.len() - 1].to_owned()));
        forms.push((
            "an address",
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string(),
        ));
    }
    for (name, encode) in [
        ("base 64", (|bytes: &[u8]| STANDARD.encode(bytes)) as fn(&[u8]) -> String),
        ("base 64 for addresses", |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes)),
    ] {
        for before in 0..3 {
            let text = encode(&[vec![0; before], secret.to_vec()].concat());
            // Characters that have bits of a neighbour's in them are left out.
            let (first, end) = ((before * 8).div_ceil(6), (before + secret.len()) * 8 / 6);
            forms.push((name, text[first..end].to_owned()));
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

impl Scanner {
    /// A secret.
    pub fn add(&mut self, name: &str, secret: impl AsRef<[u8]>) {
        let secret = secret.as_ref();
        assert!(secret.len() >= LEAST_BYTES, "{name} is too short to be told from other things");
        self.secrets.insert(name.to_owned(), secret.to_vec());
    }

    /// A key or a token: its secret part alone is a secret too.
    pub fn add_token(&mut self, name: &str, token: &str) {
        let secret = token.split('_').max_by_key(|part| part.len()).unwrap_or_default();
        self.add(name, secret);
    }

    /// The data key of every stored credential, which KMS gives to nobody but the test.
    pub async fn add_data_keys(&mut self, superuser: &Client) {
        let rows =
            superuser.query("select tenant_id, id, wrapped_key from provider_credentials", &[]).await.expect("rows");
        assert!(!rows.is_empty(), "there are credentials");
        for row in rows {
            let (tenant, id, wrapped): (Uuid, Uuid, Vec<u8>) = (row.get(0), row.get(1), row.get(2));
            let context = json!({"tenant": format!("ten_{}", tenant.simple()), "purpose": "provider-key"});
            let ask = json!({"CiphertextBlob": STANDARD.encode(wrapped), "EncryptionContext": context});
            let answer = kms("Decrypt", &ask).await;
            let key = STANDARD.decode(answer["Plaintext"].as_str().expect("a key")).expect("base 64");
            self.add(&format!("the data key of {id}"), key);
        }
    }

    /// What a secret is known as.
    pub fn name_of(&self, secret: &str) -> Option<String> {
        self.secrets.iter().find(|(_, known)| *known == secret.as_bytes()).map(|(name, _)| name.clone())
    }

    /// All of them.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &Vec<u8>)> {
        self.secrets.iter().map(|(name, secret)| (name.as_str(), secret))
    }

    /// How many texts are looked for.
    pub fn forms(&self) -> usize {
        self.secrets.values().map(|secret| forms(secret).len()).sum()
    }

    /// The same without some of them.
    pub fn without(&self, names: &[String]) -> Self {
        let mut scanner = self.clone();
        scanner.secrets.retain(|name, _| !names.contains(name));
        scanner
    }

    /// One of them alone.
    pub fn only(&self, one: &str) -> Self {
        let mut scanner = self.clone();
        scanner.secrets.retain(|name, _| name == one);
        scanner
    }

    /// Which secrets a text has, in which form, and the line around each.
    pub fn find(&self, text: &str) -> Vec<String> {
        // Base 64 comes in lines too.
        let joined = text.replace("\\n", "").replace('\n', "");
        let mut found = Vec::new();
        for (name, secret) in &self.secrets {
            for (form, pattern) in forms(secret) {
                if text.contains(&pattern) || joined.contains(&pattern) {
                    let line = text.lines().find(|line| line.contains(&pattern)).unwrap_or("(over several lines)");
                    found.push(format!("{name} in {form}: {}", line.chars().take(600).collect::<String>()));
                }
            }
        }
        found
    }
}
