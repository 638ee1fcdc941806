"""The runner's own arithmetic and order, its tables, and how it meets bad runs."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from runner import bars, charts, markdown, page, picture, schedule, table  # noqa: E402
from runner.allocators import Allocator, Shelf, UsageError  # noqa: E402
from runner.catalogue import Workload, all_workloads, select  # noqa: E402
from runner.measure import Laboratory, Sample, merge_environment  # noqa: E402
from runner.results import Results, geometric_mean, median, spread  # noqa: E402

BUILD = Path(os.environ["BENCH_BUILD_DIR"])
RUN = [sys.executable, "-B", str(ROOT / "bench" / "run"), "--build-dir", str(BUILD)]
GLIBC, OURS = Allocator("glibc"), Allocator("arenite")


def workload(name, group="small", **more):
    return Workload(name, group, f"about {name}", name, **more)


@dataclass
class Judged:
    """A bar of memory return, as the tables ask for it."""
    label: str
    unit: str
    limit_text: str
    workload: str = "w"


def results_of(cells, allocators, workloads=None, baseline="glibc"):
    """Results from {(workload, allocator): [(cpu, peak), ...]}."""
    names = list(dict.fromkeys(name for name, _ in cells))
    results = Results(workloads or [workload(name) for name in names],
                      [Allocator(name) for name in allocators], baseline)
    by_name = {w.name: w for w in results.workloads}
    for (name, allocator), samples in cells.items():
        for cpu, peak in samples:
            results.add(by_name[name], allocator, Sample(cpu, cpu, peak, None, "same"))
    return results


class Arithmetic(unittest.TestCase):
    def test_median_leaves_out_what_was_not_measured(self):
        self.assertEqual(median([3, None, 1, 2]), 2)
        self.assertIsNone(median([None, None]))

    def test_geometric_mean_of_ratios(self):
        self.assertAlmostEqual(geometric_mean([0.5, 2.0]), 1.0)
        self.assertAlmostEqual(geometric_mean([2, 4, 8]), 4.0)
        self.assertIsNone(geometric_mean([]))

    def test_spread_is_relative_to_the_median(self):
        self.assertAlmostEqual(spread([9, 10, 12]), 0.3)

    def test_ratio_is_of_medians(self):
        results = results_of({("a", "glibc"): [(1, 10), (2, 10), (9, 10)],
                              ("a", "arenite"): [(1, 5), (1, 5), (7, 5)]}, ["glibc", "arenite"])
        self.assertAlmostEqual(results.ratio("a", "arenite", "cpu"), 0.5)
        self.assertAlmostEqual(results.ratio("a", "arenite", "peak"), 0.5)
        self.assertIsNone(results.ratio("a", "arenite", "after"))

    def test_geometric_mean_skips_scenarios_and_failures(self):
        workloads = [workload("a"), workload("b"), workload("r", "return"),
                     workload("c", "replacement")]
        results = results_of({("a", "glibc"): [(1, 1)], ("a", "arenite"): [(2, 1)],
                              ("b", "glibc"): [(1, 1)],
                              ("r", "glibc"): [(1, 1)], ("r", "arenite"): [(50, 1)],
                              ("c", "glibc"): [(1, 1)], ("c", "arenite"): [(60, 1)]},
                             ["glibc", "arenite"], workloads)
        results.add(workloads[1], "arenite", Sample(failure="killed by SIGABRT"))
        self.assertAlmostEqual(results.mean_ratio("arenite", "cpu"), 2.0)

    def test_a_contradicting_checksum_fails(self):
        results = Results([workload("a")], [GLIBC, OURS], "glibc")
        results.add(workload("a"), "glibc", Sample(1, 1, 1, None, "1234"))
        results.add(workload("a"), "arenite", Sample(1, 1, 1, None, "5678"))
        self.assertEqual(results.failures(),
                         [("a", "arenite", "wrong result: checksum 5678, not 1234")])
        self.assertIsNone(results.value("a", "arenite", "cpu"))


class Order(unittest.TestCase):
    def names(self, *arguments):
        return [f"{t.workload.name}{t.allocator.name[0]}{t.round}{'s' if t.settle else ''}"
                for t in schedule.turns(*arguments)]

    def test_allocators_take_turns_within_each_round(self):
        two = [workload("x"), workload("y")]
        self.assertEqual(self.names(two, [GLIBC, OURS], 2, 1),
                         ["xg0s", "xa0s", "xg1", "xa1", "yg0s", "ya0s", "yg1", "ya1"])

    def test_a_workload_may_bound_its_rounds(self):
        only_once = [workload("x", rounds_at_most=1)]
        self.assertEqual(self.names(only_once, [GLIBC, OURS], 5, 0), ["xg0", "xa0"])
        self.assertEqual(schedule.count_turns(only_once, [GLIBC, OURS], 5), 2)

    def test_a_workload_may_leave_out_the_look_at_settled_memory(self):
        self.assertEqual(self.names([workload("x", settles=False), workload("y")], [GLIBC], 1, 1),
                         ["xg0", "yg0s"])

    def test_a_failed_allocator_is_not_run_again(self):
        results = Results([workload("x")], [GLIBC, OURS], "glibc")
        seen = []

        def measure(_, allocator, settle):
            seen.append(allocator.name)
            return Sample(1, 1, 1, None, "", failure="boom" if allocator is OURS else "")

        schedule.run(schedule.turns([workload("x")], [GLIBC, OURS], 3, 0), measure, results,
                     lambda turn, sample: None)
        self.assertEqual(seen, ["glibc", "arenite", "glibc", "glibc"])


class Tables(unittest.TestCase):
    HOST = {"date": "2026-01-02", "processor": "a processor", "cores": 2, "kernel": "6.1",
            "c_library": "glibc 2.36", "huge_pages": "madvise", "load_before": 0.25, "scale": 1, "runs": 5}

    def setUp(self):
        self.results = results_of(
            {("alpha", "glibc"): [(2.0, 2048)], ("alpha", "arenite"): [(1.0, 1024)],
             ("b", "glibc"): [(1.0, 1024)], ("b", "arenite"): [(0.5, 4096)]}, ["glibc", "arenite"])

    def test_shows_the_baseline_absolutely_and_others_as_ratios(self):
        text = table.render(self.results, [])
        self.assertRegex(text, r"(?m)^workload +glibc \[s\] +arenite$")
        self.assertRegex(text, r"(?m)^alpha +2 +0\.50$")
        self.assertRegex(text, r"(?m)^geometric mean +1\.00 +0\.50$")
        self.assertRegex(text, r"(?m)^b +1 +4\.00$")  # peak, in MiB
        self.assertRegex(text, r"(?m)^arenite +0\.50 +0\.50 +1\.41 +-$")

    def test_names_what_failed(self):
        self.results.add(self.results.workloads[0], "arenite", Sample(failure="exit status 1"))
        text = table.render(self.results, [])
        self.assertRegex(text, r"(?m)^alpha +2 +FAILED$")
        self.assertIn("FAILED alpha under arenite: exit status 1", text)

    def test_sets_one_allocator_against_another(self):
        lines = table.versus_table(self.results, "arenite", "glibc")
        self.assertRegex(lines[2], r"alpha +0\.50 +0\.50 +0\.50 +-")
        self.assertRegex(lines[-2], r"geometric mean +0\.50 +0\.50 +1\.41 +-")

    def test_the_page_is_whole_and_needs_no_network(self):
        self.results.add(self.results.workloads[1], "arenite", Sample(failure="<killed>"))
        text = page.render(self.results, [], self.HOST)
        self.assertIn("prefers-color-scheme: dark", text)
        self.assertIn("<svg", text)
        self.assertIn("b under arenite: &lt;killed&gt;", text)
        self.assertNotRegex(text, r"(?i)<script|https?://|<link|@import|url\(")
        for tag in ("svg", "table", "g", "ul", "details", "h2", "tr", "td"):
            self.assertEqual(len(re.findall(rf"<{tag}[ >]", text)), text.count(f"</{tag}>"), tag)

    def test_the_report_says_where_it_is_from_and_what_failed(self):
        text = markdown.render(self.results, [], self.HOST, None, "./dev bench --report")
        self.assertIn("Made by `./dev bench --report` on 2026-01-02", text)
        self.assertIn("a processor, 2 processors, Linux 6.1, glibc 2.36", text)
        self.assertIn("| alpha | 0.50 / 0.50 |\n", text)
        self.assertIn("| **geometric mean** | **0.50 / 1.41** |\n", text)
        self.assertNotIn("Missed", text)
        self.results.add(self.results.workloads[0], "arenite", Sample(failure="exit status 1"))
        text = markdown.render(self.results, [], self.HOST, None, "x")
        self.assertIn("| alpha | FAILED |\n", text)
        self.assertIn("- Failed: alpha under arenite: exit status 1\n", text)

    def test_the_report_has_a_line_for_each_bar_that_is_missed(self):
        judged = [(Judged("map kept", "MiB", "<= 4"), {"glibc": (300, False), "arenite": (5, False)}),
                  (Judged("idle", "MiB", "<= 2"), {"arenite": (1, True)})]
        text = markdown.render(self.results, judged, self.HOST, None, "x")
        self.assertIn("| map kept | <= 4 MiB | 300 (missed) | 5 (missed) |\n", text)
        self.assertEqual(re.findall("(?m)^- .*", text), ["- Missed: map kept is 5 MiB; the bar is <= 4."])

    def test_the_picture_has_a_line_for_each_allocator_and_keeps_their_names_apart(self):
        curves = {name: [(0, 0.0), (picture.SECONDS / 2, 150.0), (picture.SECONDS, end)]
                  for name, end in zip(picture.ALLOCATORS, (3.0, 2.0, 150.0, 1.0))}
        text = picture.draw(curves)
        drawn = ElementTree.fromstring(text)
        space = "{http://www.w3.org/2000/svg}"
        self.assertEqual(len(drawn.findall(space + "path")), len(curves))
        places = {node.text: float(node.get("y")) for node in drawn.findall(space + "text") if ": " in (node.text or "")
                  and node.get("class")}
        self.assertEqual(set(places), {"glibc: 3", "jemalloc: 2", "mimalloc: 150", "arenite: 1"})
        heights = sorted(places.values())
        self.assertTrue(all(high - low >= 15 for low, high in zip(heights, heights[1:])), heights)
        self.assertIn("prefers-color-scheme: dark", text)

    def test_the_picture_is_of_the_program_under_the_allocator(self):
        seconds, job = picture.SECONDS, picture.JOB
        self.addCleanup(setattr, picture, "JOB", job)
        picture.JOB = "import time; kept = b'x' * 50_000_000; time.sleep(0.5)"
        curve = picture.record(GLIBC)
        self.assertTrue(all(0 <= second <= seconds for second, _ in curve))
        self.assertTrue(45 < curve[-1][1] < 90, curve)
        picture.JOB = "raise SystemExit(3)"
        with self.assertRaisesRegex(RuntimeError, "status 3 under glibc"):
            picture.record(GLIBC)

    def test_plots_keep_labels_apart_and_marks_on_the_paper(self):
        self.assertEqual(charts.spread_apart([(0, 10), (9, 0), (1, 11), (0, 13), (99, 10)], 5, 50),
                         [10, 0, 15, 20, 10])
        drawn = charts.dots([("w", [(0, "a", 0.01), (1, "b", 500.0), (2, "c", 1.0)])], "t", "a")
        places = [float(x) for x in re.findall(r'(?:cx="|d="M)([-0-9.]+)', drawn)]
        self.assertEqual(len(places), 3)
        self.assertTrue(all(0 <= x <= charts.WIDTH for x in places))


class Bars(unittest.TestCase):
    def judged(self, cpu):
        cells = {}
        for name, ours in cpu.items():
            cells[(name, "glibc-notcache")] = [(1.0, 1)]
            cells[(name, "arenite")] = [(ours, 1)]
        return bars.judge("notcache", results_of(cells, ["glibc-notcache", "arenite"],
                                                 baseline="glibc-notcache"))

    def test_notcache_allows_noise_in_one_workload_but_not_in_the_mean(self):
        self.assertTrue(all(v.holds for v in self.judged({"a": 1.04, "b": 0.9})))
        self.assertEqual([v.holds for v in self.judged({"a": 1.04, "b": 1.0})],
                         [False, True, True])
        self.assertEqual([v.holds for v in self.judged({"a": 1.2, "b": 0.5})], [True, False, True])

    def test_notcache_misses_what_was_not_measured(self):
        results = results_of({("a", "glibc-notcache"): [(1, 1)]}, ["glibc-notcache", "arenite"],
                             baseline="glibc-notcache")
        self.assertFalse(any(v.holds for v in bars.judge("notcache", results)))

    def test_peers_compares_with_the_fastest_and_the_smallest(self):
        cells = {("a", "glibc"): [(1.0, 100 * 1024)], ("a", "jemalloc"): [(0.9, 120 * 1024)],
                 ("a", "mimalloc"): [(0.6, 150 * 1024)]}
        names = ["glibc", "arenite", "jemalloc", "mimalloc"]

        def holds(cpu, peak):
            results = results_of({**cells, ("a", "arenite"): [(cpu, peak * 1024)]}, names)
            return [v.holds for v in bars.judge("peers", results)]

        self.assertEqual(holds(0.56, 99), [True, True, True, True, True])
        self.assertEqual(holds(0.58, 99), [False, True, True, True, True])
        self.assertEqual(holds(0.70, 111), [False, True, False, False, False])

    def test_return_judges_sizes_times_and_speeds(self):
        workloads = [workload("return-map", "return"), workload("return-sawtooth-512", "return")]
        results = Results(workloads, [Allocator(n) for n in ("glibc", "arenite", "jemalloc")],
                          "glibc")
        for name, insert, cleared, seconds in (("glibc", 2.0, 300000, 3.0),
                                               ("arenite", 1.5, 6000, 1.0),
                                               ("jemalloc", 1.8, 300000, 1.1)):
            results.add(workloads[0], name, Sample(1, 1, 1, 4000, "", {
                "rss_start_kib": 3000, "rss_cleared_kib": cleared, "insert_seconds": insert,
                "lookup_seconds": 1.0}))
            results.add(workloads[1], name, Sample(1, seconds, 1, 4000, "", {
                "rss_start_kib": 3000}))
        judged = {bar.label: {name: holds for name, (_, holds) in values.items()}
                  for bar, values in bars.judge_return(results)}
        self.assertEqual(judged["map: kept right after clear()"],
                         {"glibc": False, "arenite": True, "jemalloc": False})
        self.assertEqual(judged["map: insert speed over glibc"],
                         {"glibc": False, "arenite": True, "jemalloc": False})
        self.assertEqual(judged["map: lookup speed over glibc"],
                         {"glibc": False, "arenite": False, "jemalloc": False})
        self.assertEqual(judged["sawtooth 512: CPU time"],
                         {"glibc": False, "arenite": True, "jemalloc": True})
        missed = [v.text for v in bars.judge("return", results) if not v.holds]
        self.assertEqual(missed, ["map: lookup speed over glibc: 1 x (bar >= 1.15)"])
        said = [v.text for v in bars.judge("return", results)]
        self.assertIn("sawtooth 512: CPU time: 1 s (bar <= jemalloc: 1.1)", said)


class Replacement(unittest.TestCase):
    """Two cells and two peers, each the fastest in one: their best mean is no cell's fastest."""

    NAMES = ["glibc", "arenite", "jemalloc", "mimalloc"]

    def results(self, a, b, **more):
        cells = {("a", "glibc"): [(4.0, 1)], ("b", "glibc"): [(4.0, 1)],
                 ("a", "jemalloc"): [(1.0, 1)], ("b", "jemalloc"): [(2.0, 1)],
                 ("a", "mimalloc"): [(4.0, 1)], ("b", "mimalloc"): [(1.0, 1)],
                 ("a", "arenite"): [(a, 1)], ("b", "arenite"): [(b, 1)]}
        return results_of(cells, self.NAMES, [workload("a", "replacement"), workload("b", "replacement")],
                          **more)

    def holds(self, a, b):
        return [v.holds for v in bars.judge("replacement", self.results(a, b))]

    def test_each_cell_is_set_beside_its_fastest_peer_and_the_whole_beside_the_best(self):
        judged = bars.Replacement(self.results(2.0, 8.0))
        self.assertEqual(judged.fastest, {"a": ("jemalloc", 1.0), "b": ("mimalloc", 1.0)})
        self.assertEqual(judged.cells["arenite"], {"a": 2.0, "b": 8.0})
        self.assertAlmostEqual(judged.mean("arenite"), 4.0)
        self.assertEqual(judged.largest("arenite"), 8.0)
        self.assertEqual(judged.best, "jemalloc")
        self.assertAlmostEqual(judged.mean_over_best("arenite"), 4 / 2 ** 0.5)
        self.assertEqual(judged.as_json()["allocators"]["jemalloc"]["largest"], 2.0)

    def test_the_bar_is_about_the_mean_and_about_each_cell(self):
        self.assertEqual(self.holds(1.29, 1.29), [True, True, True])
        self.assertEqual(self.holds(1.29, 1.70), [True, True, False])
        self.assertEqual(self.holds(1.04 * 2 ** 0.5, 1.04 * 2 ** 0.5), [True, False, False])
        self.assertEqual(self.holds(1.06 * 2 ** 0.5, 1.06 * 2 ** 0.5), [False, False, False])
        self.assertEqual(self.holds(1.29, 1.80), [False, True, False])
        said = [v.text for v in bars.judge("replacement", self.results(1.0, 2.0))]
        self.assertEqual(said, ["geometric mean of CPU time over the best peer's, jemalloc: 1.000 (at most 1.050)",
                                "a, CPU time over jemalloc's: 1.000 (at most 1.300)",
                                "b, CPU time over mimalloc's: 2.000 (at most 1.300)"])

    def test_who_failed_a_cell_has_no_mean(self):
        results = self.results(1.0, 1.0)
        results.add(results.workloads[1], "jemalloc", Sample(failure="boom"))
        judged = bars.Replacement(results)
        self.assertEqual((judged.best, judged.mean("jemalloc")), ("mimalloc", None))
        results.add(results.workloads[1], "arenite", Sample(failure="boom"))
        self.assertEqual([v.holds for v in bars.judge("replacement", results)], [False, True, False])

    def test_without_a_peer_the_bar_is_missed(self):
        results = results_of({("a", "arenite"): [(1.0, 1)]}, ["arenite"],
                             [workload("a", "replacement")], baseline="arenite")
        self.assertEqual([v.holds for v in bars.judge("replacement", results)], [False, False])

    def test_the_table_and_the_page_show_it(self):
        results = self.results(2.0, 8.0)
        results.add(results.workloads[0], "glibc", Sample(failure="boom"))
        judged = bars.Replacement(results)
        text = table.render(results, [], None, judged)
        self.assertRegex(text, r"(?m)^a +jemalloc 1 +FAILED +2\.00 +1\.00 +4\.00$")
        self.assertRegex(text, r"(?m)^b +mimalloc 1 +4\.00 +8\.00 +2\.00 +1\.00$")
        self.assertRegex(text, r"(?m)^geometric mean +- +4\.00 +1\.41 +2\.00$")
        self.assertRegex(text, r"(?m)^largest +- +8\.00 +2\.00 +4\.00$")
        self.assertRegex(text, r"(?m)^mean over the best peer's +jemalloc +- +2\.83 +1\.00 +1\.41$")
        host = {"date": "d", "processor": "p", "cores": 2, "kernel": "k", "c_library": "c",
                "huge_pages": "madvise", "load_before": 0.0, "scale": 1, "runs": 5}
        drawn = page.render(results, [], host, (), judged)
        self.assertIn("<h2>Random replacement</h2>", drawn)
        self.assertIn("<td>mean over the best peer&#x27;s</td><td>jemalloc</td><td>-</td><td>2.83</td>", drawn)


class Catalogue(unittest.TestCase):
    def test_cells_of_replacement_have_each_value_of_each_parameter_twice(self):
        cells = select("replacement")
        values = [dict(zip(cell.args[::2], cell.args[1::2])) for cell in cells]
        for option, wanted in {"--threads": "1 2 8 32", "--sizes": "fixed uniform power humps",
                               "--touch": "none line all", "--frees": "own rotate heirs eighth"}.items():
            counts = Counter(value[option] for value in values)
            self.assertEqual(set(counts), set(wanted.split()))
            self.assertGreaterEqual(min(counts.values()), 2, option)
        slots = sorted(int(value["--slots"]) for value in values)
        self.assertEqual([slots[1], slots[-2]], [64, 100_000])
        for cell, value in zip(cells, values):
            said = [f"{value['--threads']}x{value['--slots']}", value["--sizes"], value["--touch"]]
            said += [value["--frees"]] if value["--frees"] != "own" else []
            self.assertEqual(cell.name, "-".join(["replace", *said]))

    def test_names_are_unique_and_explained_in_the_readme(self):
        names = [w.name for w in all_workloads()]
        self.assertEqual(len(names), len(set(names)))
        readme = (ROOT / "bench" / "README.md").read_text()
        self.assertEqual([name for name in names if name not in readme], [])

    def test_every_program_is_in_the_set_and_every_entry_has_its_program(self):
        sources = {p.stem for folder in ("workloads", "scenarios")
                   for p in (ROOT / "bench" / folder).glob("*.cpp")}
        self.assertEqual({w.program for w in all_workloads() if w.program}, sources)

    def test_patterns_select_names_and_groups(self):
        self.assertEqual([w.name for w in select("lifo-1*,json")],
                         ["lifo-16", "lifo-1024", "json"])
        self.assertEqual({w.group for w in select("threads")}, {"threads"})
        with self.assertRaises(UsageError):
            select("json,nosuch")


class Allocators(unittest.TestCase):
    def test_a_library_of_ones_own_may_bring_settings(self):
        library = str(BUILD / "bench" / "launch")  # any file will do
        found = Shelf(BUILD, False).parse(f"mine={library}+ARENITE_TOP_PAD=0+X=a=b")
        self.assertEqual(found.environment(),
                         {"LD_PRELOAD": str(Path(library).resolve()), "ARENITE_TOP_PAD": "0",
                          "X": "a=b"})

    def test_a_known_allocator_may_be_varied(self):
        found = Shelf(BUILD, False).parse("small=glibc+MALLOC_ARENA_MAX=1")
        self.assertEqual(found.environment(), {"MALLOC_ARENA_MAX": "1"})

    def test_a_program_with_its_own_allocator_gets_the_c_library_preloaded(self):
        self.assertIn("libc.so.6", GLIBC.environment(replaces_malloc=True)["LD_PRELOAD"])

    def test_tunables_are_joined(self):
        self.assertEqual(merge_environment({"GLIBC_TUNABLES": "a=1", "X": "1"},
                                           {"GLIBC_TUNABLES": "b=2", "X": "2"}),
                         {"GLIBC_TUNABLES": "a=1:b=2", "X": "2"})


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


class Measuring(unittest.TestCase):
    """Shell scripts stand in for workloads; the launcher is the real one."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.bin = Path(self.directory.name)
        (self.bin / "launch").symlink_to((BUILD / "bench" / "launch").resolve())
        self.laboratory = Laboratory(self.bin, 1.0, 5)

    def tearDown(self):
        self.laboratory.close()
        self.directory.cleanup()

    def measure(self, script, allocator=GLIBC, timeout=5):
        path = self.bin / "script"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        self.laboratory.timeout = timeout
        return self.laboratory.measure(workload("script"), allocator, False)

    LINE = ('echo \'{"name":"x","slept_seconds":%s,"checksum":"ab","rss_after_kib":null,'
            '"rss_full_kib":7}\'')

    def test_a_good_run(self):
        sample = self.measure(self.LINE % "0")
        self.assertEqual((sample.failure, sample.checksum, sample.figures["rss_full_kib"]),
                         ("", "ab", 7))
        self.assertLess(sample.wall, 2)
        # A shell needs a megabyte or two; the interpreter that runs this test far more.
        self.assertLess(sample.peak, 5000)

    def test_what_was_slept_does_not_count(self):
        self.assertLess(self.measure("sleep 1\n" + self.LINE % "1").wall, 0.9)

    def test_processor_time_of_children_counts(self):
        busy = "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'\n"
        self.assertGreater(self.measure(busy + self.LINE % "0").cpu, 0.02)

    def test_the_variables_are_the_programs_alone(self):
        sample = self.measure('[ "$BENCH_MARK" = here ] || exit 9\n' + self.LINE % "0",
                              Allocator("x", env={"BENCH_MARK": "here"}))
        self.assertEqual(sample.failure, "")

    def test_a_status(self):
        self.assertEqual(self.measure("echo it broke >&2; exit 3").failure,
                         "exit status 3: it broke")

    def test_a_signal(self):
        self.assertEqual(self.measure("kill -ABRT $$").failure, "killed by SIGABRT")

    def test_nonsense(self):
        self.assertTrue(self.measure("echo hello").failure.startswith("unreadable result"))

    def test_a_run_that_hangs_is_ended_with_all_it_started(self):
        marker = self.bin / "child"
        sample = self.measure(f"sleep 60 & echo $! > {marker}\nwait", timeout=0.5)
        self.assertEqual(sample.failure, "timed out after 0.5 s")
        deadline = time.monotonic() + 10
        while is_running(marker.read_text().strip()) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertFalse(is_running(marker.read_text().strip()))


class Command(unittest.TestCase):
    def call(self, *arguments, **options):
        return subprocess.run([*RUN, "--no-install", *arguments], capture_output=True, text=True, **options)

    def test_help_and_list(self):
        self.assertEqual(self.call("--help").returncode, 0)
        listed = self.call("--list")
        self.assertEqual(listed.returncode, 0)
        self.assertRegex(listed.stdout, r"(?m)^lifo-16 +pairs +malloc and free of 16 bytes")
        self.assertRegex(listed.stdout, r"(?m)^glibc +the C library")

    def test_a_bar_runs_the_group_that_it_is_about(self):
        with tempfile.TemporaryDirectory() as directory:
            out = Path(directory) / "r.json"
            done = self.call("--bar", "replacement", "--allocators", "glibc,arenite,jemalloc=glibc",
                             "-n", "1", "--scale", "0.001", "--json", str(out))
            self.assertIn("\nBar 'replacement'\n", done.stdout)
            data = json.loads(out.read_text())
            self.assertEqual({w["name"] for w in data["workloads"]}, {w.name for w in select("replacement")})
            self.assertEqual(len(data["bars"]), 1 + len(data["workloads"]))
            self.assertEqual(data["replacement"]["best_peer"], "jemalloc")
            self.assertEqual(data["replacement"]["allocators"]["jemalloc"]["mean"], 1.0)

    NO_COMMIT = ["--compare", "nosuchcommit", "--allocators", f"arenite={RUN[2]}"]

    def test_a_commit_needs_git_and_says_so(self):
        done = self.call("--only", "lifo-16", *self.NO_COMMIT, env={"PATH": "/nonexistent"})
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.strip().splitlines(), [done.stderr.strip()])
        self.assertIn("apt-get install git", done.stderr)

    def test_bad_usage_is_one_line_and_status_2(self):
        for arguments, words in (
                (["--only", "nosuch"], "no workload or group matches 'nosuch'"),
                (["--allocators", "nosuch"], "no allocator 'nosuch'"),
                (["--allocators", "a=/no/such.so"], "no library at '/no/such.so'"),
                (["--allocators", "glibc,glibc"], "twice"),
                (["--baseline", "nosuch", "--allocators", "glibc"], "not among the allocators"),
                (["-n", "0"], "greater than 0"),
                (self.NO_COMMIT, "neither a library nor a commit" if shutil.which("git") else "needs git")):
            done = self.call("--only", "lifo-16", *arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(words, done.stderr)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def test_writes_what_it_measured(self):
        with tempfile.TemporaryDirectory() as directory:
            out, html, report = (Path(directory) / name for name in ("r.json", "r.html", "r.md"))
            done = self.call("--only", "lifo-16,return-nothing", "--allocators",
                             "glibc,other=glibc+MALLOC_ARENA_MAX=1", "-n", "2", "--scale", "0.001",
                             "--settle-rounds", "0", "--json", str(out), "--html", str(html), "--report", str(report))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(report.read_text(), r"Made by `\./dev bench .*--only lifo-16,return-nothing .*--report ")
            self.assertRegex(report.read_text(), r"(?m)^\| lifo-16 \| [\d.]+ / [\d.]+ \|$")
            data = json.loads(out.read_text())
            cell = data["workloads"][0]["cells"]["other"]
            self.assertEqual(len(cell["samples"]["cpu"]), 2)
            self.assertGreater(cell["median"]["peak"], 500)
            self.assertGreater(data["geometric_means"]["other"]["cpu"], 0)
            self.assertIn("</html>", html.read_text())


if __name__ == "__main__":
    unittest.main()
