#!/usr/bin/env python3
"""The ways in to arenite: find_package, pkg-config, add_subdirectory, FetchContent, the installed command.

Usage: install_test.py --root DIR --build DIR [CLASS[.test]...]

Each test installs the build into a prefix of its own, makes a tiny project that gets arenite from there
as a user's would, and runs its program (user.c), which itself finds out whose malloc it has. The control
tests see that it notices: the same program, linked without one of the things that our files take care of.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs"))
import book  # noqa: E402

ROOT = None
BUILD = None
USER = Path(__file__).resolve().parent / "user.c"


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.top = Path(cls.directory.name).resolve()
        cls.prefix = cls.top / "prefix"
        done = subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)
        cls.library = next(cls.prefix.rglob("libarenite.so.0"))

    def run_all(self, *command, env=None, status=0):
        """Runs a command; what it printed. Nothing of the machine's own arenite is found by it."""
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("LD_", "ARENITE_", "PKG_CONFIG", "CMAKE_PREFIX"))}
        done = subprocess.run([str(word) for word in command], env={**environment, **(env or {})}, text=True,
                              errors="replace", capture_output=True, timeout=200)
        self.assertEqual(done.returncode, status, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def assert_arenite(self, program, env=None):
        self.assertEqual(self.run_all(program, env=env), "arenite\n")

    def assert_not_arenite(self, program, env=None):
        self.assertIn("not arenite", self.run_all(program, env=env, status=1))

    def assert_comes_first(self, program):
        needed = re.findall(r"\(NEEDED\).*\[(.+)\]", self.run_all("readelf", "-dW", program))
        self.assertEqual(needed[0], "libarenite.so.0")

    def project(self, name, text, languages="C"):
        folder = self.top / name
        folder.mkdir()
        shutil.copy(USER, folder)
        (folder / "CMakeLists.txt").write_text(f"cmake_minimum_required(VERSION 3.25)\nproject({name} {languages})\n{text}")
        return folder

    def configure(self, folder, *options, **how):
        return self.run_all("cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja",
                            "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--as-needed", *options, **how)


class FindPackage(Case):
    PROJECT = """
find_package(arenite 0.2 CONFIG REQUIRED)
add_executable(shared user.c)
target_compile_definitions(shared PRIVATE NOTHING_NEEDED)
target_link_libraries(shared PRIVATE m arenite::arenite)
add_executable(archive user.c)
target_link_libraries(archive PRIVATE arenite::static)
add_executable(all_static user.c)
target_link_libraries(all_static PRIVATE arenite::static -static)
"""

    def test_a_program_has_arenite_by_each_target(self):
        folder = self.project("found", self.PROJECT, "C CXX")
        self.configure(folder, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.run_all("cmake", "--build", folder / "build")
        for program in ("shared", "archive", "all_static"):
            with self.subTest(program=program):
                self.assert_arenite(folder / "build" / program)
                self.assertIn(f" C_EXECUTABLE_LINKER__{program}_", (folder / "build" / "build.ninja").read_text())
        self.assert_comes_first(folder / "build" / "shared")

    def test_a_version_that_this_is_not_is_refused(self):
        for version in ("0.1", "0.3", "1.0"):
            folder = self.project("wants_" + version.replace(".", "_"), f"find_package(arenite {version} CONFIG REQUIRED)")
            self.assertIn("arenite", self.configure(folder, f"-DCMAKE_PREFIX_PATH={self.prefix}", status=1))

    def test_control_without_the_targets_options_it_is_not_linked(self):
        program = self.top / "plain"
        self.run_all("gcc", "-DNOTHING_NEEDED", f"-I{self.prefix}/include", USER, "-o", program, "-Wl,--as-needed",
                     self.library)
        self.assert_not_arenite(program)
        self.run_all("gcc", f"-I{self.prefix}/include", USER, "-o", program, self.library.parent / "libarenite.a")
        self.assert_not_arenite(program)


class PkgConfig(Case):
    def flags(self, name):
        return self.run_all("pkg-config", "--cflags", "--libs", name,
                            env={"PKG_CONFIG_PATH": str(self.library.parent / "pkgconfig")}).split()

    def test_a_program_has_arenite_by_each_file(self):
        for name, definition in (("arenite", "-DNOTHING_NEEDED"), ("arenite-static", "-DSTATIC")):
            with self.subTest(name=name):
                program = self.top / name
                self.run_all("gcc", "-Wl,--as-needed", definition, USER, "-o", program, *self.flags(name))
                self.assert_arenite(program, env={"LD_LIBRARY_PATH": str(self.library.parent)})
        self.assert_comes_first(self.top / "arenite")

    def test_a_static_program_has_arenite(self):
        program = self.top / "all_static"
        self.run_all("gcc", "-static", USER, "-o", program, *self.flags("arenite-static"))
        self.assert_arenite(program)

    def test_tells_the_version(self):
        path = {"PKG_CONFIG_PATH": str(self.library.parent / "pkgconfig")}
        for name in ("arenite", "arenite-static"):
            self.assertEqual(self.run_all("pkg-config", "--modversion", name, env=path).strip(),
                             (ROOT / "VERSION").read_text().strip())

    def test_control_without_its_flags_there_is_no_arenite(self):
        program = self.top / "without"
        self.run_all("gcc", "-DNOTHING_NEEDED", f"-I{self.prefix}/include", USER, "-o", program)
        self.assert_not_arenite(program)


class Subdirectory(Case):
    """From the sources, by the README's lines and by FetchContent. Both build in one directory, so that the
    second finds what the first has compiled."""

    FETCH = """
include(FetchContent)
FetchContent_Declare(arenite SOURCE_DIR ${CMAKE_SOURCE_DIR}/arenite BINARY_DIR ${CMAKE_BINARY_DIR}/arenite)
FetchContent_MakeAvailable(arenite)
target_link_libraries(your-program PRIVATE arenite::arenite)
"""
    PROJECT = """
add_executable(your-program user.c)
target_compile_definitions(your-program PRIVATE NOTHING_NEEDED)
include(${HOW}.cmake)
add_executable(archive user.c)
target_link_libraries(archive PRIVATE arenite::static)
install(TARGETS your-program)
"""

    def test_a_program_has_arenite_by_either_way_and_no_more_is_built(self):
        folder = self.project("taken_in", self.PROJECT)
        (folder / "arenite").symlink_to(ROOT)
        (folder / "subdirectory.cmake").write_text(readme_block("cmake", "add_subdirectory"))
        (folder / "fetch.cmake").write_text(self.FETCH)
        for how in ("subdirectory", "fetch"):
            self.configure(folder, f"-DHOW={how}", "-DCMAKE_BUILD_TYPE=Debug",
                           "-DCMAKE_CXX_FLAGS_DEBUG=-O0")  # what is compiled fastest
            self.run_all("cmake", "--build", folder / "build")
            for program in ("your-program", "archive"):
                with self.subTest(how=how, program=program):
                    self.assert_arenite(folder / "build" / program)
            self.assert_comes_first(folder / "build" / "your-program")
        built = {file.resolve().name for file in (folder / "build").rglob("*")
                 if os.access(file, os.X_OK) and file.is_file() and "CMakeFiles" not in file.parts}
        version = (ROOT / "VERSION").read_text().strip()
        self.assertEqual(built, {"your-program", "archive", f"libarenite.so.{version}"})
        # And nothing of ours is installed with the project unless it asks (ARENITE_INSTALL).
        self.run_all("cmake", "--install", folder / "build", "--prefix", folder / "installed")
        self.assertEqual([file.name for file in (folder / "installed").rglob("*") if file.is_file()], ["your-program"])


class Readme(Case):
    """The README's lines for linking; the others are run by .ci/fresh_debian, from the same text."""

    def test_its_program_is_linked_by_find_package(self):
        folder = self.project("by_readme", "add_executable(your-program user.c)\n"
                              "target_compile_definitions(your-program PRIVATE NOTHING_NEEDED)\n"
                              + readme_block("cmake", "find_package"))
        self.configure(folder, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.run_all("cmake", "--build", folder / "build")
        self.assert_arenite(folder / "build" / "your-program")

    def test_its_program_is_linked_by_pkg_config(self):
        lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("cc ")]
        self.assertEqual(len(lines), 1)
        path = {"PKG_CONFIG_PATH": str(self.library.parent / "pkgconfig"),
                "LD_LIBRARY_PATH": str(self.library.parent)}
        for definitions in ("", "-DNOTHING_NEEDED -Wl,--as-needed"):
            folder = Path(tempfile.mkdtemp(dir=self.top))
            shutil.copy(USER, folder / "your-program.c")
            line = lines[0].replace("cc ", f"cc {definitions} ", 1)
            self.run_all("sh", "-c", f"cd {folder} && {line}", env=path)
            self.assert_arenite(folder / "your-program", env=path)

    def test_every_block_is_of_a_kind_that_is_run(self):
        kinds = [kind for kind, _ in blocks()]
        self.assertEqual(set(kinds), {"sh", "cmake"})
        self.assertEqual(kinds.count("cmake"), 2)


class Prefix(Case):
    def test_the_command_runs_a_program_on_the_library_beside_it(self):
        program = self.top / "program"
        self.run_all("gcc", "-DNOTHING_NEEDED", f"-I{self.prefix}/include", USER, "-o", program)
        command = self.prefix / "bin" / "arenite"
        self.assertEqual(self.run_all(command, "run", "--", program), "arenite\n")
        self.assertIn(str(self.library), self.run_all(command, "run", "--", "sh", "-c", "echo $LD_PRELOAD"))
        self.assert_not_arenite(program)

    def test_it_has_its_lab_and_its_version(self):
        command = self.prefix / "bin" / "arenite"
        version = (ROOT / "VERSION").read_text().strip()
        self.assertEqual(self.run_all(command, "--version"), f"arenite {version}\n")
        self.assertIn("malloc(", self.run_all(command, "lab", "first-fit", "--step", "2"))
        for page in ("man1/arenite.1", "man3/libarenite.3", "man5/arenite-settings.5"):
            self.assertIn(f'"arenite {version}"', (self.prefix / "share" / "man" / page).read_text())

    def test_programs_are_stripped_and_their_debug_information_is_beside_them(self):
        for file in (self.prefix / "bin" / "arenite", self.library.resolve(),
                     next(self.prefix.rglob("lab/map_clear"))):
            with self.subTest(file=file.name):
                debug = file.parent / ".debug" / (file.name + ".debug")
                self.assertNotIn(".debug_info", self.run_all("readelf", "-SW", file))
                self.assertIn(".debug_info", self.run_all("readelf", "-SW", debug))
                self.assertIn(debug.name, self.run_all("readelf", "--string-dump=.gnu_debuglink", file))
        self.assertLess((self.prefix / "bin" / "arenite").stat().st_size, 4 << 20)
        at = next(line.split()[0] for line in self.run_all("nm", "-D", self.library).splitlines()
                  if line.endswith(" T malloc"))
        self.assertRegex(self.run_all("addr2line", "-e", self.library, "0x" + at), r"/src/\w+/\w+\.[ch]pp:\d")

    def test_each_shell_finds_its_completion(self):
        for file, words in (("bash-completion/completions/arenite", "complete -F"), ("zsh/site-functions/_arenite", "#compdef"),
                            ("fish/vendor_completions.d/arenite.fish", "complete -c")):
            self.assertIn(words, (self.prefix / "share" / file).read_text())


class Ports(Case):
    """The vcpkg port and the Conan recipe, without those tools: what they name is there, and the tree that they take is
    one that can be configured as they do it."""

    PORT = "packaging/vcpkg/arenite"
    RECIPE = "packaging/conan/conanfile.py"

    def recipe(self):
        """The recipe's class, on stand-ins for Conan's modules that do no more than this needs."""
        def copy(_, pattern, source, target):
            for file in Path(source).resolve().glob(pattern.replace("/*", "/**/*")):
                if file.is_file():
                    into = Path(target) / file.relative_to(Path(source).resolve())
                    into.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, into)

        class CMakeToolchain:
            variables = {}

            def __init__(self, _):
                self.cache_variables = self.variables

            def generate(self):
                pass

        names = {"conan": {"ConanFile": object}, "conan.errors": {"ConanInvalidConfiguration": Exception}, "conan.tools": {},
                 "conan.tools.cmake": {"CMake": None, "CMakeToolchain": CMakeToolchain, "cmake_layout": None},
                 "conan.tools.files": {"copy": copy, "load": lambda _, path: Path(path).read_text()}}
        for name, members in names.items():
            module = types.ModuleType(name)
            vars(module).update(members)
            sys.modules[name] = module
            self.addCleanup(sys.modules.pop, name)
        found = {}
        exec(compile((ROOT / self.RECIPE).read_text(), self.RECIPE, "exec"), found)
        recipe = found["Arenite"]()
        recipe.recipe_folder = str((ROOT / self.RECIPE).parent)
        return recipe, CMakeToolchain.variables

    def assert_configures(self, tree, variables):
        said = self.run_all("cmake", "-S", tree, "-B", self.top / "ported" / tree.name, "-G", "Ninja",
                            "-DCMAKE_BUILD_TYPE=Release", *(f"-D{name}={value}" for name, value in variables.items()))
        self.assertNotIn("not used by the project", said)

    def test_they_have_the_version(self):
        version = (ROOT / "VERSION").read_text().strip()
        self.assertEqual(json.loads((ROOT / self.PORT / "vcpkg.json").read_text())["version"], version)
        recipe, _ = self.recipe()
        recipe.set_version()
        self.assertEqual(recipe.version, version)

    def test_conan_exports_a_tree_that_configures(self):
        recipe, variables = self.recipe()
        recipe.export_sources_folder = self.top / "exported"
        recipe.export_sources()
        recipe.generate()
        self.assertEqual(variables["ARENITE_INSTALL"], "ON")
        self.assert_configures(self.top / "exported", variables)
        # The check itself: without a part of the tree, and with a variable that there is not.
        with self.assertRaises(AssertionError):
            self.assert_configures(self.top / "exported", {**variables, "ARENITE_INSTAL": "ON"})
        shutil.rmtree(self.top / "exported" / "man")
        with self.assertRaises(AssertionError):
            self.assert_configures(self.top / "exported", variables)

    def test_vcpkg_configures_its_tree_and_finds_the_packages_of_cmake(self):
        text = (ROOT / self.PORT / "portfile.cmake").read_text()
        up = re.search(r"CMAKE_CURRENT_LIST_DIR\}((?:/\.\.)+)", text)[1]
        tree = (ROOT / self.PORT / up[1:]).resolve()
        self.assertEqual(tree, ROOT)
        self.assert_configures(tree, dict(re.findall(r"-D(\w+)=(\w+)", text)))
        for path in (re.search(r"CONFIG_PATH (\S+)\)", text)[1], "lib/pkgconfig"):
            self.assertTrue((self.prefix / path).is_dir(), path)


def blocks(kind=None):
    """The README's blocks of code: see book.blocks."""
    return book.blocks((ROOT / "README.md").read_text(), kind)


def readme_block(kind, word):
    """The one block of the README that has this word."""
    found = [text for text in blocks(kind) if word in text]
    if len(found) != 1:
        raise AssertionError(f"the README has {len(found)} blocks with {word}")
    return found[0]


def main():
    global ROOT, BUILD
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", required=True, type=Path, help="the sources")
    parser.add_argument("--build", required=True, type=Path, help="a build of them, which is installed")
    parser.add_argument("tests", nargs="*", help="classes or tests of this file (all)")
    arguments = parser.parse_args()
    ROOT, BUILD = arguments.root.resolve(), arguments.build.resolve()
    unittest.main(argv=[sys.argv[0], *arguments.tests], verbosity=2)


if __name__ == "__main__":
    main()
