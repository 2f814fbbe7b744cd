"""The kernel's own counts, on a real child process."""

import os
import subprocess
import sys

from bench.plan import MB
from bench.processes import Peak, Tree, apart, cpu_of

HOLD_64_MB = "import sys; kept = b'x' * 64_000_000; print('held', flush=True); sys.stdin.read()"
SPEND_IN_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(20_000_000))'])"


def test_work_apart_runs_in_another_process() -> None:
    assert apart(os.getpid) != os.getpid()


def test_memory_below_the_root_counts_and_its_peak_is_kept() -> None:
    tree = Tree(os.getpid())
    before = tree.pss_bytes()
    with Peak(tree) as peak:
        process = subprocess.Popen([sys.executable, "-c", HOLD_64_MB], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout
        process.stdout.readline()
    held = tree.pss_bytes()
    process.communicate(b"")
    assert held > before + 60 * MB
    assert tree.pss_bytes() < held - 50 * MB
    assert peak.bytes > before + 60 * MB


def test_cpu_of_children_that_have_ended_counts() -> None:
    with cpu_of(Tree(os.getpid())) as cpu:
        subprocess.run([sys.executable, "-c", SPEND_IN_A_CHILD], check=True)
    assert cpu.seconds > 0.05
