//! Takes secrets out of texts. None should be in them; but a bundle is made to be passed on, and what
//! people type on machines ends up in journals.

mod encoded;
mod mark;
mod values;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::durable;
use crate::model::{Proxies, Secret};
use crate::store::Record;

use encoded::without_encoded;
use mark::REDACTED;
use values::{is_secret, without_logins, without_values};

/// Shorter lines of a key file are its padding, and may be anywhere.
const SHORTEST: usize = 16;
/// Shorter words of a record may be anywhere, too.
const SHORTEST_WORD: usize = 6;
/// How often a text may be encoded before nobody looks into it any more.
const DEEPEST: usize = 3;
/// How many hexadecimal digits a key of kubeadm has, and how many of them stay.
const LONG: usize = 64;
const STAYING: usize = 12;
/// What the ids of access keys of AWS begin with, and how long they are.
const ACCESS_KEYS: [&str; 2] = ["AKIA", "ASIA"];
const ACCESS_KEY: usize = 20;
/// What tokens of GitHub, GitLab and Slack begin with, and how long they are at the least.
const TOKENS: [&str; 8] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox"];
const TOKEN: usize = 18;

/// What must not be in a text.
pub(super) struct Redaction {
    known: Vec<Secret>,
}

impl Redaction {
    /// Knows every private key below a cluster's directory, line by line, as texts come in lines, and what
    /// is secret in its record, and in the proxies that machines are given.
    pub(super) fn of(directory: &Path, record: Option<&Record>, proxies: Option<&Proxies>) -> Self {
        let mut known = Vec::new();
        for below in ["ssh", "pki"] {
            collect(&directory.join(below), &mut known);
        }
        if let Some(spec) = record.and_then(|record| serde_json::to_value(&record.spec).ok()) {
            secrets_of("", &spec, &mut known);
        }
        for (_, address) in proxies.map(Proxies::variables).unwrap_or_default() {
            secrets_of("", &address.expose().into(), &mut known);
        }
        Self { known }
    }

    /// The text without those, without any other private key in PEM format or in Base64, without join tokens
    /// of swarms and of Kubernetes, without values of keys that are called like secrets, and without who logs
    /// in to addresses.
    pub(super) fn apply(&self, text: &str) -> String {
        let text = self.without_encoded(&self.plainly(text), 0);
        without_logins(&without_values(&text))
    }

    /// The same for whoever it is passed on to: also without what may be the key with which kubeadm encrypts
    /// certificates, which looks like the id of a container. Of those the beginning stays, by which people
    /// know them.
    pub(super) fn apply_for_others(&self, text: &str) -> String {
        without_long_digits(&self.apply(text))
    }

    /// Without what hides a secret in Base64, perhaps once more in Base64.
    fn without_encoded(&self, text: &str, depth: usize) -> String {
        without_encoded(text, &|inner| {
            self.plainly(inner) != *inner
                || depth < DEEPEST && self.without_encoded(inner, depth + 1) != *inner
        })
    }

    /// Without what is secret wherever it stands.
    fn plainly(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.known {
            if text.contains(secret.expose()) {
                text = text.replace(secret.expose(), REDACTED);
            }
        }
        without_tokens(&without_pem(&text))
    }
}

/// What is secret among values: what a key says so of, and passwords in addresses.
fn secrets_of(key: &str, value: &Value, known: &mut Vec<Secret>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| secrets_of(key, value, known)),
        Value::Array(list) => list.iter().for_each(|value| secrets_of(key, value, known)),
        Value::String(text) if is_secret(key) && text.len() >= SHORTEST_WORD => {
            known.push(Secret::new(text));
        }
        Value::String(text) => {
            let login = text.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
            let password = login.and_then(|(login, _)| login.split_once(':'));
            known.extend(
                password.filter(|(_, p)| p.len() >= SHORTEST_WORD).map(|(_, p)| Secret::new(p)),
            );
        }
        _ => {}
    }
}

fn collect(directory: &Path, known: &mut Vec<Secret>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, known);
            continue;
        }
        // What is not text or cannot be read is no key of ours.
        let text = durable::read_to_string(&path, durable::TEXT).unwrap_or_default();
        if text.contains("PRIVATE KEY-----") {
            let lines = text.lines().filter(|l| !l.starts_with("-----") && l.len() >= SHORTEST);
            known.extend(lines.map(Secret::new));
        }
    }
}

/// Private keys between their marks (RFC 7468, section 2).
fn without_pem(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find("-----BEGIN ") {
        let (before, from) = rest.split_at(begin);
        kept.push_str(before);
        let label = from["-----BEGIN ".len()..].split("-----").next().unwrap_or_default();
        let end_mark = format!("-----END {label}-----");
        if !label.ends_with("PRIVATE KEY") || label.contains('\n') {
            let mark = "-----BEGIN ".len();
            kept.push_str(&from[..mark]);
            rest = &from[mark..];
            continue;
        }
        kept.push_str(REDACTED);
        // One that is cut off hides the rest: better too much than too little.
        rest = from.find(&end_mark).map_or("", |end| &from[end + end_mark.len()..]);
    }
    kept.push_str(rest);
    kept
}

/// Numbers of 64 hexadecimal digits that are no checksum and stand alone.
fn without_long_digits(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        kept.push_str(&rest[..begin]);
        rest = &rest[begin..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let word = &rest[..end];
        let is_number = end == LONG && word.bytes().all(|b| b.is_ascii_hexdigit());
        if is_number && !kept.ends_with("sha256:") {
            kept.push_str(&word[..STAYING]);
            kept.push_str(REDACTED);
        } else {
            kept.push_str(word);
        }
        rest = &rest[end..];
    }
    kept.push_str(rest);
    kept
}

/// Tokens that tell by themselves what they are: `SWMTKN-1-…` and `SWMKEY-1-…` of swarms,
/// `abcdef.0123456789abcdef` of kubeadm, access keys of AWS, tokens of GitHub and its likes, and JSON Web Tokens
/// (RFC 7519), as those of service accounts are.
fn without_tokens(text: &str) -> String {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || "-._+/=".contains(c);
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let gap = rest.find(is_of_word).unwrap_or(rest.len());
        let (between, from) = rest.split_at(gap);
        let end = from.find(|c| !is_of_word(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        kept.push_str(between);
        let bare = word.trim_end_matches('.');
        kept.push_str(if is_token(bare) { REDACTED } else { word });
        rest = after;
    }
    kept
}

fn is_token(word: &str) -> bool {
    if word.contains("SWMTKN-") || word.contains("SWMKEY-") {
        return true;
    }
    // Perhaps behind `token=`, which is of the same word.
    let word = word.trim_end_matches('=').rsplit('=').next().unwrap_or_default();
    // In an address it stands between slashes.
    let is_of_service =
        |part: &str| part.len() >= TOKEN && TOKENS.iter().any(|token| part.starts_with(token));
    if word.split('/').any(is_of_service) {
        return true;
    }
    let is_access_key = word.len() == ACCESS_KEY && ACCESS_KEYS.iter().any(|k| word.starts_with(k));
    if is_access_key || word.starts_with("eyJ") && word.split('.').count() == 3 {
        return true;
    }
    let lower = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    word.split_once('.').is_some_and(|(id, secret)| {
        id.len() == 6 && secret.len() == 16 && lower(id) && lower(secret)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_tokens_go_and_the_rest_stays() {
        let text = "join --token SWMTKN-1-abc-def 10.0.0.1:2377\n\
                    kubeadm join --token=abcdef.0123456789abcdef, in short (abcdef.0123456789abcdef.)\n\
                    key: -----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY----- after\n\
                    -----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n\
                    dockerd[1]: time=\"2026-01-02T03:04:05.123456789Z\" level=info v26.1.5 é\n";
        let kept = Redaction { known: Vec::new() }.apply(text);
        assert_eq!(
            kept,
            "join --token (redacted) 10.0.0.1:2377\n\
             kubeadm join (redacted), in short ((redacted))\n\
             key: (redacted) after\n\
             -----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n\
             dockerd[1]: time=\"2026-01-02T03:04:05.123456789Z\" level=info v26.1.5 é\n"
        );
        let cut = Redaction { known: Vec::new() }.apply("a -----BEGIN PRIVATE KEY-----\nMIIE");
        assert_eq!(cut, "a (redacted)");
    }

    #[test]
    fn a_line_of_a_key_of_the_cluster_goes_wherever_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let pki = directory.path().join("pki/worker-1");
        fs::create_dir_all(&pki).unwrap();
        let key =
            "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nMDw=\n-----END PRIVATE KEY-----\n";
        fs::write(pki.join("key.pem"), key).unwrap();
        fs::write(pki.join("cert.pem"), "-----BEGIN CERTIFICATE-----\nMIIBnotsecretatall\n")
            .unwrap();
        let redaction = Redaction::of(directory.path(), None, None);
        let text = "> MIGHAgEAMBMGByqGSM49 < MIIBnotsecretatall MDw=";
        assert_eq!(redaction.apply(text), "> (redacted) < MIIBnotsecretatall MDw=");
    }

    /// What every form of a secret is made of below.
    const HUSH: &str = "hunter2hunter2";

    fn base64(text: &str) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    #[test]
    fn secrets_go_in_whatever_form_they_come() {
        let pem =
            format!("-----BEGIN RSA PRIVATE KEY-----\n{HUSH}\n-----END RSA PRIVATE KEY-----\n");
        let (encoded, digits) = (base64(&pem.repeat(3)), "0123456789abcdef".repeat(4));
        let wrapped: Vec<_> =
            encoded.as_bytes().chunks(64).map(|c| std::str::from_utf8(c).unwrap()).collect();
        let inner = base64(&format!("users:\n- user:\n    client-key-data: {encoded}\n"));
        for text in [
            pem.clone(),
            pem.replace('\n', "\\n"),
            format!("    client-key-data: {encoded}\n"),
            format!("x {encoded} y"),
            format!("key:\n  {}\n", wrapped.join("\n  ")),
            format!("data {}", base64(&encoded)),
            inner,
            format!("password: {HUSH}"),
            format!("password={HUSH}&a=b"),
            format!("DB_PASSWORD='{HUSH} {HUSH}'"),
            format!("{{\"password\":\"{HUSH}, {HUSH}\"}}"),
            format!("msg=\"{{\\\"adminPassword\\\": \\\"{HUSH}\\\"}}\""),
            format!("mysql --password {HUSH} -h db"),
            format!("mysql --password={HUSH}"),
            format!("token: \"{HUSH}\""),
            format!("bootstrap_token = {HUSH}"),
            format!("Authorization: Bearer {HUSH}"),
            format!("-H 'authorization: Basic {HUSH}'"),
            format!("\"auth\": \"{HUSH}\""),
            format!("AWS_SECRET_ACCESS_KEY={HUSH}"),
            format!("aws_session_token={HUSH}"),
            format!("api-key:{HUSH}"),
            format!("secret: {HUSH}"),
            format!("HTTP_PROXY=http://me:{HUSH}@proxy.example:3128/"),
            format!("proxy=me:{HUSH}@proxy.example:3128"),
            format!("https://{HUSH}@git.example/x.git"),
            format!("\"https-proxy\":\"http://me:{HUSH}%40@[2001:db8::1]:3128\""),
            format!("eyJhbGciOiJ9.eyJ{HUSH}.c2ln"),
            format!("EnvVar{{Name:DB_PASSWORD,Value:{HUSH},ValueFrom:nil,}}"),
            format!("EnvVar{{Name:DB_PASSWORD,Value:a, {HUSH},ValueFrom:nil,}}"),
            format!("{{\"name\":\"DB_PASSWORD\",\"value\":\"{HUSH}\"}}"),
            format!("{{\\\"name\\\": \\\"DB_PASSWORD\\\", \\\"value\\\": \\\"{HUSH}\\\"}}"),
            format!("- name: DB_PASSWORD\n  value: {HUSH}\n"),
            format!("DB_PASS={HUSH} pass: {HUSH} --pass {HUSH}"),
            format!("passwords={HUSH} secrets: {HUSH} AccountKey={HUSH} accountkey={HUSH}"),
            format!("encryption-key: {HUSH} encryption_key={HUSH} ENCRYPTION_KEY={HUSH}"),
            format!("secret-key-base: {HUSH} SECRET_KEY_BASE={HUSH} secretKeyBase={HUSH}"),
            format!("got ghp_{HUSH}0 x=github_pat_{HUSH} https://git.example/glpat-{HUSH}/x"),
            format!("slack xoxb-1-{HUSH}."),
            format!("curl -u me:{HUSH} --user 'me:{HUSH}' --user=me:{HUSH} https://a.example"),
            format!("docker login -u me -p {HUSH} registry.example"),
            format!(
                "http://me:a={HUSH}@p http://me:{HUSH}@{HUSH}@host https://m:{HUSH},{HUSH}@h/x"
            ),
            format!("certificate-authority-data: {}", base64(HUSH)),
            format!("kubeadm join --certificate-key {digits}"),
            format!("[upload-certs] Using certificate key:\n{digits}\n"),
            format!("certificateKey: {digits}"),
            "AKIA0123456789ABCDEF".to_owned(),
        ] {
            let kept = Redaction { known: Vec::new() }.apply_for_others(&text);
            assert!(kept.contains(REDACTED), "{kept} of {text}");
            for hidden in [HUSH, &encoded, &base64(HUSH), &digits, "MIIE", "AKIA", wrapped[1]] {
                assert!(!kept.contains(hidden), "{hidden} is in {kept}");
            }
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let digest = "0123456789abcdef".repeat(4);
        for text in [
            "time=\"2026-01-02T03:04:05Z\" level=info msg=\"loading plugin\" type=io.containerd.v1"
                .to_owned(),
            format!("registry.k8s.io/pause:3.10@sha256:{digest}"),
            "https://registry.k8s.io/v2/ ssh://root@192.0.2.7:22 user@1000.service git@host:path"
                .to_owned(),
            "secret \"default-token-x\" not found; MountVolume.SetUp failed for volume \"data\""
                .to_owned(),
            "kube-system   coredns-abc   1/1   Running   0   3m12s   10.244.11.2".to_owned(),
            "docker run -u 1000:1000 --user 0:0 -p 8080:80; mkdir -p /a; journalctl -u a.service"
                .to_owned(),
            "EnvVar{Name:DB_PASSWORD,Value:,ValueFrom:&EnvVarSource{FieldRef:nil,}}".to_owned(),
            "{\"name\":\"DB_PASSWORD\",\"valueFrom\":{\"secretKeyRef\":{\"key\":\"a\"}}}".to_owned(),
            "EnvVar{Name:A,Value:b,ValueFrom:nil,} bypass: on; --compass x".to_owned(),
            "https://10.0.0.1:2379,https://10.0.0.2:2379/x user@host docker-pullable://a/b@sha256:c"
                .to_owned(),
            "Startup finished in 1.2s (kernel) + 3.4s (userspace) = 4.6s".to_owned(),
        ] {
            assert_eq!(Redaction { known: Vec::new() }.apply_for_others(&text), text);
        }
        let id = Redaction { known: Vec::new() }.apply_for_others(&format!("container={digest}"));
        assert_eq!(id, "container=0123456789ab(redacted)");
        // The owner sees all of an id.
        let own = Redaction { known: Vec::new() }.apply(&format!("container={digest}"));
        assert_eq!(own, format!("container={digest}"));
    }

    #[test]
    fn what_is_secret_in_a_record_goes_wherever_it_is() {
        use crate::model::Orchestrator;
        let name = "practice".parse().unwrap();
        let mut spec = crate::spec::ClusterSpec::new(name, Orchestrator::Swarm, Vec::new());
        let proxies = serde_json::json!({ "http-proxy": "http://me:pr0xypass@proxy:3128" });
        spec.engine.daemon.insert("proxies".to_owned(), proxies);
        let options = serde_json::json!({ "api_token": "t0psecret", "zone": "europe" });
        spec.sections.choose("podbox", options);
        let record = Record::new(spec);
        let proxies = Proxies::new(Some("http://me:0therpass@proxy:3128"), None, None).unwrap();
        let redaction = Redaction::of(Path::new("/nowhere"), Some(&record), proxies.as_ref());
        let kept = redaction.apply("asked europe with t0psecret through pr0xypass, 0therpass");
        assert_eq!(kept, "asked europe with (redacted) through (redacted), (redacted)");
    }
}
