"""g++ -O2 on a 2,000-line C++ file full of templates and containers.

The file is made by a script, the same each time. The object code must be the same bytes: a
compiler whose answer depends on its allocator would show it here. Then the object is linked and
the program run, both under the library too.
"""

import make_cpp
from case import Case, digest
from packages import Need
from session import Failure


class Compiler(Case):
    name = "compiler"
    about = "g++ -O2 on a 2,000-line file, object code compared byte for byte"
    needs = (Need("g++", "g++"),)

    def prepare(self, directory):
        self.source = directory / "big.cpp"
        text = make_cpp.make(self.random())
        if text.count("\n") < 2000:
            raise Failure(f"the generated file has only {text.count(chr(10))} lines")
        self.source.write_text(text)

    def run(self, session):
        # The same relative names in each round: file names become part of the object.
        (session.work / "big.cpp").write_text(self.source.read_text())
        session.run("g++", "-std=c++17", "-O2", "-c", "big.cpp", "-o", "big.o",
                    must_load=("cc1plus", "as"))
        session.run("g++", "big.o", "-o", "big", must_load=("ld",))
        done = session.run(session.work / "big")
        return {"object": digest((session.work / "big.o").read_bytes()), "printed": done.text}
