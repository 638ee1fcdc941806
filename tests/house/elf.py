"""What the house tests ask of an ELF file, through binutils: its symbols, needs and start-up lists.

Also `tiny_library`, which compiles a few lines of C into a shared library for the self-tests.
"""

import re
import subprocess
import sys
from pathlib import Path


def output_of(*command):
    """What the command prints; a failure ends the test with the tool's own words."""
    try:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit(f"{command[0]}: not found; ./dev lint installs what these tests need")
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def exported(library):
    """The names a program can link to, each with its version if it has one: {name@@VERSION}."""
    names = set()
    for line in output_of("nm", "-D", "--defined-only", library).splitlines():
        kind, name = line.split()[-2:]
        # Those that are absolute are the versions themselves.
        if kind != "A":
            names.add(name)
    return names


def defined(library):
    """The same without versions."""
    return {name.split("@")[0] for name in exported(library)}


def soname(library):
    """The name that a program which is linked with the library asks for, or None."""
    found = re.findall(r"\(SONAME\).*\[(.+)\]", output_of("readelf", "-dW", library))
    return found[0] if found else None


def undefined(library):
    """(name, is_weak) of each symbol that another library must provide."""
    symbols = set()
    for line in output_of("nm", "-D", "--undefined-only", library).splitlines():
        kind, name = line.split()[-2:]
        symbols.add((name.split("@")[0], kind in "wv"))
    return symbols


def needed(library):
    """The sonames of DT_NEEDED."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", output_of("readelf", "-dW", library))


def needed_paths(library):
    """Where the loader finds what the library needs, itself included: {soname: path}."""
    found = re.findall(r"^\s*(?:(\S+) => )?(/\S+) \(0x", output_of("ldd", library), re.MULTILINE)
    return {soname or Path(path).name: path for soname, path in found}


def start_up_functions(library, section):
    """The names of the functions in .init_array, .fini_array and the like, or [] without the section.

    Read from the relocations that fill the section; a function that has no symbol counts by address.
    """
    match = re.search(rf"\] {re.escape(section)}\s+\S+\s+([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)",
                      output_of("readelf", "-SW", library))
    if not match:
        return []
    start, size = (int(group, 16) for group in match.groups())
    word = 8 if "ELF64" in output_of("readelf", "-hW", library) else 4
    names = {}
    for line in output_of("nm", library).splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[1] in "tTwW":
            names[int(parts[0], 16)] = parts[2]
    at = {}
    for offset, kind, rest in re.findall(r"^([0-9a-f]+)\s+[0-9a-f]+\s+(\S+)(.*)$",
                                         output_of("readelf", "-rW", library), re.MULTILINE):
        value = rest.split()[-1] if rest.split() else "0"
        if kind.endswith("RELATIVE") and value != "0":
            at[int(offset, 16)] = names.get(int(value, 16), f"0x{int(value, 16):x}")
        else:
            at[int(offset, 16)] = rest.split()[1] if len(rest.split()) > 1 else "?"
    return [at.get(address, "?") for address in range(start, start + size, word)]


def tiny_library(folder, source, *flags, name="libtiny.so"):
    """Compiles the C source into folder/name; its path."""
    path = Path(folder) / name
    (Path(folder) / "tiny.c").write_text(source)
    output_of("gcc", "-shared", "-fPIC", "-fno-builtin", "-o", path, Path(folder) / "tiny.c", *flags)
    return path


def report(name, problems, success):
    """Prints the problems on stderr, or the success; the exit status."""
    for problem in problems:
        print(f"{name}: {problem}", file=sys.stderr)
    if not problems:
        print(f"{name}: {success}")
    return 1 if problems else 0
