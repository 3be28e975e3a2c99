//! The least of SQS over HTTP that a load needs: sends, and questions about queues, to which
//! everything is said yes.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt::Write;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use md5::{Digest, Md5};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::commit::Commits;

#[derive(Deserialize)]
struct Send<'a> {
    #[serde(rename = "Id", borrow, default)]
    id: Cow<'a, str>,
    #[serde(rename = "MessageBody", borrow)]
    body: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(rename = "Entries", borrow)]
    entries: Vec<Send<'a>>,
}

pub(crate) async fn serve(listener: TcpListener, commits: Commits) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let commits = commits.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| respond(request, &commits));
            let connection = http1::Builder::new().pipeline_flush(true).to_owned();
            // It ends when the client goes.
            let _ = connection
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    commits: &Commits,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let answer = answer(request, commits).await;
    let status = match &answer {
        Some(_) => StatusCode::OK,
        None => StatusCode::BAD_REQUEST,
    };
    let mut response = Response::new(Full::new(answer.unwrap_or_default().into()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

async fn answer(request: Request<Incoming>, commits: &Commits) -> Option<String> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let target = head.headers.get("x-amz-target")?.as_bytes();
    let (records, answer) = match target {
        b"AmazonSQS.SendMessage" => {
            let send: Send<'_> = serde_json::from_slice(&body).ok()?;
            (record(&[&send]), format!("{{{}}}", sent(&send)))
        }
        b"AmazonSQS.SendMessageBatch" => {
            let batch: Batch<'_> = serde_json::from_slice(&body).ok()?;
            let mut answer = "{\"Successful\":[".to_owned();
            for (place, entry) in batch.entries.iter().enumerate() {
                let comma = if place == 0 { "" } else { "," };
                let sent = sent(entry);
                // Writing to a string cannot fail.
                let _ = write!(answer, "{comma}{{\"Id\":\"{}\",{sent}}}", entry.id);
            }
            answer.push_str("],\"Failed\":[]}");
            let entries: Vec<&Send<'_>> = batch.entries.iter().collect();
            (record(&entries), answer)
        }
        _ => return Some("{\"QueueUrl\":\"http://127.0.0.1/000000000000/yardstick\"}".to_owned()),
    };
    commits.commit(records).await?;
    Some(answer)
}

fn record(sends: &[&Send<'_>]) -> Vec<u8> {
    let mut record = Vec::with_capacity(sends.iter().map(|send| send.body.len() + 8).sum());
    for send in sends {
        record.extend((send.body.len() as u64).to_le_bytes());
        record.extend(send.body.as_bytes());
    }
    record
}

fn sent(send: &Send<'_>) -> String {
    let mut text = "\"MessageId\":\"00000000-0000-0000-0000-000000000000\",\
                    \"MD5OfMessageBody\":\""
        .to_owned();
    for byte in Md5::digest(send.body.as_bytes()) {
        let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
        text.extend(digits.into_iter().flatten());
    }
    text.push('"');
    text
}
