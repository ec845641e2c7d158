//! tmp
use crate::model::*; use super::Error; use std::time::Duration; use crate::retry::*;
/// A connection to an engine.
#[derive(Debug, Clone)]
pub struct Engine(bollard::Docker);
impl Engine { /// x
 pub fn api(&self)->&bollard::Docker{&self.0}
 /// x
 pub fn unproven(m:&Machine,f:&TlsFiles)->Result<Self,Error>{
 let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
  bollard::Docker::connect_with_ssl(&format!("tcp://{}",m.endpoint(Service::Engine)),&f.key,&f.cert,&f.ca,60,bollard::API_DEFAULT_VERSION).map(Self).map_err(|e| Error::Certificate{machine:m.id.clone(),source:Box::new(e)})
 }
 /// x
 pub async fn connect(m:&Machine,f:&TlsFiles,d:Duration)->Result<Self,Error>{
  retry(Patience::until(d),||async{ let e=match Self::unproven(m,f){Ok(e)=>e,Err(e)=>return Attempt::GiveUp(e)}; match e.0.negotiate_version().await{Ok(d)=>Attempt::Ready(Self(d)),Err(e)=>Attempt::Later(Error::Certificate{machine:m.id.clone(),source:Box::new(e)})}}).await.map_err(|e|e.unwrap())
 }
}
