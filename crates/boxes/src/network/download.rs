//! Bodies on their way: streamed, never held, and ended when nothing moves.

use super::clock::Activity;
use super::redact::Redactor;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// What goes back into the box.
pub(super) type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// Something that runs beside.
pub(super) type Beside = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A short answer of our own.
pub(super) fn whole(text: String) -> Answer {
    Response::new(Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync())
}

/// A request's body. Trailers are left out: nobody looked at them.
pub(super) struct Upload {
    pub body: Incoming,
    pub activity: Arc<Activity>,
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        loop {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            self.activity.note();
            match frame {
                Some(Ok(frame)) if !frame.is_data() => {}
                frame => return Poll::Ready(frame),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response's body, with the connection it comes over: when this is dropped, so is
/// that.
pub(super) struct Download {
    pub body: Incoming,
    pub connection: Option<Beside>,
    pub ceased: Beside,
    pub activity: Arc<Activity>,
    pub redactor: Option<Redactor>,
}

impl Body for Download {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(connection) = &mut self.connection
                && connection.as_mut().poll(cx).is_ready()
            {
                self.connection = None;
            }
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.activity.note();
                    let Ok(data) = frame.into_data() else { continue };
                    let data = match &mut self.redactor {
                        Some(redactor) => redactor.push(&data),
                        None => data,
                    };
                    if !data.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(io::Error::other(error))));
                }
                Poll::Ready(None) => {
                    let rest = self.redactor.take().map(|mut redactor| redactor.finish());
                    let rest = rest.filter(|rest| !rest.is_empty());
                    return Poll::Ready(rest.map(|rest| Ok(Frame::data(rest))));
                }
                Poll::Pending => {
                    ready!(self.ceased.as_mut().poll(cx));
                    return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.redactor.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.redactor {
            Some(_) => SizeHint::default(),
            None => self.body.size_hint(),
        }
    }
}
