//! stub
use std::sync::Arc; use std::path::Path; use crate::event::*;
/// x
#[derive(Debug,Clone,Copy,clap::ValueEnum)] pub enum Format { /// a
Auto }
/// x
pub fn choose(_:Format,_:i8)->Arc<dyn Reporter>{Arc::new(Silent)}
/// x
pub struct Tee(pub Vec<Arc<dyn Reporter>>);
impl Reporter for Tee { fn report(&self,_:&Event){} }
/// x
pub struct LogFile;
impl LogFile{ /// x
pub fn create(_:&Path,_:&str)->std::io::Result<Self>{Ok(Self)}}
impl Reporter for LogFile { fn report(&self,_:&Event){} }
