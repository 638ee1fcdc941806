#!/usr/bin/env python3
"""The command `arenite`, as a user meets it: exit codes, messages, settings, runs, the lab.

Usage: command_test.py --command FILE --library FILE [CLASS[.test]...]

Every test starts the real command, with an environment of its own that holds nothing an allocator
would read. The library is only preloaded; what it does with memory is tested elsewhere.
"""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMMAND = None
LIBRARY = None
STEPS = ["start", "filled", "looked up", "cleared", "one second later"]


def arenite(*words, env=None, command=None, **options):
    """Runs the command and returns what came of it."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    environment.update(env or {})
    return subprocess.run([str(command or COMMAND), *words], env=environment, text=True,
                          capture_output=True, timeout=100, **options)


class Case(unittest.TestCase):
    def assert_refused(self, done, status, words):
        """One line on stderr that holds `words`, nothing on stdout, and that status."""
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith("arenite: "), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(words, done.stderr)

    def assert_ok(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout


class Usage(Case):
    PLACES = [[], ["run"], ["settings"], ["ps"], ["explain"], ["pins"], ["leaks"], ["why"], ["top"], ["exporter"], ["completion"], ["lab"], ["lab", "map-clear"], ["lab", "all"], ["lab", "first-fit"]]

    def test_helps_everywhere(self):
        for place in self.PLACES:
            for word in ("--help", "-h"):
                with self.subTest(place=place, word=word):
                    text = self.assert_ok(arenite(*place, word))
                    self.assertIn("Usage: " + " ".join(["arenite", *place]), text)

    def test_tells_its_version_everywhere(self):
        for place in self.PLACES:
            with self.subTest(place=place):
                self.assertRegex(self.assert_ok(arenite(*place, "--version")), r"^arenite \d+\.\d+\.\d+\n$")

    def test_refuses_what_it_does_not_know(self):
        known = ("run", "settings", "lab", "map-clear", "all")
        for words in (["frobnicate"], ["--frobnicate"], ["settings", "now"], ["lab", "nonsense"],
                      ["lab", "map-clear", "--frobnicate"], ["lab", "all", "extra"],
                      ["run", "--frobnicate=1", "--", "true"]):
            with self.subTest(words=words):
                self.assert_refused(arenite(*words), 2, next(w for w in words if w not in known))

    def test_help_and_version_are_verbs(self):
        self.assertEqual(self.assert_ok(arenite("version")), self.assert_ok(arenite("--version")))
        for place in self.PLACES:
            with self.subTest(place=place):
                self.assertEqual(self.assert_ok(arenite("help", *place)), self.assert_ok(arenite(*place, "--help")))
        for verb in ("help", "version"):
            self.assertRegex(self.assert_ok(arenite("help")), rf"(?m)^  {verb} ")

    def test_says_what_was_probably_meant(self):
        for words, meant in ((["settigns"], "settings"), (["help", "rnu"], "run"), (["lab", "map-claer"], "map-clear"),
                             (["help", "lab", "frist-fit"], "first-fit"), (["settings", "--jsno"], "--json"),
                             (["lab", "lazy", "--mebibyte=1"], "--mebibytes"),
                             (["run", "--arena-mxa=2", "--", "true"], "--arena-max"),
                             (["run", "--mmap_treshold=1M", "true"], "--mmap-threshold"),
                             (["lab", "attack", "--drawing", "unlnk"], "unlink")):
            with self.subTest(words=words):
                self.assert_refused(arenite(*words), 2, f"; did you mean '{meant}'?")
        done = arenite("lab", "walk", "--script", "heasp")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("did you mean heaps?", done.stderr)

    def test_guesses_nothing_where_nothing_is_near(self):
        for words in (["frobnicate"], ["help", "frobnicate"], ["lab", "nonsense"]):
            self.assertNotIn("did you mean", arenite(*words).stderr)

    def test_wants_a_subcommand(self):
        self.assert_refused(arenite(), 2, "run, settings, ps, explain, pins, leaks, why, top, exporter, lab or completion?")

    def test_says_so_where_its_output_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([COMMAND, "settings"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write", done.stderr)


class Run(Case):
    SHOW = ["--", "sh", "-c", "env | grep -E '^(ARENITE_|LD_PRELOAD)' | sort"]

    def environment(self, *words, env=None):
        text = self.assert_ok(arenite("run", *words, *self.SHOW, env=env))
        return dict(line.split("=", 1) for line in text.splitlines())

    def test_preloads_the_library_beside_it(self):
        self.assertEqual(self.environment(), {"LD_PRELOAD": str(LIBRARY)})

    def test_the_program_has_the_library_in_it(self):
        self.assertIn(str(LIBRARY.resolve()), self.assert_ok(arenite("run", "--", "cat", "/proc/self/maps")))

    def test_keeps_what_was_to_be_preloaded(self):
        other = "/nonexistent/other.so"
        done = arenite("run", *self.SHOW, env={"LD_PRELOAD": other})
        self.assertEqual(done.stdout, f"LD_PRELOAD={LIBRARY}:{other}\n")

    def test_passes_settings_as_variables(self):
        self.assertEqual(self.environment("--mxfast=64", "--arena-max", "2", "--mode=classic"),
                         {"LD_PRELOAD": str(LIBRARY), "ARENITE_MXFAST": "64", "ARENITE_ARENA_MAX": "2",
                          "ARENITE_MODE": "classic"})

    def test_takes_dashes_and_underscores_alike(self):
        for word in ("--top-pad=64k", "--top_pad=64k"):
            self.assertEqual(self.environment(word)["ARENITE_TOP_PAD"], "64k")
        self.assertEqual(arenite("run", "--", "echo", "--top_pad=a_b").stdout, "--top_pad=a_b\n")

    def test_overrides_a_variable_that_is_set(self):
        self.assertEqual(self.environment("--mxfast=32", env={"ARENITE_MXFAST": "64"})["ARENITE_MXFAST"], "32")
        self.assertEqual(self.environment(env={"ARENITE_MXFAST": "64"})["ARENITE_MXFAST"], "64")

    def test_refuses_a_value_that_the_library_would_not_read(self):
        for word in ("--mxfast=64k", "--mxfast=", "--arena_max=many", "--mode=quick", "--arena-test=0",
                     "--perturb=300", "--perturb=-1", "--arena-max=-5", "--top-pad=-5", "--background-purge=2"):
            with self.subTest(word=word):
                self.assert_refused(arenite("run", word, "--", "true"), 2, word.split("=")[0].replace("_", "-"))

    def test_holds_every_setting_to_its_range(self):
        """Of each number that the table has, one beyond either end; and the ends themselves."""
        table = json.loads(self.assert_ok(arenite("settings", "--json")))["settings"]
        ranged = 0
        for setting in table:
            option = "--" + setting["name"].replace("_", "-")
            minimum, maximum = setting["minimum"], setting["maximum"]
            if setting["unit"] not in ("bytes", "count", "byte"):
                continue
            ends = [minimum] if maximum is None else [minimum, maximum]
            beyond = [-5, minimum - 1 if minimum else -2] + ([] if maximum is None else [maximum + 1])
            for value in ends:
                self.assertEqual(arenite("run", f"{option}={value}", "--", "true").returncode, 0, (option, value))
            for value in beyond:
                self.assert_refused(arenite("run", f"{option}={value}", "--", "true"), 2, f"{option}: '{value}' is not")
            ranged += 1
        self.assertGreater(ranged, 7)

    def test_gives_the_program_its_arguments_untouched(self):
        words = ["--help", "--", "-x", "a b", "", "--mode=quick"]
        done = arenite("run", "--mode=classic", "--", "printf", "[%s]", *words)
        self.assertEqual(self.assert_ok(done), "".join(f"[{w}]" for w in words))

    def test_needs_no_dashes_before_the_program(self):
        self.assertEqual(self.assert_ok(arenite("run", "--mode", "classic", "printf", "%s", "--help")), "--help")

    def test_wants_a_program(self):
        for words in ([], ["--"], ["--mode=classic"], ["--mode=classic", "--"]):
            self.assert_refused(arenite("run", *words), 2, "which program?")

    def test_ends_as_the_program_ends(self):
        for status in (0, 1, 2, 77, 255):
            self.assertEqual(arenite("run", "--", "sh", "-c", f"exit {status}").returncode, status)
        done = arenite("run", "--", "sh", "-c", "kill -TERM $$")
        self.assertEqual(done.returncode, -signal.SIGTERM)

    def test_passes_standard_input_on(self):
        self.assertEqual(self.assert_ok(arenite("run", "cat", input="words")), "words")

    def test_says_where_the_program_cannot_be_run(self):
        self.assert_refused(arenite("run", "--", "no-such-program"), 127, "no-such-program")
        self.assert_refused(arenite("run", "--", "/no/such/program"), 127, "/no/such/program")
        self.assert_refused(arenite("run", "--", "/etc/passwd"), 126, "/etc/passwd")
        self.assert_refused(arenite("run", "--", "/"), 126, "/")


class Reach(Case):
    """A program that a preload cannot reach runs, with a warning."""

    # x86: exit with status 3.
    CODE = bytes.fromhex("b83c000000" "bf03000000" "0f05")

    def static_program(self, path):
        base = 0x400000
        ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
        header = ident + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, 120 + len(self.CODE), 120 + len(self.CODE), 4096)
        Path(path).write_bytes(header + segment + self.CODE)
        os.chmod(path, 0o755)

    @unittest.skipUnless(platform.machine() == "x86_64", "the program is made of x86 instructions")
    def test_warns_of_a_static_program_and_runs_it(self):
        with tempfile.TemporaryDirectory() as directory:
            self.static_program(f"{directory}/static")
            for words, env in ((["./static"], None), (["static"], {"PATH": f"/nonexistent:{directory}"})):
                done = arenite("run", "--", *words, cwd=directory, env=env)
                self.assertEqual(done.returncode, 3)
                self.assertIn(f"warning: {words[0]} will not use the library: it is statically linked",
                              done.stderr)

    def test_does_not_run_a_program_without_the_library_that_was_named(self):
        """The dynamic linker would warn and run it on another malloc."""
        with tempfile.TemporaryDirectory() as directory:
            text, cut = Path(directory) / "text.so", Path(directory) / "cut.so"
            text.write_text("no library")
            cut.write_bytes(LIBRARY.read_bytes()[:3000])
            for library in (text, cut, COMMAND):
                with self.subTest(library=library.name):
                    done = arenite("run", "--library", str(library), "--", "echo", "it ran")
                    self.assert_refused(done, 125, f"{library} cannot be loaded: ")

    def test_does_not_run_a_program_of_another_word_size_than_the_named_library(self):
        other = COMMAND.parent / "lab" / "32" / "libarenite.so"
        if not other.exists():
            self.skipTest("there is no library of another word size")
        self.assert_refused(arenite("run", "--library", str(other), "--", "echo", "it ran"), 125,
                            "echo is of another word size")
        program = str(other.parent / "spacing")
        self.assertEqual(arenite("run", "--library", str(other), "--", program, "--version").returncode, 0)

    def test_does_not_warn_of_a_script(self):
        with tempfile.TemporaryDirectory() as directory:
            script = Path(directory) / "script"
            script.write_text("#!/bin/sh\necho here\n")
            script.chmod(0o755)
            self.assertEqual(self.assert_ok(arenite("run", "--", str(script))), "here\n")


class Completion(Case):
    """What each shell offers with our script; of a shell that is not here nothing is asked."""

    # The words before the cursor and the one that it is in; of what is offered, some and none of these.
    CASES = [
        (["ru"], {"run"}, {"lab"}),
        ([""], {"run", "settings", "ps", "explain", "pins", "leaks", "why", "top", "exporter", "lab", "completion", "help", "version"}, {"map-clear"}),
        (["lab", "map"], {"map-clear"}, {"lazy", "run"}),
        (["lab", "first-fit", "--"], {"--step", "--drawing", "--json"}, {"--entries"}),
        (["completion", ""], {"bash", "zsh", "fish"}, {"run"}),
        (["help", "la"], {"lab"}, {"run"}),
        (["run", "--mo"], {"--mode"}, {"--mxfast"}),
        (["run", "--mode", "cl"], {"classic"}, {"default"}),
        (["run", "--mode=cl"], {"classic"}, {"default"}),
        (["run", "--top-pad=1", "--arena-m"], {"--arena-max"}, set()),
        (["run", "--top-pad", "1", "--arena-m"], {"--arena-max"}, set()),
        # Behind the program the words are its own.
        (["run", "--top-pad=1", "tru", "--arena-m"], set(), {"--arena-max"}),
        (["run", "--", "tru", "--arena-m"], set(), {"--arena-max"}),
    ]

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)

    def shell(self, name, *words):
        if shutil.which(name) is None:
            self.skipTest(f"no {name} here")
        done = subprocess.run([name, *words], capture_output=True, text=True, timeout=60, cwd=self.root,
                              env={"PATH": f"{COMMAND.parent}:{os.environ['PATH']}", "HOME": str(self.root),
                                   "LC_ALL": "C.UTF-8"})
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout

    def script(self, shell):
        file = self.root / shell
        file.write_text(self.assert_ok(arenite("completion", shell)))
        return file

    def check(self, offered):
        for words, some, none in self.CASES:
            with self.subTest(words=words):
                names = {name.rstrip("=").split("=")[-1] for name in offered(words)}
                self.assertLessEqual(some, names)
                self.assertEqual(none & names, set())
                if some:
                    self.assertEqual([name for name in names if not name.startswith(words[-1].split("=")[-1])], [])

    def test_bash(self):
        script = self.script("bash")

        def offered(words):
            # '=' is a word of its own there.
            split = [part for word in words for part in re.findall(r"=|[^=]+|^$", word)]
            quoted = " ".join(f"'{word}'" for word in ["arenite", *split])
            return self.shell("bash", "-c", f"compopt() {{ :; }}; source {script}; COMP_WORDS=({quoted}); "
                              f"COMP_CWORD={len(split)}; _arenite && printf '%s\\n' \"${{COMPREPLY[@]}}\"").split()
        self.check(offered)

    def test_zsh(self):
        script = self.script("zsh")
        # The functions of its completion system, as far as ours calls them.
        stubs = ("_describe() { local -a all; [[ $1 == -o ]] && shift; all=(${(P)2}); print -rl -- ${${all%%:*}:#^$word*} }; "
                 "compset() { word=${word#*=} }; compadd() { shift; print -rl -- ${@:#^$word*} }; _normal() { : }; "
                 "compdef() { : }; ")

        def offered(words):
            quoted = " ".join(f"'{word}'" for word in ["arenite", *words])
            return self.shell("zsh", "-f", "-c", f"setopt extendedglob; {stubs} source {script}; words=({quoted}); "
                              f"CURRENT={len(words) + 1}; _arenite; true").split()
        self.check(offered)

    def test_fish(self):
        script = self.script("fish")

        def offered(words):
            lines = self.shell("fish", "--no-config", "-c", f"source {script}; complete -C 'arenite {' '.join(words)}'")
            return [line.split("\t")[0] for line in lines.splitlines()]
        self.check(offered)

    def test_wants_a_shell_it_knows(self):
        self.assert_refused(arenite("completion"), 2, "which shell?")
        self.assert_refused(arenite("completion", "tcsh"), 2, "tcsh")


class Places(Case):
    """Where the library is looked for."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.root = Path(self.directory.name).resolve()
        (self.root / "bin").mkdir()
        (self.root / "lib").mkdir()
        self.command = self.root / "bin" / "arenite"
        shutil.copy(COMMAND, self.command)

    def tearDown(self):
        self.directory.cleanup()

    def preloaded(self, *words):
        done = arenite("run", *words, "--", "sh", "-c", "echo $LD_PRELOAD", command=self.command)
        return self.assert_ok(done).strip()

    def test_finds_it_in_lib_beside_bin(self):
        shutil.copy(LIBRARY, self.root / "lib" / LIBRARY.name)
        self.assertEqual(self.preloaded(), str(self.root / "lib" / LIBRARY.name))

    def test_prefers_the_one_beside_the_command(self):
        shutil.copy(LIBRARY, self.root / "lib" / LIBRARY.name)
        shutil.copy(LIBRARY, self.root / "bin" / LIBRARY.name)
        self.assertEqual(self.preloaded(), str(self.root / "bin" / LIBRARY.name))

    def test_finds_it_through_a_link_to_the_command(self):
        link = self.root / "arenite-link"
        link.symlink_to(COMMAND)
        self.command = link
        self.assertEqual(self.preloaded(), str(LIBRARY))

    def test_takes_the_name_that_stays_when_the_file_behind_it_is_replaced(self):
        shutil.copy(LIBRARY, self.root / "lib" / (LIBRARY.name + ".9.9"))
        (self.root / "lib" / LIBRARY.name).symlink_to(LIBRARY.name + ".9.9")
        self.assertEqual(self.preloaded(), str(self.root / "lib" / LIBRARY.name))

    def test_takes_the_one_named(self):
        elsewhere = self.root / "elsewhere.so"
        shutil.copy(LIBRARY, elsewhere)
        self.assertEqual(self.preloaded("--library", str(elsewhere)), str(elsewhere))
        self.assertEqual(self.preloaded(f"--library={elsewhere}"), str(elsewhere))

    def test_refuses_what_cannot_be_preloaded(self):
        self.assert_refused(arenite("run", "--library=/no/such.so", "--", "true"), 2, "/no/such.so")
        spaced = self.root / "with space.so"
        shutil.copy(LIBRARY, spaced)
        self.assert_refused(arenite("run", f"--library={spaced}", "--", "true"), 125, "space")

    def test_says_where_it_looked(self):
        done = arenite("run", "--", "true", command=self.command)
        if done.returncode == 0:
            self.skipTest("the library is installed on this system")
        self.assert_refused(done, 125, str(self.root / "lib"))


class Settings(Case):
    def read(self, env=None, errors=""):
        done = arenite("settings", "--json", env=env)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr, errors)
        answer = json.loads(done.stdout)
        answer["by_name"] = {s["name"]: s for s in answer["settings"]}
        return answer

    def value_and_source(self, name, env):
        setting = self.read(env)["by_name"][name]
        return setting["value"], setting["from"]

    DEFAULTS = {"mode": "default", "mxfast": 128, "trim_threshold": 128 << 10, "top_pad": 128 << 10,
                "mmap_threshold": 128 << 10, "mmap_max": 65536, "perturb": 0, "arena_test": 8,
                "arena_max": 0, "huge_pages": "auto", "container": "start"}

    def test_shows_the_defaults_of_glibc(self):
        settings = self.read()["by_name"]
        self.assertEqual({name: settings[name]["default"] for name in self.DEFAULTS}, self.DEFAULTS)
        for setting in settings.values():
            self.assertTrue(setting["help"])

    def check_in_force(self, env, expected):
        """The table's values hold but for `expected`, which the mode means."""
        settings = self.read(env)["by_name"]
        values = {name: settings[name]["value"] for name in self.DEFAULTS if name != "mode"}
        self.assertEqual(values, {name: expected.get(name, self.DEFAULTS[name]) for name in values})
        by_mode = {name for name, setting in settings.items() if setting["source"] == "mode"}
        self.assertEqual(by_mode, set(expected))
        self.assertEqual({settings[name]["from"] for name in by_mode}, {"mode"})

    def test_shows_what_the_mode_makes_of_them(self):
        self.check_in_force({}, {"trim_threshold": -1, "arena_test": 1})
        self.check_in_force({"ARENITE_MODE": "classic"}, {"huge_pages": "never"})

    def test_shows_that_the_user_overrides_the_mode(self):
        settings = self.read({"MALLOC_ARENA_TEST": "6", "MALLOC_TOP_PAD_": "4096"})["by_name"]
        shown = {name: (settings[name]["value"], settings[name]["source"], settings[name]["from"])
                 for name in ("arena_test", "top_pad", "trim_threshold", "mxfast")}
        self.assertEqual(shown, {"arena_test": (6, "environment", "MALLOC_ARENA_TEST"),
                                 "top_pad": (4096, "environment", "MALLOC_TOP_PAD_"),
                                 "trim_threshold": (128 << 10, "default", "default"),
                                 "mxfast": (128, "default", "default")})

    def test_names_what_the_mode_does_not_heed(self):
        answer = self.read({"ARENITE_MODE": "classic", "ARENITE_HUGE_PAGES": "always"})
        self.assertEqual(answer["by_name"]["huge_pages"]["value"], "never")
        self.assertEqual([(knob["name"], knob["value"]) for knob in answer["without_effect"]],
                         [("ARENITE_HUGE_PAGES", "always")])

    def test_weaker_sources_give_way_to_stronger(self):
        env = {}
        for variable, value, expected in (
                ("MALLOC_ARENA_MAX", "2", (2, "MALLOC_ARENA_MAX")),
                ("GLIBC_TUNABLES", "glibc.malloc.perturb=1:glibc.malloc.arena_max=3", (3, "GLIBC_TUNABLES")),
                ("ARENITE_ARENA_MAX", "4", (4, "ARENITE_ARENA_MAX"))):
            env = {variable: value, **env}
            self.assertEqual(self.value_and_source("arena_max", env), expected)
            backwards = dict(reversed(list(env.items())))
            self.assertEqual(self.value_and_source("arena_max", backwards), expected)

    def test_reads_suffixes(self):
        self.assertEqual(self.value_and_source("top_pad", {"ARENITE_TOP_PAD": "1M"}),
                         (1 << 20, "ARENITE_TOP_PAD"))

    def test_names_a_value_that_cannot_be_read_once_and_keeps_the_weaker(self):
        answer = self.read({"ARENITE_ARENA_MAX": "many", "MALLOC_ARENA_MAX": "2"},
                           errors="arenite: ARENITE_ARENA_MAX='many' is not a number from 0; it is ignored\n")
        self.assertEqual(answer["by_name"]["arena_max"]["value"], 2)
        self.assertEqual([u["name"] for u in answer["unreadable"]], ["ARENITE_ARENA_MAX"])

    def test_names_the_tunable_that_cannot_be_read(self):
        answer = self.read({"GLIBC_TUNABLES": "glibc.malloc.arena_max=x"},
                           errors="arenite: glibc.malloc.arena_max='x' is not a number from 0; it is ignored\n")
        self.assertEqual(answer["by_name"]["arena_max"]["from"], "default")

    def test_lists_knobs_without_effect(self):
        answer = self.read({"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1:"
                                              "glibc.cpu.x86_ibt=on",
                            "MALLOC_CHECK_": "3", "MALLOC_TCACHE_COUNT": "0", "ARENITE_ARENA_MAXX": "1"})
        idle = {knob["name"]: knob["why"] for knob in answer["without_effect"]}
        self.assertEqual(set(idle), {"glibc.malloc.tcache_count", "MALLOC_CHECK_",
                                     "MALLOC_TCACHE_COUNT", "ARENITE_ARENA_MAXX"})
        self.assertTrue(all(idle.values()))
        self.assertIn("did you mean ARENITE_ARENA_MAX?", idle["ARENITE_ARENA_MAXX"])
        self.assertEqual(self.read()["without_effect"], [])

    def test_prints_a_table(self):
        text = self.assert_ok(arenite("settings", env={"MALLOC_ARENA_MAX": "2", "MALLOC_CHECK_": "3"}))
        self.assertRegex(text, r"(?m)^arena_max +2 +MALLOC_ARENA_MAX +\w")
        self.assertRegex(text, r"(?m)^top_pad +128k +default +\w")
        self.assertIn("without effect", text)
        self.assertIn("MALLOC_CHECK_=3: ", text)

    def test_every_setting_is_in_the_manual(self):
        manual = Path(__file__).resolve().parents[2] / "man" / "arenite-settings.5"
        words = set(manual.read_text().replace(",", " ").replace('"', " ").split())
        self.assertEqual(set(self.read()["by_name"]) - words, set())

    def test_shows_what_run_has_set(self):
        done = arenite("run", "--mxfast=32", "--mode=classic", "--", str(COMMAND), "settings", "--json")
        settings = {s["name"]: (s["value"], s["from"]) for s in json.loads(self.assert_ok(done))["settings"]}
        self.assertEqual(settings["mxfast"], (32, "ARENITE_MXFAST"))
        self.assertEqual(settings["mode"], ("classic", "ARENITE_MODE"))


class Environment(Case):
    """What the library says of its environment, in a tree of processes: once."""

    WRONG = "arenite: cannot read ARENITE_MODE=fancy: mode takes classic or default; it is ignored\n"
    # A shell that allocates, three children that do, and one of these has a child.
    TREE = "ls / >/dev/null; sh -c 'ls / >/dev/null; true'; (ls / >/dev/null); true"

    def said(self, script=TREE, preload=True, **env):
        if preload:
            env["LD_PRELOAD"] = str(LIBRARY)
        environment = {"PATH": os.environ["PATH"], **env}
        done = subprocess.run(["bash", "-c", script], env=environment, text=True, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0)
        return done.stderr

    def test_says_nothing_of_what_is_right(self):
        self.assertEqual(self.said(ARENITE_MODE="classic", ARENITE_ARENA_MAX="2", GLIBC_TUNABLES="glibc.cpu.x=1"), "")

    def test_names_a_wrong_value_once(self):
        self.assertEqual(self.said(ARENITE_MODE="fancy"), self.WRONG)

    def test_names_a_wrong_tunable_once(self):
        said = self.said(GLIBC_TUNABLES="glibc.cpu.x=1:glibc.malloc.arena_max=1.5:glibc.malloc.perturb=3")
        self.assertEqual(said, "arenite: cannot read arena_max=1.5: arena_max takes a whole number; it is ignored\n")

    def test_names_an_unknown_setting_once(self):
        self.assertEqual(self.said(ARENITE_MOED="classic"),
                         "arenite: unknown setting ARENITE_MOED; did you mean ARENITE_MODE? It is ignored\n")
        self.assertEqual(self.said(ARENITE_FROBNICATE="x" * 5000),
                         "arenite: unknown setting ARENITE_FROBNICATE; it is ignored\n")

    def test_names_it_where_the_parent_had_no_library(self):
        """The first process under the library says it, whoever passed the variable on."""
        script = f"LD_PRELOAD={LIBRARY} ls / >/dev/null; true"
        self.assertEqual(self.said(script, preload=False, ARENITE_MODE="fancy"), self.WRONG)

    def test_names_what_a_child_is_given_anew(self):
        self.assertEqual(self.said("ARENITE_MODE=fancy ls / >/dev/null; true", ARENITE_MODE="classic"), self.WRONG)


class Lab(Case):
    ENTRIES = 100_000

    def map_clear(self, *words, env=None, entries=ENTRIES):
        return arenite("lab", "map-clear", "--entries", str(entries), *words, env=env)

    def test_lists_its_experiments(self):
        self.assertRegex(self.assert_ok(arenite("lab")), r"(?m)^map-clear  +\S.*$")
        names = [e["name"] for e in json.loads(self.assert_ok(arenite("lab", "--json")))]
        self.assertIn("map-clear", names)
        self.assertEqual(len(set(names)), len(names))

    def test_gives_all_figures_as_json(self):
        done = self.map_clear("--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["options"], {"entries": self.ENTRIES})
        self.assertEqual(len(answer["conclusion"]), 3)
        runs = answer["runs"]
        self.assertEqual([run["variant"] for run in runs], [""] * 3 + ["region"] * 3)
        self.assertEqual([run["allocator"] for run in runs], ["glibc", "arenite-classic", "arenite"] * 2)
        for run in runs:
            with self.subTest(allocator=run["allocator"], variant=run["variant"]):
                self.check_run(run)
        libraries = [run["library"] for run in runs]
        self.assertEqual(libraries, [None, str(LIBRARY), str(LIBRARY)] * 2)
        modes = [run["environment"] for run in runs]
        self.assertEqual(modes, [[], ["ARENITE_MODE=classic"], ["ARENITE_MODE=default"]] * 2)
        self.check_glibc_keeps_it(runs[0])

    def check_run(self, run):
        self.assertEqual([step["step"] for step in run["steps"]], STEPS)
        start, filled, looked_up, _, later = run["steps"]
        node_bytes = 56
        grown = filled["resident_bytes"] - start["resident_bytes"]
        self.assertGreater(grown, self.ENTRIES * node_bytes)
        self.assertGreaterEqual(filled["virtual_bytes"], filled["resident_bytes"])
        self.assertGreaterEqual(filled["heap_bytes"] + filled["anonymous_bytes"], self.ENTRIES * node_bytes)
        self.assertGreater(filled["minor_faults"], 0)
        self.assertLess(looked_up["minor_faults"], filled["minor_faults"])
        self.assertGreaterEqual(later["seconds"], 1)
        self.assertTrue(Path(start["malloc_library"]).exists())

    def check_glibc_keeps_it(self, run):
        """The experiment's claim, for glibc: 64 bytes of heap an entry, and none of it goes back."""
        heap = {step["step"]: step["heap_resident_bytes"] for step in run["steps"]}
        self.assertGreaterEqual(heap["filled"], self.ENTRIES * 64)
        self.assertGreaterEqual(heap["one second later"], 0.99 * heap["filled"])

    def test_prints_a_table_a_plot_and_a_conclusion(self):
        done = self.map_clear("--allocators", "glibc,arenite")
        self.assertEqual(done.returncode, 0, done.stderr)
        for step in STEPS:
            self.assertRegex(done.stdout, rf"(?m)^  {step}  .*\d")
        self.assertRegex(done.stdout, r"(?m)^ +glibc +arenite$")
        self.assertRegex(done.stdout, r"(?m)^  filled +glibc +█+.? [\d.]+$")
        self.assertIn("One second after clear(), arenite still keeps", done.stdout)
        self.assertNotIn("\x1b", done.stdout)
        self.assertIn("[1/4] glibc: filled", done.stderr)
        self.assertIn("[4/4] arenite, region: cleared", done.stderr)

    def test_brief_answers_first_in_three_lines_at_most(self):
        for columns in (40, 80):
            with self.subTest(columns=columns):
                done = self.map_clear("--brief", entries=1000, env={"COLUMNS": str(columns)})
                self.assertEqual(done.returncode, 0, done.stderr)
                answer, table = done.stdout.split("\n\n", 1)
                self.assertRegex(answer.replace("\n", " "),
                                 r"^A second after clear\(\), glibc keeps [\d.]+ of [\d.]+ MiB, arenite [\d.]+ of "
                                 r"[\d.]+\. Fill, look up, clear: glibc [\d.]+ s of the processor, arenite [\d.]+ s: ")
                self.assertLessEqual(max(map(len, done.stdout.splitlines())), columns)
                if columns == 80:
                    self.assertLessEqual(answer.count("\n"), 2, answer)
                self.assertRegex(table, r"(?m)^ +glibc +arenite$")

    def test_brief_is_one_small_run_of_each_unless_told_otherwise(self):
        answer = json.loads(self.map_clear("--brief", "--json", entries=1000).stdout)
        self.assertEqual(answer["options"], {"entries": 1000})
        self.assertEqual([(run["allocator"], run["variant"]) for run in answer["runs"]], [("glibc", ""), ("arenite", "")])
        answer = json.loads(arenite("lab", "map-clear", "--brief", "--json", "--allocators", "glibc").stdout)
        self.assertEqual(answer["options"], {"entries": 1_000_000})
        self.assertEqual([run["allocator"] for run in answer["runs"]], ["glibc"])

    def test_draws_in_ascii_where_the_locale_has_no_more(self):
        done = self.map_clear("--allocators=glibc", env={"LC_ALL": "C"}, entries=1000)
        self.assertTrue(done.stdout.isascii())
        self.assertRegex(done.stdout, r"(?m)^  filled +glibc +#+ [\d.]+$")

    def test_lets_settings_of_the_environment_through_and_names_them(self):
        tunables = "glibc.malloc.mxfast=0:glibc.malloc.tcache_count=0"
        done = self.map_clear("--allocators=glibc", "--json", env={"GLIBC_TUNABLES": tunables})
        answer = json.loads(done.stdout)
        self.assertEqual(answer["machine"]["environment"], [f"GLIBC_TUNABLES={tunables}"])
        heap = [step["heap_resident_bytes"] for step in answer["runs"][0]["steps"]]
        self.assertLess(heap[-1], heap[1] / 10, "without fast bins and thread cache glibc gives it back")

    def test_takes_an_allocator_by_path(self):
        done = self.map_clear("--json", "--allocators", str(LIBRARY), entries=1000)
        self.assertEqual(json.loads(done.stdout)["runs"][0]["allocator"], LIBRARY.resolve().name)

    def test_json_may_stand_before_the_experiment(self):
        done = arenite("lab", "--json", "map-clear", "--allocators=glibc", "--entries=1000")
        self.assertEqual(json.loads(done.stdout)["experiment"], "map-clear")
        drawn = json.loads(self.assert_ok(arenite("lab", "--json", "first-fit")))
        self.assertEqual(drawn["experiment"], "first-fit")

    def test_refuses_allocators_that_it_cannot_run(self):
        for name, words in (("nosuch", "nosuch"), ("./nosuch.so", "no such file"), ("glibc,glibc", "twice")):
            self.assert_refused(self.map_clear("--allocators", name), 2, words)

    def test_refuses_a_preload_that_the_linker_ignores(self):
        with tempfile.TemporaryDirectory() as directory:
            fake = Path(directory) / "libfake.so"
            fake.write_text("no library")
            done = self.map_clear("--json", "--allocators", str(fake), entries=1000)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("could not be preloaded", done.stderr)

    def test_refuses_numbers_that_make_no_sense(self):
        for entries in ("0", "-1", "many", "2000000000"):
            self.assert_refused(self.map_clear(entries=entries), 2, "--entries")

    def test_says_what_became_of_a_program_that_fails(self):
        limited = f"ulimit -v 50000; exec {COMMAND} lab map-clear --allocators glibc"
        done = subprocess.run(["sh", "-c", limited], text=True, capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("map_clear: out of memory\n", done.stderr)
        self.assertIn("map_clear under glibc ended with status 1 after 1 of 5 steps\n", done.stderr)

    def test_its_program_stands_alone(self):
        program = str(COMMAND.parent / "lab" / "map_clear")
        self.assertIn("usage:", self.assert_ok(arenite("--help", command=program)))
        self.assertRegex(self.assert_ok(arenite("--version", command=program)), r"^map_clear \d")
        self.assertEqual(arenite("--entries", "x", command=program).returncode, 2)
        self.assertEqual(arenite("--frobnicate", command=program).returncode, 2)
        lines = self.assert_ok(arenite("--entries", "1", command=program)).splitlines()
        self.assertEqual([json.loads(line)["step"] for line in lines], STEPS)


def main():
    global COMMAND, LIBRARY
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--command", required=True, type=Path, help="the command arenite")
    parser.add_argument("--library", required=True, type=Path, dest="preload", help="libarenite.so")
    parser.add_argument("tests", nargs="*", help="classes or tests of this file (all)")
    arguments = parser.parse_args()
    COMMAND = arguments.command.resolve(strict=True)
    LIBRARY = arguments.preload.parent.resolve(strict=True) / arguments.preload.name
    unittest.main(argv=[sys.argv[0], *arguments.tests], verbosity=2)


if __name__ == "__main__":
    main()
