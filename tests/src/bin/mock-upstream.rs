//! The mock upstream as a program: `mock-upstream [--port N] [--port-file FILE]`.
//!
//! Binds the loopback interface only. With `--port 0`, or none, it takes a free port; the file then holds its number as soon as the
//! server listens. Ends on SIGTERM and Ctrl-C.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

use supergate_tests::mock::MockUpstream;
use tokio::net::TcpListener;

const USAGE: &str = "usage: mock-upstream [--port N] [--port-file FILE]";

#[derive(Default)]
struct Args {
    port: u16,
    port_file: Option<PathBuf>,
}

/// One thread: it shares the machine with what it is there to measure.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(args) = read_args(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mock-upstream: port {}: {error}", args.port);
            ExitCode::FAILURE
        }
    }
}

fn read_args(mut args: impl Iterator<Item = String>) -> Option<Args> {
    let mut read = Args::default();
    while let Some(name) = args.next() {
        let value = args.next()?;
        match name.as_str() {
            "--port" => read.port = value.parse().ok()?,
            "--port-file" => read.port_file = Some(value.into()),
            _ => return None,
        }
    }
    Some(read)
}

async fn run(args: &Args) -> io::Result<()> {
    let mock = MockUpstream::serve(TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await?)?;
    if let Some(file) = &args.port_file {
        // Renamed into place, so that nobody reads half a number.
        let unfinished = file.with_extension("unfinished");
        std::fs::write(&unfinished, mock.address().port().to_string())?;
        std::fs::rename(&unfinished, file)?;
    }
    println!("mock upstream at http://{}", mock.address());
    asked_to_stop().await
}

async fn asked_to_stop() -> io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped,
        _ = terminate.recv() => Ok(()),
    }
}
