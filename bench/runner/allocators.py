"""The allocators: what each is called, what to preload for it, and which package it comes in."""

import glob
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

LIBRARIES = f"/usr/lib/{platform.machine()}-linux-gnu"


class UsageError(Exception):
    """Something asked for that cannot be: ends the runner with status 2."""


@dataclass(frozen=True)
class Allocator:
    name: str
    preload: str = ""  # path of a shared library, or nothing for the C library's own
    env: dict[str, str] = field(default_factory=dict, hash=False)

    def environment(self, replaces_malloc=False):
        """The variables of a program under this allocator."""
        preload = self.preload or (c_library() if replaces_malloc else "")
        return ({"LD_PRELOAD": preload} if preload else {}) | self.env


@dataclass(frozen=True)
class Peer:
    """An allocator from a Debian package; `library` is a pattern of its path."""

    name: str
    package: str
    library: str


PEERS = [
    Peer("jemalloc", "libjemalloc2", f"{LIBRARIES}/libjemalloc.so.2"),
    Peer("tcmalloc", "libtcmalloc-minimal4", f"{LIBRARIES}/libtcmalloc_minimal.so.4"),
    Peer("mimalloc", "libmimalloc2.0", f"{LIBRARIES}/libmimalloc.so.2*"),
    Peer("tbbmalloc", "libtbbmalloc2", f"{LIBRARIES}/libtbbmalloc_proxy.so.2"),
    Peer("scudo", "libclang-rt-14-dev",
         f"/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.scudo_standalone-{platform.machine()}.so"),
]
PEER_NAMES = [peer.name for peer in PEERS]
DEFAULT_NAMES = ["glibc", "glibc-notcache", "arenite", "arenite-classic", *PEER_NAMES]


def c_library():
    return next(iter(glob.glob(f"/lib/{platform.machine()}-linux-gnu/libc.so.6")), "libc.so.6")


def newest(pattern):
    found = sorted(glob.glob(pattern), key=lambda path: (len(path), path))
    return found[0] if found else None


def say(message):
    print(f"bench: {message}", file=sys.stderr, flush=True)


class Shelf:
    """Finds allocators by name, installing what is missing if that is allowed."""

    def __init__(self, build_dir, may_install=True):
        self.build_dir = Path(build_dir)
        self.may_install = may_install

    def find(self, name):
        """The allocator of this name, or None where its library is not to be had."""
        if name == "glibc":
            return Allocator(name)
        if name == "glibc-notcache":
            return Allocator(name, env={"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"})
        if name in ("arenite", "arenite-classic"):
            library = self.build_dir / "libarenite.so"
            if not library.exists():
                say(f"{name} is left out: {library} does not exist (./dev build makes it)")
                return None
            env = {"ARENITE_MODE": "classic"} if name == "arenite-classic" else {}
            return Allocator(name, str(library.resolve()), env)
        for peer in PEERS:
            if peer.name == name:
                if not newest(peer.library):
                    self.install([peer.package])
                library = newest(peer.library)
                return Allocator(name, library) if library else None
        raise UsageError(f"no allocator '{name}'; there are {', '.join(DEFAULT_NAMES)},"
                         " or NAME=PATH for a library of your own")

    def parse(self, text):
        """One item of --allocators: a known name, or NAME=BASE[+VARIABLE=VALUE]..., where BASE is
        the path of a library or a known name."""
        if "=" not in text:
            return self.find(text)
        name, _, rest = text.partition("=")
        base, *settings = rest.split("+")
        env = {}
        for setting in settings:
            variable, equals, value = setting.partition("=")
            if not variable or not equals:
                raise UsageError(f"'{setting}' in '{text}' is not VARIABLE=VALUE")
            env[variable] = value
        if base in DEFAULT_NAMES:
            found = self.find(base)
            return found and Allocator(name, found.preload, found.env | env)
        if not name or not Path(base).is_file():
            raise UsageError(f"no library at '{base}' (in '{text}')")
        return Allocator(name, str(Path(base).resolve()), env)

    def choose(self, text):
        """The allocators of --allocators, or all that can be found where it was not given."""
        names = text.split(",") if text else DEFAULT_NAMES
        chosen = []
        for name in names:
            allocator = self.parse(name)
            if allocator:
                chosen.append(allocator)
            elif text:
                raise UsageError(f"the allocator '{name}' was asked for and is not to be had")
        if len({allocator.name for allocator in chosen}) < len(chosen):
            raise UsageError("--allocators names one allocator twice")
        return chosen

    def install(self, packages):
        """Installs Debian packages; says so where it cannot. True if they are there."""
        names = " ".join(packages)
        if not self.may_install:
            say(f"{names} missing and --no-install given")
            return False
        if not shutil.which("apt-get"):
            say(f"{names} missing, and this is not Debian: install by hand")
            return False
        as_root = []
        if os.geteuid() != 0:
            sudo = shutil.which("sudo")
            if not sudo or subprocess.run([sudo, "-n", "true"], capture_output=True).returncode:
                say(f"{names} missing, and no right to install: sudo apt-get install {names}")
                return False
            as_root = [sudo, "-n"]
        say(f"installing {names}")
        # A package that brings a service must not start it here.
        command = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq"]
        install = [*command, "install", "-y", "--no-install-recommends", *packages]
        quiet = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        done = subprocess.run(install, **quiet)
        if done.returncode:
            subprocess.run([*command, "update"], **quiet)
            done = subprocess.run(install, **quiet)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            say(f"could not install {names}: {last}")
        return done.returncode == 0
