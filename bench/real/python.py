"""python3 on python_job.py: JSON, dictionaries, classes, strings and sorting.

CPython has an allocator of its own for small objects; PYTHONMALLOC=malloc turns it off, so that
every object comes from the allocator under test.
"""

from pathlib import Path

from real.plan import Plan

PACKAGES = ["python3-minimal"]
ABOUT = "python3 (every object from malloc) on JSON, dictionaries, classes and strings"


def prepare(directory, scale):
    job = Path(__file__).with_name("python_job.py")
    return Plan(
        ["/usr/bin/python3", "-I", "-B", str(job), str(max(1, round(80 * scale)))],
        env={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"},
    )
