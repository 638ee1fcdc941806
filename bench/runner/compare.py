"""--compare BASE: an earlier commit's library, built on the side, or a library given by path.

The commit is built from a clone under /tmp, so that neither the checkout nor its build directory is
touched. The clone is kept by commit and used again the next time.
"""

import os
import subprocess
from pathlib import Path

from .allocators import Allocator, UsageError, say

NAME = "base"


def clone_directory(commit):
    return Path(f"/tmp/arenite-bench-{os.getuid()}") / commit


def _git(root, *arguments):
    try:
        return subprocess.run(["git", "-c", "safe.directory=*", "-C", str(root), *arguments],
                              capture_output=True, text=True)
    except FileNotFoundError:
        raise UsageError("--compare: a commit needs git (Debian: apt-get install git); "
                         "a library's path does not") from None


def find_base(root, text):
    """The allocator to set beside: from a library's path or a commit's name."""
    if Path(text).is_file():
        return Allocator(NAME, str(Path(text).resolve()))
    resolved = _git(root, "rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")
    if resolved.returncode:
        raise UsageError(f"--compare: '{text}' is neither a library nor a commit")
    commit = resolved.stdout.strip()
    return Allocator(NAME, str(build(root, commit)))


def build(root, commit):
    """The library of that commit, built if it is not there yet."""
    clone = clone_directory(commit)
    library = clone / "build" / "release" / "libarenite.so"
    if library.exists():
        return library
    say(f"building {commit[:12]} in {clone}")
    clone.parent.mkdir(mode=0o700, exist_ok=True)
    if not (clone / ".git").exists():
        _check(_git(root, "clone", "--quiet", "--shared", "--no-checkout", str(root), str(clone)))
    _check(_git(clone, "checkout", "--quiet", "--detach", commit))
    _check(subprocess.run(
        ["cmake", "--preset", "release", "-DARENITE_BUILD_TESTS=OFF", "-DARENITE_BUILD_TOOLS=OFF"],
        cwd=clone, capture_output=True, text=True))
    _check(subprocess.run(
        ["cmake", "--build", "build/release", "--target", "arenite", "--parallel",
         str(os.cpu_count() or 1)], cwd=clone, capture_output=True, text=True))
    if not library.exists():
        raise UsageError(f"--compare: {commit[:12]} builds no libarenite.so")
    return library


def _check(done):
    if done.returncode:
        text = (done.stderr or done.stdout).strip()
        raise UsageError(f"--compare: {' '.join(done.args[:4])} ... failed: {text[-600:]}")
