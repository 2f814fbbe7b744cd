"""Readers against damaged files: `python -m tests.fuzz NAME --seconds 60`; without a name, every target in turn.

A reader may give anything or raise BadPackage, within two seconds; whatever else it raises is a bug. `targets.ALL` lists them.
"""
