#!/usr/bin/env python3
"""The script `dev` on a machine made of stubs: what it installs, what it announces, what it refuses.

Usage: dev_test.py --dev FILE [CLASS[.test]...]

Each test has a copy of the script in a directory of its own, and a PATH that holds some tools of the
system and stubs for the rest. A stub writes its name and arguments to calls.txt. The stub of
dpkg-query knows the packages of installed.txt; that of cmake does as the test says.
"""

import argparse
import os
import shutil
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

DEV = None
TOOLS = ("bash", "env", "cat", "chmod", "grep", "sed", "awk", "mkdir", "rm", "dirname", "find", "sort", "head",
         "sleep", "stat", "xargs", "nproc", "uname", "id", "python3", "setarch", "realpath", "install", "rmdir", "ls")
NOBODY = 65534

# One package brings 40 MB and 100 MB unpacked, and a second one like it that nobody named.
APT_GET = """
case "$*" in
  *-s*install*) echo 'Inst base-files [12] (12.4 Debian:12 [amd64])'; echo 'Inst extra (1.0-2 Debian:12 [all])' ;;
  *update*|*install*) ;;
esac
"""
APT_CACHE = """
for name in "$@"; do
  if [ "$name" != show ]; then printf 'Package: x\\nInstalled-Size: 100000\\nSize: 40000000\\n\\n'; fi
done
"""
DPKG_QUERY = """
for name in "$@"; do :; done
if grep -qx "$name" "$STUBS/installed.txt"; then echo installed; else exit 1; fi
"""
# Makes the program that `dev run` starts, where it builds.
CMAKE = """
case "$*" in
  *--preset*) echo "configured with $*" ;;
  *--build*)
    mkdir -p build/release && printf '#!/bin/sh\\necho "arenite $*"\\n' >build/release/arenite
    chmod +x build/release/arenite ;;
esac
"""


class Case(unittest.TestCase):
    TREE = "tree"

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.top = Path(directory.name)
        self.top.chmod(0o755)
        self.tree = self.top / self.TREE
        self.tree.mkdir(parents=True)
        shutil.copy(DEV, self.tree / "dev")
        self.stubs = self.top / "stubs"
        self.stubs.mkdir()
        (self.stubs / "installed.txt").touch()
        for tool in TOOLS:
            (self.stubs / tool).symlink_to(shutil.which(tool))
        for name, text in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET), ("apt-cache", APT_CACHE),
                           ("cmake", CMAKE), ("ctest", "exit 0"), ("ninja", "exit 0"), ("sudo", '"$@"')):
            self.stub(name, text)

    def stub(self, name, text):
        file = self.stubs / name
        if file.is_symlink():
            file.unlink()
        file.write_text(f'#!{shutil.which("bash")}\necho "{name} $*" >>"$CALLS"\n{text}\n')
        file.chmod(0o755)

    def dev(self, *words, env=None, **options):
        self.calls_file = self.top / "calls.txt"
        self.calls_file.unlink(missing_ok=True)
        environment = {"PATH": str(self.stubs), "CALLS": str(self.calls_file), "STUBS": str(self.stubs),
                       "HOME": str(self.top), **(env or {})}
        return subprocess.run([str(self.tree / "dev"), *words], env=environment, text=True,
                              capture_output=True, timeout=60, **options)

    def calls(self, name):
        """The arguments of each call of a stub."""
        if not self.calls_file.exists():
            return []
        lines = self.calls_file.read_text().splitlines()
        return [line[len(name) + 1:] for line in lines if line.startswith(name + " ")]

    def installed(self):
        """The packages that apt-get was told to install."""
        words = [call.split() for call in self.calls("apt-get")]
        return {word for call in words if "install" in call and "-s" not in call
                for word in call[call.index("install") + 1:] if not word.startswith("-")}

    def assert_refused(self, done, words):
        """One line that holds `words`; nothing was installed, configured or built."""
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("dev: "), done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(self.calls("apt-get") + self.calls("cmake"), [])


class Packages(Case):
    def test_quick_asks_for_no_browser(self):
        done = self.dev("test", "--quick")
        self.assertIn("libgtest-dev", self.installed())
        self.assertEqual({name for name in self.installed() if "chromium" in name or name == "git"}, set())
        self.assertIn("lab.player and lab.site are skipped", done.stdout)

    def test_the_whole_suite_asks_for_one(self):
        done = self.dev("test")
        self.assertLessEqual({"chromium", "chromium-driver"}, self.installed())
        self.assertNotIn("are skipped", done.stdout)

    def test_quick_tells_the_tests_that_there_is_no_browser_unless_there_is(self):
        self.stub("ctest", 'echo "ctest:${WITHOUT_BROWSER:-with}"')
        self.assertIn("ctest:1\n", self.dev("test", "--quick", env={"CI": "true"}).stdout)
        self.stub("chromedriver", "")
        done = self.dev("test", "--quick", env={"CI": "true"})
        self.assertIn("ctest:with\n", done.stdout)
        self.assertNotIn("are skipped", done.stdout)

    def test_valgrind_is_for_the_whole_suite_and_quick_says_that_it_does_without(self):
        self.stub("ctest", 'echo "ctest:${WITHOUT_VALGRIND:-with}"')
        done = self.dev("test", "--quick", env={"CI": "true"})
        self.assertNotIn("valgrind", self.installed())
        self.assertIn("no valgrind here: house.golden_branches is skipped", done.stdout)
        self.assertIn("ctest:1\n", done.stdout)
        self.assertIn("ctest:with\n", self.dev("test", env={"CI": "true"}).stdout)
        self.assertIn("valgrind", self.installed())

    def test_the_first_run_needs_neither_tests_nor_32_bit(self):
        self.dev("run")
        self.assertIn("g++", self.installed())
        self.assertEqual(self.installed() & {"g++-multilib", "libgtest-dev", "python3"}, set())

    def test_says_how_much_it_installs_before_it_does(self):
        done = self.dev("build")
        self.assertRegex(done.stdout, r"(?m)^== installing g\+\+ .*: 2 packages, 80 MB to download, 200 MB on the disk$")
        asked = [call for call in self.calls("apt-get") if "install" in call]
        self.assertIn("-s", asked[0].split())
        self.assertEqual(self.calls("apt-cache"), ["show base-files=12.4 extra=1.0-2"])

    def test_says_what_the_tests_of_real_programs_will_install(self):
        script = self.tree / "tests" / "real_programs" / "run.py"
        script.parent.mkdir(parents=True)
        script.write_text("import sys\nprint('redis lua' if '--missing' in sys.argv else '')\n")
        words = "real_programs.install will install redis lua: 2 packages, 80 MB to download"
        self.assertIn(words, self.dev("test", "release").stdout)
        self.assertNotIn(words, self.dev("test", "--quick").stdout)

    def test_installs_nothing_where_nothing_is_missing(self):
        self.dev("build")
        (self.stubs / "installed.txt").write_text("\n".join(sorted(self.installed())) + "\n")
        done = self.dev("build")
        self.assertEqual(self.calls("apt-get"), [])
        self.assertNotIn("installing", done.stdout)

    def test_a_failed_installation_shows_what_apt_get_said(self):
        self.stub("apt-get", 'case "$*" in *-s*|*update*) ;; *) echo "E: no such archive" >&2; exit 100 ;; esac')
        done = self.dev("build")
        self.assertEqual(done.returncode, 1)
        self.assertIn("size unknown", done.stdout)
        self.assertIn("E: no such archive\n", done.stderr)
        self.assertIn("dev: could not install g++", done.stderr)
        self.assertEqual(self.calls("cmake"), [])


class Building(Case):
    def setUp(self):
        super().setUp()
        self.stub("dpkg-query", "echo installed")

    def test_a_failed_configure_shows_its_own_log(self):
        self.stub("cmake", 'echo "the compiler is broken"; exit 3')
        log = self.tree / "build" / "release" / "configure.log"
        log.parent.mkdir(parents=True)
        log.write_text("an old and good one\n")
        done = self.dev("build")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("the compiler is broken\n", done.stderr)
        self.assertIn("could not configure release (status 3)", done.stderr)
        self.assertNotIn("old and good", done.stdout + done.stderr)
        self.assertEqual(log.read_text(), "the compiler is broken\n")

    def test_announces_the_build_with_its_time(self):
        self.stub("nproc", "echo 2")
        compiles = "\n".join(f"c++ -O2 -o src/{i}.cpp.o -c src/{i}.cpp" for i in range(200))
        self.stub("ninja", f"cat <<'END'\n{compiles}\nc++ src/0.cpp.o -o lib.so\nEND")
        done = self.dev("build")
        self.assertRegex(done.stdout, r"(?m)^== configure release: ")
        self.assertRegex(done.stdout, r"(?m)^== build release: about \d minutes on 2 processors$")

    def test_announces_only_what_is_not_built_yet(self):
        self.stub("ninja", "echo 'c++ -o src/0.cpp.o -c src/0.cpp'")
        (self.tree / "build" / "release" / "src").mkdir(parents=True)
        (self.tree / "build" / "release" / "src" / "0.cpp.o").touch()
        self.assertRegex(self.dev("build").stdout, r"(?m)^== build release: what has changed$")

    def test_announces_the_tests_with_their_time(self):
        self.stub("nproc", "echo 2")
        self.assertRegex(self.dev("test", "--quick").stdout, r"(?m)^== test release: about \d+ \w+ on 2 processors$")

    def test_run_builds_what_the_first_experiment_needs_and_starts_it_small(self):
        done = self.dev("run", "--entries", "5")
        self.assertEqual(done.returncode, 0, done.stderr)
        builds = [call for call in self.calls("cmake") if "--build" in call]
        self.assertEqual([call.split()[-2:] for call in builds], [["--target", "first_run"]])
        self.assertIn("\narenite lab map-clear --brief --entries 5\n", done.stdout)
        self.assertTrue(done.stdout.endswith("build/release/arenite run -- your-program\n"))

    def test_run_full_builds_all(self):
        done = self.dev("run", "--full")
        builds = [call for call in self.calls("cmake") if "--build" in call]
        self.assertEqual([call.split()[-2:] for call in builds], [["--target", "all"]])
        self.assertIn("\narenite lab map-clear\n", done.stdout)

    def test_only_builds_and_runs_the_topics_named(self):
        for name in ("house", "lab"):
            (self.tree / "tests" / name).mkdir(parents=True)
            (self.tree / "tests" / name / "CMakeLists.txt").touch()
        self.dev("test", "--quick", "--only", "house,unit")
        builds = [call for call in self.calls("cmake") if "--build" in call]
        self.assertEqual([call.split()[-3:] for call in builds], [["--target", "tests_house", "tests_unit"]])
        self.assertIn("-L ^(house|unit)$", self.calls("ctest")[0])
        for words in (["nosuch"], ["house,nosuch"], []):
            done = self.dev("test", "--only", *words)
            self.assertEqual((done.returncode, self.calls("cmake")), (2, []), done.stderr)

    def test_gives_a_sign_of_life(self):
        self.stub("sleep", f"exec {shutil.which('sleep')} 0.05")  # 20 seconds, for a test in a hurry
        self.stub("cmake", f"case $* in *--preset*) {shutil.which('sleep')} 1.5 ;; esac")
        self.assertRegex(self.dev("build").stdout, r"(?m)^ +configure: 1 s$")


class Places(Case):
    def as_stranger(self, *words):
        """Runs dev as somebody whose the tree is not."""
        if os.geteuid() == 0:
            return self.dev(*words, user=NOBODY, group=NOBODY, extra_groups=[])
        return self.dev(*words)

    def lock(self, place):
        place.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
        self.addCleanup(place.chmod, 0o755)

    def test_a_tree_that_cannot_be_written_is_refused_in_a_line(self):
        self.lock(self.tree)
        for words in (["build"], ["run"], ["test", "--quick"], ["lint"], ["bench"]):
            with self.subTest(words=words):
                self.assert_refused(self.as_stranger(*words), f"{self.tree} belongs to ")

    def test_a_build_directory_of_another_user_is_refused_in_a_line(self):
        (self.tree / "build" / "release").mkdir(parents=True)
        self.lock(self.tree / "build" / "release")
        if os.geteuid() == 0:
            os.chown(self.tree / "build", NOBODY, NOBODY)
        self.assert_refused(self.as_stranger("build"), "build/release belongs to ")

    def test_a_build_file_of_another_user_is_refused_in_a_line(self):
        """An old configure.log among them: it was shown as if it were the new one."""
        build = self.tree / "build" / "release"
        build.mkdir(parents=True)
        if os.geteuid() == 0:
            for place in (build, build.parent):
                os.chown(place, NOBODY, NOBODY)
        for name in ("CMakeCache.txt", "configure.log", ".ninja_log"):
            with self.subTest(name=name):
                file = build / name
                file.write_text("an old and good one\n")
                file.chmod(0o444)
                self.assert_refused(self.as_stranger("build"), f"build/release/{name} belongs to ")
                file.unlink()

    def test_a_path_that_ld_preload_cannot_name_is_refused_in_a_line(self):
        self.stub("dpkg-query", "echo installed")
        for name in ("with space", "with:colon", "with$dollar", "with\ttab", 'with"quote'):
            with self.subTest(name=name):
                self.tree = self.top / name
                self.tree.mkdir()
                shutil.copy(DEV, self.tree / "dev")
                for words in (["build"], ["run"], ["test", "--quick"]):
                    self.assert_refused(self.dev(*words), "cannot be built where the path has a space")

    def test_an_ordinary_path_is_not(self):
        self.stub("dpkg-query", "echo installed")
        self.tree = self.top / "a-b_c.d+e,f@g" / "größe"
        self.tree.mkdir(parents=True)
        shutil.copy(DEV, self.tree / "dev")
        done = self.dev("build")
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Install(Case):
    def setUp(self):
        super().setUp()
        self.stub("dpkg-query", "echo installed")
        self.stub("ldconfig", "")
        self.prefix = self.top / "prefix"
        self.theirs = self.prefix / "lib" / "cmake" / "other" / "other-config.cmake"
        # As cmake installs: files of ours, and a list of them in which the last line has no end.
        self.ours = [self.prefix / name for name in ("bin/arenite", "bin/.debug/arenite.debug", "include/arenite/arenite.h",
                                                     "lib/cmake/arenite/arenite-config.cmake", "lib/with space.so")]
        make = "".join(f"mkdir -p '{file.parent}'; echo x >'{file}'; " for file in self.ours)
        self.stub("cmake", f"case $* in *--install*) {make} printf '%s\\n%s' "
                  + "'" + "\n".join(map(str, self.ours[:-1])) + f"' '{self.ours[-1]}' >build/release/install_manifest.txt ;; esac")

    def files(self):
        return [file for file in self.prefix.rglob("*") if file.is_file()]

    def test_installs_to_the_prefix_and_removes_only_what_it_has_installed(self):
        self.theirs.parent.mkdir(parents=True)
        self.theirs.touch()
        done = self.dev("install", "--prefix", str(self.prefix))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"-DCMAKE_INSTALL_PREFIX={self.prefix}", self.calls("cmake")[0])
        self.assertIn("--install build/release", self.calls("cmake"))
        self.assertEqual(set(self.files()),
                         {*self.ours, self.theirs, self.prefix / "share" / "arenite" / "installed"})
        self.assertIn(f"5 files; ./dev uninstall --prefix {self.prefix} removes them", done.stdout)
        done = self.dev("uninstall", f"--prefix={self.prefix}")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.files(), [self.theirs])
        self.assertEqual([place for place in self.prefix.rglob("*") if place.name in ("arenite", ".debug")], [])
        self.assertEqual(self.calls("sudo") + self.calls("ldconfig"), [])

    def test_a_prefix_is_a_path_from_here(self):
        done = self.dev("install", "--prefix", "../prefix")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"-DCMAKE_INSTALL_PREFIX={self.prefix}", self.calls("cmake")[0])

    def test_refuses_to_remove_what_it_has_not_installed(self):
        self.prefix.mkdir()
        done = self.dev("uninstall", "--prefix", str(self.prefix))
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"nothing of arenite is installed in {self.prefix}", done.stderr)

    def test_refuses_a_list_that_leads_out_of_the_prefix(self):
        self.theirs.parent.mkdir(parents=True)
        self.theirs.touch()
        (self.prefix / "share" / "arenite").mkdir(parents=True)
        for name in (self.top / "stubs" / "cmake", self.prefix / "share" / ".." / ".." / "stubs" / "cmake"):
            (self.prefix / "share" / "arenite" / "installed").write_text(f"{self.theirs}\n{name}\n")
            done = self.dev("uninstall", "--prefix", str(self.prefix))
            self.assertEqual(done.returncode, 1)
            self.assertIn("is not ours", done.stderr)
            self.assertTrue(self.theirs.exists() and name.exists())

    def test_packages_are_built_for_usr_and_looked_at_where_lintian_is(self):
        self.stub("cpack", 'mkdir -p "$2/_CPack_Packages" && echo x >"$2/arenite_1_amd64.deb"')
        done = self.dev("package")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("-DCMAKE_INSTALL_PREFIX=/usr -DARENITE_DEBIAN=ON", self.calls("cmake")[0])
        self.assertEqual(done.stdout.splitlines()[-1], "arenite_1_amd64.deb")
        self.stub("lintian", "exit 2")
        self.assertEqual(self.dev("package").returncode, 2)
        self.assertIn("build/packages/arenite_1_amd64.deb", self.calls("lintian")[0])

    def test_refuses_other_arguments(self):
        for words in (["--prefix"], ["--prefix="], ["here"], ["--prefix", "a", "b"]):
            for verb in ("install", "uninstall"):
                with self.subTest(verb=verb, words=words):
                    done = self.dev(verb, *words)
                    self.assertEqual((done.returncode, self.calls("cmake")), (2, []), done.stderr)

    def test_a_prefix_that_cannot_be_written_is_refused_in_a_line(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to be somebody else")
        self.stub("sudo", "exit 1")
        self.prefix.mkdir()
        (self.tree / "build").mkdir()
        os.chown(self.tree / "build", NOBODY, NOBODY)
        done = self.dev("install", "--prefix", str(self.prefix / "deep" / "er"), user=NOBODY, group=NOBODY,
                        extra_groups=[])
        self.assert_refused(done, f"{self.prefix} cannot be written to")


class Lint(Case):
    """Of a tree that no git knows."""

    def setUp(self):
        super().setUp()
        for name in ("dpkg-query",):
            self.stub(name, "echo installed")
        for name in ("clang-format", "shellcheck", "clang-tidy"):
            self.stub(name, "")
        for name in ("floors", "manuals", "exports", "undefined", "constructors"):
            self.put(f"tests/house/{name}_test.py", f"#!{shutil.which('bash')}\n").chmod(0o755)
        self.put("build/release/compile_commands.json", "[]")

    def put(self, name, text):
        file = self.tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def lint(self):
        self.put("src/base/one.cpp", "")
        self.put("tests/two.hpp", "")
        self.put("build/release/made.cpp", "")
        self.put(".ci/run", "#!/usr/bin/env bash\n")
        return self.dev("lint")

    def test_looks_at_the_files_where_there_is_no_git(self):
        done = self.lint()
        self.assertEqual(self.calls("clang-format"), ["--dry-run -Werror src/base/one.cpp tests/two.hpp"])
        self.assertEqual(self.calls("shellcheck")[0].split()[:2], ["-x", ".ci/run"])
        self.assertEqual([call.split()[-1] for call in self.calls("clang-tidy")], ["src/base/one.cpp"])
        self.assertTrue(done.stdout.endswith("9 passed, 0 failed\n"), done.stdout)

    def test_looks_at_the_files_where_there_is_no_repository(self):
        self.stub("git", "exit 128")
        self.lint()
        self.assertEqual(self.calls("clang-format"), ["--dry-run -Werror src/base/one.cpp tests/two.hpp"])

    def test_lint_of_no_file_is_a_failure(self):
        done = self.dev("lint")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"(?m)^failed: format ")
        self.assertIn("no file of the project found for: *.cpp", done.stderr)


def main():
    global DEV
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dev", required=True, type=Path, help="the script")
    parser.add_argument("tests", nargs="*", help="classes or tests of this file (all)")
    arguments = parser.parse_args()
    DEV = arguments.dev.resolve(strict=True)
    unittest.main(argv=["dev_test.py", *arguments.tests], verbosity=2)


if __name__ == "__main__":
    main()
