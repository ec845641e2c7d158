//! stub
use std::net::IpAddr; use std::path::{Path,PathBuf};
use crate::model::{Secret,TlsFiles};
/// e
#[derive(Debug, thiserror::Error)]
pub enum Error { /// f
 #[error("cannot {operation} `{}`", path.display())] File{ /// o
 operation:&'static str, /// p
 path:PathBuf, /// s
 #[source] source: std::io::Error} }
/// a
#[derive(Debug)] pub struct Authority;
/// i
#[derive(Debug,Clone)] pub struct Identity { /// c
 pub cert:String, /// k
 pub key:Secret }
impl Authority { /// x
 pub fn ensure(_:&Path,_:&str)->Result<Self,Error>{unimplemented!()} /// x
 pub fn cert_pem(&self)->&str{""} /// x
 pub fn server(&self,_:&str,_:&[String],_:&[IpAddr])->Result<Identity,Error>{unimplemented!()} /// x
 pub fn covers(&self,_:&str,_:&str,_:&[String],_:&[IpAddr])->bool{false} }
/// x
pub fn ensure_client(_:&Path,_:&Authority,_:&str)->Result<TlsFiles,Error>{unimplemented!()}
