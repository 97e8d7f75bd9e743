"""Measures slidegate beside nginx and HAProxy. Python's standard library only; see benchmarks/README.md."""
