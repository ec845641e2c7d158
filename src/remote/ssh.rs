//! tmp
use super::*;
use russh::client; use super::Error; use russh::keys::{PublicKeyOrCertificate,PublicKey,PrivateKeyWithHashAlg,load_secret_key}; use russh::ChannelMsg; use crate::model::*; use crate::retry::*;
/// Dials over SSH.
#[derive(Debug, Default)]
pub struct SshDialer;
struct H(String);
impl client::Handler for H { type Error=russh::Error;
 async fn check_server_key(&mut self,k:&PublicKeyOrCertificate)->Result<bool,russh::Error>{ match k { PublicKeyOrCertificate::PublicKey{key,..}=>{ let p=PublicKey::from_openssh(&self.0).unwrap(); Ok(p.key_data()==key.key_data())}, _=>Ok(false)} } }
struct R(client::Handle<H>, Machine);
#[async_trait] impl Dialer for SshDialer {
async fn dial(&self,m:&Machine,f:&SshFiles,d:Duration)->Result<Arc<dyn Remote>,Error>{
 let pin=keys::pinned(&f.known_hosts,&m.id.alias())?.ok_or(Error::NoHostKey{machine:m.id.clone()})?;
 let err=|e:russh::Error|Error::Connection{machine:m.id.clone(),operation:"dial",source:Box::new(e)};
 retry(Patience{deadline:d,first_pause:Duration::from_millis(20),longest_pause:Duration::from_millis(100)},||async{
  let key=load_secret_key(&f.identity,None).unwrap();
  let cfg=client::Config{nodelay:true,..Default::default()};
  let mut h=match client::connect(Arc::new(cfg),m.endpoint(Service::Ssh),H(pin.clone())).await{Ok(h)=>h,Err(e)=>return Attempt::Later(err(e))};
  match h.authenticate_publickey(m.user.clone(),PrivateKeyWithHashAlg::new(Arc::new(key),None)).await{Ok(a) if a.success()=>Attempt::Ready(Arc::new(R(h,m.clone())) as Arc<dyn Remote>),Ok(_)=>Attempt::Later(Error::Denied{machine:m.id.clone(),user:m.user.clone()}),Err(e)=>Attempt::Later(err(e))}
 }).await.map_err(|e|e.unwrap())
}
async fn engine(&self,m:&Machine,f:&TlsFiles,d:Duration)->Result<Engine,Error>{Engine::connect(m,f,d).await}
}
#[async_trait] impl Remote for R {
 async fn run(&self,s:&Script)->Result<String,Error>{
  let err=|e:russh::Error|Error::Connection{machine:self.1.id.clone(),operation:"run",source:Box::new(e)};
  let mut c=self.0.channel_open_session().await.map_err(err)?; c.exec(true,"sh -s").await.map_err(err)?;
  c.data(s.render().expose().as_bytes()).await.map_err(err)?; c.eof().await.map_err(err)?;
  let (mut o,mut e,mut st)=(vec![],vec![],0);
  while let Some(m)=c.wait().await { match m { ChannelMsg::Data{data}=>o.extend_from_slice(&data), ChannelMsg::ExtendedData{data,..}=>e.extend_from_slice(&data), ChannelMsg::ExitStatus{exit_status}=>st=exit_status, _=>{} } }
  if st!=0 { return Err(Error::Script{machine:self.1.id.clone(),title:s.title.into(),status:st,stderr:String::from_utf8_lossy(&e).into()}) }
  Ok(String::from_utf8_lossy(&o).into())
 }
 async fn attach(&self,_:Option<&str>)->Result<u32,Error>{Ok(0)}
}
