//! Requests of the SDK through the one HTTP client of the workspace: the SDK's own brings another version of it and another TLS.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::io::{AsyncRead, AsyncReadExt};
use meilisearch_sdk::errors::Error as SdkError;
use meilisearch_sdk::request::{HttpClient, Method, parse_response};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// A client with a key.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: reqwest::Client,
}

impl Http {
    /// Every request is given up after `limit`.
    pub(super) fn new(key: Option<&str>, limit: Duration) -> Result<Self> {
        // Once in a process; whoever was first brought the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let value = HeaderValue::from_str(&format!("Bearer {key}"));
            let mut value = value.map_err(|_| Error::unavailable("the key of the search server cannot be sent"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let builder =
            reqwest::Client::builder().default_headers(headers).timeout(limit).redirect(reqwest::redirect::Policy::none());
        let client = builder.build().map_err(|cause| Error::internal(cause.to_string()))?;
        Ok(Self { client })
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn stream_request<
        Query: Serialize + Send + Sync,
        Body: AsyncRead + Send + Sync + 'static,
        Output: DeserializeOwned + 'static,
    >(
        &self,
        url: &str,
        method: Method<Query, Body>,
        content_type: &str,
        expected_status_code: u16,
    ) -> Result<Output, SdkError> {
        let other = |cause: String| SdkError::Other(cause.into());
        let verb = match &method {
            Method::Get { .. } => reqwest::Method::GET,
            Method::Post { .. } => reqwest::Method::POST,
            Method::Patch { .. } => reqwest::Method::PATCH,
            Method::Put { .. } => reqwest::Method::PUT,
            Method::Delete { .. } => reqwest::Method::DELETE,
        };
        let query = serde_urlencoded::to_string(method.query()).map_err(|cause| other(cause.to_string()))?;
        let url = if query.is_empty() { url.to_owned() } else { format!("{url}?{query}") };
        let mut request = self.client.request(verb, &url);
        if let Some(body) = method.into_body() {
            let mut bytes = Vec::new();
            let mut body = std::pin::pin!(body);
            body.read_to_end(&mut bytes).await.map_err(|cause| other(cause.to_string()))?;
            request = request.header(CONTENT_TYPE, content_type).body(bytes);
        }
        let sent = request.send().await.map_err(|cause| other(told(cause)))?;
        let status = sent.status().as_u16();
        let text = sent.text().await.map_err(|cause| other(told(cause)))?;
        let text = if text.is_empty() { "null" } else { text.as_str() };
        parse_response(status, expected_status_code, text, url)
    }

    fn is_tokio(&self) -> bool {
        true
    }
}

/// The cause and what is below it, without the address.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(below) = cause {
        told = format!("{told}: {below}");
        cause = below.source();
    }
    told
}
