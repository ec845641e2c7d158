//! The `dojo` command.

fn main() -> std::process::ExitCode {
    clusterdojo::cli::main()
}
