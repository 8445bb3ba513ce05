//! HTTP requests as API Gateway hands them to a function. Shapes:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;

const HOST: &str = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";
const SOURCE_IP: &str = "192.0.2.1";
const STAGE: &str = "prod";

/// Which kind of API sends the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A REST API: what is deployed.
    V1,
    /// An HTTP API: what `cargo lambda watch` sends.
    V2,
}

/// The event for a request. `path` may have a query. A body that is not text of a textual type is sent in base64, as API Gateway does,
/// and what API Gateway adds (host, x-forwarded-…) is added.
pub fn http_event(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
    version: Version,
) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let headers = with_edge_headers(headers);
    let (body, is_base64) = encode(body.as_ref(), &headers);
    let request = Request { method, path, query, headers, body, is_base64, id: Uuid::now_v7().to_string() };
    match version {
        Version::V1 => request.v1(),
        Version::V2 => request.v2(),
    }
}

struct Request<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: Vec<(String, String)>,
    body: Value,
    is_base64: bool,
    id: String,
}

impl Request<'_> {
    fn v1(self) -> Value {
        let now = OffsetDateTime::now_utc();
        let query = grouped(query_pairs(self.query));
        let headers = grouped(self.headers.iter().cloned());
        json!({
            "resource": "/{proxy+}",
            "path": self.path,
            "httpMethod": self.method,
            "headers": last_values(&headers),
            "multiValueHeaders": headers,
            "queryStringParameters": none_if_empty(last_values(&query)),
            "multiValueQueryStringParameters": none_if_empty(json!(query)),
            "pathParameters": {"proxy": self.path.trim_start_matches('/')},
            "stageVariables": null,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "a1b2c3d4e5",
                "domainName": HOST,
                "domainPrefix": "a1b2c3d4e5",
                "extendedRequestId": "JKJaXmPLvHcESHA=",
                "httpMethod": self.method,
                "identity": {
                    "accessKey": null, "accountId": null, "caller": null, "cognitoAuthenticationProvider": null,
                    "cognitoAuthenticationType": null, "cognitoIdentityId": null, "cognitoIdentityPoolId": null,
                    "principalOrgId": null, "sourceIp": SOURCE_IP, "user": null, "userAgent": "tests", "userArn": null,
                },
                "path": format!("/{STAGE}{}", self.path),
                "protocol": "HTTP/1.1",
                "requestId": self.id,
                "requestTime": common_log_time(now),
                "requestTimeEpoch": epoch_ms(now),
                "resourceId": "123abc",
                "resourcePath": "/{proxy+}",
                "stage": STAGE,
            },
            "body": self.body,
            "isBase64Encoded": self.is_base64,
        })
    }

    fn v2(self) -> Value {
        let now = OffsetDateTime::now_utc();
        let lower = self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let (cookies, headers): (Vec<_>, Vec<_>) = lower.partition(|(name, _)| name == "cookie");
        let cookies: Vec<String> = cookies.iter().flat_map(|(_, all)| all.split("; ")).map(ToOwned::to_owned).collect();
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.path,
            "rawQueryString": self.query,
            "headers": joined(grouped(headers)),
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "a1b2c3d4e5",
                "domainName": HOST,
                "domainPrefix": "a1b2c3d4e5",
                "http": {
                    "method": self.method,
                    "path": self.path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": SOURCE_IP,
                    "userAgent": "tests",
                },
                "requestId": self.id,
                "routeKey": "$default",
                "stage": "$default",
                "time": common_log_time(now),
                "timeEpoch": epoch_ms(now),
            },
            "isBase64Encoded": self.is_base64,
        });
        // An HTTP API leaves out what is empty where a REST API writes null.
        let query = joined(grouped(query_pairs(self.query)));
        let absent = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
        let optional = [("body", self.body), ("queryStringParameters", query)];
        for (name, value) in optional.into_iter().filter(|(_, value)| !absent(value)) {
            event[name] = value;
        }
        if !cookies.is_empty() {
            event["cookies"] = json!(cookies);
        }
        event
    }
}

fn with_edge_headers(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    let edge = [
        ("Host", HOST),
        ("User-Agent", "tests"),
        ("X-Amzn-Trace-Id", "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e"),
        ("X-Forwarded-For", SOURCE_IP),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    ];
    let given = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    let missing = edge.iter().filter(|(name, _)| !given(name));
    headers.iter().chain(missing).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The body and whether it is in base64: only text of a textual type passes as it is.
fn encode(body: &[u8], headers: &[(String, String)]) -> (Value, bool) {
    if body.is_empty() {
        return (Value::Null, false);
    }
    let content_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let textual = content_type.is_none_or(|(_, value)| {
        ["text/", "application/json", "application/xml", "application/javascript"].iter().any(|t| value.starts_with(t))
    });
    match std::str::from_utf8(body) {
        Ok(text) if textual => (json!(text), false),
        _ => (json!(lambda_http::Body::Binary(body.to_vec())), true),
    }
}

fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn grouped(pairs: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut groups = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in pairs {
        groups.entry(name).or_default().push(value);
    }
    groups
}

fn last_values(groups: &BTreeMap<String, Vec<String>>) -> Value {
    groups.iter().map(|(name, values)| (name.clone(), json!(values.last()))).collect::<Map<_, _>>().into()
}

fn joined(groups: BTreeMap<String, Vec<String>>) -> Value {
    groups.into_iter().map(|(name, values)| (name, json!(values.join(",")))).collect::<Map<_, _>>().into()
}

fn none_if_empty(value: Value) -> Value {
    if value.as_object().is_some_and(Map::is_empty) { Value::Null } else { value }
}

fn common_log_time(at: OffsetDateTime) -> String {
    let format = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    at.format(&format).expect("a time that can be written")
}

fn epoch_ms(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).expect("a time of this era")
}
