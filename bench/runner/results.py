"""What was measured, and what follows from it.

A cell is one workload under one allocator: its samples, of which the median counts. The ratio of a
cell is its median over the baseline's for the same workload. A geometric mean is taken over the
workloads that both finished. A cell with a failed sample has no median at all.
"""

import math
import statistics
from dataclasses import dataclass

# The groups that have bars of their own and do not count for the ratios.
APART = ("replacement", "return")


@dataclass(frozen=True)
class Measure:
    key: str  # field of a Sample
    title: str
    unit: str
    per_unit: float  # how many of the sample's units make one shown


MEASURES = [
    Measure("cpu", "CPU time", "s", 1),
    Measure("wall", "Wall time", "s", 1),
    Measure("peak", "Peak resident size", "MiB", 1024),
    Measure("after", "Resident size one second after the last free", "MiB", 1024),
]
MEASURE_KEYS = {measure.key for measure in MEASURES}


def geometric_mean(values):
    """Of positive numbers; None of none."""
    values = list(values)
    if not values:
        return None
    return math.exp(sum(math.log(value) for value in values) / len(values))


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def spread(values):
    """How far the samples lie apart, as a part of their median."""
    values = [value for value in values if value is not None]
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else None


class Results:
    def __init__(self, workloads, allocators, baseline):
        self.workloads = list(workloads)
        self.allocators = [allocator.name for allocator in allocators]
        self.baseline = baseline
        self.samples = {}
        self.checksums = {}

    def add(self, workload, allocator, sample):
        """Takes a sample in. One that contradicts the first good checksum of its workload fails."""
        if not sample.failure:
            expected = self.checksums.setdefault(workload.name, sample.checksum)
            if sample.checksum != expected:
                sample.failure = f"wrong result: checksum {sample.checksum}, not {expected}"
        self.samples.setdefault((workload.name, allocator), []).append(sample)

    def cell(self, workload, allocator):
        return self.samples.get((workload, allocator), [])

    def failure(self, workload, allocator):
        return next((s.failure for s in self.cell(workload, allocator) if s.failure), "")

    def failures(self):
        """(workload, allocator, what happened) of every failed cell."""
        return [(workload.name, allocator, self.failure(workload.name, allocator))
                for workload in self.workloads for allocator in self.allocators
                if self.failure(workload.name, allocator)]

    def value(self, workload, allocator, key):
        """Median of a measure or, by its name, of a figure of the workload's own."""
        if self.failure(workload, allocator):
            return None
        cell = self.cell(workload, allocator)
        if key in MEASURE_KEYS:
            return median(getattr(sample, key) for sample in cell)
        return median(sample.figures.get(key) for sample in cell)

    def ratio(self, workload, allocator, key, against=None):
        mine = self.value(workload, allocator, key)
        base = self.value(workload, against or self.baseline, key)
        return mine / base if mine is not None and base else None

    def compared(self):
        """The workloads that count for the ratios."""
        return [workload for workload in self.workloads if workload.group not in APART]

    def group(self, name):
        return [workload for workload in self.workloads if workload.group == name]

    def mean_ratio(self, allocator, key, against=None):
        ratios = [self.ratio(w.name, allocator, key, against) for w in self.compared()]
        return geometric_mean(ratio for ratio in ratios if ratio)

    def as_json(self):
        return {
            "baseline": self.baseline,
            "allocators": self.allocators,
            "workloads": [
                {
                    "name": workload.name,
                    "group": workload.group,
                    "about": workload.about,
                    "cells": {name: self._cell_json(workload.name, name)
                              for name in self.allocators if self.cell(workload.name, name)},
                }
                for workload in self.workloads
            ],
            "geometric_means": {
                name: {m.key: self.mean_ratio(name, m.key) for m in MEASURES}
                for name in self.allocators
            },
        }

    def _cell_json(self, workload, allocator):
        cell = self.cell(workload, allocator)
        figures = sorted({name for sample in cell for name in sample.figures})
        return {
            "failure": self.failure(workload, allocator) or None,
            "median": {m.key: self.value(workload, allocator, m.key) for m in MEASURES},
            "ratio": {m.key: self.ratio(workload, allocator, m.key) for m in MEASURES},
            "samples": {m.key: [getattr(sample, m.key) for sample in cell] for m in MEASURES},
            "figures": {name: self.value(workload, allocator, name) for name in figures},
        }
