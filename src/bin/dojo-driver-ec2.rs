//! The driver `ec2` of `dojo`, as a program of its own: the library of AWS takes most of the time that building takes, and
//! few need it.

fn main() -> std::process::ExitCode {
    clusterdojo::driver::ec2::serve()
}
