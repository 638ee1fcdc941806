"""CPython's own tests, run by the system's /usr/bin/python3.

Every test of these modules must end as it does without the library (a test that fails there as
well is no fault of ours). A second run sends each small object through malloc
(PYTHONMALLOC=malloc), which the interpreter otherwise serves from its own pools.
"""

import subprocess
import xml.etree.ElementTree as xml
from pathlib import Path

from case import Case
from packages import Need
from session import Failure

SYSTEM_PYTHON = "/usr/bin/python3"
TESTS = ("test_json", "test_threading", "test_dict", "test_gc", "test_set")
TESTS_BY_MALLOC = ("test_json", "test_dict", "test_list", "test_pickle")


def version():
    if not Path(SYSTEM_PYTHON).exists():
        return "3.11"
    return subprocess.run(
        [SYSTEM_PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True, text=True, check=True).stdout.strip()


class Python(Case):
    name = "python"
    about = "python3 -m test " + " ".join(TESTS)

    def __init__(self):
        number = version()
        self.needs = (
            Need(SYSTEM_PYTHON, "python3"),
            Need(f"/usr/lib/python{number}/test/test_json/__init__.py",
                 f"libpython{number}-testsuite"),
        )

    def run(self, session):
        answer = self.tests(session, "own pools", TESTS)
        session.environment["PYTHONMALLOC"] = "malloc"
        answer |= self.tests(session, "malloc", TESTS_BY_MALLOC)
        return answer

    def tests(self, session, how, names):
        report = session.work / f"{how.replace(' ', '-')}.xml"
        # Its status tells of failed tests only, and those are compared one by one.
        done = session.run(SYSTEM_PYTHON, "-m", "test", f"--junit-xml={report}",
                           f"--tempdir={session.work}", *names, status=None, timeout=180)
        if not report.exists():
            raise Failure(f"python3 -m test wrote no report: {done.text[-3000:]}"
                          f"{done.stderr.decode(errors='replace')[-3000:]}")
        results = {}
        for test in xml.parse(report).iter("testcase"):
            parts = [part.tag for part in test if part.tag in ("failure", "error", "skipped")]
            key = f"{how}: {test.get('name')}"
            results[key] = " ".join(sorted(parts + [results[key]] if key in results else parts))
            for fault in test.iter("failure"):
                results[key] += " " + (fault.text or "")[-1200:]
            for fault in test.iter("error"):
                results[key] += " " + (fault.text or "")[-1200:]
        if len(results) < 200:
            raise Failure(f"only {len(results)} tests were run: {done.text[-2000:]}")
        return results
