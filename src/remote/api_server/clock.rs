//! The clock of an API server.

use http::HeaderMap;
use http::header::DATE;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use kube::client::Body;

use super::{ApiError, ApiServer};

impl ApiServer {
    /// The time by the server's clock, in whole seconds: HTTP tells no more (RFC 9110, 5.6.7).
    pub async fn now(&self) -> Result<Timestamp, ApiError> {
        let operation = "ask for its time";
        let question = async {
            let request = http::Request::get("/version").body(Body::empty());
            self.client.send(request.map_err(kube::Error::HttpError)?).await
        };
        let answer = self.ask(operation, question).await?;
        date(answer.headers()).ok_or_else(|| ApiError::Request {
            endpoint: self.endpoint,
            operation: operation.to_owned(),
            source: "its answer has no date".into(),
        })
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(headers.get(DATE)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_when_it_was_given() {
        let mut headers = HeaderMap::new();
        assert_eq!(date(&headers), None);
        headers.insert(DATE, "Sat, 28 Nov 2026 15:30:42 GMT".parse().unwrap());
        assert_eq!(date(&headers).unwrap().to_string(), "2026-11-28T15:30:42Z");
    }
}
