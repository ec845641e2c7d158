//! stub
use crate::model::*; use super::Error;
/// A connection to an engine.
#[derive(Debug, Clone)]
pub struct Engine(bollard::Docker);
impl Engine { /// x
 pub fn api(&self)->&bollard::Docker{&self.0}
 /// x
 pub fn unproven(_:&Machine,_:&TlsFiles)->Result<Self,Error>{unimplemented!()} }
