#!/usr/bin/env python3
"""Run one case of a behaviour program under libarenite.so and hold it to what it announced.

The case announces on stdout, before it acts:
    expect abort 0xA,0xB,; PHRASE   it dies of SIGABRT, with a line on stderr that starts with
                                    "arenite: ", contains PHRASE, and names one of the addresses
                                    (or the block's header 16 bytes, or 8 on 32-bit, below it)
    expect whose PHRASE             then a second line says that of the address; without it there may
                                    be one or none
    expect frame PATTERN            and a line `  #N MODULE+0xOFFSET` matches the pattern
    expect aborts N                 so many of its children die so; itself ends with status 0
    expect line WORD WORD           exactly one line on stderr contains all the words
Each line of a dying process ends with its name and id: [program, pid 123].
A case that announces nothing ends with status 0 and leaves the allocator silent. Status 77 means
that the case cannot be tried here; ctest shows it as skipped, with the reason printed.

The same cases measure other allocators: BEHAVIOUR_STAND_IN=glibc, or =/path/to/their.so, takes the
place of the library (glibc's thread cache is turned off, and messages need no prefix or address).
    BEHAVIOUR_STAND_IN=glibc ctest --preset release -L classic
"""

import argparse
import os
import re
import resource
import signal
import subprocess
import sys

SKIPPED = 77
OURS = ("ARENITE_", "MALLOC_", "BEHAVIOUR_", "GLIBC_TUNABLES", "LD_PRELOAD")


def environment(library, mode):
    """The child's variables: the caller's, without any that steer an allocator."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    env["LC_ALL"] = "C"
    env["ARENITE_MODE"] = mode
    stand_in = os.environ.get("BEHAVIOUR_STAND_IN")
    if stand_in:
        env["BEHAVIOUR_STAND_IN"] = stand_in
        env["GLIBC_TUNABLES"] = "glibc.malloc.tcache_count=0"
        library = None if stand_in == "glibc" else stand_in
    if library:
        env["LD_PRELOAD"] = env["BEHAVIOUR_LIBRARY"] = os.path.realpath(library)
    return env


def threads_of(group):
    """What each thread of a stuck process group waits in, for the report."""
    lines = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getpgid(int(pid)) != group:
                continue
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/wchan", encoding="ascii") as file:
                    lines.append(f"  process {pid} thread {task}: {file.read() or 'running'}")
        except OSError:
            continue
    return lines


def run(command, env, timeout):
    """(status, stdout, stderr, process id); status is None where the process had to be killed."""
    if not os.access(command[0], os.X_OK):
        sys.exit(f"cannot run {command[0]}: it is not there, or not a program")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
            status = process.returncode
        except subprocess.TimeoutExpired:
            stuck = threads_of(process.pid)
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            err += "\n".join(stuck).encode()
            status = None
    return status, out.decode(errors="replace"), err.decode(errors="replace"), process.pid


def is_about_an_address(line):
    """Whether it is the second line of a death, which says whose the address may be."""
    return line.startswith("arenite: 0x")


def unsigned(lines, program, pid):
    """The first of the dying process's lines that does not end with its name and id, or None."""
    end = re.compile(r"[^ ] \[%s, pid %s\]" % (re.escape(os.path.basename(program)), pid or "[0-9]+"))
    return next((line for line in lines if not end.search(line) or not line.endswith("]")), None)


def names_a_block(line, addresses):
    if not addresses:
        return re.search(r"0x[0-9a-f]+", line) is not None
    named = {int(text, 16) for text in re.findall(r"0x[0-9a-fA-F]+", line)}
    accepted = {address - header for address in addresses for header in (0, 8, 16)}
    return not named.isdisjoint(accepted)


def fault_in_abort(expectation, status, lines, stand_in, program, pid):
    addresses, _, phrase = expectation.partition("; ")
    blocks = [int(text, 16) for text in addresses.split(",") if text]
    if status != -signal.SIGABRT:
        return f"ended with {status}, expected death by SIGABRT with '{phrase}'"
    if stand_in:
        found = [line for line in lines if phrase in line]
        return None if found else f"no line contains '{phrase}'"
    said = [line for line in lines if line.startswith("arenite: ")]
    found = [line for line in said if not is_about_an_address(line)]
    if len(found) != 1:
        return f"{len(found)} lines start with 'arenite: ', expected one"
    if phrase not in found[0]:
        return f"the line does not contain '{phrase}'"
    if not names_a_block(found[0], blocks):
        return f"the line does not name {addresses.strip(',') or 'any address'}"
    if said.index(found[0]) != 0 or len(said) > 2:
        return "more is said than the fault and whose the address may be"
    if unsigned(said, program, pid) is not None:
        return f"a line does not end with [{os.path.basename(program)}, pid {pid}]"
    return None


def fault_in_rest(kind, rest, lines):
    """What the lines behind a death's first lack."""
    if kind == "whose":
        return None if any(is_about_an_address(line) and rest in line for line in lines) else f"no line says '{rest}'"
    frame = re.compile(r"  #[0-9]+ (.+)")
    found = [frame.fullmatch(line) for line in lines]
    return None if any(m and re.fullmatch(rest, m.group(1)) for m in found) else f"no frame matches '{rest}'"


def fault_in_lines(expected, lines, stand_in, program):
    """What the lines on stderr lack, or say without having been announced."""
    ours = [line for line in lines if line.startswith("arenite:") and not is_about_an_address(line)]
    announced = 0
    for kind, rest in expected:
        if kind == "aborts" and not stand_in:
            named = [line for line in ours if names_a_block(line, [])]
            announced += int(rest)
            if len(named) != int(rest):
                return f"{len(named)} lines from the allocator name an address, expected {rest}"
            if unsigned(named, program, None) is not None:
                return "a line does not end with the program's name and id"
        elif kind == "line":
            announced += 1
            count = sum(all(word in line for word in rest.split()) for line in lines)
            if count != 1:
                return f"{count} lines contain '{rest}', expected one"
    return "the allocator spoke without reason" if len(ours) > announced else None


def fault_in(status, out, err, program, pid):
    """Why the run is not what the case announced, or None."""
    stand_in = "BEHAVIOUR_STAND_IN" in os.environ
    lines = err.splitlines()
    expected = re.findall(r"^expect (aborts|abort|line|whose|frame) ?(.*)$", out, re.MULTILINE)
    # A 64-bit shell that a 32-bit program starts cannot load the library; the program itself can.
    if any("ld.so:" in line and "wrong ELF class" not in line for line in lines):
        return "the library could not be loaded"
    if status is None:
        return "did not end in time"
    for kind, rest in expected:
        if kind == "abort":
            fault = fault_in_abort(rest, status, lines, stand_in, program, pid)
            rests = [] if stand_in else [(k, r) for k, r in expected if k in ("whose", "frame")]
            return fault or next(filter(None, (fault_in_rest(k, r, lines) for k, r in rests)), None)
    if status != 0:
        return f"ended with {status}, expected 0"
    return fault_in_lines(expected, lines, stand_in, program)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", help="the shared library to preload")
    parser.add_argument("--mode", default="default", help="ARENITE_MODE (default: default)")
    parser.add_argument("--timeout", type=float, default=60, help="seconds (default: 60)")
    parser.add_argument("command", nargs="+", help="the program and its case")
    options = parser.parse_args()
    env = environment(options.library, options.mode)
    status, out, err, pid = run(options.command, env, options.timeout)
    if status == SKIPPED:
        print(out, end="")
        return SKIPPED
    fault = fault_in(status, out, err, options.command[0], pid)
    if fault is None:
        return 0
    print(out + err)
    print(f"{' '.join(options.command)} ({options.mode}): {fault}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
