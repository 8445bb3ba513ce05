//! What becomes of every field of the dialect on its way to every provider: `page` writes it down and finds what is lost without a word,
//! `fuzz` looks for requests that nobody thought of.

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod models;
#[cfg(test)]
mod outcome;
#[cfg(test)]
mod page;
#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "a literal in a table reads better without `&`")]
mod probes;
#[cfg(test)]
mod silence;
