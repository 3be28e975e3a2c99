//! Both decoders on arbitrary input: never a panic, and whatever is refused is the sender's fault.
//!
//! `cargo fuzz run -s none decode` in `crates/sqs`; `-s none` is for a stable toolchain.
//!
//! The first byte chooses protocol and operation, the rest is the body or the query.

#![no_main]

use bytes::Bytes;
use http::Request;
use libfuzzer_sys::fuzz_target;
use zonemq_sqs::{Defaults, OperationName, decode};

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else {
        return;
    };
    let operation = OperationName::ALL[usize::from(choice >> 1) % OperationName::ALL.len()];
    let request = if choice & 1 == 0 {
        Request::post("/000000000000/q")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .body(Bytes::copy_from_slice(rest))
    } else {
        let form = [format!("Action={operation}&").as_bytes(), rest].concat();
        Request::post("/000000000000/q")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form))
    };
    let Ok(request) = request else {
        return;
    };
    let response = match decode(&request, &Defaults::default()) {
        Ok(mut call) => {
            drop(call.take_command());
            return drop(call.unavailable("a fuzzer has no state", "request"));
        }
        Err(failure) => failure.into_response("request"),
    };
    assert!(response.status().is_client_error(), "{response:?}");
});
