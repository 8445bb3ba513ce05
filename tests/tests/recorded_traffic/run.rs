//! Every recorded exchange once through the gateway, for all tests that look at what came back.

use futures_util::{StreamExt as _, stream};
use supergate_tests::app::Answer;
use tokio::sync::OnceCell;

use super::{
    asked,
    ledger::Ledger,
    replay::Replay,
    rows::{EMBEDDINGS, ERRORS, FOLDER, Folder, ROWS, Row},
    said::{self, Kind},
    vectors,
};

/// Requests that are under way at a time.
pub const PARALLEL: usize = 8;

/// What came back.
pub struct Run {
    pub chats: Vec<Exchange>,
    pub embeddings: Vec<(&'static Row, Answer)>,
    /// What the gateway cannot be asked for, and why.
    pub left_out: Vec<(&'static Row, &'static str)>,
    pub ledger: Ledger,
}

/// A row and our answer.
pub struct Exchange {
    pub row: &'static Row,
    pub kind: Kind,
    pub answer: Answer,
}

impl Run {
    /// None where there are no recordings.
    pub async fn once() -> Option<&'static Self> {
        static RUN: OnceCell<Run> = OnceCell::const_new();
        let folder = FOLDER.as_ref()?;
        Some(RUN.get_or_init(|| Self::of(folder)).await)
    }

    async fn of(folder: &Folder) -> Self {
        let replay = Replay::start(folder).await;
        let app = replay.app().await;
        let (mut left_out, mut chats, mut vectors) = (Vec::new(), Vec::new(), Vec::new());
        for row in &*ROWS {
            match said::read(row) {
                Kind::More(reason) => left_out.push((row, reason)),
                kind => chats.push((row, kind)),
            }
        }
        chats.extend(ERRORS.iter().map(|row| (row, Kind::Refused)));
        for row in &*EMBEDDINGS {
            match row.is_of_our_call() {
                true => vectors.push(row),
                false => left_out.push((row, "vectors by a call that the gateway does not make")),
            }
        }
        let ask = |(row, kind)| {
            let app = &app;
            async move {
                let answer = asked::ask(app, row, &kind, "").await;
                Exchange { row, kind, answer }
            }
        };
        let chats: Vec<Exchange> = stream::iter(chats).map(ask).buffered(PARALLEL).collect().await;
        let ask = |row| {
            let app = &app;
            async move { (row, vectors::ask(app, row).await) }
        };
        let embeddings: Vec<_> = stream::iter(vectors).map(ask).buffered(PARALLEL).collect().await;

        let ledger = Ledger::read(&app).await;
        let answers = chats.iter().map(|it| &it.answer).chain(embeddings.iter().map(|(_, answer)| answer));
        assert_eq!(ledger.rows, answers.filter(|answer| !ledger.row(answer).is_null()).count(), "no row too many");
        Self { chats, embeddings, left_out, ledger }
    }
}
