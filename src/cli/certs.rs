//! `dojo certs`.

use futures_util::future::join_all;
use jiff::Timestamp;
use serde::Serialize;

use crate::model::{Role, counted};
use crate::store::Record;
use crate::workflow::{self, Certificate};

use super::answer::due;
use super::args::{CertsRenew, CertsShow, DataFormat};
use super::error::{About as _, Error};
use super::output;
use super::services::Context;

/// One certificate, as `dojo certs show -o json` prints it.
#[derive(Debug, Serialize)]
struct View {
    owner: String,
    subject: Option<String>,
    names: Vec<String>,
    issued: Option<String>,
    expires: Option<String>,
    /// Whole days; negative once it has expired.
    days_left: Option<i64>,
    file: String,
    problem: Option<String>,
}

pub(super) async fn show(context: &Context, args: CertsShow) -> Result<(), Error> {
    let name = context.cluster(args.name)?;
    let mut certificates = workflow::certificates(&context.home, &name)?;
    certificates.extend(on_control_planes(context, &context.record(&name)?).await);
    let views: Vec<View> = certificates.into_iter().map(view).collect();
    match args.output {
        DataFormat::Json => output::json(&views),
        DataFormat::Table => output::table(&table(&views)),
    }
}

/// What the control planes of a Kubernetes cluster have, all asked at once.
async fn on_control_planes(context: &Context, record: &Record) -> Vec<Certificate> {
    let (files, end) = (context.ssh(&record.spec.name), due());
    let leaders = record.machines.iter().filter(|m| m.id.name.role == Role::ControlPlane);
    let asked = leaders.map(async |machine| {
        let dialer = context.dialer(record, machine);
        workflow::node_certificates(&dialer, machine, &files, end).await
    });
    join_all(asked).await.concat()
}

fn view(certificate: Certificate) -> View {
    let Certificate { owner, file, says } = certificate;
    let (says, problem) = match says {
        Ok(description) => (Some(description), None),
        Err(why) => (None, Some(why)),
    };
    let until = says.as_ref().map(|d| d.validity.until);
    View {
        owner,
        subject: says.as_ref().map(|d| d.subject.clone()),
        issued: says.as_ref().map(|d| d.validity.from.to_string()),
        expires: until.map(|t| t.to_string()),
        days_left: until.map(days_left),
        names: says.map(|d| d.names).unwrap_or_default(),
        file: file.display().to_string(),
        problem,
    }
}

fn days_left(until: Timestamp) -> i64 {
    until.duration_since(Timestamp::now()).as_hours().div_euclid(24)
}

fn table(views: &[View]) -> Vec<Vec<String>> {
    let header = ["OWNER", "EXPIRES", "DAYS LEFT", "SUBJECT", "NAMES"].map(str::to_owned).to_vec();
    let rows = views.iter().map(|view| {
        let day =
            |text: &Option<String>| text.as_ref().and_then(|t| t.get(..10)).map(str::to_owned);
        let subject = view.problem.as_ref().map(|p| format!("({p})")).or(view.subject.clone());
        vec![
            view.owner.clone(),
            day(&view.expires).unwrap_or_else(|| "-".to_owned()),
            view.days_left.map_or("-".to_owned(), |days| days.to_string()),
            subject.unwrap_or_default(),
            view.names.join(" "),
        ]
    });
    std::iter::once(header).chain(rows).collect()
}

pub(super) async fn renew(context: &Context, args: CertsRenew) -> Result<(), Error> {
    let name = context.cluster(args.name)?;
    context.record(&name)?;
    let services = context.services_of(&name).await?;
    let machines = workflow::renew_certificates(&services, &name).await.about(&name)?;
    if context.quiet {
        return Ok(());
    }
    let machines = counted(machines, "machine");
    output::line(&format!("{name} has new certificates: its client and {machines}"))
}
