//! Programs that try to get out, and to take more than they may.

use std::{path::Path, time::Duration};

use tokio::io::AsyncReadExt as _;

use crate::{
    Breach, Bubblewrap, Confined, Ended, Limits, Network, Room, bubblewrap::OPENER, watch::Process,
};

struct Tried {
    said: String,
    ended: Option<Ended>,
    breach: Option<Breach>,
}

async fn run(room: &Room, script: &str) -> Tried {
    let bubblewrap = Bubblewrap::find().unwrap();
    let shell = Path::new("/bin/sh");
    let mut confined = bubblewrap.start(room, shell, &["-c", script]).unwrap();
    let mut stdout = confined.take_stdout().unwrap();
    let mut said = String::new();
    let breach = tokio::select! {
        read = stdout.read_to_string(&mut said) => {
            read.unwrap();
            None
        }
        breach = confined.breach() => Some(breach),
    };
    let ended = if breach.is_some() {
        confined.end().await.unwrap();
        None
    } else {
        Some(confined.ended().await.unwrap())
    };
    Tried {
        said,
        ended,
        breach,
    }
}

fn room(folder: &Path) -> Room {
    Room {
        write: vec![folder.to_owned()],
        current_dir: folder.to_owned(),
        ..Room::default()
    }
}

#[tokio::test]
async fn sees_the_system_and_its_own_folder_and_nothing_else() {
    let house = tempfile::tempdir().unwrap();
    let own = house.path().join("own");
    fs_err::create_dir(&own).unwrap();
    let secret = house.path().join("secret");
    fs_err::write(&secret, "canary").unwrap();
    fs_err::write(own.join("given"), "here").unwrap();
    let script = format!(
        "cat given; echo made > made; cat {}; ls /root /home /var; ls /etc > etc; env",
        secret.display()
    );
    let tried = run(&room(&own), &script).await;
    assert!(tried.said.starts_with("here"), "{}", tried.said);
    assert!(!tried.said.contains("canary"), "{}", tried.said);
    assert!(!tried.said.contains("CARGO"), "{}", tried.said);
    let errors = tried.ended.unwrap().errors;
    for hidden in ["/root", "/home", "/var"] {
        assert!(errors.contains(hidden), "{errors}");
    }
    let etc = fs_err::read_to_string(own.join("etc")).unwrap();
    assert!(
        etc.lines()
            .all(|name| ["alternatives", "localtime"].contains(&name)),
        "{etc}"
    );
    assert_eq!(fs_err::read_to_string(own.join("made")).unwrap(), "made\n");
}

#[tokio::test]
async fn programs_of_the_system_are_there_and_its_settings_are_not_changed() {
    let house = tempfile::tempdir().unwrap();
    let script = "awk 'BEGIN { print \"awk\" }'; cat /proc/sys/kernel/printk_delay > delay && \
                  cat delay > /proc/sys/kernel/printk_delay; echo $?; test ! -e /etc/localtime || date +%Z";
    let tried = run(&room(house.path()), script).await;
    let here = std::process::Command::new("date")
        .arg("+%Z")
        .output()
        .unwrap();
    let here = String::from_utf8(here.stdout).unwrap();
    let said: Vec<&str> = tried.said.lines().collect();
    assert_eq!(said, ["awk", "2", here.trim()], "{:?}", tried.ended);
}

#[tokio::test]
async fn writes_nowhere_else_whatever_links_it_makes() {
    let house = tempfile::tempdir().unwrap();
    let own = house.path().join("own");
    fs_err::create_dir(&own).unwrap();
    let outside = house.path().join("outside");
    fs_err::write(&outside, "as it was").unwrap();
    let given = house.path().join("given");
    fs_err::write(&given, "as it was").unwrap();
    let mut room = room(&own);
    room.read = vec![(given.clone(), own.join("given"))];
    fs_err::write(own.join("given"), "").unwrap();
    let script = format!(
        "ln -s {0} link; echo x > link; echo x > given; echo x > /usr/x; rm -f given; mount -t tmpfs none /usr; true",
        outside.display()
    );
    run(&room, &script).await;
    for untouched in [outside, given] {
        assert_eq!(fs_err::read_to_string(untouched).unwrap(), "as it was");
    }
    assert!(!Path::new("/usr/x").exists());
}

#[tokio::test]
async fn has_no_network_unless_the_room_has_one() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let house = tempfile::tempdir().unwrap();
    let script = format!(
        "/usr/bin/python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 5)' 2>&1; echo $?"
    );
    let mut room = room(house.path());
    let tried = run(&room, &script).await;
    assert!(
        tried.said.contains("refused") && tried.said.ends_with("1\n"),
        "{}",
        tried.said
    );
    room.network = Network::Host;
    assert_eq!(run(&room, &script).await.said, "0\n");
}

#[tokio::test]
async fn is_ended_when_it_goes_over_a_limit() {
    let house = tempfile::tempdir().unwrap();
    let mut room = room(house.path());
    room.limits = Limits {
        memory_bytes: 64 << 20,
        processes: 20,
        time: Duration::from_secs(2),
    };
    for (script, breach) in [
        (
            "trap '' TERM; while true; do sleep 1; done",
            Breach::Time {
                limit: Duration::from_secs(2),
            },
        ),
        (
            "/usr/bin/python3 -c 'b = bytearray(200 << 20); import time; time.sleep(60)'",
            Breach::Memory { limit_mib: 64 },
        ),
        (
            "for i in $(seq 40); do sleep 60 & done; wait",
            Breach::Processes { limit: 20 },
        ),
        (
            "ulimit -s 256; exec /usr/bin/python3 -c 'import threading, time\nthreading.stack_size(65536)\n\
             for _ in range(400): threading.Thread(target=time.sleep, args=(60,)).start()'",
            Breach::Processes { limit: 20 },
        ),
    ] {
        assert_eq!(run(&room, script).await.breach, Some(breach), "{script}");
    }
}

#[tokio::test]
async fn memory_that_forked_copies_share_counts_once() {
    let house = tempfile::tempdir().unwrap();
    let mut room = room(house.path());
    room.limits.memory_bytes = 96 << 20;
    fs_err::write(
        house.path().join("forks.py"),
        "import os, time\nblob = bytearray(40 << 20)\nchildren = []\nfor _ in range(5):\n    child = os.fork()\n    if child == 0:\n        time.sleep(1)\n        os._exit(0)\n    children.append(child)\nfor child in children:\n    os.waitpid(child, 0)\nprint('done')\n",
    )
    .unwrap();
    let tried = run(&room, "exec /usr/bin/python3 forks.py").await;
    assert_eq!((tried.said.as_str(), tried.breach), ("done\n", None));
}

#[tokio::test]
async fn what_it_started_ends_with_it() {
    let house = tempfile::tempdir().unwrap();
    let bubblewrap = Bubblewrap::find().unwrap();
    let script = "(setsid sh -c 'while true; do date +%N > alive; sleep 0.05; done' &) ; while [ ! -s alive ]; do sleep 0.05; done; echo ready; sleep 60";
    let mut confined = bubblewrap
        .start(&room(house.path()), Path::new("/bin/sh"), &["-c", script])
        .unwrap();
    let mut stdout = confined.take_stdout().unwrap();
    let mut ready = [0; 6];
    stdout.read_exact(&mut ready).await.unwrap();
    confined.end().await.unwrap();
    // All of the namespace is gone when its pipe is closed by the last process.
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).await.unwrap();
    let before = fs_err::read_to_string(house.path().join("alive")).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let after = fs_err::read_to_string(house.path().join("alive")).unwrap();
    assert_eq!(before, after);
}

#[test]
fn a_room_that_cannot_be_made_is_told_from_what_a_program_says() {
    let said = |errors: &str| Ended {
        status: Some(1),
        errors: errors.to_owned(),
    };
    let nothing_there = format!("{}self/fd/999", crate::filter::PROCESSES);
    let shell = std::process::Command::new("/bin/sh")
        .args(["-c", OPENER, &nothing_there, "/bin/true"])
        .output()
        .unwrap();
    let of_shell = said(&String::from_utf8(shell.stderr).unwrap());
    assert!(of_shell.refusal().unwrap().contains(&nothing_there));
    let of_bubblewrap = said("bwrap: Creating new namespace failed: Operation not permitted\n");
    assert!(of_bubblewrap.refusal().is_some());
    let of_program = "Traceback (most recent call last):\n  bwrap: it says\n";
    assert_eq!(said(of_program).refusal(), None);
    assert_eq!(said("").refusal(), None);
}

/// A program in a room, with another one beside it that has none of its streams and so much memory that its end takes
/// a while; and all their processes.
async fn two_of_them(house: &Path) -> (Confined, Vec<Process>) {
    let beside =
        "import time\nheld = b'x' * (400 << 20)\nopen('alive', 'w').write('yes')\ntime.sleep(60)";
    let script = format!("setsid python3 -c \"{beside}\" <&- >/dev/null 2>&1 &\nread line; exit 3");
    let confined = Bubblewrap::find()
        .unwrap()
        .start(&room(house), Path::new("/bin/sh"), &["-c", &script])
        .unwrap();
    while !house.join("alive").exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let processes = confined.processes();
    // The shell in the room's first process, and what it started.
    assert!(processes.len() >= 3, "{processes:?}");
    (confined, processes)
}

#[tokio::test]
async fn its_end_is_that_of_everything_it_started() {
    for how in ["by itself", "asked", "dropped"] {
        let house = tempfile::tempdir().unwrap();
        let (mut confined, processes) = two_of_them(house.path()).await;
        match how {
            "by itself" => assert_eq!(confined.ended().await.unwrap().status, Some(3)),
            "asked" => confined.end().await.unwrap(),
            _ => drop(confined),
        }
        let left: Vec<&Process> = processes.iter().filter(|one| one.is_there()).collect();
        assert!(left.is_empty(), "{how}: {left:?}");
    }
}

#[tokio::test]
async fn the_time_it_waits_for_its_caller_does_not_count() {
    let house = tempfile::tempdir().unwrap();
    let mut room = room(house.path());
    room.limits.time = Duration::from_millis(500);
    let bubblewrap = Bubblewrap::find().unwrap();
    let confined = bubblewrap
        .start(&room, Path::new("/bin/sh"), &["-c", "sleep 60"])
        .unwrap();
    let excused = confined.excuse().begin();
    let waited = tokio::time::timeout(Duration::from_secs(2), confined.breach()).await;
    assert!(waited.is_err(), "{waited:?}");
    drop(excused);
    let limit = room.limits.time;
    assert_eq!(confined.breach().await, Breach::Time { limit });
}

#[tokio::test]
async fn what_looks_like_a_disk_and_is_memory_is_limited_too() {
    let house = tempfile::tempdir().unwrap();
    let mut room = room(house.path());
    room.limits.memory_bytes = 64 << 20;
    let script = "for place in /tmp /dev/shm /Volumes; do head -c 80000000 /dev/zero > $place/much; wc -c < $place/much; done; \
                  for place in / /dev /run; do echo > $place/new && echo $place; done; echo > /dev/null && echo null";
    let tried = run(&room, script).await;
    let (sizes, rest) = tried.said.split_at(tried.said.find("null").unwrap());
    let sizes: Vec<u64> = sizes.lines().map(|size| size.parse().unwrap()).collect();
    // Together as much as there may be, in whole pages.
    let together: u64 = sizes.iter().sum();
    assert!(
        (64 << 20..65 << 20).contains(&together) && sizes.len() == 3,
        "{sizes:?}"
    );
    assert_eq!(rest, "null\n");
}

/// Calls the kernel by number, and says what came of it: `EPERM`, or `ok`.
const CALLER: &str = "import ctypes, errno, socket, subprocess, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(name, number, *arguments):
    ctypes.set_errno(0)
    answer = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(argument) for argument in arguments])
    print(name, errno.errorcode[ctypes.get_errno()] if answer == -1 else 'ok')
";

/// What ordinary programs do.
const ORDINARY: &str = "for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
    socket.socket(family).close()
thread = threading.Thread(target=lambda: print('thread ok'))
thread.start()
thread.join()
print('process', subprocess.check_output(['/bin/echo', 'ok'], text=True), end='')
";

/// Calls with their arguments, and what comes of them.
fn calls() -> Vec<(&'static str, libc::c_long, &'static str, &'static str)> {
    vec![
        ("unshare", libc::SYS_unshare, "0x10000000", "EPERM"),
        ("clone", libc::SYS_clone, "0x10000011, 0, 0, 0, 0", "EPERM"),
        ("setns", libc::SYS_setns, "0, 0", "EPERM"),
        ("mount", libc::SYS_mount, "0, 0, 0, 0, 0", "EPERM"),
        ("ptrace", libc::SYS_ptrace, "0, 0, 0, 0", "EPERM"),
        ("keyctl", libc::SYS_keyctl, "0, -3, 1", "EPERM"),
        ("add_key", libc::SYS_add_key, "0, 0, 0, 0, -3", "EPERM"),
        ("bpf", libc::SYS_bpf, "0, 0, 0", "EPERM"),
        ("io_uring", libc::SYS_io_uring_setup, "1, 0", "EPERM"),
        ("userfaultfd", libc::SYS_userfaultfd, "1", "EPERM"),
        ("unseen memory", libc::SYS_memfd_create, "0, 0", "EPERM"),
        (
            "shared memory",
            libc::SYS_shmget,
            "0, 4096, 0o1600",
            "EPERM",
        ),
        (
            "counters",
            libc::SYS_perf_event_open,
            "0, 0, -1, -1, 0",
            "EPERM",
        ),
        ("handle", libc::SYS_open_by_handle_at, "0, 0, 0", "EPERM"),
        ("personality", libc::SYS_personality, "8", "EPERM"),
        ("which personality", libc::SYS_personality, "-1", "ok"),
        ("typing", libc::SYS_ioctl, "0, 0x5412, 0", "EPERM"),
        ("alg", libc::SYS_socket, "38, 5, 0", "EPERM"),
        ("vsock", libc::SYS_socket, "40, 1, 0", "EPERM"),
        ("packet", libc::SYS_socket, "17, 3, 0", "EPERM"),
        ("clone3", libc::SYS_clone3, "0, 0", "ENOSYS"),
        (
            "other numbers",
            0x4000_0000 | libc::SYS_getpid,
            "0",
            "ENOSYS",
        ),
    ]
}

#[tokio::test]
async fn asks_the_kernel_for_what_ordinary_programs_do_and_for_nothing_else() {
    let house = tempfile::tempdir().unwrap();
    let calls = calls();
    let lines = calls
        .iter()
        .map(|(name, number, arguments, _)| format!("call('{name}', {number}, {arguments})\n"));
    let script = [CALLER, &lines.collect::<String>(), ORDINARY].concat();
    fs_err::write(house.path().join("calls.py"), script).unwrap();
    let tried = run(&room(house.path()), "exec /usr/bin/python3 calls.py").await;
    let mut expected: Vec<String> = calls
        .iter()
        .map(|(name, _, _, answer)| format!("{name} {answer}"))
        .collect();
    expected.extend(["thread ok".to_owned(), "process ok".to_owned()]);
    let said: Vec<&str> = tried.said.lines().collect();
    assert_eq!(said, expected, "{:?}", tried.ended);
}
