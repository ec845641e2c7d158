//! stub
use super::*;
/// Dials over SSH.
#[derive(Debug, Default)]
pub struct SshDialer;
#[async_trait] impl Dialer for SshDialer {
async fn dial(&self,_:&Machine,_:&SshFiles,_:Duration)->Result<Arc<dyn Remote>,Error>{unimplemented!()}
async fn engine(&self,_:&Machine,_:&TlsFiles,_:Duration)->Result<Engine,Error>{unimplemented!()}
}
