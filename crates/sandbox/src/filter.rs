//! What a program in a room may ask of the kernel.
//!
//! Everything that ordinary programs ask is let through. What is refused are doors to parts of the kernel that they do not
//! need, and in which ways out of namespaces were found time and again: namespaces of its own, in which a program has all
//! capabilities; mounts; looking into other processes; `io_uring`, BPF, `userfaultfd`, performance counters, key rings; and
//! families of sockets beside those of networks and of the machine itself.
//!
//! Sources: `seccomp(2)`, `bwrap(1)`, `linux/seccomp.h`, `linux/audit.h`.

use std::{collections::BTreeMap, env::consts::ARCH, fmt::Display, io, sync::OnceLock};

use rustix::{
    fd::{AsRawFd as _, OwnedFd},
    fs::{MemfdFlags, SealFlags},
};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, sock_filter,
};

/// Calls that are refused, whatever they ask.
const REFUSED: [libc::c_long; 48] = [
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    // Memory that no process is seen to use.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_migrate_pages,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_move_pages,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_shmget,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// Calls of one processor only that are refused.
#[cfg(target_arch = "x86_64")]
const OLD: [libc::c_long; 5] = [
    libc::SYS_ioperm,
    libc::SYS_iopl,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: [libc::c_long; 0] = [];

/// Families of sockets that may be: none, of the machine itself, IPv4, IPv6, and questions to the kernel about networks.
const FAMILIES: [libc::c_int; 5] = [
    libc::AF_UNSPEC,
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

/// Ways to type at a terminal in somebody's place.
const TYPING: [u64; 2] = [0x5412, 0x541c]; // TIOCSTI, TIOCLINUX

/// Personalities that may be: the usual one, and the question which one it is.
const PERSONALITIES: [u64; 2] = [0, 0xffff_ffff];

/// Numbers of calls from here on are those of another way to call on the same processor (x32), past every rule.
const OTHER_NUMBERS: u32 = 0x4000_0000;

/// The folder of every process's files.
pub(crate) const PROCESSES: &str = "/proc/";

/// The path under which a child finds the filter as long as this process is there; it is made once.
///
/// # Errors
/// If the system gives no memory for it, or this processor is none that filters can be made for.
pub(crate) fn path() -> io::Result<String> {
    static FILTER: OnceLock<OwnedFd> = OnceLock::new();
    let filter = if let Some(filter) = FILTER.get() {
        filter
    } else {
        let made = in_memory(&program()?)?;
        FILTER.get_or_init(|| made)
    };
    let process = std::process::id();
    Ok(format!("{PROCESSES}{process}/fd/{}", filter.as_raw_fd()))
}

/// A file in memory that nobody can change any more.
fn in_memory(program: &[u8]) -> io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create(
        "filter of system calls",
        MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
    )?;
    let mut rest = program;
    while !rest.is_empty() {
        let written = rustix::io::write(&file, rest)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    Ok(file)
}

/// The filter as the kernel takes it: instructions of eight bytes.
fn program() -> io::Result<Vec<u8>> {
    let arch = TargetArch::try_from(ARCH).map_err(unmade)?;
    let filter = SeccompFilter::new(
        rules().map_err(unmade)?,
        SeccompAction::Allow,
        SeccompAction::Errno(refusal(libc::EPERM)),
        arch,
    );
    let rules = BpfProgram::try_from(filter.map_err(unmade)?).map_err(unmade)?;
    let first = first();
    let all = first.iter().chain(&rules);
    Ok(all.flat_map(bytes).collect())
}

fn unmade(error: impl Display) -> io::Error {
    io::Error::other(error.to_string())
}

/// What goes before the rules: calls that are there as little as on an older kernel.
///
/// The arguments of `clone3` lie in memory, where no filter sees them; libraries take `clone` instead if they are told that
/// it is not there.
fn first() -> [sock_filter; 4] {
    // Codes and the place of the call's number, from `linux/bpf_common.h` and `linux/seccomp.h`.
    let (load, at_least, equal, answer) = (0x20, 0x35, 0x15, 0x06);
    let clone3 = u32::try_from(libc::SYS_clone3).unwrap_or(OTHER_NUMBERS);
    let instruction = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let no_such_call = u32::from(SeccompAction::Errno(refusal(libc::ENOSYS)));
    [
        instruction(load, 0, 0, 0),
        instruction(at_least, 1, 0, OTHER_NUMBERS),
        instruction(equal, 0, 1, clone3),
        instruction(answer, 0, 0, no_such_call),
    ]
}

/// The calls that are refused; those with rules only if one of these applies.
fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq, Ne};

    let refused = REFUSED.iter().chain(&OLD);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        refused.map(|call| (*call, Vec::new())).collect();
    let new_user = u64::from(libc::CLONE_NEWUSER.unsigned_abs());
    let clone = condition(0, MaskedEq(new_user), new_user)?;
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![clone])?]);
    let typing = TYPING
        .iter()
        .map(|request| SeccompRule::new(vec![condition(1, Eq, *request)?]));
    rules.insert(libc::SYS_ioctl, typing.collect::<Result<_, _>>()?);
    let families = FAMILIES
        .iter()
        .map(|family| condition(0, Ne, u64::from(family.unsigned_abs())));
    let other_family = SeccompRule::new(families.collect::<Result<_, _>>()?)?;
    rules.insert(libc::SYS_socket, vec![other_family]);
    let personalities = PERSONALITIES.iter().map(|known| condition(0, Ne, *known));
    let other = SeccompRule::new(personalities.collect::<Result<_, _>>()?)?;
    rules.insert(libc::SYS_personality, vec![other]);
    Ok(rules)
}

/// A condition on the lower half of an argument, which is all that the kernel looks at in these.
fn condition(
    argument: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}

const fn refusal(error: libc::c_int) -> u32 {
    error.unsigned_abs()
}

fn bytes(instruction: &sock_filter) -> [u8; 8] {
    let [code0, code1] = instruction.code.to_ne_bytes();
    let [k0, k1, k2, k3] = instruction.k.to_ne_bytes();
    [code0, code1, instruction.jt, instruction.jf, k0, k1, k2, k3]
}
