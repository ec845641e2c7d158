//! The same certificates by `openssl`, in the same files below the same directory.
//!
//! Source: "Protect the Docker daemon socket", Docker docs; openssl-req(1), openssl-x509(1).

use super::validity::{AUTHORITY_DAYS, LEAF_DAYS};

/// Makes the authority, and the certificate of the client, in `pki`.
pub fn authority_and_client(subject: &str) -> String {
    format!(
        "mkdir -p pki/client\n\
         # The authority: a key, and a certificate that it signs itself.\n\
         openssl ecparam -name prime256v1 -genkey -noout -out pki/ca-key.pem\n\
         cat >pki/ca.conf <<'EOF'\n\
         [req]\n\
         distinguished_name = subject\n\
         x509_extensions = authority\n\
         prompt = no\n\
         [subject]\n\
         CN = {subject}\n\
         [authority]\n\
         basicConstraints = critical, CA:TRUE, pathlen:0\n\
         keyUsage = critical, keyCertSign, cRLSign\n\
         subjectKeyIdentifier = hash\n\
         EOF\n\
         openssl req -x509 -new -sha256 -days {AUTHORITY_DAYS} -config pki/ca.conf \\\n  \
           -key pki/ca-key.pem -out pki/ca.pem\n\
         # The client: a key, a request, and the authority's answer to it.\n{}",
        leaf("client", subject, "extendedKeyUsage = clientAuth")
    )
}

/// Makes the certificate of a machine's engine, in `pki/MACHINE`. `addresses` are as a shell reads them.
pub fn server(machine: &str, subject: &str, names: &[String], addresses: &[String]) -> String {
    let names = names.iter().map(|name| format!("DNS:{name}"));
    let addresses = addresses.iter().map(|address| format!("IP:{address}"));
    let alternatives: Vec<String> = names.chain(addresses).collect();
    let usage =
        format!("extendedKeyUsage = serverAuth\nsubjectAltName = {}", alternatives.join(", "));
    format!("mkdir -p pki/{machine}\n{}", leaf(machine, subject, &usage))
}

fn leaf(directory: &str, subject: &str, usage: &str) -> String {
    format!(
        "openssl ecparam -name prime256v1 -genkey -noout -out pki/{directory}/key.pem\n\
         openssl req -new -sha256 -subj '/CN={subject}' -key pki/{directory}/key.pem \\\n  \
           -out pki/{directory}/request.pem\n\
         cat >pki/{directory}/extensions <<EOF\n\
         keyUsage = critical, digitalSignature\n\
         {usage}\n\
         EOF\n\
         openssl x509 -req -sha256 -days {LEAF_DAYS} -in pki/{directory}/request.pem \\\n  \
           -CA pki/ca.pem -CAkey pki/ca-key.pem -CAcreateserial \\\n  \
           -extfile pki/{directory}/extensions -out pki/{directory}/cert.pem\n"
    )
}
