//! The upstream that replays the recorded rows, as a child process.

use std::{
    env, fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use supergate_tests::app::{App, PROVIDERS};
use uuid::Uuid;

use super::rows::Folder;

/// Long: it reads all rows first, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running replay; it stops when this is dropped.
pub struct Replay {
    process: Child,
    port_file: PathBuf,
    base_url: String,
}

impl Replay {
    pub async fn start(folder: &Folder) -> Self {
        let python = env::var("SUPERGATE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let port_file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("replay-{}", Uuid::now_v7()));
        let process = Command::new(&python)
            .arg(&folder.replay)
            .arg("--rows")
            .arg(&folder.rows)
            .args(["--port", "0", "--port-file"])
            .arg(&port_file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{python}: {error}"));
        let mut replay = Self { process, port_file, base_url: String::new() };
        let port = tokio::time::timeout(PATIENCE, replay.port()).await.expect("replay.py says its port in time");
        replay.base_url = format!("http://127.0.0.1:{port}");
        replay
    }

    /// A gateway that takes this for the five providers.
    pub async fn app(&self) -> App {
        let vars = PROVIDERS.map(|(provider, _)| {
            (format!("SUPERGATE_{}_URL", provider.to_uppercase()), format!("{}/{provider}", self.base_url))
        });
        App::start_with(&vars.each_ref().map(|(name, url)| (name.as_str(), url.as_str()))).await
    }

    async fn port(&mut self) -> u16 {
        loop {
            // The file appears in one piece, once the port is open.
            if let Ok(port) = fs::read_to_string(&self.port_file) {
                return port.trim().parse().expect("a port");
            }
            if let Some(status) = self.process.try_wait().expect("a child") {
                panic!("replay.py ended: {status}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.port_file);
    }
}
