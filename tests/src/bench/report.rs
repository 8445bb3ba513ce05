//! Figures beside their bounds, for people and (the last line) for programs.

use serde_json::{Map, Value, json};

#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

struct Row {
    key: String,
    what: String,
    figure: f64,
    unit: &'static str,
    bound: Option<f64>,
}

impl Report {
    /// One figure. `key` names it in the JSON line, `bound` is the most it should be.
    pub fn add(&mut self, key: &str, what: &str, figure: f64, unit: &'static str, bound: Option<f64>) {
        self.rows.push(Row { key: key.to_owned(), what: what.to_owned(), figure, unit, bound });
    }

    pub fn print(&self) {
        let width = self.rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
        println!("\n{:width$}  {:>11}  {:>11}", "what", "figure", "bound");
        for row in &self.rows {
            let figure = format!("{:.3} {}", row.figure, row.unit);
            let bound = row.bound.map_or(String::new(), |bound| format!("≤ {bound} {}", row.unit));
            println!("{}", format!("{:width$}  {figure:>11}  {bound:>11}  {}", row.what, row.verdict()).trim_end());
        }
        let figures: Map<String, Value> = self.rows.iter().map(|row| (row.key.clone(), json!(row.rounded()))).collect();
        println!("\n{}", Value::Object(figures));
    }
}

impl Row {
    fn verdict(&self) -> &'static str {
        match self.bound {
            Some(bound) if self.figure <= bound => "holds",
            Some(_) => "OVER",
            None => "",
        }
    }

    fn rounded(&self) -> f64 {
        (self.figure * 1e4).round() / 1e4
    }
}
