//! Parses the command line, does what it says, and ends with the documented exit code.

fn main() -> std::process::ExitCode {
    slowdrip::cli::main()
}
