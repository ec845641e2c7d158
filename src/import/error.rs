//! Why a host of another program cannot be taken.

use std::path::PathBuf;

/// Why a machine of docker-machine cannot be taken. Nothing here shows what stands in its files but names and paths.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment does not say where docker-machine keeps its files.
    #[error("neither MACHINE_STORAGE_PATH nor HOME is set")]
    NoHome,
    /// There is no such machine.
    #[error("docker-machine has no machine `{name}` in `{}`{}", store.display(), there(known))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Where its machines would be.
        store: PathBuf,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A file or directory cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what docker-machine writes.
    #[error("`{}` is damaged", path.display())]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// Where and how it is wrong.
        source: serde_json::Error,
    },
    /// Only hosts with an SSH server of their own can be taken.
    #[error(
        "`{name}` is of docker-machine's driver `{driver}`, and only machines of `generic` and `amazonec2` can be taken"
    )]
    OtherDriver {
        /// The machine.
        name: String,
        /// Its driver.
        driver: String,
    },
    /// What is known of it does not say where it is.
    #[error("docker-machine knows no address of `{0}`: it was never finished, or is off")]
    NoAddress(String),
    /// What is known of it cannot be true.
    #[error("what docker-machine knows of `{name}` cannot be used: {problem}")]
    Odd {
        /// The machine.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// The key that opens it is not there.
    #[error("the SSH key of `{name}` is not there: `{}`", path.display())]
    NoKey {
        /// The machine.
        name: String,
        /// Where it was to be.
        path: PathBuf,
    },
}

fn there(known: &[String]) -> String {
    match known {
        [] => ", and no others".to_owned(),
        known => format!("; there are {}", known.join(", ")),
    }
}
