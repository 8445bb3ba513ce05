//! One instance of a function: the process and its Runtime API.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::process::{self, CpuClock};
use super::reply::{InvokeError, Reply};
use super::runtime_api::{PATIENCE, RuntimeApi};

/// How a function is to be started.
#[derive(Debug, Clone)]
pub struct Launch {
    program: PathBuf,
    name: String,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    concurrency: usize,
}

impl Launch {
    /// The binary at this path, as a function named like it. It sees nothing of our own environment.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let program = program.into();
        let name = program.file_name().expect("the path of a binary").to_string_lossy().into_owned();
        Self { program, name, args: Vec::new(), env: Vec::new(), concurrency: 1 }
    }

    /// Another name than the binary's.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// One more argument; real functions get none.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// One more variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// More variables.
    pub fn envs<N: Into<OsString>, V: Into<OsString>>(mut self, env: impl IntoIterator<Item = (N, V)>) -> Self {
        self.env.extend(env.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// How many invocations the instance takes at once, as on Lambda Managed Instances. 1 is classic Lambda.
    pub fn concurrency(mut self, invocations: usize) -> Self {
        self.concurrency = invocations;
        self
    }

    /// Starts the process and waits until it asks for its first invocation.
    pub async fn start(&self) -> Result<Function, StartError> {
        let name = self.name.clone();
        let api = RuntimeApi::start(&name).await;
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().envs(lambda_env(&name, &api));
        if self.concurrency > 1 {
            command.env("AWS_LAMBDA_MAX_CONCURRENCY", self.concurrency.to_string());
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("starting {}: {error}", self.program.display()));
        let logs = Arc::new(watch::Sender::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(collect_lines(child.stdout.take().expect("a pipe"), logs.clone()));
        tasks.spawn(collect_lines(child.stderr.take().expect("a pipe"), logs.clone()));
        let pid = child.id().expect("a process that was just started");
        let gone = Arc::new(watch::Sender::new(false));
        tasks.spawn(watch_over(child, api.board(), Arc::clone(&gone)));
        let (concurrency, cpu) = (self.concurrency, CpuClock::default());
        let instance = Instance { name, pid, api, concurrency, logs, cpu, gone, _tasks: tasks };
        match instance.api.until_waiting(1, PATIENCE).await {
            Ok(()) => Ok(Function(Arc::new(instance))),
            Err(why) => Err(StartError { why, logs: instance.logs.borrow().clone() }),
        }
    }
}

/// A function that did not come as far as to ask for work.
#[derive(Debug)]
pub struct StartError {
    /// What happened to it.
    pub why: InvokeError,
    /// What it had to say.
    pub logs: Vec<String>,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the function did not start: {}\n{}", self.why, self.logs.join("\n"))
    }
}

impl std::error::Error for StartError {}

/// A running instance. Clones are the same instance; the process is killed when the last one is dropped.
#[derive(Clone)]
pub struct Function(Arc<Instance>);

struct Instance {
    name: String,
    pid: u32,
    api: RuntimeApi,
    concurrency: usize,
    logs: Arc<watch::Sender<Vec<String>>>,
    cpu: CpuClock,
    gone: Arc<watch::Sender<bool>>,
    /// Dropping them drops the child, which kills it.
    _tasks: JoinSet<()>,
}

impl Function {
    /// Starts the binary with these variables and waits for its first poll.
    ///
    /// # Panics
    /// If it does not get that far; the message has its logs. [`Launch::start`] returns them instead.
    pub async fn start<N, V>(program: impl AsRef<Path>, env: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let launch = Launch::new(program.as_ref()).envs(env);
        launch.start().await.unwrap_or_else(|error| panic!("{}: {error}", program.as_ref().display()))
    }

    /// Invokes it and waits for status and headers; the body may still be arriving. `deadline` counts from now, also while the
    /// instance is busy with an earlier invocation.
    ///
    /// # Panics
    /// If there is no reply; the message has the function's logs. [`Function::try_invoke`] returns the reason instead.
    pub async fn invoke(&self, event: Value, deadline: Duration) -> Reply {
        self.try_invoke(&event, deadline).await.unwrap_or_else(|why| panic!("{why}\n{}", self.logs().join("\n")))
    }

    /// Invokes it. When the deadline passes, the process is killed, as on Lambda.
    pub async fn try_invoke(&self, event: &Value, deadline: Duration) -> Result<Reply, InvokeError> {
        self.0.api.invoke(event, deadline).await
    }

    /// Invokes it and closes its connection to the Runtime API once `after_bytes` of the body came through (0: before anything did).
    pub async fn invoke_and_hang_up(
        &self,
        event: Value,
        deadline: Duration,
        after_bytes: usize,
    ) -> Result<Reply, InvokeError> {
        self.0.api.invoke_and_hang_up(&event, deadline, after_bytes).await
    }

    /// Ends its process as `kill -9` does, and waits until it is gone.
    pub async fn kill(&self) {
        self.0.api.board().send_modify(|board| board.end(InvokeError::Killed));
        drop(self.0.gone.subscribe().wait_for(|gone| *gone).await);
    }

    /// Waits until all its workers wait for work again, so that what happens after the response is done too.
    ///
    /// # Panics
    /// If it ended, or is not idle after 30 seconds.
    pub async fn idle(&self) {
        self.0.api.idle(self.0.concurrency).await;
    }

    /// How many times it asked for an invocation.
    pub fn polls(&self) -> u64 {
        self.0.api.polls()
    }

    /// How many invocations were handed in and not yet answered.
    pub fn load(&self) -> usize {
        self.0.api.load()
    }

    /// Its name, that of its binary.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.0.pid
    }

    /// CPU time it used since it was started, user and system, to the nanosecond.
    pub fn cpu_time(&self) -> Duration {
        self.0.cpu.read(self.0.pid)
    }

    /// Its memory that is in RAM.
    pub fn resident_bytes(&self) -> u64 {
        process::resident_bytes(self.0.pid)
    }

    /// The lines it wrote so far. Those of a moment ago may still be in the pipe: see [`Function::log_with`].
    pub fn logs(&self) -> Vec<String> {
        self.0.logs.borrow().clone()
    }

    /// Waits for a line that contains `text`.
    ///
    /// # Panics
    /// If none has come after 30 seconds.
    pub async fn log_with(&self, text: &str) -> String {
        let find = |lines: &Vec<String>| lines.iter().find(|line| line.contains(text)).cloned();
        let mut logs = self.0.logs.subscribe();
        let found = tokio::time::timeout(PATIENCE, logs.wait_for(|lines| find(lines).is_some())).await;
        let lines = found.unwrap_or_else(|_| panic!("no line with {text:?} in:\n{}", self.logs().join("\n")));
        find(&lines.expect("the logs, which we hold")).expect("the line that was waited for")
    }
}

/// What Lambda sets for every function: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.
fn lambda_env(name: &str, api: &RuntimeApi) -> [(&'static str, String); 12] {
    [
        ("AWS_LAMBDA_RUNTIME_API", api.address().to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}

async fn collect_lines(pipe: impl AsyncRead + Unpin, logs: Arc<watch::Sender<Vec<String>>>) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        logs.send_modify(|logs| logs.push(line));
    }
}

/// Tells the Runtime API's callers when the process ends, and ends it when the Runtime API gave it up.
async fn watch_over(mut child: Child, board: Arc<watch::Sender<super::board::Board>>, gone: Arc<watch::Sender<bool>>) {
    tokio::select! {
        status = child.wait() => {
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            board.send_modify(|board| board.end(InvokeError::Exited(status)));
        }
        () = RuntimeApi::until_over(&board) => drop(child.kill().await),
    }
    gone.send_replace(true);
}
