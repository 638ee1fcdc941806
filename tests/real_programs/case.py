"""What a case is: one real program, what it needs, and a workload whose answer can be compared.

run() is called once plain and once for each mode of the library, each time with a fresh Session in
a directory of its own. It returns the answer as a dictionary of names and values. All rounds must
give the same answer; what must hold in every round by itself is checked in run() and raised as
Failure.
"""

import hashlib
import random
from pathlib import Path

WORKLOADS = Path(__file__).resolve().parent / "workloads"


class Case:
    name = ""
    about = ""
    needs = ()
    optional = False  # where its needs are not there it is skipped: nothing is installed
    modes = ("classic", "default")

    def prepare(self, directory):
        """Makes the input that all rounds share; called once, before them."""

    def run(self, session):
        """Runs the workload in the session; returns the answer."""
        raise NotImplementedError

    def random(self):
        """The same numbers in every run of the test, different ones in each case."""
        return random.Random(f"arenite {self.name}")


def digest(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()[:32]
