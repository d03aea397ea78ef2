//! The list: each attack of `attacks.py`, and who can do it where there is no box.

/// Who can do it without a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Works {
    /// Any user.
    Anyone,
    /// Root; and any user within a user namespace of its own, without our walls.
    RootOfNamespace,
    /// The host's root alone. As another user the host's own rights are the first wall.
    HostRoot,
    /// Nobody on the machines that this was written on, if it is not so here; the reason.
    NotHere(&'static str),
}

use Works::{Anyone, HostRoot, NotHere, RootOfNamespace};

pub const ATTACKS: &[(&str, Works)] = &[
    // Files of the host.
    ("dotdot", Anyone),
    ("symlink_out", Anyone),
    ("proc_root", Anyone),
    ("proc_cwd", Anyone),
    ("proc_fd", Anyone),
    ("inherited_fd", Anyone),
    ("proc_exe", Anyone),
    ("proc_mem", Anyone),
    ("proc_environ", Anyone),
    ("env_secret", Anyone),
    ("host_processes", Anyone),
    ("open_by_handle", HostRoot),
    ("block_device", NotHere("the machine's disk is not /dev/vda, or this user may not read it")),
    ("mknod_device", HostRoot),
    ("mknod_whiteout", Anyone),
    ("sibling_read", Anyone),
    ("sibling_write", Anyone),
    ("shared_memory_file", Anyone),
    // Settings of the host.
    ("core_pattern", HostRoot),
    ("sysctl_vm", HostRoot),
    ("irq_affinity", HostRoot),
    ("sysrq", NotHere("a kernel without magic SysRq")),
    ("cgroup_move", HostRoot),
    ("kallsyms", Anyone),
    ("kernel_log", HostRoot),
    ("sethostname", RootOfNamespace),
    ("reboot", HostRoot),
    ("kexec", NotHere("a kernel without kexec")),
    ("load_module", NotHere("a kernel without modules")),
    ("port_access", NotHere("a kernel without port access, or a user without the right")),
    ("clock_adjust", HostRoot),
    // Mounts and namespaces.
    ("mount", RootOfNamespace),
    ("remount", RootOfNamespace),
    ("umount", HostRoot),
    ("open_tree", RootOfNamespace),
    ("move_mount", RootOfNamespace),
    ("fsopen", RootOfNamespace),
    ("mount_setattr", RootOfNamespace),
    ("pivot_root", RootOfNamespace),
    ("chroot", RootOfNamespace),
    ("unshare_user", Anyone),
    ("unshare_mount", RootOfNamespace),
    ("unshare_net", RootOfNamespace),
    ("clone_user", Anyone),
    ("clone3_user", Anyone),
    ("setns", RootOfNamespace),
    // The kernel's wide doors.
    ("bpf", HostRoot),
    ("io_uring", Anyone),
    ("perf", NotHere("a kernel without perf events, or with none for this user")),
    ("add_key", Anyone),
    ("keyctl", Anyone),
    ("request_key", Anyone),
    ("userfaultfd", Anyone),
    ("personality", Anyone),
    ("i386_call", NotHere("a kernel without 32-bit calls")),
    ("x32_call", NotHere("a kernel without x32")),
    // Other processes.
    ("ptrace", Anyone),
    ("vm_readv", Anyone),
    ("pidfd_getfd", Anyone),
    ("signal_host", Anyone),
    ("shared_memory", Anyone),
    ("setuid", HostRoot),
    ("capabilities", Anyone),
    ("new_privileges", Anyone),
    ("tiocsti", Anyone),
    // The network.
    ("abstract_socket", Anyone),
    ("host_loopback", Anyone),
    ("host_loopback_ipv6", Anyone),
    ("interfaces", NotHere("a machine with no interface but lo")),
    ("raw_ip", RootOfNamespace),
    ("raw_ipv6", RootOfNamespace),
    ("packet_socket", RootOfNamespace),
    ("vsock", NotHere("a kernel without vsock")),
    ("netfilter", NotHere("a kernel without netfilter's netlink")),
    // The hub's socket.
    ("hub_unlink", Anyone),
    ("hub_rename", Anyone),
    ("hub_chmod", Anyone),
    ("hub_bind_over", Anyone),
    ("hub_rename_over", Anyone),
    ("hub_folder", Anyone),
    ("hub_parent", Anyone),
    ("hub_mount_over", RootOfNamespace),
    ("hub_of_another_box", HostRoot),
    // Using things up.
    ("kernel_aio", Anyone),
    ("inotify", Anyone),
    ("fork_bomb", Anyone),
    ("memory", Anyone),
    ("disk", Anyone),
    ("inodes", Anyone),
    ("open_files", Anyone),
];

/// An attack that only a cgroup can stop: by a limit of the box, not of each process.
pub const NEEDS_CGROUP: &str = "memory_in_parts";

/// Tests that are an attack each, of more than one command.
pub const TESTS: &[&str] = &[
    "a_planted_link_does_not_show_the_inits_own_files",
    "the_program_behind_the_init_cannot_be_changed",
    "a_box_cannot_forge_the_overlays_own_marks",
    "nothing_acts_after_its_time",
    "a_bomb_ends_with_its_time",
    "killing_the_minder_is_the_end_of_everything",
    "a_layer_with_a_link_for_proc_is_refused",
    "a_layer_cannot_lead_a_bind_astray",
    "a_wrong_program_is_an_error_and_no_weaker_box",
    "a_race_of_links_leads_nobody_out",
    "a_malicious_archive_becomes_no_layer",
    "what_is_planted_is_not_taken_over",
    "a_link_in_a_layer_is_kept_as_a_link",
    "a_secret_is_in_nothing_that_is_kept",
    "a_flood_of_output_is_cut",
];

/// Each attack of `network.py`: they work for anyone in a network of `outside.py`.
pub const NETWORK: &[&str] = &[
    // Around the proxy.
    "dns_udp",
    "dns_tcp",
    "dns_udp_ipv6",
    "internet",
    "internet_ipv6",
    "metadata",
    "metadata_mapped",
    "metadata_ipv6",
    "private",
    // By the proxy, to where it may not lead.
    "host_not_allowed",
    "dns_by_proxy",
    "metadata_by_proxy",
    "metadata_mapped_by_proxy",
    "metadata_ipv6_by_proxy",
    "metadata_as_number",
    "metadata_as_hex",
    "metadata_by_name",
    "metadata_mapped_by_name",
    "metadata_ipv6_by_name",
    "loopback_by_proxy",
    "loopback_by_localhost",
    "loopback_ipv6_by_proxy",
    "private_by_proxy",
    "private_by_name",
    "rebinding",
    "connect_host",
    "connect_port",
    "connect_relay",
    "connect_metadata",
    "fronting",
    // By the proxy, with two meanings.
    "host_header",
    "host_twice",
    "second_request",
    "second_request_elsewhere",
    "smuggled",
    "user_in_url",
    "upgraded",
    // The secret that is for shop.example.
    "secret_to_another_host",
    "secret_in_url",
    "secret_by_redirect",
    "secret_to_another_name",
    "secret_reflected",
    "secret_in_error",
    "secret_in_env",
    "secret_in_proc",
    "secret_in_files",
];
