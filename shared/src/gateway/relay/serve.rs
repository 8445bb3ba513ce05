//! The relay as the body of a reply, which comes back from it when the body is done.

use super::{RESERVE, Relay};
use crate::gateway::{admission::Booking, after_response::AfterResponse, cached::Question};
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::{sync::oneshot, time::Instant};

/// Hands the relay back when the body is done with it, be it at its end or because the caller's connection is gone.
struct Guard {
    relay: Option<Box<Relay>>,
    back: Option<oneshot::Sender<Box<Relay>>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let (Some(relay), Some(back)) = (self.relay.take(), self.back.take()) {
            // Nobody waits only when the invocation is over.
            let _ = back.send(relay);
        }
    }
}

/// The stream for the caller. After the response the relay is read to its end, if it has not come to it, and leaves its row.
pub(in crate::gateway) fn serve(
    relay: Relay,
    booking: Booking,
    question: Question,
    after: &AfterResponse,
) -> impl Stream<Item = Bytes> + Send + use<> {
    let (back, returned) = oneshot::channel::<Box<Relay>>();
    let patience = relay.until.saturating_duration_since(Instant::now()) + RESERVE / 2;
    after.defer(async move {
        match tokio::time::timeout(patience, returned).await {
            Ok(Ok(mut relay)) => {
                // The caller left early: the provider goes on, and bills, to its end.
                while relay.next().await.is_some() {}
                booking.settle(vec![relay.attempt.event(relay.outcome())]).await;
                if let Some((answer, cost)) = relay.recorded() {
                    question.take(answer, cost).await;
                }
            }
            Ok(Err(_)) | Err(_) => {
                tracing::error!("a stream was not returned; the sweeper will find what was reserved for it");
            }
        }
    });
    let guard = Guard { relay: Some(Box::new(relay)), back: Some(back) };
    stream::unfold(guard, |mut guard| async move {
        let bytes = guard.relay.as_mut()?.next().await?;
        Some((bytes, guard))
    })
}
