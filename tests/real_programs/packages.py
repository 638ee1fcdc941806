"""Installs what a case needs and the machine lacks, from Debian, as root or through sudo.

A need is met when its file or command is there, whoever put it there; the package is only the way
to get it. One process at a time installs (a lock file), because several cases may be started at
once.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from session import Failure


@dataclass(frozen=True)
class Need:
    """A command on the system's path, or an absolute file name, and the package that has it."""

    what: str
    package: str

    def met(self):
        if self.what.startswith("/"):
            return Path(self.what).exists()
        return shutil.which(self.what, path="/usr/sbin:/usr/bin:/sbin:/bin") is not None


def missing(needs):
    return sorted({need.package for need in needs if not need.met()})


def install(needs):
    """Returns the names of the packages it had to install."""
    if all(need.met() for need in needs):
        return []
    lock_path = Path(tempfile.gettempdir()) / f"arenite-real-programs-{os.getuid()}.lock"
    with open(lock_path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        packages = missing(needs)
        if packages:
            apt_get(packages)
        unmet = [need for need in needs if not need.met()]
        if unmet:
            raise Failure("still missing after apt-get: " + ", ".join(need.what for need in unmet))
        return packages


def apt_get(packages):
    wanted = " ".join(packages)
    if not shutil.which("apt-get"):
        raise Failure(f"needs {wanted}, and there is no apt-get here to install it")
    prefix = []
    if os.geteuid() != 0:
        allowed = shutil.which("sudo") and subprocess.run(
            ["sudo", "-n", "true"], capture_output=True).returncode == 0
        if not allowed:
            raise Failure(f"needs {wanted}; run as root: apt-get install {wanted}")
        prefix = ["sudo", "-n"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    environment.pop("LD_PRELOAD", None)
    command = prefix + ["apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=300"]
    steps = (["install", "--no-install-recommends", *packages], ["update"],
             ["install", "--no-install-recommends", *packages])
    for step in steps:  # an outdated package list is the usual reason for the first one to fail
        done = subprocess.run(command + step, capture_output=True, text=True, env=environment)
        if step[0] == "install" and done.returncode == 0:
            return
    raise Failure(f"apt-get install {wanted} failed: {done.stderr.strip()[-600:]}")
