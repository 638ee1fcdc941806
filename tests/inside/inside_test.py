#!/usr/bin/env python3
"""What `arenite ps`, `explain`, `pins`, `leaks` and `why` say of a program that was built to be looked
into (planted.cpp), while it runs and of core files of it.

Usage: inside_test.py --command FILE --library FILE --planted FILE --static FILE [CLASS[.test]...]
"""

import argparse
import json
import os
import random
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import core_file

OPTIONS = None


def arenite(*words, **options):
    return subprocess.run([OPTIONS.command, *map(str, words)], text=True, capture_output=True, timeout=250, **options)


class Planted:
    """The program, which has built what its words name and waits; its addresses by name."""

    def __init__(self, *words, static=False, library=True, **environment):
        env = {"PATH": os.environ["PATH"], **environment}
        if library and not static:
            env["LD_PRELOAD"] = OPTIONS.library
        program = OPTIONS.static if static else OPTIONS.planted
        self.process = subprocess.Popen([program, *map(str, words)], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        self.addresses = {}
        for line in self.process.stdout:
            if line == "ready\n":
                break
            name, address = line.split()
            self.addresses[name] = address

    def __enter__(self):
        # It is about to read by now: what the last calls held in registers is over.
        for _ in range(200):
            if Path(f"/proc/{self.pid}/syscall").read_text().startswith("0 "):
                break
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.status = self.process.wait(timeout=60)
        self.process.stdout.close()

    def rss(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())[1])


class Case(unittest.TestCase):
    maxDiff = None

    def json_of(self, *words):
        done = arenite(*words, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def text_of(self, *words):
        done = arenite(*words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def assert_refused(self, done, words):
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith("arenite: "), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(words, done.stderr)

    def core_of(self, pid):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        path = Path(folder) / "core"
        core_file.write(pid, path)
        return path


class Ps(Case):
    def test_finds_shared_and_static_programs_in_both_modes(self):
        with (Planted("sleep") as one, Planted("sleep", static=True) as static,
              Planted("sleep", ARENITE_MODE="classic") as classic, Planted("sleep", library=False) as other):
            rows = {row["pid"]: row for row in self.json_of("ps")["processes"]}
            for planted, mode in ((one, "default"), (static, "default"), (classic, "classic")):
                row = rows[planted.pid]
                self.assertEqual((row["mode"], row["threads"]), (mode, 1))
                self.assertTrue(row["command"].startswith("inside_planted"))
                self.assertGreater(row["live"], 0)
                self.assertLess(row["live"], row["rss"])
            self.assertNotIn(other.pid, rows)
            text = arenite("ps").stdout
            self.assertRegex(text, rf"(?m)^  inside_planted +{one.pid} .* default$")
            self.assertRegex(text, rf"(?m)^  inside_planted +{classic.pid} .* classic$")


class Why(Case):
    # Name in planted.cpp, what the chain begins with, how many blocks it has, a word in one of them.
    STRUCTURES = [("list", r"^list_head \(\w+ \+ 0x[0-9a-f]+\)$", 50, None),
                  ("tree", r"^tree_root \(", 6, None),
                  ("map", r"^names.* \(", None, None),
                  ("vector", r"^shapes \(", 3, "Square"),
                  ("thread_local", r"^thread-local threads_own of thread {pid}$", 1, None),
                  ("stack", r"^stack of thread {pid}, at 0x", 1, None)]

    def check(self, target, planted):
        for name, root, blocks, word in self.STRUCTURES:
            with self.subTest(name=name):
                found = self.json_of("why", target, planted.addresses[name])
                self.assertTrue(found["reachable"])
                self.assertRegex(found["root"], root.format(pid=planted.pid))
                self.assertEqual(found["chain"][-1]["start"], planted.addresses[name])
                if blocks:
                    self.assertEqual(len(found["chain"]), blocks)
                if word:
                    self.assertEqual([step.get("type") for step in found["chain"]], [None, word, word])

    def test_names_the_chain_of_each_structure(self):
        with Planted("structures") as planted:
            self.check(planted.pid, planted)
            map_chain = self.json_of("why", planted.pid, planted.addresses["map"])
            self.assertEqual(map_chain["text"], "a name that is too long ")
            text = self.text_of("why", planted.pid, planted.addresses["vector"])
            self.assertRegex(text, r"a block of \d+ bytes, Square \((chunk|slab)\)\n\nshapes \(inside_planted \+ "
                                   r"0x[0-9a-f]+\)\n  -> block of \d+ bytes at 0x[0-9a-f]+\n  \+ 104 -> block of")

    def test_the_same_in_classic_mode_and_in_a_static_program(self):
        with Planted("structures", ARENITE_MODE="classic") as planted:
            self.check(planted.pid, planted)
        with Planted("structures", static=True) as planted:
            self.check(planted.pid, planted)

    def test_tells_what_is_no_block(self):
        with Planted("leaks", 1) as planted:
            maps = Path(f"/proc/{planted.pid}/maps").read_text()
            stack = re.search(r"(?m)^([0-9a-f]+)-([0-9a-f]+) .*\[stack\]$", maps)
            library = re.search(r"(?m)^([0-9a-f]+)-.*libarenite", maps)
            inside = self.json_of("why", planted.pid, hex(int(stack[2], 16) - 64))
            self.assertEqual((inside["kind"], inside["what"].split(",")[0]), ("other", f"stack of thread {planted.pid}"))
            self.assertIn("library's own", self.text_of("why", planted.pid, "0x" + library[1]))
            found = self.json_of("leaks", planted.pid, "--between", 0)
            first = found["groups"][0]["first"]
            self.assertIn("it is leaked", self.text_of("why", planted.pid, first))
            # An address within counts as the block's.
            within = self.json_of("why", planted.pid, hex(int(first, 16) + 8))
            self.assertEqual((within["start"], within["offset"]), (first, 8))


class Leaks(Case):
    def check(self, target):
        found = self.json_of("leaks", target, *(["--between", 0.1] if isinstance(target, int) else []))
        self.assertEqual((found["leaked_blocks"], found["moving"]), (1015, 0))
        counts = {}
        for group in found["groups"]:
            counts[group["what"]] = counts.get(group["what"], 0) + group["count"]
        self.assertEqual(counts, {"": 1000, "Square": 10, "text": 5})
        self.assertEqual({group["text"] for group in found["groups"] if group["what"] == "text"}, {"forgotten words"})
        self.assertGreater(found["blocks"], 2015)
        sizes = [group["bytes"] for group in found["groups"]]
        self.assertEqual(sizes, sorted(sizes, reverse=True))

    def test_finds_exactly_what_was_leaked(self):
        for options in ({}, {"ARENITE_MODE": "classic"}, {"static": True}):
            with self.subTest(**options), Planted("leaks", 1000, **options) as planted:
                self.check(planted.pid)

    def test_finds_none_where_none_is(self):
        with Planted("structures") as planted:
            self.assertEqual(self.json_of("leaks", planted.pid, "--between", 0.1)["leaked_blocks"], 0)
            self.assertIn("0 of ", self.text_of("leaks", planted.pid, "--between", 0.1))

    def test_shows_groups_most_bytes_first(self):
        with Planted("leaks", 1000) as planted:
            text = self.text_of("leaks", planted.pid, "--between", 0.1)
            self.assertRegex(text, r"1,015 of [\d,]+ blocks are leaked")
            self.assertRegex(text, r'(?m)^  Square +10 ')
            self.assertRegex(text, r'(?m)^  text "forgotten words" +5 ')
            self.assertRegex(self.text_of("leaks", planted.pid, "--between", 0.1, "--most", 1), r"and \d groups more")


class Explain(Case):
    def check(self, target):
        found = self.json_of("explain", target)
        parts = ("live", "pinned", "free_pages", "moving", "bookkeeping", "library", "stacks")
        known = sum(found[part] for part in parts) + sum(found["files"].values()) + sum(found["others"].values())
        self.assertEqual(known + found["unexplained"], found["rss"])
        self.assertLessEqual(abs(found["unexplained"]), max(found["rss"] // 100, 256 * 1024), found)
        self.assertEqual(sum(size["bytes"] for size in found["live_by_size"]), found["live"])
        self.assertEqual(found["moving"], 0)
        return found

    def test_adds_up_to_what_the_kernel_says_and_makes_nothing_larger(self):
        for words in (["structures"], ["leaks", 1000], ["strand"], ["big", 200_000, 100], ["big", 3_000, 20_000]):
            for options in ({}, {"ARENITE_MODE": "classic"}, {"static": True}):
                with self.subTest(words=words, **options), Planted(*words, **options) as planted:
                    before = planted.rss()
                    found = self.check(planted.pid)
                    self.assertLessEqual(planted.rss(), before)
                    self.assertEqual(found["rss"], before * 1024)
                    self.assertEqual(self.check(self.core_of(planted.pid))["unexplained"], 0)

    def test_tells_live_blocks_by_size(self):
        with Planted("big", 200_000, 100) as planted:
            found = self.check(planted.pid)
            largest = found["live_by_size"][0]
            self.assertEqual(largest["block_bytes"], 112)
            self.assertGreaterEqual(largest["blocks"], 199_900)
            self.assertGreater(largest["bytes"], 0.99 * 112 * 199_900)
            text = self.text_of("explain", planted.pid)
            self.assertRegex(text, r"\n\nMost of it is live: 2\d\.\d MiB, of which 2\d\.\d MiB in [\d,]+ blocks of 112 bytes")

    def test_tells_where_freed_memory_is(self):
        with Planted("strand", ARENITE_MODE="classic") as planted:
            found = self.check(planted.pid)
            self.assertGreater(found["free_pages"], 250 << 20)
            self.assertIn("malloc_trim(0) returns them", self.text_of("explain", planted.pid))
        with Planted("strand") as planted:
            # Pages that are wholly free have gone; of the 400 blocks each keeps one.
            found = self.check(planted.pid)
            self.assertLess(found["free_pages"], 3 << 20)
            self.assertGreater(found["pinned"], 400 * 3000 * 0.9)
            self.assertLess(found["pinned"], 400 * 3100 * 1.1)

    def test_counts_the_stacks_of_threads(self):
        with Planted("churn", 0) as none, Planted("stacks", 20) as many:
            more = self.check(many.pid)["stacks"] - self.check(none.pid)["stacks"]
            self.assertGreater(more, 20 * 100 * 1024)
            self.assertLess(more, 20 * 130 * 1024)


class Pins(Case):
    def check(self, target):
        found = self.json_of("pins", target)
        largest = found["groups"][0]
        self.assertIn(largest["block_bytes"], (1000, 1024, 1016))
        # A thread's first blocks of a size lie among others.
        self.assertGreaterEqual(largest["blocks"], 390)
        self.assertLessEqual(largest["blocks"], 400)
        self.assertEqual(len(largest["roots"]), 1, largest)
        self.assertRegex(largest["roots"][0]["root"], r"^strand_table \(\w+ \+ 0x[0-9a-f]+\)$")
        self.assertGreater(largest["kept"], 0.9 * found["kept"])
        self.assertGreater(largest["kept"], 390 * 3000 * 0.9)
        return largest

    def test_names_the_blocks_that_keep_pages_and_their_root(self):
        for options in ({}, {"ARENITE_MODE": "classic"}, {"static": True}):
            with self.subTest(**options), Planted("strand", **options) as planted:
                largest = self.check(planted.pid)
                self.assertEqual(self.check(self.core_of(planted.pid)), largest)
                chain = self.json_of("why", planted.pid, largest["first"])
                self.assertEqual(len(chain["chain"]), 2)
                text = self.text_of("pins", planted.pid)
                self.assertRegex(text, r"\n\n\d+ blocks of 1,0\d\d bytes keep 1\.\d MiB; the first is at 0x")
                self.assertRegex(text, r"\n  \d+ of them, 1\.\d MiB, are reached from strand_table \(")

    def test_full_pages_are_kept_by_nobody(self):
        with Planted("big", 200_000, 100) as planted:
            self.assertLess(self.json_of("pins", planted.pid)["kept"], 64 << 10)


class Cores(Case):
    def test_a_core_file_tells_the_same_as_the_process(self):
        with Planted("structures") as planted:
            core = self.core_of(planted.pid)
            Why.check(self, core, planted)
        with Planted("leaks", 1000) as planted:
            core = self.core_of(planted.pid)
            Leaks.check(self, core)
            found = self.json_of("leaks", core)
        with Planted("leaks", 1000, ARENITE_MODE="classic") as planted:
            Leaks.check(self, self.core_of(planted.pid))
        self.assertEqual(found["target"], f"core file {core}")

    STRUCTURES = Why.STRUCTURES

    @unittest.skipIf(shutil.which("gcore") is None, "there is no gcore")
    def test_one_that_gdb_makes(self):
        with Planted("leaks", 1000) as planted, tempfile.TemporaryDirectory() as folder:
            made = subprocess.run(["gcore", "-o", f"{folder}/core", str(planted.pid)], capture_output=True, text=True)
            self.assertEqual(made.returncode, 0, made.stderr)
            Leaks.check(self, Path(f"{folder}/core.{planted.pid}"))

    def test_bad_ones_are_refused(self):
        with Planted("sleep") as planted:
            core = self.core_of(planted.pid)
        whole = core.read_bytes()
        bad = core.parent / "bad"
        for content, words in ((whole[:len(whole) // 2], "is truncated: it ends within its part"),
                               (whole[:40], "is neither a process nor a core file"),
                               (b"", "is neither a process nor a core file"),
                               (b"not a core file" * 100, "is neither a process nor a core file"),
                               (whole[:4] + b"\x01" + whole[5:], "is of a 32-bit program")):
            with self.subTest(words=words):
                bad.write_bytes(content)
                self.assert_refused(arenite("leaks", bad), words)
        self.assert_refused(arenite("leaks", OPTIONS.planted), "is a program or a library, not a core file")
        self.assert_refused(arenite("leaks", core.parent), "is neither a process nor a core file")


class Damaged(Case):
    """Whatever is in a core file, the command ends by itself."""

    def check(self, seed, **environment):
        with Planted("structures", **environment) as planted:
            core = self.core_of(planted.pid)
            address = planted.addresses["map"]
        whole = core.read_bytes()
        count = struct.unpack_from("<H", whole, 56)[0]
        parts = [struct.unpack_from("<IIQQQQQQ", whole, 64 + 56 * i) for i in range(count)]
        words = [at for kind, flags, offset, _, _, size, _, _ in parts if kind == 1 and flags & 2
                 for at in range(offset, offset + size - 8, 8) if any(whole[at:at + 8])]
        dice = random.Random(seed)
        for turn in range(25):
            damaged = bytearray(whole)
            for _ in range(dice.choice((1, 10, 200))):
                at = dice.choice(words)
                damaged[at:at + 8] = dice.choice((dice.randbytes(8), whole[(other := dice.choice(words)):other + 8]))
            core.write_bytes(damaged)
            for verb in (["explain", core], ["pins", core], ["leaks", core], ["why", core, address]):
                with self.subTest(seed=seed, turn=turn, verb=verb[0]):
                    done = arenite(*verb)
                    self.assertIn(done.returncode, (0, 2), done.stderr)

    def test_in_default_mode(self):
        self.check(1)

    def test_in_classic_mode(self):
        self.check(2, ARENITE_MODE="classic")


class Refusals(Case):
    def test_each_is_one_line(self):
        self.assert_refused(arenite("leaks"), "leaks of what?")
        self.assert_refused(arenite("explain"), "explain what?")
        self.assert_refused(arenite("pins"), "pins of what?")
        self.assert_refused(arenite("why", os.getpid()), "why what?")
        self.assert_refused(arenite("leaks", 999999999), "there is no process 999999999")
        self.assert_refused(arenite("leaks", "/no/such/core"), "No such file")
        with Planted("sleep", library=False) as planted:
            for verb in (["explain", planted.pid], ["pins", planted.pid], ["leaks", planted.pid], ["why", planted.pid, "0x1000"]):
                self.assert_refused(arenite(*verb), f"process {planted.pid} (inside_planted) does not run under arenite")
        with Planted("sleep") as planted:
            self.assert_refused(arenite("why", planted.pid, "elsewhere"), "'elsewhere' is no address")
            self.assert_refused(arenite("why", planted.pid, "0x10"), "nothing is mapped at 0x10")
            self.assert_refused(arenite("leaks", planted.pid, "--between", "-1"), "--between")

    def test_the_kernels_own_processes(self):
        if not Path("/proc/2/status").exists() or "VmRSS" in Path("/proc/2/status").read_text():
            self.skipTest("process 2 is not the kernel's")
        self.assert_refused(arenite("leaks", 2), "process 2 has no memory")

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_another_users_process(self):
        with Planted("sleep") as planted, tempfile.TemporaryDirectory() as folder:
            command = shutil.copy(OPTIONS.command, folder)
            os.chmod(folder, 0o755)
            done = subprocess.run([command, "leaks", str(planted.pid)], text=True, capture_output=True,
                                  user=65534, group=65534, extra_groups=[])
            self.assert_refused(done, f"no right to look into process {planted.pid}")

    def test_another_layout(self):
        with Planted("sleep") as planted:
            core = self.core_of(planted.pid)
        whole = core.read_bytes()
        at = whole.find(b"arenite inside\0\0" + struct.pack("<I", 1))
        self.assertGreater(at, 0)
        for change, words in ((struct.pack("<I", 0), "is older than this command (layout 0, not 1)"),
                              (struct.pack("<I", 9), "is newer than this command (layout 9, not 1)")):
            core.write_bytes(whole[:at + 16] + change + whole[at + 20:])
            self.assert_refused(arenite("leaks", core), words)
        core.write_bytes(whole[:at + 24] + bytes(8) + whole[at + 32:])
        self.assert_refused(arenite("leaks", core), "is of another build")


class UnderLoad(Case):
    """Threads allocate and free while they are looked at."""

    def test_no_block_is_called_leaked(self):
        with Planted("churn", 4) as planted:
            for _ in range(5):
                found = self.json_of("leaks", planted.pid, "--between", 0.05)
                self.assertEqual(found["leaked_blocks"], 0)
                # 2,000 strings a thread, of which the shortest lie in themselves.
                self.assertGreater(found["blocks"], 5000)
                self.assertLess(found["blocks"], 10000)
        self.assertEqual(planted.status, 0)

    def test_no_total_is_wrong(self):
        for options in ({}, {"ARENITE_MODE": "classic"}):
            with self.subTest(**options), Planted("churn", 4, **options) as planted:
                time.sleep(1)
                for _ in range(25):
                    done = arenite("explain", planted.pid, "--json")
                    self.assertEqual(done.returncode, 0, done.stderr)
                    found = json.loads(done.stdout)
                    # What comes and goes between the page tables and the kernel's figure.
                    self.assertLess(abs(found["unexplained"]), found["rss"] // 20 + (1 << 20), found)
                    self.assertGreater(found["live"], 1 << 20)
                    self.assertLess(found["moving"], found["rss"] // 4)
                    # All of the heap is known as such.
                    self.assertLess(sum(found["others"].values()), 1 << 20)
                    self.assertLessEqual(found["live"], found["rss"])
            self.assertEqual(planted.status, 0)


class Bars(Case):
    """20,000,000 blocks in 2 GiB. In processor seconds, for others may be at work on the machine."""

    def seconds_of(self, *words):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = self.json_of(*words)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, found

    def test_a_large_heap(self):
        available = int(re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())[1])
        if available < 6 << 20:
            self.skipTest("less than 6 GiB are available")
        with Planted("big", 20_000_000, 100) as planted:
            rss = planted.rss()
            seconds, found = self.seconds_of("explain", planted.pid)
            self.assertLessEqual(seconds, 3)
            self.assertLessEqual(abs(found["unexplained"]), found["rss"] // 100)
            seconds, found = self.seconds_of("leaks", planted.pid, "--between", 0.1)
            self.assertLessEqual(seconds, 20)
            self.assertEqual(found["leaked_blocks"], 1000)
            self.assertGreater(found["blocks"], 20_000_000)
            self.assertLessEqual(planted.rss(), rss)


def main():
    global OPTIONS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("command", "library", "planted", "static"):
        parser.add_argument(f"--{name}", required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()
