"""seccomp: a process gives up system calls that a parser of media never needs.

They are the network, other programs, other processes, whatever makes, changes or watches a file, memory that outlives the
process or escapes its limit, and the clocks, priorities and other switches of the machine, for a server may run as root.
(Landlock alone would leave it attributes, watching and, before Linux 6.2, `truncate`.)

The filter is classic BPF of some three hundred instructions: refuse the listed calls with EPERM, let through the rest.
Numbers: include/uapi/linux/{seccomp,filter,audit,prctl}.h and the kernel's tables of system calls.
"""

import ctypes
import errno
import os
import platform
from typing import Final

_SET_SECCOMP: Final = 22
_GET_SECCOMP: Final = 21
_FILTER_MODE: Final = 2
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EPERM
_UNKNOWN: Final = 0x00050000 | errno.ENOSYS
_KILL: Final = 0x80000000
_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_AT_LEAST: Final = 0x35
_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06
_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4
_FIRST_ARGUMENT_AT: Final = 16
_ARGUMENT_LENGTH: Final = 8
_THREAD: Final = 0x10000
"""CLONE_THREAD: a new thread, not a new process."""
_X32: Final = 0x40000000
"""The numbers of x86-64's second set of calls begin here; nothing of ours uses it."""

_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_REFUSED: Final = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "recvfrom": (45, 207), "recvmsg": (47, 212), "recvmmsg": (299, 243),
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, -1), "vfork": (58, -1),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kill": (62, 129), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "mount": (165, 40), "umount2": (166, 39), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268),
    "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104), "reboot": (169, 142),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "creat": (85, -1), "truncate": (76, 45), "ioctl": (16, 29),
    "mkdir": (83, -1), "mkdirat": (258, 34), "mknod": (133, -1), "mknodat": (259, 33),
    "rmdir": (84, -1), "unlink": (87, -1), "unlinkat": (263, 35),
    "link": (86, -1), "linkat": (265, 37), "symlink": (88, -1), "symlinkat": (266, 36),
    "rename": (82, -1), "renameat": (264, 38), "renameat2": (316, 276),
    "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, -1), "fchown": (93, 55), "lchown": (94, -1), "fchownat": (260, 54),
    "utime": (132, -1), "utimes": (235, -1), "futimesat": (261, -1), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "inotify_init": (253, -1), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191), "semtimedop": (220, 192),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181),
    "kcmp": (312, 272), "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "move_pages": (279, 239), "migrate_pages": (256, 238),
    "setpriority": (141, 140), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122), "ioprio_set": (251, 30),
    "clock_settime": (227, 112), "settimeofday": (164, 170), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "sethostname": (170, 161), "setdomainname": (171, 162), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    "syslog": (103, 116), "quotactl": (179, 60), "delete_module": (176, 106), "kexec_file_load": (320, 294),
    "iopl": (172, -1), "ioperm": (173, -1), "sync": (162, 81), "syncfs": (306, 267), "vhangup": (153, 58),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
}  # fmt: skip
"""Numbers on x86-64 and on 64-bit ARM; -1: the call does not exist there."""
_OPENING: Final = (((2, -1), 1), ((257, 56), 2))
"""`open` and `openat`, and which argument their flags are, counted from 0."""
_CHANGING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
"""A file opened with any of these could be made or changed."""
_OPENAT2: Final = 437
"""Its flags lie in memory, where no filter sees them."""
_CLONE: Final = (56, 220)
_CLONE3: Final = 435
_SIGNAL_THREAD: Final = (234, 131)
_LIMITS: Final = (302, 261)


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def seccomp_offered() -> bool:
    """Whether the kernel takes filters and this is a machine whose numbers are known."""
    return platform.machine() in _ARCHITECTURES and ctypes.CDLL(None, use_errno=True).prctl(_GET_SECCOMP, 0, 0, 0, 0) >= 0


def refuse_calls() -> bool:
    """Give up, for ever, the listed system calls in this thread and all it starts. True if it holds. Needs `no_new_privs`."""
    if not seccomp_offered():
        return False
    instructions = [_Instruction(*line) for line in _filter(platform.machine(), os.getpid())]
    array = (_Instruction * len(instructions))(*instructions)
    program = _Program(len(instructions), ctypes.cast(array, ctypes.POINTER(_Instruction)))
    return int(ctypes.CDLL(None, use_errno=True).prctl(_SET_SECCOMP, _FILTER_MODE, ctypes.byref(program), 0, 0)) == 0


def _filter(machine: str, own_process: int) -> list[tuple[int, int, int, int]]:
    """The program as (code, jump if so, jump if not, value); jumps count the instructions passed over."""
    column = 0 if machine == "x86_64" else 1
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if machine == "x86_64":
        lines += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _REFUSE)]
    for numbers in _REFUSED.values():
        if numbers[column] >= 0:
            lines += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _REFUSE)]
    # The C library falls back to clone and openat, whose flags can be seen: threads only, and reading only.
    for unseen in (_CLONE3, _OPENAT2):
        lines += [(_EQUAL, 0, 1, unseen), (_RETURN, 0, 0, _UNKNOWN)]
    for numbers, position in _OPENING:
        if numbers[column] >= 0:
            lines += _only_if(numbers[column], (_ANY_BIT, 0, 1, _CHANGING), position)
    lines += _only_if(_CLONE[column], (_ANY_BIT, 1, 0, _THREAD))
    lines += _only_if(_SIGNAL_THREAD[column], (_EQUAL, 1, 0, own_process))
    lines += _only_if(_LIMITS[column], (_EQUAL, 1, 0, 0))
    return [*lines, (_RETURN, 0, 0, _ALLOW)]


def _only_if(number: int, condition: tuple[int, int, int, int], position: int = 0) -> list[tuple[int, int, int, int]]:
    """Let a call through if its argument at that position meets the condition, which jumps over the refusal if so."""
    return [
        (_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT + _ARGUMENT_LENGTH * position),
        condition,
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
