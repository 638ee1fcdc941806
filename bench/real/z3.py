"""z3 on generated problems: scheduling over integers, and equations over bit vectors."""

import random

from real.plan import Plan

PACKAGES = ["z3"]
ABOUT = "z3 on scheduling and bit-vector problems"


def scheduling(source, jobs, machines):
    """Jobs of given lengths, each of several steps on machines that do one at a time."""
    lines = []
    steps = [[(source.randrange(machines), source.randint(1, 9)) for _ in range(machines)]
             for _ in range(jobs)]
    for j in range(jobs):
        for s in range(machines):
            lines.append(f"(declare-const t{j}_{s} Int)(assert (>= t{j}_{s} 0))")
            if s > 0:
                lines.append(f"(assert (>= t{j}_{s} (+ t{j}_{s - 1} {steps[j][s - 1][1]})))")
    flat = [(j, s) + steps[j][s] for j in range(jobs) for s in range(machines)]
    for i, (j, s, machine, length) in enumerate(flat):
        for k, r, other, other_length in flat[i + 1:]:
            if machine == other and j != k:
                lines.append(f"(assert (or (>= t{j}_{s} (+ t{k}_{r} {other_length}))"
                             f" (>= t{k}_{r} (+ t{j}_{s} {length}))))")
    limit = int(sum(length for *_, length in flat) / machines * 2) + 8
    for j in range(jobs):
        lines.append(f"(assert (<= (+ t{j}_{machines - 1} {steps[j][-1][1]}) {limit}))")
    return lines


def product(source, bits):
    """Two numbers of `bits` bits whose product is given; the product cannot overflow."""
    a = source.randrange(1 << (bits - 1), 1 << bits) | 1
    b = source.randrange(1 << (bits - 1), 1 << bits) | 1
    wide = 2 * bits
    return [
        f"(declare-const a (_ BitVec {wide}))(declare-const b (_ BitVec {wide}))",
        f"(assert (bvult a (_ bv{1 << bits} {wide})))(assert (bvult b (_ bv{1 << bits} {wide})))",
        f"(assert (bvule a b))(assert (bvugt a (_ bv1 {wide})))",
        f"(assert (= (bvmul a b) (_ bv{a * b} {wide})))",
    ]


def prepare(directory, scale):
    source = random.Random(4)
    lines = []
    for _ in range(max(1, round(10 * scale))):
        for problem in (scheduling(source, 20, 6), product(source, 14)):
            lines += problem + ["(check-sat)", "(reset)"]
    file = directory / "problems.smt2"
    file.write_text("\n".join(lines) + "\n")
    return Plan(["z3", "-smt2", str(file)])
