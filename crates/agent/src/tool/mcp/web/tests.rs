//! Streams of events that do not end.

use super::*;
use futures_util::stream;

async fn passed(piece: &'static [u8], count: usize) -> (usize, bool) {
    let pieces =
        stream::iter((0..count).map(move |_| Ok::<_, io::Error>(Bytes::from_static(piece))));
    let passed: Vec<_> = bounded(pieces).collect().await;
    let failed = passed.iter().filter(|piece| piece.is_err()).count();
    (passed.len() - failed, failed > 0)
}

#[tokio::test]
async fn an_event_is_bounded_and_a_stream_is_not() {
    static LINE: [u8; 1 << 16] = [b'x'; 1 << 16];
    let fit = ANSWER_MAX_BYTES / LINE.len();
    assert_eq!(passed(&LINE, fit).await, (fit, false));
    assert_eq!(passed(&LINE, fit + 10).await, (fit, true));
    assert_eq!(passed(b"data: x\r\n\r\n", 100_000).await, (100_000, false));
}
