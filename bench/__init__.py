"""Repeatable measurements of a real server, each figure beside a limit that the same run measured on the same machine.

`python -m bench --help` lists the options, `docs/reference/benchmarks.md` says what each figure means.
"""
