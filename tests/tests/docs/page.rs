//! The page: all of it from here, nothing in it that the policy forbids, and nothing sent twice.

use http::{Method, Request, StatusCode};
use supergate_tests::{app::Answer, docs};

/// A reply of Lambda's may have so much.
const MOST: usize = 6 * 1024 * 1024;

async fn fetch(path: &str) -> Answer {
    docs::fetch(Method::GET, path).await
}

/// The values of an attribute in a page.
fn attributes<'a>(page: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    page.split(name).skip(1).filter_map(|rest| rest.strip_prefix("=\"")?.split('"').next())
}

#[tokio::test]
async fn the_page_loads_only_what_this_function_serves() {
    let page = fetch("/docs").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    for part in ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");

    let text = page.text();
    assert!(!text.contains("//") && !text.contains("<style"), "the page names no other place and has no style: {text}");
    assert_eq!(text.matches("<script").count(), text.matches("<script src=").count(), "no script stands in the page");
    let files: Vec<&str> = attributes(&text, "src").chain(attributes(&text, "href")).collect();
    #[rustfmt::skip]
    let types = [
        ("docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("docs/start.js",             "text/javascript; charset=utf-8"),
        ("docs/swagger-ui.css",       "text/css; charset=utf-8"),
        ("openapi.json",              "application/json"),
    ];
    for file in files.iter().filter(|file| **file != "data:,") {
        let (_, content_type) = types.iter().find(|row| row.0 == *file).unwrap_or_else(|| panic!("{file} is new"));
        let answer = fetch(&format!("/{file}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, *content_type), "{file}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{file}");
        assert!((1..MOST).contains(&answer.text().len()), "{file}");
    }
    assert_eq!(files.len(), types.len() + 1, "{files:?}");

    let start = fetch("/docs/start.js").await.text();
    assert!(start.contains("url: \"openapi.json\"") && start.contains("validatorUrl: null"), "{start}");
    let style = fetch("/docs/swagger-ui.css").await.text();
    assert!(
        style.split("url(").skip(1).all(|rest| rest.trim_start_matches('"').starts_with("data:")),
        "a style loads something"
    );
}

#[tokio::test]
async fn what_the_caller_has_is_not_sent_again() {
    for path in ["/openapi.json", "/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"] {
        let first = fetch(path).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.len() > 4 && tag.starts_with('"') && tag.ends_with('"'), "{path}: {tag}");
        assert!(!first.header("cache-control").is_empty(), "{path}");
        let head = docs::fetch(Method::HEAD, path).await;
        assert_eq!(
            (head.status, head.text().as_str(), head.header("etag")),
            (StatusCode::OK, "", tag.as_str()),
            "{path}"
        );
        #[rustfmt::skip]
        let table = [
            (tag.clone(),             StatusCode::NOT_MODIFIED, "its own tag"),
            (format!("W/{tag}"),      StatusCode::NOT_MODIFIED, "a proxy that compresses makes it weak"),
            (format!("\"a\", {tag}"), StatusCode::NOT_MODIFIED, "one of several"),
            ("*".to_owned(),          StatusCode::NOT_MODIFIED, "any"),
            ("\"a\"".to_owned(),      StatusCode::OK,           "another's"),
        ];
        for (known, status, why) in table {
            let request = Request::get(path).header("if-none-match", &known).body(lambda_http::Body::Empty);
            let answer = docs::send(request.expect("a request")).await;
            assert_eq!(answer.status, status, "{path} with {known}: {why}");
            assert_eq!(answer.text().is_empty(), status == StatusCode::NOT_MODIFIED, "{path} with {known}: {why}");
            assert_eq!(answer.header("etag"), tag, "{path} with {known}: {why}");
        }
    }
}

#[tokio::test]
async fn what_is_none_of_the_pages_files_is_a_404() {
    #[rustfmt::skip]
    let table = [
        ("/docs/index.html",               "the page of the crate has a script in it"),
        ("/docs/swagger-initializer.js",   "the same"),
        ("/docs/oauth2-redirect.html",     "nobody signs in there"),
        ("/docs/../Cargo.toml",            "no path leads out"),
        ("/docs/%2e%2e/Cargo.toml",        "nor does an encoded one"),
        ("/docs/start.js/",                "a file is no folder"),
        ("/docs/swagger-ui.css.map",       "nobody asks for it"),
        ("/openapi.json/",                 "a file is no folder"),
        ("/openapi.yaml",                  "there is one form"),
        ("/",                              "nothing of this function's"),
    ];
    for (path, why) in table {
        let answer = fetch(path).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (404, "not_found"), "{path}: {why}");
    }
    let answer = fetch("/docs/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (308, "../docs"),
        "below a stage it must stay there"
    );
}
