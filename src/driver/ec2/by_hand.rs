//! Instances by the `aws` command.

use std::net::Ipv4Addr;

use super::Ec2Options;
use crate::driver::LABEL_CLUSTER;
use crate::driver::by_hand::{Made, MadeMachine, Wanted};
use crate::model::{MachineRequest, Service};

const WHY: &str = "Each is an instance of Amazon EC2. A security group of the cluster's own lets you in and the \
                   members talk to each other, and nobody else. An instance that shuts down is gone, so a forgotten \
                   one can end itself.";

/// How a person makes machines of a cluster. Nothing is asked of EC2.
pub(super) fn by_hand(options: &Ec2Options, wanted: &Wanted<'_>) -> Made {
    let Wanted { cluster, requests, .. } = *wanted;
    let kind = options.instance_types.first().map_or("t3.medium", String::as_str);
    let services = requests.first().map(MachineRequest::services).unwrap_or_default();
    let ports: Vec<Service> =
        services.into_iter().filter(|service| *service != Service::Ssh).collect();
    let ingress = |port: u16| {
        format!(
            "aws ec2 authorize-security-group-ingress --group-id \"$group\" --protocol tcp --port {port} \\\n  \
               --cidr \"$(curl -fsS https://checkip.amazonaws.com)/32\"\n"
        )
    };
    let mut commands = format!(
        "image=$(aws ec2 describe-images --owners 136693071363 --filters 'Name=name,Values=debian-13-amd64-*' \\\n  \
           --query 'sort_by(Images, &CreationDate)[-1].ImageId' --output text)\n\
         aws ec2 create-key-pair --key-name {cluster} --query KeyMaterial --output text >key.pem\n\
         chmod 600 key.pem\n\
         group=$(aws ec2 create-security-group --group-name {cluster} --description 'cluster {cluster}' \\\n  \
           --query GroupId --output text)\n{}{}\
         aws ec2 authorize-security-group-ingress --group-id \"$group\" --protocol all \\\n  \
           --source-group \"$group\"\n",
        ingress(Service::Ssh.port()),
        ports.iter().map(|service| ingress(service.port())).collect::<String>(),
    );
    let routing = if requests.iter().any(|request| request.orchestrator.routes()) {
        "    # Pods have addresses of their own, which EC2 knows nothing of.\n    \
         aws ec2 modify-instance-attribute --instance-id \"$instance\" --no-source-dest-check\n"
    } else {
        ""
    };
    commands.push_str(&format!(
        "machine() {{\n    \
             instance=$(aws ec2 run-instances --image-id \"$image\" --instance-type {kind} \\\n        \
                 --key-name {cluster} --security-group-ids \"$group\" \\\n        \
                 --metadata-options HttpTokens=required,HttpPutResponseHopLimit=1 \\\n        \
                 --instance-initiated-shutdown-behavior terminate --tag-specifications \\\n        \
                 \"ResourceType=instance,Tags=[{{Key=Name,Value=$1}},{{Key={LABEL_CLUSTER},Value={cluster}}}]\" \\\n        \
                 --query 'Instances[0].InstanceId' --output text)\n\
         {routing}    \
             aws ec2 wait instance-status-ok --instance-ids \"$instance\"\n\
         }}\n\
         # address MACHINE KIND: prints the address of a machine, PrivateIpAddress or PublicIpAddress.\n\
         address() {{\n    \
             aws ec2 describe-instances --filters \"Name=tag:Name,Values=$1\" \\\n        \
                 Name=tag:{LABEL_CLUSTER},Values={cluster} Name=instance-state-name,Values=running \\\n        \
                 --query \"Reservations[0].Instances[0].$2\" --output text\n\
         }}\n"
    ));
    let machines = requests.iter().zip(1..).map(|(request, number)| {
        let name = request.id.name;
        commands.push_str(&format!("machine {name}\n"));
        MadeMachine {
            name,
            // In the network that every account has.
            address: Ipv4Addr::new(172, 31, 0, number).into(),
            find: Some(format!("$(address {name} PrivateIpAddress)")),
            run: format!("ssh -i key.pem \"admin@$(address {name} PublicIpAddress)\" sudo"),
            is_container: false,
            cgroup_v2: true,
        }
    });
    let machines = machines.collect();
    Made { why: WHY, commands, machines }
}
