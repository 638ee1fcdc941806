"""One run of one workload under one allocator.

Everything measured is started by the small static program `launch` (launch.c says why), in a
process group of its own that is killed when the time is up. A run that crashes, ends with a status,
prints nothing readable or finds its own result wrong gives a Sample with a failure, never nothing.
"""

import hashlib
import importlib
import json
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

# The measured programs must not inherit settings of allocators from whoever starts the runner.
_DROPPED = ("LD_PRELOAD", "GLIBC_TUNABLES", "BENCH_SETTLE")
_DROPPED_PREFIXES = ("MALLOC_", "ARENITE_", "MIMALLOC_", "TCMALLOC_", "TBB_MALLOC", "SCUDO_", "_RJEM")


@dataclass
class Sample:
    wall: float | None = None  # seconds, without the second spent waiting for things to settle
    cpu: float | None = None  # seconds, user and system, children included
    peak: float | None = None  # KiB
    after: float | None = None  # KiB, a second after the last free; None where not looked at
    checksum: str = ""
    figures: dict[str, float] = field(default_factory=dict)  # the workload's own
    failure: str = ""


def clean_environment():
    return {name: value for name, value in os.environ.items()
            if name not in _DROPPED and not name.startswith(_DROPPED_PREFIXES)}


def merge_environment(*parts):
    """Later parts win, but for GLIBC_TUNABLES, which can hold several settings."""
    merged = {}
    for part in parts:
        for name, value in part.items():
            if name == "GLIBC_TUNABLES" and name in merged:
                value = f"{merged[name]}:{value}"
            merged[name] = value
    return merged


def describe_end(report, stderr):
    """How a run ended, in a few words, or nothing where it ended well."""
    if report["signal"]:
        try:
            end = f"killed by {signal.Signals(report['signal']).name}"
        except ValueError:
            end = f"killed by signal {report['signal']}"
    elif report["status"]:
        end = f"exit status {report['status']}"
    else:
        return ""
    lines = stderr.strip().splitlines()
    return f"{end}: {lines[-1][:160]}" if lines else end


class Laboratory:
    """Knows where the programs are and keeps the directory that they may write to."""

    def __init__(self, bin_dir, scale, timeout):
        self.bin_dir = Path(bin_dir)
        self.scale = scale
        self.timeout = timeout
        self.plans = {}
        self.directory = tempfile.TemporaryDirectory(prefix="arenite-bench-")

    def close(self):
        self.directory.cleanup()

    def plan(self, workload):
        """The plan of a real program; its input is generated at first use."""
        if workload.real not in self.plans:
            directory = Path(self.directory.name) / workload.real
            directory.mkdir()
            module = importlib.import_module(f"real.{workload.real}")
            self.plans[workload.real] = module.prepare(directory, self.scale)
        return self.plans[workload.real]

    def measure(self, workload, allocator, settle):
        """One run. A settled one looks at the resident size again after a second."""
        settled = {"BENCH_SETTLE": "1"} if settle else {}
        if workload.real:
            plan = self.plan(workload)
            env = merge_environment(allocator.environment(plan.replaces_malloc), workload.env,
                                    plan.env)
            if plan.drive:
                return self._serve(plan, env, settle)
            return self._run(plan.argv, plan.stdin, env, _read_output)
        env = merge_environment(allocator.environment(), workload.env, settled)
        argv = [str(self.bin_dir / workload.program), *workload.args, "--scale", str(self.scale)]
        return self._run(argv, None, env, _read_line)

    def _start(self, argv, env, stdin, stdout, stderr):
        ours, theirs = os.pipe()
        variables = [f"{name}={value}" for name, value in env.items()]
        try:
            process = subprocess.Popen(
                [str(self.bin_dir / "launch"), str(theirs), *variables, "--", *argv],
                stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=(theirs,),
                env=clean_environment(), start_new_session=True, cwd=self.directory.name)
        finally:
            os.close(theirs)
        return process, ours

    def _run(self, argv, stdin_path, env, read):
        with open(stdin_path or os.devnull, "rb") as stdin, \
                tempfile.TemporaryFile(dir=self.directory.name) as stdout, \
                tempfile.TemporaryFile(dir=self.directory.name) as stderr:
            process, report_fd = self._start(argv, env, stdin, stdout, stderr)
            sample, report, errors = _finish(process, report_fd, self.timeout, stderr)
            if report is None:
                return sample
            sample.failure = describe_end(report, errors)
            if not sample.failure:
                stdout.seek(0)
                read(stdout, sample)
            return sample

    def _serve(self, plan, env, settle):
        with tempfile.TemporaryFile(dir=self.directory.name) as stderr:
            process, report_fd = self._start(plan.argv, env, subprocess.DEVNULL,
                                             subprocess.DEVNULL, stderr)
            outcome, problem = None, ""
            try:
                outcome = plan.drive(self.timeout, settle)
            except (OSError, RuntimeError, ValueError, LookupError, StopIteration,
                    subprocess.TimeoutExpired) as error:
                problem = f"{type(error).__name__}: {error}"
            except BaseException:  # the runner itself is being ended
                _kill_group(process)
                os.close(report_fd)
                raise
            sample, report, errors = _finish(process, report_fd, 1 if problem else 30, stderr)
            if report is not None:
                problem = describe_end(report, errors) or problem
            sample.failure = problem or sample.failure
            if outcome:
                sample.wall, sample.after = outcome.wall_seconds, outcome.after_kib
                sample.checksum = outcome.checksum
            return sample


def _kill_group(process):
    """Ends the launcher and whatever it started and left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _finish(process, report_fd, timeout, stderr):
    """Waits for the end; (sample with what the kernel counted, report or None, text on stderr)."""
    sample = Sample()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        sample.failure = f"timed out after {timeout:g} s"
    finally:
        _kill_group(process)
        with os.fdopen(report_fd, "rb") as pipe:
            text = b"" if sample.failure else pipe.read()
    stderr.seek(0)
    errors = stderr.read().decode(errors="replace")
    if not text:
        sample.failure = sample.failure or f"the launcher failed: {errors.strip()[-160:]}"
        return sample, None, errors
    report = json.loads(text)
    sample.wall = report["wall_ns"] / 1e9
    sample.cpu = (report["user_us"] + report["system_us"]) / 1e6
    sample.peak = report["peak_kib"]
    return sample, report, errors


def _read_line(stdout, sample):
    """The one line of a program of ours."""
    text = stdout.read().decode(errors="replace")
    try:
        line = json.loads(text)
        sample.checksum = line.pop("checksum")
        sample.after = line.pop("rss_after_kib")
        sample.wall -= line["slept_seconds"]
        sample.figures = {name: value for name, value in line.items() if name != "name"}
    except (ValueError, KeyError, TypeError):
        sample.failure = f"unreadable result: {text[:80]!r}"


def _read_output(stdout, sample):
    """The hash of what a real program printed."""
    digest = hashlib.sha256()
    length = 0
    while block := stdout.read(1 << 20):
        digest.update(block)
        length += len(block)
    if length == 0:
        sample.failure = "printed nothing"
    sample.checksum = digest.hexdigest()[:16]
