"""The benchmarks of `make bench`, which compare measurements with goals.

Most results are ratios of two measurements in the same run. No test asserts a measured time.
"""
