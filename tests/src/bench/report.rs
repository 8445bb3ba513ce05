//! Figures beside their bounds, for people and (the last line) for programs.

use serde_json::{Value, json};

/// How much dearer than its floor a translation should be at most.
const MOST_OF_A_FLOOR: f64 = 3.0;

#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    pairs: Vec<Pair>,
}

struct Row {
    key: String,
    what: String,
    figure: f64,
    unit: &'static str,
    bound: Option<f64>,
}

/// What one run of something takes.
pub struct Cost {
    pub cpu_us: f64,
    pub allocations: f64,
    pub bytes: f64,
}

struct Pair {
    key: String,
    what: String,
    cost: Cost,
    floor: Cost,
}

impl Report {
    /// One figure. `key` names it in the JSON line, `bound` is the most it should be.
    pub fn add(&mut self, key: &str, what: &str, figure: f64, unit: &'static str, bound: Option<f64>) {
        self.rows.push(Row { key: key.to_owned(), what: what.to_owned(), figure, unit, bound });
    }

    /// Something beside the least that it could take.
    pub fn compare(&mut self, key: &str, what: &str, cost: Cost, floor: Cost) {
        self.pairs.push(Pair { key: key.to_owned(), what: what.to_owned(), cost, floor });
    }

    pub fn print(&self) {
        self.print_rows();
        self.print_pairs();
        let rows = self.rows.iter().map(|row| (row.key.clone(), json!(rounded(row.figure))));
        let pairs = self.pairs.iter().map(|pair| (pair.key.clone(), pair.as_json()));
        println!("\n{}", Value::Object(rows.chain(pairs).collect()));
    }

    fn print_rows(&self) {
        if self.rows.is_empty() {
            return;
        }
        let width = self.rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
        println!("\n{:width$}  {:>11}  {:>11}", "what", "figure", "bound");
        for row in &self.rows {
            let figure = format!("{:.3} {}", row.figure, row.unit);
            let bound = row.bound.map_or(String::new(), |bound| format!("≤ {bound} {}", row.unit));
            println!("{}", format!("{:width$}  {figure:>11}  {bound:>11}  {}", row.what, row.verdict()).trim_end());
        }
    }

    fn print_pairs(&self) {
        if self.pairs.is_empty() {
            return;
        }
        let width = self.pairs.iter().map(|pair| pair.what.chars().count()).max().unwrap_or(0);
        println!(
            "\neach beside its floor, serde_json reading and writing the same bytes; at most {MOST_OF_A_FLOOR} times as dear"
        );
        println!("{:width$}  {:^24}  {:^24}  {:^24}", "what", "CPU µs", "allocations", "kB allocated");
        for pair in &self.pairs {
            let cells: Vec<_> = pair.figures().into_iter().map(|(_, figure, floor)| cell(figure, floor)).collect();
            println!("{:width$}  {}  {}", pair.what, cells.join("  "), pair.verdict());
        }
    }
}

/// A figure, its floor and how many times that it is.
fn cell(figure: f64, floor: f64) -> String {
    let digits = usize::from(figure < 1000.0);
    format!("{figure:>8.digits$} {floor:>8.digits$} {:>5.2}×", figure / floor)
}

impl Pair {
    /// By name: the figure and its floor.
    fn figures(&self) -> [(&'static str, f64, f64); 3] {
        let (cost, floor) = (&self.cost, &self.floor);
        [
            ("cpu_us", cost.cpu_us, floor.cpu_us),
            ("allocations", cost.allocations, floor.allocations),
            ("kb", cost.bytes / 1e3, floor.bytes / 1e3),
        ]
    }

    fn verdict(&self) -> &'static str {
        let holds = self.figures().into_iter().all(|(_, figure, floor)| figure <= MOST_OF_A_FLOOR * floor);
        if holds { "holds" } else { "OVER" }
    }

    fn as_json(&self) -> Value {
        let figures = self.figures().into_iter().flat_map(|(name, figure, floor)| {
            [(name.to_owned(), json!(rounded(figure))), (format!("floor_{name}"), json!(rounded(floor)))]
        });
        Value::Object(figures.collect())
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
}

fn rounded(figure: f64) -> f64 {
    (figure * 1e4).round() / 1e4
}
