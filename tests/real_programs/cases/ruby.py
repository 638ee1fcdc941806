"""ruby: strings, hashes, JSON, Marshal, regular expressions, threads, fork and GC.compact."""

from case import WORKLOADS, Case
from packages import Need


class Ruby(Case):
    name = "ruby"
    about = "strings, hashes, JSON, threads, fork, GC.compact; one checksum a stage"
    needs = (Need("ruby", "ruby"),)

    def run(self, session):
        return {"printed": session.run("ruby", WORKLOADS / "stages.rb").text}
