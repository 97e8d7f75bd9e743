"""Measures slidegate beside other proxies. Needs python3-cryptography, for tokens; see benchmarks/README.md."""
