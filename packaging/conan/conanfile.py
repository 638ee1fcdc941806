"""The recipe by which Conan 2 builds the tree that it lies in: conan create packaging/conan

A program finds what `cmake --install` installs: arenite's own CMake package with both targets, which bring -z nodelete
and the like along.
"""

import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load

ROOT = os.path.join("..", "..")


class Arenite(ConanFile):
    name = "arenite"
    description = "A malloc for Linux that gives freed memory back to the system"
    license = "MIT"
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"

    def set_version(self):
        self.version = load(self, os.path.join(self.recipe_folder, ROOT, "VERSION")).strip()

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "VERSION", "LICENSE", "src/*", "include/*", "packaging/*", "man/*"):
            copy(self, pattern, os.path.join(self.recipe_folder, ROOT), self.export_sources_folder)

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("arenite is for Linux")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for name, value in (("ARENITE_BUILD_TESTS", "OFF"), ("ARENITE_BUILD_TOOLS", "OFF"), ("ARENITE_INSTALL", "ON")):
            toolchain.cache_variables[name] = value
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()

    def package_info(self):
        self.cpp_info.libs = ["arenite"]
        # The package has its own CMake files.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = [os.path.join("lib", "cmake", "arenite")]
