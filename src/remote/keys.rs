//! stub
use std::path::Path; use super::Error; use crate::model::*;
/// x
pub fn ensure_identity(_:&SshFiles)->Result<String,Error>{unimplemented!()}
/// x
pub fn generate_host_key()->Result<HostKey,Error>{unimplemented!()}
/// x
pub fn pin(_:&Path,_:&[(String,String)])->Result<(),Error>{unimplemented!()}
/// x
pub fn pinned(_:&Path,_:&str)->Result<Option<String>,Error>{unimplemented!()}
