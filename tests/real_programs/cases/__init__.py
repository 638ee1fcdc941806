"""The cases, in the order in which they are run. A new one is a module here and a line below."""

from cases import (bash, browsers, compiler, ghostscript, git, lua, node, observers, openssl, perl,
                   python, redis, ruby, sqlite, xz)


def all_cases():
    classes = (redis.Redis, sqlite.Sqlite, python.Python, compiler.Compiler, git.Git, perl.Perl,
               node.Node, ruby.Ruby, lua.Lua, ghostscript.Ghostscript, bash.Bash, xz.Xz,
               openssl.Openssl, observers.Heaptrack, observers.Memusage, observers.Valgrind,
               browsers.Chromium, browsers.Firefox)
    return {case.name: case for case in (make() for make in classes)}
