"""bash: arrays, strings, regular expressions, and many subshells and pipelines (fork)."""

from case import WORKLOADS, Case
from packages import Need


class Bash(Case):
    name = "bash"
    about = "arrays, strings, subshells, pipelines with sort, awk and sed"
    needs = (Need("bash", "bash"), Need("awk", "mawk"))

    def run(self, session):
        done = session.run("bash", WORKLOADS / "stages.sh", must_load=("sort", "sed", "awk"))
        return {"printed": done.text}
