"""Attempts to get out of a box, one function each. A function that returns has got what it wanted;
one that raises has not. Each is run twice: without the box, where it must work, and in it.

None does harm where it works: settings are overwritten with what they are, devices only opened.
"""

import ctypes
import errno
import fcntl
import glob
import mmap
import os
import pty
import signal
import socket
import stat
import struct
import sys
import termios

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
ENV = os.environ
HERE = ENV["P_SCRATCH"]
SECRET = b"TOP-SECRET"
NEWNS, NEWUSER, NEWNET = 0x20000, 0x10000000, 0x40000000


def call(number, *arguments):
    words = [a if isinstance(a, (bytes, ctypes.Array)) else ctypes.c_long(a) for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def want(found):
    if not found:
        raise AssertionError("nothing found")


def secret(path):
    with open(path, "rb") as file:
        want(SECRET in file.read(100))


def some(attempt, things):
    """It is enough that it works for one of them."""
    last = AssertionError("nothing to try")
    for thing in things:
        try:
            return attempt(thing)
        except (OSError, AssertionError, ValueError) as error:
            last = error
    raise last


def others():
    """Outside, the one process that was put there for it; in the box whoever can be seen."""
    if ENV["P_OTHERS"]:
        return [int(ENV["P_OTHERS"])]
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]


def expect(expected, number, *arguments):
    """The right was there, and only the arguments were wrong on purpose."""
    try:
        call(number, *arguments)
    except OSError as error:
        want(error.errno in expected)


# Files of the host.


def dotdot():
    secret("/../../../../../.." + ENV["P_SECRET"])


def symlink_out():
    link = HERE + "/link"
    os.symlink(ENV["P_SECRET"], link)
    secret(link)


def proc_root():
    some(lambda pid: secret(f"/proc/{pid}/root" + ENV["P_SECRET"]), others() + ["self"])


def proc_cwd():
    up = "/../../../../../.."
    some(lambda pid: secret(f"/proc/{pid}/cwd{up}" + ENV["P_SECRET"]), others() + ["self"])


def proc_fd():
    some(secret, [path for pid in others() for path in glob.glob(f"/proc/{pid}/fd/*")])


def inherited_fd():
    some(lambda fd: want(SECRET in os.pread(fd, 100, 0)), range(3, 1024))


def proc_exe():
    """The program behind another process: what is read can be replaced (CVE-2019-5736)."""
    some(lambda pid: os.open(f"/proc/{pid}/exe", os.O_RDONLY), others())


def proc_mem():
    some(lambda pid: os.open(f"/proc/{pid}/mem", os.O_RDWR), others())


def proc_environ():
    def look(pid):
        with open(f"/proc/{pid}/environ", "rb") as file:
            want(b"hunter2" in file.read())

    some(look, others())


def env_secret():
    want("hunter2" in str(dict(os.environ)))


def host_processes():
    def look(pid):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            want(ENV["P_MARKER"].encode() in file.read())

    some(look, others())


def open_by_handle():
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    mount = ctypes.create_string_buffer(8)
    call(303, -100, HERE.encode(), handle, mount, 0)
    call(304, os.open(HERE, os.O_RDONLY), handle, os.O_RDONLY)


def block_device():
    os.open("/dev/vda", os.O_RDONLY)


def mknod_device():
    path = HERE + "/null"
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


def mknod_whiteout():
    os.mknod(HERE + "/whiteout", stat.S_IFCHR, os.makedev(0, 0))


def sibling_read():
    secret(ENV["P_SIBLING"] + "/secret")


def sibling_write():
    with open(ENV["P_SIBLING"] + "/planted", "w") as file:
        file.write("x")


def shared_memory_file():
    secret("/dev/shm/" + ENV["P_MARKER"])


# Settings of the host.


def rewrite(path):
    with open(path) as file:
        value = file.read()
    with open(path, "w") as file:
        file.write(value)


def core_pattern():
    rewrite("/proc/sys/kernel/core_pattern")


def sysctl_vm():
    rewrite("/proc/sys/vm/swappiness")


def irq_affinity():
    rewrite("/proc/irq/default_smp_affinity")


def sysrq():
    with open("/proc/sysrq-trigger", "w") as file:
        file.write("h")


def cgroup_move():
    some(lambda path: open(path, "w").write(str(os.getpid())),
         glob.glob("/sys/fs/cgroup/cgroup.procs") + glob.glob("/sys/fs/cgroup/*/cgroup.procs"))


def kallsyms():
    with open("/proc/kallsyms") as file:
        want(file.read(100))


def kernel_log():
    call(103, 3, ctypes.create_string_buffer(4096), 4096)


def sethostname():
    call(170, b"taken", 5)


def reboot():
    expect([errno.EINVAL], 169, 0, 0, 0, 0)


def kexec():
    expect([errno.EINVAL, errno.EADDRNOTAVAIL], 246, 0, 0, 0, 0xFFFF0000)


def load_module():
    expect([errno.ENOEXEC, errno.EFAULT, errno.EINVAL], 175, 0, 0, b"")


def port_access():
    call(172, 3)


def clock_adjust():
    """Sets nothing, but with a bit that asks for the right to."""
    timex = ctypes.create_string_buffer(struct.pack("I", 0x4000) + bytes(252))
    timex_now = ctypes.create_string_buffer(256)
    call(159, timex_now)
    tick = struct.unpack_from("q", timex_now, 88)[0]
    struct.pack_into("q", timex, 88, tick)
    call(159, timex)


# Mounts and namespaces.


def mount():
    call(165, b"x", HERE.encode(), b"tmpfs", 0, b"")


def remount():
    call(165, b"", b"/proc", b"", 0x1020, b"")


def umount():
    call(166, b"/proc", 2)


def open_tree():
    call(428, -100, b"/", 0x8001)


def move_mount():
    tree = call(428, -100, HERE.encode(), 0x8001)
    call(429, tree, b"", -100, HERE.encode(), 4)


def fsopen():
    call(430, b"tmpfs", 0)


def mount_setattr():
    call(442, -100, b"/", 0, ctypes.create_string_buffer(32), 32)


def pivot_root():
    """Refused for its arguments where it is allowed at all."""
    expect([errno.EINVAL, errno.EBUSY], 155, b"/", b"/")


def chroot():
    os.chroot(HERE)


def unshare_user():
    call(272, NEWUSER)


def unshare_mount():
    call(272, NEWNS)


def unshare_net():
    call(272, NEWNET)


def clone_user():
    pid = call(56, NEWUSER | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def clone3_user():
    args = ctypes.create_string_buffer(struct.pack("8Q", NEWUSER, 0, 0, 0, signal.SIGCHLD, 0, 0, 0))
    pid = call(435, args, 64)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def setns():
    call(308, os.open("/proc/self/ns/uts", os.O_RDONLY), 0)


# The kernel's wide doors.


def bpf():
    call(321, 0, ctypes.create_string_buffer(struct.pack("5I", 2, 4, 8, 1, 0) + bytes(100)), 120)


def io_uring():
    call(425, 4, ctypes.create_string_buffer(120))


def kernel_aio():
    # Of a number that the whole machine shares.
    call(206, 8, ctypes.create_string_buffer(8))


def inotify():
    # Half of what a user may have.
    for _ in range(64):
        call(294, 0)


def perf():
    attr = bytearray(128)
    struct.pack_into("IIQ", attr, 0, 1, 128, 0)
    struct.pack_into("Q", attr, 40, 0b1100001)
    call(298, bytes(attr), 0, -1, -1, 0)


def add_key():
    call(248, b"user", b"greenroom", b"x", 1, -2)


def keyctl():
    call(250, 1, 0, 0, 0, 0)


def request_key():
    expect([errno.ENOKEY], 249, b"user", b"greenroom-none", 0, 0)


def userfaultfd():
    call(323, 1)


def personality():
    call(135, 0x0040000)


def i386_call():
    """getpid by the 32-bit door, which a filter of 64-bit numbers does not see."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("53 b8 14 00 00 00 cd 80 5b c3"))
    at = ctypes.addressof(ctypes.c_char.from_buffer(code))
    want(ctypes.CFUNCTYPE(ctypes.c_int)(at)() > 0)


def x32_call():
    call(0x40000000 + 39)


# Other processes.


def ptrace():
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        call(101, 16, child, 0, 0)
    finally:
        os.kill(child, signal.SIGKILL)


def vm_readv():
    source, target = ctypes.create_string_buffer(b"x" * 8), ctypes.create_string_buffer(8)
    one = struct.pack("QQ", ctypes.addressof(source), 8)
    two = struct.pack("QQ", ctypes.addressof(target), 8)
    want(call(310, os.getpid(), two, 1, one, 1, 0) == 8)


def pidfd_getfd():
    some(lambda pid: call(438, call(434, pid, 0), 0, 0), others())


def signal_host():
    os.kill(int(ENV["P_VICTIM"]), 0)


def shared_memory():
    libc.shmat.restype = ctypes.c_void_p
    want(libc.shmat(int(ENV["P_SHM"]), None, 0o10000) != ctypes.c_void_p(-1).value)


def setuid():
    os.setuid(1000)


def capabilities():
    with open("/proc/self/status") as file:
        want(any(int(line.split()[1], 16) for line in file if line.startswith("CapBnd")))


def new_privileges():
    with open("/proc/self/status") as file:
        want("NoNewPrivs:\t0" in file.read())


def tiocsti():
    child, main = pty.fork()
    if child == 0:
        try:
            fcntl.ioctl(0, termios.TIOCSTI, b"x")
            os._exit(0)
        except OSError:
            os._exit(1)
    want(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0)


# The network.


def abstract_socket():
    socket.socket(socket.AF_UNIX).connect("\0" + ENV["P_MARKER"])


def host_loopback():
    socket.create_connection(("127.0.0.1", int(ENV["P_PORT"])), 2)


def host_loopback_ipv6():
    socket.create_connection(("::1", int(ENV["P_PORT6"])), 2)


def interfaces():
    want(any(name != "lo" for _, name in socket.if_nameindex()))


def raw_ip():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)


def raw_ipv6():
    socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)


def packet_socket():
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)


def vsock():
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)


def netfilter():
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)


# Using things up. The box's limits are in the Rust half.


def fork_bomb():
    children = []
    try:
        for _ in range(200):
            child = os.fork()
            if child == 0:
                signal.pause()
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def memory():
    block = bytearray(400 << 20)
    for at in range(0, len(block), 4096):
        block[at] = 1


def memory_in_parts():
    """Many processes that each stay below what one may have."""
    children = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            try:
                block = bytearray(100 << 20)
                for at in range(0, len(block), 4096):
                    block[at] = 1
                os.kill(os.getpid(), signal.SIGSTOP)
            finally:
                os._exit(1)
        children.append(child)
    states = [os.waitpid(child, os.WUNTRACED)[1] for child in children]
    for child, state in zip(children, states):
        if os.WIFSTOPPED(state):
            os.kill(child, signal.SIGKILL)
    want(all(os.WIFSTOPPED(state) for state in states))


def disk():
    with open(HERE + "/big", "wb") as file:
        for _ in range(40):
            file.write(bytes(1 << 20))


def inodes():
    os.mkdir(HERE + "/many")
    for index in range(2000):
        open(f"{HERE}/many/{index}", "w").close()


def open_files():
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(500)]
    want(held)


# The hub's socket: to be rid of it, or to be it.


def hub():
    return ENV["P_HUB"]


def impostor():
    """Who comes to the hub now comes here."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(hub())
    server.listen()
    socket.socket(socket.AF_UNIX).connect(hub())
    server.settimeout(2)
    server.accept()


def hub_unlink():
    os.unlink(hub())


def hub_rename():
    os.rename(hub(), hub() + ".old")


def hub_chmod():
    os.chmod(hub(), 0)


def hub_bind_over():
    some(lambda get_rid: get_rid(hub()), [os.unlink, lambda path: os.rename(path, path + ".old")])
    impostor()


def hub_rename_over():
    server = socket.socket(socket.AF_UNIX)
    server.bind(HERE + "/mine")
    os.rename(HERE + "/mine", hub())


def hub_folder():
    folder = os.path.dirname(hub())
    os.rename(folder, folder + ".old")
    os.mkdir(folder)
    impostor()


def hub_parent():
    parent = os.path.dirname(os.path.dirname(hub()))
    os.rename(parent, parent + ".old")
    os.makedirs(os.path.dirname(hub()))
    impostor()


def hub_mount_over():
    call(165, b"x", os.path.dirname(hub()).encode(), b"tmpfs", 0, b"")
    impostor()


def hub_of_another_box():
    socket.socket(socket.AF_UNIX).connect(ENV["P_SIBLING_HUB"])


globals()[sys.argv[1]]()
print("worked")
