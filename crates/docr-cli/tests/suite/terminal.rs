//! Commands on a pseudo-terminal.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
        mpsc::{self, Receiver},
    },
    thread,
    time::Duration,
};

use docr_sandbox::{Sandbox, ScriptedResponse};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::shell::Shell;

/// Long enough for anything that doesn't hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Clears the line of the cursor.
const CLEAR_LINE: &str = "\u{1b}[2K";

/// A command that runs on a terminal.
pub(crate) struct OnTerminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl OnTerminal {
    pub(crate) fn start(shell: &Shell, line: &str, columns: u16) -> Self {
        let mut command = shell.command(line);
        command.env("TERM", "xterm-256color");
        Self::of(command, columns)
    }

    pub(crate) fn of(mut command: Command, columns: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name)
            .unwrap();
        let size = Winsize {
            ws_row: 50,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&theirs, size).unwrap();
        let end = || Stdio::from(theirs.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end());
        let child = child.spawn().unwrap();
        // The terminal is closed when the last holder drops its end.
        drop((command, theirs));
        let keyboard = File::from(ours);
        let screen = read(keyboard.try_clone().unwrap());
        Self {
            child,
            keyboard,
            screen,
            seen: String::new(),
        }
    }

    /// Waits until a text is shown.
    pub(crate) fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            match self.screen.recv_timeout(PATIENCE) {
                Ok(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                Err(_) => panic!("{text:?} is not seen:\n{}", self.seen),
            }
        }
    }

    pub(crate) fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Sends a signal, like a terminal on Ctrl-C.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// The exit code, and all output.
    pub(crate) fn end(mut self) -> (i32, String) {
        while let Ok(bytes) = self.screen.recv_timeout(PATIENCE) {
            self.seen += &String::from_utf8_lossy(&bytes);
        }
        let status = self.child.wait().unwrap();
        (status.code().unwrap(), self.seen)
    }
}

fn signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn read(mut screen: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // Reading fails when the other end is closed.
        while let Ok(length @ 1..) = screen.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

pub(crate) fn seen(line: &str, columns: u16, no_color: bool) -> String {
    let shell = match no_color {
        true => Shell::new().set("NO_COLOR", "1"),
        false => Shell::new(),
    };
    let (code, seen) = OnTerminal::start(&shell, line, columns).end();
    assert_eq!(code, 0, "{seen}");
    seen
}

/// Output without what was overwritten, such as progress.
pub(crate) fn last_drawn(seen: &str) -> String {
    let lines = seen.split('\n').map(|line| {
        let line = line.trim_end_matches('\r');
        line.rsplit('\r').next().unwrap_or_default()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Output without escapes and without what was overwritten.
fn plain(seen: &str) -> String {
    last_drawn(&anstream::adapter::strip_str(seen).to_string())
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for line in [
        "--sandbox certificate list",
        "--sandbox image list shop/api",
        "--sandbox image show shop/api:latest",
        "--sandbox registry options",
        "--sandbox registry options --columns tier,price,repositories,storage,transfer,overage,fits,why-not",
        "--sandbox certificate show shop-front",
        "--sandbox prune --plan --keep-newest 3 --quiet",
        "--sandbox usage",
    ] {
        for columns in [40, 80, 200] {
            let text = plain(&seen(line, columns, false));
            for shown in text.lines() {
                let width = shown.chars().count();
                assert!(
                    width <= columns.into(),
                    "{columns} {line}: {shown:?}\n{text}"
                );
            }
        }
    }
}

#[test]
fn colours_are_used_on_a_terminal_unless_no_color_is_set() {
    let line = "--sandbox certificate list";
    let green = "\u{1b}[32mverified";
    assert!(seen(line, 100, false).contains(green));
    let without = seen(line, 100, true);
    assert!(
        !without.contains("\u{1b}[32m") && !without.contains("\u{1b}[1m"),
        "{without:?}"
    );
    let piped = Shell::new().run(line).out;
    assert!(!piped.contains('\u{1b}'), "{piped}");
}

#[test]
fn a_closed_pipe_ends_a_command_silently() {
    for line in [
        "--sandbox tag list shop/api",
        "--sandbox registry options --output csv",
        "man",
    ] {
        let shell = Shell::new();
        let mut command = shell.command(line);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{line}");
        assert_eq!(ended.status.code(), Some(130), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_lets_the_change_in_progress_finish_and_reports_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let sample = sandbox.add_sample().unwrap();
    let shell = Shell::at(&sandbox);
    let pid = Arc::new(AtomicU32::new(0));
    let interrupted = Arc::clone(&pid);
    sandbox.before_each(Some(move |method: &str, _: &str| {
        let pid = interrupted.load(SeqCst);
        if method != "GET" && pid != 0 {
            signal(pid, "INT");
            // Time to end at once.
            thread::park_timeout(Duration::from_millis(50));
        }
    }));
    let link = format!("cluster link {}", sample.cluster);
    for (line, reported) in [
        (link.as_str(), "can now pull from"),
        ("tag delete shop/api:v1.0.0 --yes", "was deleted"),
        ("registry tier basic", "basic"),
        ("registry tier professional", "professional"),
        ("registry create acme", "acme"),
        ("registry ensure images", "was created"),
        ("certificate create new --dns-name new.example.com", "new"),
    ] {
        pid.store(0, SeqCst);
        let running = OnTerminal::start(&shell, line, 200);
        pid.store(running.child.id(), SeqCst);
        let (code, seen) = running.end();
        assert_eq!(code, 0, "{line}: {seen}");
        assert!(seen.contains(reported), "{line}: {seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_a_wait_and_its_countdown_and_nothing_more_is_sent() {
    for (line, operation, seconds, left) in [
        // Without a progress, and with one.
        (
            "registry create acme --tier professional",
            "registries_create",
            50,
            "",
        ),
        ("registry list", "registries_list", 50, ""),
        // These handle the first interrupt themselves.
        (
            "gc run --registry sample --type unreferenced-blobs",
            "registries_run_garbageCollection",
            50,
            "If the garbage collection was started, it continues; check with `docr gc show`.",
        ),
        (
            "credentials docker-config --registry sample",
            "registries_get_dockerCredentials",
            50,
            "",
        ),
        (
            "credentials docker-config --legacy",
            "registry_get_dockerCredentials",
            50,
            "",
        ),
        ("image show shop/api:latest", "registries_list", 50, ""),
        (
            "image show shop/api:latest",
            "registries_get_dockerCredentials",
            50,
            "",
        ),
        (
            "gc run --registry sample --type both",
            "registries_list_repositoriesV2",
            50,
            "Nothing was started.",
        ),
        (
            "prune --plan --keep-newest 1",
            "registries_list",
            50,
            "Interrupted while reading; nothing was deleted.",
        ),
        (
            "tag delete shop/api:v1.0.0 --yes",
            "registries_delete_repositoryTag",
            50,
            "The tag \"v1.0.0\" in repository \"shop/api\" of registry \"sample\" was not deleted.",
        ),
        (
            "repository delete shop/web --yes",
            "registries_delete_repository",
            50,
            "The repository \"shop/web\" in registry \"sample\" was not deleted.",
        ),
        (
            "certificate delete shop-front --yes",
            "certificates_delete",
            50,
            "The certificate \"shop-front\" was not deleted.",
        ),
        (
            "certificate create new --dns-name new.example.com",
            "certificates_create",
            50,
            "",
        ),
        // Shorter and longer than a call waits by itself.
        (
            "prune --apply --keep-newest 1 --min-age 0d --yes",
            "registries_delete_repositoryTag",
            50,
            "not tried",
        ),
        (
            "prune --apply --keep-newest 1 --min-age 0d --yes",
            "registries_delete_repositoryTag",
            500,
            "not tried",
        ),
    ] {
        let sandbox = Sandbox::start().await.unwrap();
        sandbox.add_sample().unwrap();
        // Several deletions of a prune are made at the same time.
        for _ in 0..8 {
            let limited = ScriptedResponse::status(429).header("retry-after", seconds.to_string());
            sandbox.respond_next(operation, limited).unwrap();
        }
        let shell = Shell::at(&sandbox);
        let mut running = OnTerminal::start(&shell, line, 200);
        running.wait_for(&format!("waiting {seconds} s for the rate limit"));
        running.signal("INT");
        let (code, seen) = running.end();
        assert_eq!(code, 130, "{line}: {seen}");
        let shown = seen.rsplit(CLEAR_LINE).next().unwrap();
        let shown = anstream::adapter::strip_str(shown).to_string();
        assert!(shown.trim().contains(left), "{line}: {seen:?}");
        if left.is_empty() {
            assert_eq!(shown.trim(), "", "{line}: {seen:?}");
        }
        let requests = sandbox.requests();
        // Afterwards, credentials are revoked.
        let mut sent = requests.iter().rev();
        let last = sent.find(|sent| sent.operation.is_some()).unwrap();
        assert_eq!(last.operation.as_deref(), Some(operation), "{line}");
        assert_eq!(last.status, 429, "{line}");
        assert!(sandbox.credentials().iter().all(|one| one.revoked));
    }
}
