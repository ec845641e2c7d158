//! `dojo active`: where plain docker and plain kubectl lead in this shell.

use std::process::ExitCode;

use super::error::Error;
use super::output;
use super::services::Context;

pub(super) fn run(context: &Context) -> Result<ExitCode, Error> {
    let clusters = context.home.list()?;
    let mut found: Vec<String> = Vec::new();
    let machine = context.machine_pointed_at(&clusters).map(|machine| machine.to_string());
    let docker = context.docker_pointed_at(&clusters).map(|name| name.to_string());
    let kubectl = context.kubectl_pointed_at(&clusters).map(|name| name.to_string());
    for name in machine.or(docker).into_iter().chain(kubectl) {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    if found.is_empty() {
        return Err(Error::NoneActive);
    }
    found.iter().try_for_each(|name| output::line(name))?;
    Ok(ExitCode::SUCCESS)
}
