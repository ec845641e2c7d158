//! A connection into a pod, through the API server and the pod's kubelet.

use std::time::Duration;

use futures_util::FutureExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{ApiError, ApiServer, PodPort};

/// How long a pod may be silent after the caller has nothing more to say. The protocol cannot say that
/// one side is done (`v4.channel.k8s.io`), so it has to be guessed when the answer is complete.
const LINGER: Duration = Duration::from_secs(10);
/// How many bytes are copied at a time.
const BUFFER: usize = 16 * 1024;

impl ApiServer {
    /// Connects a stream to a pod's port until either side ends.
    ///
    /// # Errors
    /// [`ApiError::Request`] if the connection cannot be made, and with the kubelet's words if it finds
    /// nothing that listens.
    pub async fn forward<S>(&self, to: &PodPort, stream: S) -> Result<(), ApiError>
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let PodPort { namespace, pod, port } = to;
        let operation = format!("forward to port {port} of pod `{namespace}/{pod}`");
        let api = Api::<Pod>::namespaced(self.client.clone(), namespace);
        let ports = [*port];
        let mut forwarder = self.ask(operation.as_str(), api.portforward(pod, &ports)).await?;
        let (Some(far), Some(said)) = (forwarder.take_stream(*port), forwarder.take_error(*port))
        else {
            unreachable!("the port was asked for");
        };
        relay(far, stream).await;
        forwarder.abort();
        match said.now_or_never().flatten() {
            Some(words) => Err(ApiError::Request {
                endpoint: self.endpoint,
                operation,
                source: words.trim().into(),
            }),
            None => Ok(()),
        }
    }
}

/// Copies both ways until the pod's side ends, or the caller's side has ended and the pod is silent.
/// How one of them broke off is nothing that the other could use.
async fn relay(pod: impl AsyncRead + AsyncWrite, caller: impl AsyncRead + AsyncWrite) {
    let (mut from_pod, mut to_pod) = tokio::io::split(pod);
    let (mut from_caller, mut to_caller) = tokio::io::split(caller);
    let (done, mut is_done) = watch::channel(false);
    let up = async {
        // Not shut down at the end: that would end the other direction too.
        let _ = tokio::io::copy(&mut from_caller, &mut to_pod).await;
        let _ = done.send(true);
        std::future::pending::<()>().await;
    };
    let down = async {
        let mut buffer = vec![0; BUFFER];
        loop {
            let silence = async {
                let _ = is_done.wait_for(|done| *done).await;
                sleep(LINGER).await;
            };
            let read = tokio::select! {
                read = from_pod.read(&mut buffer) => read.unwrap_or(0),
                () = silence => 0,
            };
            if read == 0 || to_caller.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
        let _ = to_caller.shutdown().await;
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};
    use tokio::task::JoinHandle;

    use super::*;

    fn connected() -> (DuplexStream, DuplexStream, JoinHandle<()>) {
        let (pod, pod_end) = duplex(64);
        let (caller, caller_end) = duplex(64);
        (pod, caller, tokio::spawn(relay(pod_end, caller_end)))
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_still_comes_after_the_question_has_ended() {
        let (mut pod, mut caller, relayed) = connected();
        caller.write_all(b"question").await.unwrap();
        caller.shutdown().await.unwrap();
        let mut question = [0; 8];
        pod.read_exact(&mut question).await.unwrap();
        tokio::time::sleep(LINGER / 2).await;
        pod.write_all(b"first").await.unwrap();
        tokio::time::sleep(LINGER * 3 / 4).await;
        pod.write_all(b", second").await.unwrap();
        drop(pod);
        let mut answer = String::new();
        caller.read_to_string(&mut answer).await.unwrap();
        assert_eq!((&question, answer.as_str()), (b"question", "first, second"));
        relayed.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_pod_that_stays_silent_is_left_when_the_caller_has_gone() {
        let (mut pod, caller, relayed) = connected();
        tokio::time::sleep(LINGER * 10).await;
        assert!(!relayed.is_finished(), "a caller that may still speak was left");
        drop(caller);
        relayed.await.unwrap();
        assert_eq!(pod.read(&mut [0; 1]).await.unwrap(), 0);
    }
}
