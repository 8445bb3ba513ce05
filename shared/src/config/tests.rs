use super::*;

fn load(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&|name| vars.iter().rev().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
}

const GOOD: [(&str, &str); 4] = [
    ("DATABASE_URL", "postgresql://a@b/c"),
    ("SUPERGATE_KEY_PEPPER", "0123456789abcdef0123456789abcdef"),
    ("SUPERGATE_TOKEN_SECRET", "fedcba9876543210fedcba9876543210"),
    ("SUPERGATE_KMS_KEY_ID", "alias/k"),
];

#[test]
fn all_faults_are_told_at_once() {
    let error = load(&[
        ("SUPERGATE_KEY_PEPPER", "short"),
        ("UPSTREAM_TIMEOUT_S", "soon"),
        ("SUPERGATE_OPENAI_URL", "file:///etc/passwd"),
    ])
    .expect_err("five faults")
    .to_string();
    let named = [
        "DATABASE_URL",
        "SUPERGATE_KEY_PEPPER",
        "SUPERGATE_TOKEN_SECRET",
        "UPSTREAM_TIMEOUT_S",
        "SUPERGATE_OPENAI_URL",
    ];
    for name in named {
        assert!(error.contains(name), "{name} in {error}");
    }
}

#[test]
fn what_cannot_work_is_refused_at_start_and_not_at_each_request() {
    for (name, value) in [
        ("SUPERGATE_KEY_PEPPER_PREVIOUS", "short"),
        ("SUPERGATE_KEY_PEPPER_VERSION", "0"),
        ("SUPERGATE_TOKEN_SECRET", "short"),
        ("SUPERGATE_TOKEN_SECRET_PREVIOUS", "short"),
        ("SUPERGATE_TOKEN_SECRET_VERSION", "0"),
        ("SUPERGATE_OIDC_ISSUERS", "https://login.example.com"),
        ("SUPERGATE_OIDC_ISSUERS", r#"[{"issuer": "i", "audience": "a", "jwks_url": "http://h/k", "role": "member"}]"#),
        ("SUPERGATE_OPENAI_URL", "http://host#x"),
        ("SUPERGATE_OPENAI_URL", "http://user:password@host"),
        ("SUPERGATE_OPENAI_URL", "http://host?a=b"),
        ("UPSTREAM_TIMEOUT_S", "0"),
        ("DATABASE_CONNECT_TIMEOUT_S", "soon"),
    ] {
        let error = load(&[&GOOD[..], &[(name, value)]].concat()).expect_err(value).to_string();
        assert!(error.contains(name) && !error.contains("password"), "{error}");
    }
}

#[test]
fn an_empty_variable_is_an_absent_one() {
    let config = load(&[&GOOD[..], &[("SUPERGATE_OPENAI_URL", ""), ("SUPERGATE_KEY_PEPPER_PREVIOUS", " ")]].concat());
    let config = config.expect("good");
    assert_eq!(config.base_urls["openai"], "https://api.openai.com");
    assert!(config.credentials.peppers.of_version(0).is_none());
}

#[test]
fn no_secret_is_in_what_a_log_could_print() {
    let url = ("DATABASE_URL", "postgresql://a:canary@b/c");
    let printed = format!("{:?}", load(&[&GOOD[1..], &[url]].concat()).expect("good"));
    let secrets = ["canary", "0123456789abcdef", "fedcba9876543210"];
    assert!(secrets.iter().all(|secret| !printed.contains(secret)), "{printed}");
}

#[test]
fn the_auth_function_has_settings_of_its_own() {
    let load = |more: &[(&str, &str)]| {
        let vars = [&GOOD[..], &[("SUPERGATE_TABLE", "t")], more].concat();
        PeopleConfig::load(&|name| vars.iter().rev().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    };
    let config = load(&[]).expect("good");
    assert_eq!((config.registration, config.cookie_path.as_str()), (Registration::Invited, "/v1/auth"));
    for (value, registration) in [("", Registration::Invited), ("open", Registration::Open)] {
        let config = load(&[("SUPERGATE_REGISTRATION", value)]).expect("good");
        assert_eq!(config.registration, registration, "{value}");
    }
    for (name, value) in [
        ("SUPERGATE_TABLE", ""),
        ("SUPERGATE_REGISTRATION", "closed"),
        ("SUPERGATE_COOKIE_PATH", "/v1/auth; Domain=example.com"),
        ("SUPERGATE_COOKIE_PATH", "/"),
        ("SUPERGATE_ATTEMPTS_PER_ACCOUNT", "0"),
    ] {
        let error = load(&[(name, value)]).expect_err(value).to_string();
        assert!(error.contains(name), "{error}");
    }
}
