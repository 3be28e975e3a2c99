//! A node's API without an SDK between, for requests that no SDK would send.

use std::net::SocketAddr;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cluster::TestCluster;

/// The content type of AWS JSON.
pub const JSON: &str = "application/x-amz-json-1.0";
/// The content type of the query protocol.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A node's API.
#[derive(Debug)]
pub struct Api {
    http: reqwest::Client,
    /// Where it is.
    pub address: SocketAddr,
}

impl Api {
    /// That of this node, counted from 1.
    pub fn of(cluster: &TestCluster, id: u64) -> Api {
        Api {
            http: reqwest::Client::new(),
            address: cluster.api(id),
        }
    }

    /// The beginning of a request.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.http.request(method, url)
    }

    /// A call in AWS JSON, with a body that need not be JSON.
    pub async fn json(&self, operation: &str, body: impl Into<reqwest::Body>) -> Answer {
        let call = self.request(Method::POST, "/").header(CONTENT_TYPE, JSON);
        let call = call.header("X-Amz-Target", format!("AmazonSQS.{operation}"));
        answer(call.body(body)).await
    }

    /// A call in the query protocol with GET.
    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    /// A call in the query protocol as a form.
    pub async fn form(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let call = self.request(Method::POST, path).header(CONTENT_TYPE, FORM);
        answer(call.body(body)).await
    }

    /// Sends these bytes on a connection of their own, and returns all that comes back.
    pub async fn exchange(&self, request: &[u8]) -> String {
        let mut connection = self.connect_and_send(request).await;
        read_to_end(&mut connection).await
    }

    /// Sends these bytes, says that nothing follows, and returns all that comes back.
    pub async fn break_off(&self, request: &[u8]) -> String {
        let mut connection = self.connect_and_send(request).await;
        connection.shutdown().await.expect("said");
        read_to_end(&mut connection).await
    }

    /// Sends these bytes, and goes without waiting for an answer.
    pub async fn send_and_go(&self, request: &[u8]) {
        drop(self.connect_and_send(request).await);
    }

    async fn connect_and_send(&self, request: &[u8]) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).await.expect("connected");
        connection.write_all(request).await.expect("written");
        connection
    }
}

async fn read_to_end(connection: &mut TcpStream) -> String {
    let mut answer = String::new();
    let read = connection.read_to_string(&mut answer).await;
    read.expect("the node closes the connection after its answer");
    answer
}

/// What came back. That a request has an id is so for all.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: String,
}

/// Sends a request. Whatever comes back has the id of the request.
pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let answer = Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.text().await.expect("a body"),
    };
    let id = answer.header("x-amzn-requestid");
    assert_eq!(id.len(), 36, "the id of a request is a UUID: {answer:#?}");
    answer
}

impl Answer {
    /// A header that must be there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        let value = value.unwrap_or_else(|| panic!("no header {name}: {self:#?}"));
        value.expect("visible ASCII")
    }

    /// The body of a success in AWS JSON.
    pub fn value(&self) -> Value {
        assert_eq!(self.status, 200, "{self:#?}");
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:#?}"))
    }

    /// It is this error of AWS JSON: the shape's name, the code that SDKs report, the status.
    pub fn assert_json_error(&self, shape: &str, code: &str, status: u16) {
        assert_eq!(self.status, status, "{self:#?}");
        assert_eq!(self.header("content-type"), JSON);
        assert_eq!(
            self.header("x-amzn-query-error"),
            format!("{code};Sender"),
            "{self:#?}"
        );
        let body: Value = serde_json::from_str(&self.body).expect("JSON");
        let told = body["__type"].as_str().expect("a type");
        assert_eq!(told.rsplit('#').next(), Some(shape), "{self:#?}");
        assert!(body["message"].is_string(), "{self:#?}");
    }

    /// It is this error of the query protocol.
    pub fn assert_xml_error(&self, code: &str, status: u16) {
        assert_eq!(self.status, status, "{self:#?}");
        assert_eq!(self.header("content-type"), "text/xml");
        assert_eq!(self.element("Code"), code, "{self:#?}");
        assert_eq!(self.element("Type"), "Sender", "{self:#?}");
        assert_eq!(self.element("RequestId"), self.header("x-amzn-requestid"));
        assert!(!self.element("Message").is_empty(), "{self:#?}");
    }

    /// The text of the only element with this name.
    pub fn element(&self, name: &str) -> &str {
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        let found: Vec<&str> = self.body.split(&start).skip(1).collect();
        let [rest] = found[..] else {
            panic!("{} times <{name}>: {self:#?}", found.len());
        };
        rest.split_once(&end).expect("its end").0
    }
}

/// The path of a queue's URL.
pub fn path_of(url: &str) -> String {
    let path = url.splitn(4, '/').last().expect("a path");
    format!("/{path}")
}
