//! The address ranges that this computer has routes to, so that no cluster takes one of them.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;

use crate::model::Subnet;
use crate::pace::within;

/// Routes to more than this are taken for default routes: programs that lead everything through a tunnel
/// set two halves of all addresses instead of one route to all.
const LEAST_PREFIX: u8 = 4;
/// How long the kernel may take to list its routes.
const ANSWER: Duration = Duration::from_secs(5);

/// A route to something else than everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// Where to.
    pub range: Subnet,
    /// Which way, in words: "through `tun0` (table 52)".
    pub way: String,
}

/// The routes of all tables: what sets up a tunnel often has one of its own. Where `ip` does not tell,
/// those of the main table.
pub(super) async fn all() -> Vec<Route> {
    let mut command = Command::new("ip");
    command.args(["-4", "-json", "route", "show", "table", "all"]);
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let told = match within(ANSWER, command.output()).await {
        Ok(Ok(output)) if output.status.success() => of_all_tables(&output.stdout),
        _ => None,
    };
    told.unwrap_or_else(|| {
        of_main_table(&fs::read_to_string("/proc/net/route").unwrap_or_default())
    })
}

/// A route as `ip -json` tells it.
#[derive(Deserialize)]
struct Told {
    dst: Option<String>,
    dev: Option<String>,
    table: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

fn of_all_tables(json: &[u8]) -> Option<Vec<Route>> {
    let told: Vec<Told> = serde_json::from_slice(json).ok()?;
    let route = |told: Told| {
        if told.kind.as_deref() == Some("throw") {
            // It says that this table knows no way.
            return None;
        }
        let dst = told.dst?;
        let (address, prefix) = dst.split_once('/').unwrap_or((&dst, "32"));
        let (address, prefix) = (address.parse().ok()?, prefix.parse().ok()?);
        let mut way = match (told.dev, told.kind) {
            (Some(dev), _) => format!("through `{dev}`"),
            (None, Some(kind)) => format!("of type {kind}"),
            (None, None) => "through several ways".to_owned(),
        };
        if let Some(table) = told.table.filter(|table| table != "local" && table != "main") {
            way.push_str(&format!(" (table {table})"));
        }
        (prefix >= LEAST_PREFIX).then(|| Route { range: Subnet::containing(address, prefix), way })
    };
    Some(told.into_iter().filter_map(route).collect())
}

fn of_main_table(table: &str) -> Vec<Route> {
    let parse = |line: &str| {
        let mut columns = line.split_whitespace();
        let way = format!("through `{}`", columns.next()?);
        let destination = u32::from_str_radix(columns.next()?, 16).ok()?.swap_bytes();
        let mask = u32::from_str_radix(columns.nth(5)?, 16).ok()?;
        let prefix = u8::try_from(mask.count_ones()).ok()?;
        let range = Subnet::containing(destination.into(), prefix);
        (prefix >= LEAST_PREFIX).then_some(Route { range, way })
    };
    table.lines().skip(1).filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(routes: &[Route]) -> Vec<String> {
        routes.iter().map(|route| format!("{} {}", route.range, route.way)).collect()
    }

    #[test]
    fn routes_of_all_tables_count_but_not_default_routes() {
        let json = br#"[
            {"dst":"10.200.0.0/16","dev":"tailscale0","table":"52","scope":"link","flags":[]},
            {"dst":"default","gateway":"192.168.0.1","dev":"eth0","flags":[]},
            {"dst":"0.0.0.0/1","dev":"tun0","flags":[]},
            {"dst":"128.0.0.0/1","dev":"tun0","flags":[]},
            {"type":"blackhole","dst":"10.9.0.0/16","table":"7","flags":[]},
            {"type":"throw","dst":"10.7.0.0/16","table":"52","flags":[]},
            {"dst":"10.8.0.0/24","nexthops":[{"dev":"a"},{"dev":"b"}],"flags":[]},
            {"type":"local","dst":"192.168.0.7","dev":"eth0","table":"local","flags":[]},
            {"dst":"192.168.0.0/24","dev":"eth0","flags":["linkdown"]}]"#;
        assert_eq!(
            told(&of_all_tables(json).unwrap()),
            [
                "10.200.0.0/16 through `tailscale0` (table 52)",
                "10.9.0.0/16 of type blackhole (table 7)",
                "10.8.0.0/24 through several ways",
                "192.168.0.7/32 through `eth0`",
                "192.168.0.0/24 through `eth0`",
            ]
        );
        assert_eq!(of_all_tables(b"Option \"-json\" is unknown"), None);
    }

    #[test]
    fn without_ip_the_main_table_counts() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
             eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
             tun0\t00000000\t00000000\t0003\t0\t0\t0\t00000080\t0\t0\t0\n\
             vpn0\t0000C80A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        assert_eq!(told(&of_main_table(table)), ["10.200.0.0/16 through `vpn0`"]);
    }

    #[tokio::test]
    async fn the_kernel_tells_its_routes() {
        assert!(all().await.iter().any(|route| route.range.contains([127, 0, 0, 1].into())));
    }
}
