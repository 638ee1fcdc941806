#!/usr/bin/env python3
"""`arenite exporter` and `arenite top`: what goes on looking at the processes under the library.

Usage: watch_test.py --command FILE --library FILE --planted FILE --static FILE [CLASS[.test]...]
"""

import fcntl
import http.client
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
import unittest
from pathlib import Path

import inside_test
from inside_test import Case, Planted, arenite

DASHBOARD = Path(__file__).resolve().parents[2] / "examples/grafana.json"
UNBUILT = "built without cpp-httplib"


class Serving:
    """An exporter, and the address that it says."""

    def __init__(self, address="127.0.0.1:0"):
        self.process = subprocess.Popen([inside_test.OPTIONS.command, "exporter", "--listen", address], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        if not self.url and UNBUILT in (message := self.process.stderr.read()):
            self.close()
            raise unittest.SkipTest(message)
        self.host, self.port = re.fullmatch(r"http://(\S+):(\d+)/metrics", self.url).groups()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.kill()
        self.process.wait(timeout=30)
        self.process.stdout.close()
        self.process.stderr.close()

    def get(self, path="/metrics"):
        connection = http.client.HTTPConnection(self.host.strip("[]"), int(self.port), timeout=60)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, answer.getheader("Content-Type"), body


def unescaped(text):
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), text)


def parsed(text):
    """{family: (type, unit, {sample name: [(labels, value)]})}; raises where it is not OpenMetrics."""
    lines = text.split("\n")
    assert lines[-2:] == ["# EOF", ""], lines[-2:]
    families, family = {}, None
    for line in lines[:-2]:
        if found := re.fullmatch(r"# TYPE ([a-z_]+) (gauge|info)", line):
            family = found[1]
            assert family not in families, line  # all of a family stand together
            families[family] = [found[2], "", "", {}]
        elif found := re.fullmatch(r"# (UNIT|HELP) ([a-z_]+) (.+)", line):
            assert found[2] == family and not families[family][3], line
            families[family][1 if found[1] == "UNIT" else 2] = found[3]
        else:
            value = r'"((?:[^"\\\n]|\\[\\n"])*)"'
            found = re.fullmatch(rf"([a-z_]+)(\{{(?:[a-z]+={value},?)+\}})? (\d+(?:\.\d+)?)", line)
            assert found, line
            assert found[1] == family + ("_info" if families[family][0] == "info" else ""), line
            labels = {name: unescaped(text) for name, text in re.findall(rf"([a-z]+)={value}", found[2] or "")}
            families[family][3].setdefault(found[1], []).append((labels, float(found[4])))
    for name, (_, unit, about, _) in families.items():
        assert about and (not unit or name.endswith("_" + unit)), name
    return families


class Exporter(Case):
    def refused(self, address, words):
        # Soon: one that is not refused would serve for ever.
        self.assert_refused(subprocess.run([inside_test.OPTIONS.command, "exporter", "--listen", address], text=True,
                                           capture_output=True, timeout=20), words)

    def samples(self, text):
        return {name: values for *_, samples in parsed(text).values() for name, values in samples.items()}

    def test_serves_the_figures_of_all_processes(self):
        with Planted("sleep") as one, Planted("sleep", ARENITE_MODE="classic") as classic, Serving() as serving:
            status, kind, text = serving.get()
            self.assertEqual(status, 200)
            self.assertEqual(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8")
            samples = self.samples(text)
            rows = {row["pid"]: row for row in self.json_of("ps")["processes"]}
            for planted, mode in ((one, "default"), (classic, "classic")):
                def value(name):
                    return [(labels, value) for labels, value in samples[name] if labels["pid"] == str(planted.pid)]
                row = rows[planted.pid]
                labels = {"pid": str(planted.pid), "command": row["command"]}
                self.assertEqual(value("arenite_process_info"), [({**labels, "mode": mode}, 1)])
                for name, key in (("resident_memory_bytes", "rss"), ("live_bytes", "live"), ("threads", "threads"),
                                  ("retained_bytes", "retained"), ("retained_bound_bytes", "bound"),
                                  ("arenas", "arenas")):
                    self.assertEqual(value("arenite_" + name), [(labels, row[key])])
            self.assertEqual(serving.get("/other")[0], 404)

    def test_follows_what_comes_and_goes(self):
        with Serving() as serving:
            with Planted("sleep") as planted:
                self.assertIn(f'pid="{planted.pid}"', serving.get()[2])
            self.assertNotIn(f'pid="{planted.pid}"', serving.get()[2])

    def test_escapes_the_names_that_processes_choose(self):
        name = 'a"b\\c\nd\x1b'
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        path = Path(folder) / name
        path.write_bytes(Path(inside_test.OPTIONS.static).read_bytes())
        path.chmod(0o755)
        process = subprocess.Popen([path, "sleep"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        try:
            for line in process.stdout:
                if line == b"ready\n":
                    break
            with Serving() as serving:
                names = [labels["command"] for labels, _ in self.samples(serving.get()[2])["arenite_process_info"]
                         if labels["pid"] == str(process.pid)]
                self.assertEqual(names, ['a"b\\c?d?'])
            self.assertNotIn("\x1b", arenite("top", "--once").stdout)
        finally:
            process.stdin.close()
            process.wait(timeout=60)

    def test_the_dashboard_asks_for_what_there_is(self):
        with Planted("sleep"), Serving() as serving:
            samples = self.samples(serving.get()[2])
        dashboard = json.loads(DASHBOARD.read_text())
        queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        queries += [variable["query"] for variable in dashboard["templating"]["list"]]
        asked = set()
        for query in queries:
            for name in re.findall(r"\barenite_\w+", query):
                self.assertIn(name, samples, query)
                asked.add(name)
            labels = {label for values in samples.values() for names, _ in values for label in names} | {"instance"}
            for label in re.findall(r'(\w+)=~?"', query):
                self.assertIn(label, labels, query)
        self.assertEqual(asked, set(samples))  # and shows all of it

    def test_ends_by_a_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Serving() as serving:
                serving.get()
                serving.process.send_signal(number)
                self.assertEqual(serving.process.wait(timeout=30), 0)
                self.assertEqual(serving.process.stderr.read(), "")
                with self.assertRaises(ConnectionRefusedError):
                    serving.get()

    def test_refuses_addresses_that_are_none(self):
        with Serving():
            pass  # or skipped
        for address in ("nonsense", "127.0.0.1", "127.0.0.1:", ":9393", "127.0.0.1:65536", "127.0.0.1:-1",
                        "127.0.0.1:93x", "::1:9393", "256.1.1.1:9393", "192.0.2.1:9393"):
            with self.subTest(address=address):
                self.refused(address, address)

    def test_refuses_a_port_in_use(self):
        with Serving() as serving:
            self.refused(f"127.0.0.1:{serving.port}", "Address already in use")
            self.assertEqual(serving.get()[0], 200)

    def test_listens_on_the_loopback_unless_told(self):
        self.assertRegex(arenite("exporter", "--help").stdout, r"--listen ADDRESS\W*127\.0\.0\.1:9393")
        if socket.has_ipv6 and Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text():
            with Serving("[::1]:0") as serving:
                self.assertEqual(serving.get()[0], 200)


class OnTerminal:
    """`arenite top` on a pseudo-terminal: a screen that understands what it draws."""

    def __init__(self, *words, rows=20, columns=130):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.everything = b""
        self.process = subprocess.Popen([inside_test.OPTIONS.command, "top", *map(str, words)],
                                        stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
                                        env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(timeout=30)
        os.close(self.master)
        os.close(self.slave)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, key):
        os.write(self.master, key.encode())

    def read(self, seconds):
        while select.select([self.master], [], [], seconds)[0]:
            self.everything += os.read(self.master, 65536)
            seconds = 0

    def frames(self):
        # The terminal makes "\r\n" of each "\n".
        return [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame).replace("\r", "").split("\n")
                for frame in self.everything.decode(errors="replace").split("\x1b[H")[1:]]

    def until(self, is_so):
        """The first whole frame from now on of which it holds."""
        seen = len(self.frames())
        end = time.monotonic() + 20
        while time.monotonic() < end:
            self.read(0.05)
            complete = self.everything.split(b"\x1b[H")
            for frame, raw in list(zip(self.frames(), complete[1:]))[max(seen - 1, 0):]:
                if b"\x1b[J" in raw and is_so(frame):
                    return frame
        raise AssertionError(f"never: {self.frames()[-1:]}")

    def status(self):
        end = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.05)
        self.read(0.05)
        return self.process.returncode

    def is_restored(self):
        return (termios.tcgetattr(self.slave) == self.before and
                self.everything.endswith(b"\x1b[?25h\x1b[?1049l"))


def pids_in(frame):
    return [int(line.split()[0]) for line in frame[2:] if re.match(r" *\d+ ", line)]


class Top(Case):
    def test_draws_sorts_and_quits(self):
        with Planted("sleep") as small, Planted("leaks", 200000) as large:
            first, last = sorted((small.pid, large.pid))
            with OnTerminal(small.pid, large.pid, "--interval", 0.2) as top:
                frame = top.until(lambda frame: pids_in(frame) == [large.pid, small.pid])
                self.assertRegex(frame[0], "^arenite top   2 processes   RSS .*   every 0.2 s")
                self.assertRegex(frame[-1], r"^q quit .* \*r RSS ")
                self.assertEqual(len(frame), 20)
                self.assertNotEqual(termios.tcgetattr(top.slave), top.before)
                # A sparkline grows, of RSS and of live.
                top.until(lambda frame: len(re.findall("[▁▂▃▄▅▆▇█]{5,8}", frame[2])) == 2)
                top.press("i")
                top.until(lambda frame: pids_in(frame) == [small.pid, large.pid])
                top.press("p")
                top.until(lambda frame: "*p PID" in frame[-1] and pids_in(frame) == [last, first])
                top.press("i")
                top.until(lambda frame: pids_in(frame) == [first, last])
                top.press("l")
                top.until(lambda frame: "*l live" in frame[-1] and pids_in(frame) == [large.pid, small.pid])
                top.press("q")
                self.assertEqual(top.status(), 0)
                self.assertTrue(top.is_restored())

    def test_restores_the_terminal_where_a_signal_ends_it(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number=number), OnTerminal() as top:
                top.until(lambda frame: True)
                if number == signal.SIGINT:
                    top.press("\x03")
                else:
                    top.process.send_signal(number)
                self.assertEqual(top.status(), -number)
                self.assertTrue(top.is_restored())

    def test_follows_the_size_of_its_terminal(self):
        with Planted("sleep") as one, Planted("sleep") as two, Planted("sleep") as three:
            with OnTerminal(one.pid, two.pid, three.pid, "--interval", 3600) as top:
                top.until(lambda frame: len(pids_in(frame)) == 3)
                top.resize(24, 80)
                frame = top.until(lambda frame: len(frame) == 24)
                self.assertTrue(frame[-1].endswith("  p PID"), frame[-1])  # all keys have room
                self.assertTrue(frame[1].endswith(" retained thr."), frame[1])
                top.resize(5, 40)
                frame = top.until(lambda frame: len(frame) == 5)
                self.assertEqual(frame[3], "... and 2 more".ljust(40))
                self.assertEqual({len(line) for line in frame}, {40})
                top.resize(1, 10)
                top.until(lambda frame: len(frame) == 1)
                top.press("q")
                self.assertEqual(top.status(), 0)

    def test_stops_and_goes_on(self):
        with OnTerminal("--interval", 0.2) as top:
            top.until(lambda frame: True)
            top.press("\x1a")
            end = time.monotonic() + 20
            while Path(f"/proc/{top.process.pid}/stat").read_text().split(") ")[1][0] != "T":
                self.assertLess(time.monotonic(), end)
                top.read(0.05)
            top.read(0.05)
            self.assertTrue(top.is_restored())
            top.process.send_signal(signal.SIGCONT)
            top.until(lambda frame: True)
            self.assertFalse(top.is_restored())
            top.press("q")
            self.assertEqual(top.status(), 0)
            self.assertTrue(top.is_restored())

    def test_drops_what_ends(self):
        with Planted("sleep") as one:
            with Planted("sleep") as two, OnTerminal(one.pid, two.pid, "--interval", 0.2) as top:
                top.until(lambda frame: len(pids_in(frame)) == 2)
                two.__exit__()
                top.until(lambda frame: pids_in(frame) == [one.pid])

    def test_prints_once(self):
        with Planted("sleep") as one, Planted("leaks", 200000) as two, Planted("sleep") as other:
            text = self.text_of("top", "--once", one.pid, two.pid)
            self.assertRegex(text, rf"(?s){two.pid} .*{one.pid} .* default")
            self.assertNotIn(str(other.pid), text)
            self.assertNotIn("\x1b", text)
            found = json.loads(self.text_of("top", "--once", "--json", one.pid, two.pid))
            self.assertEqual([row["pid"] for row in found["processes"]], [two.pid, one.pid])
            listed = {row["pid"]: row for row in self.json_of("ps")["processes"]}
            for row in found["processes"]:
                self.assertEqual(row, listed[row["pid"]])
            every = json.loads(arenite("top", "--once", "--json").stdout)["processes"]
            self.assertLessEqual({one.pid, two.pid, other.pid}, {row["pid"] for row in every})

    def test_refuses_what_it_cannot(self):
        self.assert_refused(arenite("top", stdin=subprocess.DEVNULL), "top needs a terminal; --once does without")
        self.assert_refused(arenite("top", "--json"), "--once")
        self.assert_refused(arenite("top", "--once", "--interval", 0), "--interval")
        self.assert_refused(arenite("top", "--once", 2 ** 22 + 1), str(2 ** 22 + 1))
        self.assert_refused(arenite("top", "--once", "-5"), "-5")
        with Planted("sleep", library=False) as other:
            self.assert_refused(arenite("top", "--once", other.pid), "does not run under arenite")


if __name__ == "__main__":
    inside_test.main()
