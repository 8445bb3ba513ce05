//! The ledger as a file.

use futures_util::StreamExt;
use http::Request;
use supergate_tests::app::App;

/// The cells of a line that quotes nothing but tags and what a spreadsheet would run.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match (c, quoted) {
            ('"', _) => quoted = !quoted,
            (',', false) => cells.push(String::new()),
            _ => cells.last_mut().expect("a cell").push(c),
        }
    }
    cells
}

fn column(file: &str, name: &str) -> Vec<String> {
    let mut lines = file.lines();
    let place = lines.next().expect("titles").split(',').position(|title| title == name).expect(name);
    lines.map(|line| cells(line)[place].clone()).collect()
}

fn nanos(dollars: &str) -> i64 {
    let (whole, rest) = dollars.split_once('.').expect("nine decimals");
    assert_eq!(rest.len(), 9, "{dollars}");
    format!("{whole}{rest}").parse().expect("a number")
}

#[tokio::test]
async fn a_file_has_every_row_and_its_money_to_the_nano_dollar_in_both_forms() {
    let app = App::start().await;
    app.make_usage(5000, 20.0, "now()", "file").await;
    app.roll_up(2000, 1).await;
    let expected = app.plain_sums("2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "").await;
    for (format, cost) in [("csv", "cost_usd"), ("focus", "BilledCost")] {
        let answer = app.get(&format!("/v1/usage/export?format={format}")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
        assert!(answer.header("content-disposition").starts_with("attachment; filename=\"usage-"));
        assert!(answer.pieces.len() > 2, "it comes in pieces, not as a whole");
        let file = answer.text();
        assert_eq!(file.lines().count() as i64 - 1, expected["attempts"].as_i64().expect("a count"), "{format}");
        let sum: i64 = column(&file, cost).iter().map(|cell| nanos(cell)).sum();
        assert_eq!(sum, expected["cost_nanos"].as_i64().expect("a sum"), "{format}");
        let users = column(&file, if format == "csv" { "end_user" } else { "x_EndUser" });
        assert!(
            users.iter().any(|user| user == "'=1+1") && !users.iter().any(|user| user.starts_with('=')),
            "{format}"
        );
    }
}

#[tokio::test]
async fn a_page_of_a_file_is_read_when_the_one_before_was_taken_and_a_file_that_breaks_off_says_so() {
    let app = App::start().await;
    app.make_usage(9000, 20.0, "now()", "broken").await;
    let request = || {
        let request = Request::get("/v1/usage/export").header("authorization", format!("Bearer {}", app.api_key));
        request.body(lambda_http::Body::Empty).expect("a request")
    };
    let (response, _) = app.begin(request()).await;
    let mut body = response.into_body();
    let first = body.next().await.expect("a first piece");
    assert!(first.len() < 1 << 20, "{} bytes: a page and no more", first.len());
    app.database.go_away().await;
    let rest: Vec<_> = body.collect().await;
    app.database.come_back().await;
    let rest = String::from_utf8(rest.concat()).expect("text");
    assert!(rest.starts_with("\"THIS FILE IS INCOMPLETE") && rest.lines().count() == 1, "{rest}");
    let (response, _) = app.begin(request()).await;
    let whole = response.into_body().collect::<Vec<_>>().await.concat();
    assert!(!String::from_utf8(whole).expect("text").contains("INCOMPLETE"), "the control");
}
