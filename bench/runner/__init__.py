"""The benchmark runner behind bench/run.

    cli          what was asked for, and the order in which things happen
    allocators   which allocators there are, where their libraries lie, how to install them
    catalogue    which workloads there are
    measure      one run of one workload under one allocator
    schedule     which runs, in which order
    results      what was measured, and what follows from it: medians, ratios, geometric means
    bars         bars to be held, judged on results
    table, page  the results as text, and as one page of HTML
    compare      builds an earlier commit to set it beside

Nothing here needs more than Python's standard library.
"""
