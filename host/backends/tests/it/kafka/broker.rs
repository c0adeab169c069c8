//! A broker of a test's own: to be killed, or to stand behind a [`Door`](super::door::Door).

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What was in its topics goes with it.
pub(crate) struct Broker {
    program: PathBuf,
    port: u16,
    /// Where clients are sent.
    advertised: String,
    /// More on its command line.
    more: &'static [&'static str],
    child: Option<Child>,
}

impl Broker {
    /// One that is reached directly.
    pub(crate) fn start() -> Self {
        let port = free_port();
        Self::start_on(port, format!("127.0.0.1:{port}"), &[])
    }

    /// One that sends its clients to another address.
    pub(crate) fn start_behind(advertised: String) -> Self {
        Self::start_on(free_port(), advertised, &[])
    }

    /// One that lets nobody in who does not sign in.
    pub(crate) fn start_that_asks_who() -> Self {
        let port = free_port();
        Self::start_on(port, format!("127.0.0.1:{port}"), &["--authentication"])
    }

    fn start_on(port: u16, advertised: String, more: &'static [&'static str]) -> Self {
        let program = super::given("OPSSIGHT_TEST_KAFKA_BROKER").into();
        let mut broker = Self { program, port, advertised, more, child: None };
        broker.start_again();
        broker
    }

    pub(crate) fn start_again(&mut self) {
        let (listen, advertised) = (format!("tcp://{}", self.address()), format!("tcp://{}", self.advertised));
        let child = Command::new(&self.program)
            .args(["broker", "--listener-url", &listen, "--advertised-listener-url", &advertised])
            .args(["--storage-engine", "memory://tansu/"])
            .args(self.more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the broker starts");
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < deadline, "the broker does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("SIGKILL");
            child.wait().expect("its end");
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}
