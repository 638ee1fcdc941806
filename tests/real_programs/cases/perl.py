"""perl: hashes, strings, regular expressions, sorting, fork and interpreter threads."""

from case import WORKLOADS, Case
from packages import Need


class Perl(Case):
    name = "perl"
    about = "hashes, strings, regular expressions, threads; one checksum a stage"
    needs = (Need("perl", "perl"),)

    def run(self, session):
        return {"printed": session.run("perl", WORKLOADS / "stages.pl").text}
