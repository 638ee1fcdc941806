"""How programs are run: plain, or under the library in one mode.

A Session is one round of a case. It gives every program the same small environment (the system's
own programs, no locale, no allocator settings of the caller), so that two rounds differ in
LD_PRELOAD and ARENITE_MODE alone. For each program it

  - keeps stdout and stderr in files, so that no pipe can fill up and block,
  - ends the whole process group when its time is over, with a backtrace of every thread if gdb is
    here,
  - reads ld.so's own diary (LD_DEBUG=files), which every program and every child such as cc1plus
    leaves in a file: the proof that the library was loaded there,
  - watches /proc while the program runs for the peak of its resident memory,
  - refuses a wrong exit status, a line of stderr that begins with "arenite:", and ld.so's
    complaint about an object that cannot be preloaded.

Whatever is wrong is raised as Failure with a text that names the program.
"""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path


class Failure(Exception):
    """The program did something it must not do; the text says what."""


@dataclass
class Finished:
    """A program that has ended."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self):
        return self.stdout.decode("utf-8", "replace")


def excerpt(data, limit=1500):
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
    return text if len(text) <= limit else text[: limit // 2] + "\n[...]\n" + text[-limit // 2 :]


def status_text(status):
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def high_water_kib(pid):
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return 0


def family(pid):
    """The process and its descendants, as far as they are alive."""
    found, open_pids = [], [pid]
    while open_pids:
        current = open_pids.pop()
        found.append(current)
        try:
            for task in os.listdir(f"/proc/{current}/task"):
                children = Path(f"/proc/{current}/task/{task}/children").read_text()
                open_pids += [int(child) for child in children.split()]
        except (OSError, ValueError):
            continue
    return found


class Watch(threading.Thread):
    """Looks at a running program every few hundredths of a second until stop() is called."""

    def __init__(self, pid, deadline):
        super().__init__(daemon=True)
        self.pid = pid
        self.deadline = deadline
        self.timed_out = False
        self.backtrace = ""
        self.peak_kib = 0
        self._over = threading.Event()

    def run(self):
        pause = 0.002  # short at first: the smallest programs live for a few milliseconds
        while not self._over.wait(pause):
            pause = min(pause * 1.5, 0.05)
            self.peak_kib = max([self.peak_kib] + [high_water_kib(pid) for pid in family(self.pid)])
            if time.monotonic() > self.deadline and not self.timed_out:
                self.timed_out = True
                self.backtrace = backtrace_of(self.pid)
                end_group(self.pid)

    def stop(self):
        self._over.set()
        self.join()


def backtrace_of(pid):
    if not shutil.which("gdb"):
        return ""
    try:
        done = subprocess.run(
            ["gdb", "-p", str(pid), "-batch", "-nx", "-ex", "thread apply all backtrace 14"],
            capture_output=True, timeout=60)
        return done.stdout.decode("utf-8", "replace")
    except (OSError, subprocess.TimeoutExpired):
        return ""


def end_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Running:
    """A program that was started and not yet waited for."""

    def __init__(self, session, argv, serial, stdin, cwd, timeout):
        self.session = session
        self.argv = argv
        base = session.work / f"{serial:03d}-{Path(argv[0]).name}"
        self.out_path = base.with_suffix(".stdout")
        self.err_path = base.with_suffix(".stderr")
        self.timeout = timeout
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            source = open(stdin, "rb") if stdin else None
            try:
                self.process = subprocess.Popen(
                    argv, stdin=source or subprocess.DEVNULL, stdout=out, stderr=err,
                    cwd=cwd or session.work, env=session.environment, start_new_session=True)
            finally:
                if source:
                    source.close()
        self.watch = Watch(self.process.pid, time.monotonic() + timeout)
        self.watch.start()

    def has_ended(self):
        """Looks without reaping: wait() is still to be called."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, flags) is not None

    def wait(self):
        """Waits for the end and leaves no process of the group behind."""
        _, wait_status, usage = os.wait4(self.process.pid, 0)
        self.watch.stop()
        status = os.waitstatus_to_exitcode(wait_status)
        self.process.returncode = status
        end_group(self.process.pid)
        # The kernel counts what the runner itself held at the time of the fork; believe its figure
        # only above that, where it is better than the last look of the watch.
        peak = self.watch.peak_kib
        if usage.ru_maxrss > high_water_kib(os.getpid()):
            peak = max(peak, usage.ru_maxrss)
        self.session.peak_kib = max(self.session.peak_kib, peak)
        return Finished(status, self.out_path.read_bytes(), self.err_path.read_bytes())


class Session:
    """One round of a case; library is None for the plain one."""

    def __init__(self, label, work, library=None, mode=None):
        self.label = label
        self.work = Path(work)
        self.library = os.path.realpath(library) if library else None
        self.peak_kib = 0
        self.program_count = 0
        self.diary = self.work / "ld-so"
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.work),
            "TMPDIR": str(self.work),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "LD_DEBUG": "files",
            "LD_DEBUG_OUTPUT": str(self.diary),
        }
        if self.library:
            self.environment["LD_PRELOAD"] = self.library
        if mode:
            self.environment["ARENITE_MODE"] = mode

    def start(self, *argv, stdin=None, cwd=None, timeout=120):
        self.program_count += 1
        return Running(self, [str(word) for word in argv], self.program_count, stdin, cwd, timeout)

    def finish(self, running, status=0, must_load=()):
        """Waits for a started program and checks all that is true of every program."""
        done = running.wait()
        line = " ".join(running.argv)
        shown = f"`{line[:120]}`"
        if running.watch.timed_out:
            raise Failure(f"{shown} was not done after {running.timeout} s\n"
                          f"{excerpt(running.watch.backtrace, 12000)}")
        for complaint in done.stderr.decode("utf-8", "replace").splitlines():
            if complaint.startswith("arenite:") or "cannot be preloaded" in complaint:
                raise Failure(f"{shown} wrote on stderr: {complaint} "
                              f"({status_text(done.status)})")
        if status is not None and done.status != status:
            raise Failure(f"{shown}: {status_text(done.status)}, expected {status}\n"
                          f"stderr: {excerpt(done.stderr)}\nstdout: {excerpt(done.stdout)}")
        if self.library:
            if not self.was_loaded(f"{self.diary}.{running.process.pid}"):
                raise Failure(f"{shown}: {self.library} was not loaded into it")
            for name in must_load:
                self.require_in_children(shown, name)
        return done

    def was_loaded(self, diary):
        try:
            written = Path(diary).read_text(errors="replace")
            return f"file={self.library} [0];  generating link map" in written
        except OSError:
            return False

    def require_in_children(self, shown, name):
        """Every program of that name that ran in this session had the library."""
        seen = 0
        for diary in self.work.glob("ld-so.*"):
            if re.search(rf"initialize program: (\S*/)?{re.escape(name)}\n",
                         diary.read_text(errors="replace")):
                seen += 1
                if not self.was_loaded(diary):
                    raise Failure(f"{shown}: {self.library} was not loaded into its child {name}")
        if not seen:
            raise Failure(f"{shown}: no child {name} was seen")

    def run(self, *argv, stdin=None, cwd=None, timeout=120, status=0, must_load=()):
        running = self.start(*argv, stdin=stdin, cwd=cwd, timeout=timeout)
        return self.finish(running, status=status, must_load=must_load)
