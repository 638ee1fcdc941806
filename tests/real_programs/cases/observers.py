"""Programs that watch another's malloc: heaptrack, valgrind, libmemusage.

They stand in front of the library, and must see what they would see in front of libc: every
operator new, too, and no block that they did not hand out.
"""

import re
import subprocess

from case import WORKLOADS, Case
from packages import Need
from session import Failure

ALLOCATIONS = 300_000
MEMUSAGE = "/lib/x86_64-linux-gnu/libmemusage.so"


class Operators(Case):
    """A case that watches workloads/operators.cpp."""

    def prepare(self, directory):
        self.program = directory / "operators"
        done = subprocess.run(["g++", "-O1", "-fno-builtin", "-std=c++17", "-pthread", WORKLOADS / "operators.cpp",
                               "-o", self.program], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"operators.cpp does not compile: {done.stderr[-600:]}")


class Heaptrack(Operators):
    name = "heaptrack"
    about = "the allocations of a C++ program, counted"
    needs = (Need("g++", "g++"), Need("heaptrack", "heaptrack"))

    def run(self, session):
        session.run("heaptrack", "-o", session.work / "record", self.program, ALLOCATIONS)
        records = list(session.work.glob("record*"))
        if len(records) != 1:
            raise Failure(f"heaptrack left {len(records)} records")
        told = session.run("heaptrack_print", records[0]).text
        counted = re.search(r"calls to allocation functions: (\d+)", told)
        if not counted or int(counted[1]) < ALLOCATIONS:
            raise Failure(f"heaptrack counted {counted and counted[1]} of {ALLOCATIONS} allocations")
        return {"allocations": counted[1]}


class Memusage(Operators):
    name = "memusage"
    about = "libmemusage in front of the library and behind it"
    needs = (Need("g++", "g++"), Need(MEMUSAGE, "libc6"))

    def run(self, session):
        library = session.library or ""
        answer = {}
        for place, preloads in (("front", f"{MEMUSAGE}:{library}"), ("behind", f"{library}:{MEMUSAGE}")):
            done = session.run("env", f"LD_PRELOAD={preloads.strip(':')}", self.program, ALLOCATIONS)
            answer[place] = done.text
            if place == "front":
                text = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr.decode())
                answer["calls"] = re.findall(r"^ *(malloc|realloc|calloc|free)\| +(\d+)", text, re.MULTILINE)
                if int(dict(answer["calls"])["malloc"]) < ALLOCATIONS * 98 // 100:  # the aligned are not its own
                    raise Failure(f"libmemusage counted {answer['calls']}")
        for name in ("bash", "sort"):
            answer[name] = session.run("env", f"LD_PRELOAD={MEMUSAGE}:{library}".rstrip(":"), name, "--version").text
        return answer


class Valgrind(Case):
    name = "valgrind"
    about = "ls, sort, wc and sed under memcheck"
    needs = (Need("valgrind", "valgrind"), Need("/usr/share/doc/libc6-dbg", "libc6-dbg"))

    def prepare(self, directory):
        self.text = directory / "text"
        numbers = self.random()
        self.text.write_text("".join(f"{numbers.randrange(10**6)} line {i}\n" for i in range(2000)))

    def run(self, session):
        def checked(*argv):
            return session.run("valgrind", "-q", "--error-exitcode=9", *argv).text

        return {
            "ls": checked("ls", "-l", "--time-style=+", self.text),
            "sort": checked("sort", "-n", self.text),
            "wc": checked("wc", self.text),
            "sed": checked("sed", "-n", "s/\\(1.*\\) line/\\1/p", self.text),
        }
