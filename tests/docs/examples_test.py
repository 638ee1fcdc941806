#!/usr/bin/env python3
"""examples/ and bindings/: what is there to be pasted works, as far as the machine has what it is for.

Usage: examples_test.py --root DIR --build DIR [CLASS[.test]...]

Each file is read as its own tool reads it; the variables that it sets are given to a program, which must have the library
then. What the machine lacks is skipped, with a word.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import book

ROOT = None
BUILD = None
NOBODY = 65534


def variables_of_systemd():
    lines = (ROOT / "examples/systemd/arenite.conf").read_text().splitlines()
    return dict(line.split("=", 1)[1].split("=", 1) for line in lines if line.startswith("Environment="))


def variables_of_docker():
    return dict(re.findall(r"(?m)^ENV (\w+)=(\S+)$", (ROOT / "examples/Dockerfile").read_text()))


def block_of_readme(kind, word):
    """The one block of examples/README.md that has this word; blocks in a list are indented."""
    text = re.sub(r"(?m)^  (?=\S)", "", (ROOT / "examples/README.md").read_text())
    found = [block for name, block in book.blocks(text) if name == kind and word in block]
    if len(found) != 1:
        raise AssertionError(f"examples/README.md has {len(found)} blocks of {kind} with {word}")
    return found[0].strip()


def environment(variables):
    """As on a machine where the library is installed: the linker finds it by its name."""
    return {"PATH": "/usr/sbin:" + os.environ["PATH"], "LC_ALL": "C.UTF-8", "LD_LIBRARY_PATH": str(BUILD), **variables}


def has_library(pid):
    return "libarenite.so" in Path(f"/proc/{pid}/maps").read_text()


def wait_for(what, ask):
    """The first answer that is something."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if answer := ask():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


def pid_in(file):
    return int(wait_for(file, lambda: file.exists() and file.read_text().strip()))


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.top = Path(directory.name)
        self.top.chmod(0o777)

    def need(self, program, path=None):
        found = shutil.which(program, path=path or "/usr/sbin:" + os.environ["PATH"])
        if not found:
            self.skipTest(f"no {program} here")
        return found

    def assert_brings_library(self, variables):
        done = subprocess.run(["cat", "/proc/self/maps"], env=environment(variables), capture_output=True, text=True)
        self.assertIn("libarenite.so", done.stdout)
        self.assertEqual(done.stderr, "")


class Files(Case):
    def test_systemd_reads_the_drop_in(self):
        self.assert_brings_library(variables_of_systemd())
        analyze = self.need("systemd-analyze")
        unit = self.top / "some.service"
        unit.write_text("[Service]\nExecStart=/bin/true\n")
        (self.top / "some.service.d").mkdir()
        text = (ROOT / "examples/systemd/arenite.conf").read_text()
        for said, is_right in ((text, True), (text.replace("Environment=", "Enviroment="), False)):
            (self.top / "some.service.d" / "arenite.conf").write_text(said)
            done = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True)
            self.assertEqual("arenite.conf" not in done.stderr, is_right, done.stderr)

    def test_the_image_is_made_as_the_readme_says_and_has_the_library(self):
        self.assert_brings_library(variables_of_docker())
        text = (ROOT / "examples/Dockerfile").read_text()
        self.assertIn("./dev package", book.lines_of_shell((ROOT / "README.md").read_text()))
        self.assertIn("RUN cd /arenite && ./dev package\n", text)
        self.assertLess(text.rindex("\nRUN "), text.index("\nENV LD_PRELOAD="))

    def test_the_pod_is_one_and_has_the_library(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("no module yaml here")
        pod = yaml.safe_load((ROOT / "examples/kubernetes.yaml").read_text())
        self.assertEqual((pod["apiVersion"], pod["kind"]), ("v1", "Pod"))
        container, = pod["spec"]["containers"]
        self.assertTrue(all(set(entry) == {"name", "value"} and isinstance(entry["value"], str) for entry in container["env"]))
        self.assert_brings_library({entry["name"]: entry["value"] for entry in container["env"]})

    def test_variables_are_settings(self):
        """The library names those that it does not know: assert_brings_library sees that."""
        with self.assertRaises(AssertionError):
            self.assert_brings_library({**variables_of_systemd(), "ARENITE_BACKGROUND_PURGE": "perhaps"})


class Lines(Case):
    def test_each_prints_what_the_page_says(self):
        count = 0
        with book.Shell(ROOT, BUILD) as shell:
            shell.environment["LD_LIBRARY_PATH"] = str(BUILD)
            for example in book.examples((ROOT / "examples/README.md").read_text()):
                program = next(word for word in example.commands.split() if "=" not in word)
                count += 1
                with self.subTest(commands=example.commands):
                    self.need(program)
                    self.assertIsNone(book.difference(example.output, shell.run(example.commands), False))
        self.assertEqual(count, 4)


class Preload(Case):
    """/etc/ld.so.preload, in a root of its own: this machine's is not touched."""

    def test_every_program_has_the_library(self):
        line = block_of_readme("text", "$LIB").replace("/usr/$LIB", str(BUILD))
        (self.top / "file").write_text(line + "\n")
        script = """mount --bind "$1" "$1" && mkdir "$1/upper" "$1/work" && mount -t tmpfs none "$1/upper" &&
          mkdir "$1/upper/up" "$1/upper/work" &&
          mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/upper/up,workdir=$1/upper/work" /etc || exit 77
          cp "$1/file" /etc/ld.so.preload; exec cat /proc/self/maps"""
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", self.top], capture_output=True, text=True,
                              env=environment({}))
        if done.returncode != 0:
            self.skipTest(f"no root of its own can be made here: {done.stderr.strip()}")
        self.assertIn("libarenite.so", done.stdout)
        self.assertFalse(has_library("self"))


class Servers(Case):
    def start(self, words, variables, is_ready, as_nobody=True):
        """Starts a server, waits until it is ready; it is ended with the test. Its process id."""
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if as_nobody and os.geteuid() == 0 else {}
        log = open(self.top / "log", "w")
        server = subprocess.Popen(words, env=environment(variables), cwd=self.top, stdout=log, stderr=log, **who)
        log.close()

        def end():
            server.send_signal(signal.SIGTERM)
            server.wait(20)
        self.addCleanup(end)

        def is_up():
            self.assertIsNone(server.poll(), (self.top / "log").read_text())
            return is_ready()
        wait_for(words[0], is_up)
        return server.pid

    def test_postgresql(self):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) if Path("/usr/lib/postgresql").is_dir() else []
        if not found:
            self.skipTest("no PostgreSQL here")
        programs = found[-1].parent
        name, value = re.fullmatch(r"(\w+) = '(.+)'", block_of_readme("ini", "LD_PRELOAD")).groups()
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run([programs / "initdb", "-D", self.top / "data", "-A", "trust", "-U", "postgres", "--no-sync"],
                       env=environment({name: value}), check=True, capture_output=True, **who)
        words = [programs / "postgres", "-D", "data", "-k", self.top, "-c", "listen_addresses=", "-F"]
        pid = self.start(words, {name: value}, (self.top / ".s.PGSQL.5432").exists)
        self.assertTrue(has_library(pid))
        query = "select sum(length(repeat('x', n))) from generate_series(1, 2000) n"
        ask = ["psql", "-h", self.top, "-U", "postgres", "-Atc", query]
        # Its socket is there before it answers.
        answer = wait_for("an answer", lambda: subprocess.run(ask, capture_output=True, text=True).stdout)
        self.assertEqual(answer, "2001000\n")

    def test_redis(self):
        server = shutil.which("redis-server") or self.need("redis-check-rdb")
        # One file, which goes by its name.
        program = self.top / "redis-server"
        program.symlink_to(Path(server).resolve())
        words = [program, "--port", "0", "--unixsocket", self.top / "socket", "--save", ""]
        pid = self.start(words, variables_of_systemd(), (self.top / "socket").exists)
        self.assertTrue(has_library(pid))

    def test_nginx_has_it_and_keeps_it_over_an_upgrade(self):
        nginx = self.need("nginx")
        for name, line, is_kept in (("with", block_of_readme("nginx", "LD_PRELOAD"), True), ("without", "", False)):
            with self.subTest(name):
                self.upgrade_nginx(nginx, self.top / name, line + " env LD_LIBRARY_PATH;", is_kept)

    def upgrade_nginx(self, nginx, place, line, is_kept):
        place.mkdir()
        file = place / "nginx.pid"
        paths = " ".join(f"{what}_temp_path {place}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (place / "nginx.conf").write_text(
            f"{line} worker_processes 1; pid {file}; error_log {place}/log; events {{}}\n"
            f"http {{ access_log off; {paths} server {{ listen unix:{place}/socket; }} }}\n")
        subprocess.run([nginx, "-c", place / "nginx.conf", "-p", place, "-e", place / "log"], check=True,
                       env=environment(variables_of_systemd()))
        old = pid_in(file)
        self.addCleanup(os.kill, old, signal.SIGTERM)
        # It hears no signal before it has started its worker.
        worker = int(wait_for("a worker", Path(f"/proc/{old}/task/{old}/children").read_text))
        self.assertTrue(has_library(old) and has_library(worker))
        os.kill(old, signal.SIGUSR2)
        self.assertEqual(pid_in(place / "nginx.pid.oldbin"), old)
        new = pid_in(file)
        self.addCleanup(os.kill, new, signal.SIGTERM)
        self.assertNotEqual(new, old)
        self.assertEqual(has_library(new), is_kept)


class Rust(Case):
    def test_the_crate_is_tested_by_the_line_of_its_page(self):
        cargo = self.need("cargo")
        if subprocess.run([cargo, "--version"], capture_output=True).returncode != 0:
            self.skipTest("no Rust behind cargo here")
        # A copy, for cargo writes beside its sources.
        shutil.copytree(ROOT / "bindings/rust", self.top / "bindings/rust", ignore=shutil.ignore_patterns("target", "Cargo.lock"))
        (self.top / "build").mkdir()
        (self.top / "build/release").symlink_to(BUILD)
        line, = book.lines_of_shell((ROOT / "bindings/rust/README.md").read_text())
        done = subprocess.run(["sh", "-c", line], cwd=self.top, text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(re.findall(r"test result: ok\. 1 passed", done.stdout)), 2, done.stdout)

    def test_its_version_is_the_librarys(self):
        version = (ROOT / "VERSION").read_text().strip()
        self.assertIn(f'\nversion = "{version}"\n', (ROOT / "bindings/rust/Cargo.toml").read_text())


def main():
    global ROOT, BUILD
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", required=True, type=Path, help="the sources")
    parser.add_argument("--build", required=True, type=Path, help="a build of them")
    parser.add_argument("tests", nargs="*", help="classes or tests of this file (all)")
    arguments = parser.parse_args()
    ROOT, BUILD = arguments.root.resolve(), arguments.build.resolve()
    unittest.main(argv=[sys.argv[0], *arguments.tests], verbosity=2)


if __name__ == "__main__":
    main()
