//! One client's connection: kept between requests, opened again where it broke, on the next
//! endpoint then. The future that drives it is polled by the client's own task, so that a request
//! wakes nobody else.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::endpoint::Endpoint;
use crate::options::{Credentials, Options};
use crate::response_body::{error_code, start_of};

/// Longer than any long poll, and than a cluster takes to find another leader.
const ANSWER_WITHIN: Duration = Duration::from_secs(40);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Ten messages of the largest size, with all their escapes.
const MOST_ANSWER_BYTES: usize = 16 << 20;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const DATE: HeaderName = HeaderName::from_static("x-amz-date");

/// An operation of SQS, as the `X-Amz-Target` header names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    CreateQueue,
    DeleteQueue,
    SendMessage,
    SendMessageBatch,
    ReceiveMessage,
    DeleteMessage,
    DeleteMessageBatch,
}

impl Action {
    fn target(self) -> &'static str {
        match self {
            Action::CreateQueue => "AmazonSQS.CreateQueue",
            Action::DeleteQueue => "AmazonSQS.DeleteQueue",
            Action::SendMessage => "AmazonSQS.SendMessage",
            Action::SendMessageBatch => "AmazonSQS.SendMessageBatch",
            Action::ReceiveMessage => "AmazonSQS.ReceiveMessage",
            Action::DeleteMessage => "AmazonSQS.DeleteMessage",
            Action::DeleteMessageBatch => "AmazonSQS.DeleteMessageBatch",
        }
    }
}

/// Why a request brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("{endpoint} cannot be reached ({source})")]
    Unreachable {
        endpoint: Endpoint,
        source: io::Error,
    },
    #[error("{endpoint} broke off ({source})")]
    BrokenOff {
        endpoint: Endpoint,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{endpoint} did not answer within {} s", ANSWER_WITHIN.as_secs())]
    TimedOut { endpoint: Endpoint },
    #[error("{endpoint} refused with {status}: {text}")]
    Refused {
        endpoint: Endpoint,
        status: StatusCode,
        code: String,
        text: String,
    },
}

impl CallError {
    /// What kind of error it is, for counting: SQS's code where there is one.
    pub(crate) fn kind(&self) -> &str {
        match self {
            CallError::Unreachable { .. } => "unreachable",
            CallError::BrokenOff { .. } => "broken off",
            CallError::TimedOut { .. } => "timed out",
            CallError::Refused { code, .. } => code,
        }
    }
}

/// A connection to one of the endpoints.
pub(crate) struct Connection {
    endpoints: Arc<[Endpoint]>,
    current: usize,
    headers: HeaderMap,
    open: Option<Open>,
}

struct Open {
    sender: SendRequest<Full<Bytes>>,
    driver: Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>,
}

impl Connection {
    /// A connection of this client, not opened yet.
    pub(crate) fn of_client(options: &Options, client: usize) -> Connection {
        Connection {
            endpoints: options.endpoints.clone().into(),
            current: client % options.endpoints.len().max(1),
            headers: headers(&options.credentials),
            open: None,
        }
    }

    /// Opens it where it is not open.
    pub(crate) async fn open(&mut self) -> Result<(), CallError> {
        if self
            .open
            .as_ref()
            .is_none_or(|open| open.sender.is_closed())
        {
            self.open = None;
            self.open = Some(connect(self.endpoint()).await?);
        }
        Ok(())
    }

    /// Asks, and returns the body of the answer. After an error the next request goes to the next
    /// endpoint.
    pub(crate) async fn call(&mut self, action: Action, body: Bytes) -> Result<Bytes, CallError> {
        let answer = match tokio::time::timeout(ANSWER_WITHIN, self.ask(action, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::TimedOut {
                endpoint: self.endpoint().clone(),
            }),
        };
        match &answer {
            Ok(_) => {}
            // The caller's fault: another endpoint would say the same.
            Err(CallError::Refused { status, .. }) if status.is_client_error() => {}
            Err(_) => {
                self.open = None;
                self.current = (self.current + 1) % self.endpoints.len();
            }
        }
        answer
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoints[self.current]
    }

    async fn ask(&mut self, action: Action, body: Bytes) -> Result<Bytes, CallError> {
        self.open().await?;
        let endpoint = &self.endpoints[self.current];
        let request = self.request(endpoint, action, body);
        let broken_off = |source| CallError::BrokenOff {
            endpoint: endpoint.clone(),
            source,
        };
        let Some(Open { sender, driver }) = &mut self.open else {
            // Just opened, so this is never reached.
            return Err(broken_off("the connection is closed".into()));
        };
        let mut exchange = pin!(async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MOST_ANSWER_BYTES);
            Ok((status, body.collect().await?.to_bytes()))
        });
        let exchanged = tokio::select! {
            biased;
            exchanged = &mut exchange => exchanged,
            // The server closes after its answer: what it sent is there to be read. Or it closed
            // before, and then the driver still holds a request that it will not send.
            _ = driver.as_mut() => {
                *driver = Box::pin(std::future::ready(Ok(())));
                exchange.await
            }
        };
        let (status, body) = exchanged.map_err(broken_off)?;
        if status.is_success() {
            return Ok(body);
        }
        let (code, text) = error_code(&body)
            .unwrap_or_else(|| (format!("HTTP {}", status.as_u16()), start_of(&body)));
        Err(CallError::Refused {
            endpoint: endpoint.clone(),
            status,
            code,
            text,
        })
    }

    fn request(&self, endpoint: &Endpoint, action: Action, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        // It was read from a URI.
        *request.uri_mut() = Uri::try_from(endpoint.path()).unwrap_or_default();
        *request.headers_mut() = self.headers.clone();
        let headers = request.headers_mut();
        if let Ok(host) = HeaderValue::from_str(endpoint.authority()) {
            headers.insert(HOST, host);
        }
        headers.insert(TARGET, HeaderValue::from_static(action.target()));
        request
    }
}

async fn connect(endpoint: &Endpoint) -> Result<Open, CallError> {
    let unreachable = |source| CallError::Unreachable {
        endpoint: endpoint.clone(),
        source,
    };
    let connecting = TcpStream::connect(endpoint.authority());
    let stream = tokio::time::timeout(CONNECT_WITHIN, connecting)
        .await
        .map_err(|_| unreachable(io::ErrorKind::TimedOut.into()))?
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(unreachable)?;
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (sender, driver) = handshake.map_err(|source| CallError::BrokenOff {
        endpoint: endpoint.clone(),
        source: source.into(),
    })?;
    Ok(Open {
        sender,
        driver: Box::pin(driver),
    })
}

/// What every request carries. The signature is none: nobody checks it.
fn headers(credentials: &Credentials) -> HeaderMap {
    let Credentials { access_key, region } = credentials;
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={access_key}/20260101/{region}/sqs/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={:064}",
        0
    );
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.0"),
    );
    headers.insert(DATE, HeaderValue::from_static("20260101T000000Z"));
    // Without one where the key has letters that no header takes; the server says what it thinks.
    if let Ok(authorization) = HeaderValue::from_str(&authorization) {
        headers.insert(AUTHORIZATION, authorization);
    }
    headers
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request on the next connection, which is returned.
    async fn answer_one(listener: &TcpListener) -> TcpStream {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The head and an empty body come at once.
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        stream.write_all(answer).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn a_silent_connection_that_the_server_has_closed_is_told_at_once_and_opened_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut connection = Connection {
            endpoints: Arc::new([format!("http://{address}").parse().unwrap()]),
            current: 0,
            headers: HeaderMap::new(),
            open: None,
        };
        let (first, stream) = tokio::join!(
            connection.call(Action::SendMessage, Bytes::new()),
            answer_one(&listener)
        );
        assert_eq!(first.unwrap(), "{}");
        drop(stream);
        // Whoever has heard of this connection has heard of the end of the other one.
        let (connected, _accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        connected.unwrap();
        let call = connection.call(Action::SendMessage, Bytes::new());
        let soon = tokio::time::timeout(ANSWER_WITHIN / 2, call).await;
        let told = soon.expect("no call waits for an answer that cannot come");
        assert!(matches!(told, Err(CallError::BrokenOff { .. })), "{told:?}");
        let (again, _stream) = tokio::join!(
            connection.call(Action::SendMessage, Bytes::new()),
            answer_one(&listener)
        );
        assert_eq!(again.unwrap(), "{}");
    }
}
