//! Shell completion, for whatever command line the binary has.

use clap_complete::Shell;
use std::io::Write;

/// Print the completion script of `command` for `shell`. Answers with the exit code.
pub fn completion(shell: Shell, mut command: clap::Command) -> u8 {
    let name = command.get_name().to_owned();
    // Rendered first and written at once: the generator panics where the pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let mut out = std::io::stdout().lock();
    match out.write_all(&script).and_then(|()| out.flush()) {
        Ok(()) => 0,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => 0,
        Err(_) => 1,
    }
}
