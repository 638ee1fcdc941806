"""Real programs of the benchmark set, one module each.

A module names its Debian packages and has prepare(directory, scale), which writes the program's
input into the directory and returns the Plan of how to run it. Inputs are generated, always the
same for the same scale; what the program prints is hashed, and the hash must be the same under
every allocator.
"""
