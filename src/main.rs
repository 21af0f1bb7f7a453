//! The `remold` program; everything it does is in the library.

fn main() -> std::process::ExitCode {
    remold::main()
}
