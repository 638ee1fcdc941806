"""Which runs, in which order.

Allocators take turns within each round (A B C, A B C, ...), so that whatever slows the machine for
a while slows all of them. Workloads come one after the other. An allocator that failed a workload
is not run on it again.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Turn:
    workload: object
    allocator: object
    round: int
    settle: bool


def turns(workloads, allocators, rounds, settle_rounds):
    """All runs in order."""
    for workload in workloads:
        count = min(rounds, workload.rounds_at_most or rounds)
        for number in range(count):
            for allocator in allocators:
                yield Turn(workload, allocator, number, workload.settles and number < settle_rounds)


def count_turns(workloads, allocators, rounds):
    return len(allocators) * sum(min(rounds, w.rounds_at_most or rounds) for w in workloads)


def run(all_turns, measure, results, progress):
    """Runs the turns in order and gives each sample to the results; `progress(turn, sample)` is
    told, with no sample where a run is left out."""
    for turn in all_turns:
        if results.failure(turn.workload.name, turn.allocator.name):
            progress(turn, None)
            continue
        sample = measure(turn.workload, turn.allocator, turn.settle)
        results.add(turn.workload, turn.allocator.name, sample)
        progress(turn, sample)
