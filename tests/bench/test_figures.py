import json
from pathlib import Path

import pytest

from bench.measurements.small_downloads import miscount
from bench.measurements.stalled import percentile
from bench.measurements.uploads import copy_hashed, show_size
from bench.plan import MB, MIB, BenchError, take_turns
from bench.table import Figure, show, write_json
from bench.wrk import Load, read_report

REPORT = """\
Running 1s test @ http://127.0.0.1:8000/d/rel_1
  1 threads and 8 connections
  Latency Distribution
     50%    1.17ms
     99%    2.05ms
  6821 requests in 1.00s, 30.00MB read
Requests/sec:   6811.52
Transfer/sec:     29.96MB
"""


def test_a_figure_without_a_requirement_is_neither_ok_nor_over() -> None:
    figure = Figure("rate", 50, "MB/s", limit=200, beside="nginx")
    assert (figure.ratio, figure.ok, figure.required) == (0.25, None, "")


@pytest.mark.parametrize(("value", "ok"), [(1.6, True), (1.61, False)])
def test_at_most_binds_the_value(value: float, ok: bool) -> None:
    assert Figure("CPU", value, "s/GB", limit=0.1, at_most=1.6).ok is ok


@pytest.mark.parametrize(("value", "ok"), [(2000, True), (1999, False)])
def test_at_least_binds_the_value(value: float, ok: bool) -> None:
    figure = Figure("redirects", value, "requests/s", at_least=2000)
    assert (figure.ok, figure.required) == (ok, "≥ 2,000")


def test_ninety_nine_of_a_hundred_are_within_the_percentile() -> None:
    assert percentile([float(number) for number in range(100)], 99) == 99.0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0


@pytest.mark.parametrize(("value", "ok"), [(65, True), (64, False)])
def test_ratio_at_least_binds_the_value_over_its_limit(value: float, ok: bool) -> None:
    assert Figure("upload", value, "MB/s", limit=100, ratio_at_least=0.65).ok is ok


def test_nothing_may_be_required_to_be_nothing() -> None:
    assert Figure("miscounted", 0, "downloads", at_most=0).ok is True


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.1064, "0.106"), (1.6, "1.6"), (12.34, "12.3"), (130, "130"), (76112.4, "76,112")]
)
def test_figures_are_shown_with_three_digits(value: float, text: str) -> None:
    assert show(value) == text


def test_turns_are_taken_in_turn() -> None:
    order: list[str] = []
    ours, limits = take_turns(2, lambda: order.append("ours"), lambda: order.append("limit"))
    assert order == ["ours", "limit", "ours", "limit"]
    assert len(ours) == len(limits) == 2


def test_wrk_report_gives_completed_requests_rate_and_median() -> None:
    assert read_report(REPORT) == (6821, 6811.52, 1.17)
    assert read_report(REPORT.replace("1.17ms", "870.00us"))[2] == pytest.approx(0.87)


@pytest.mark.parametrize(
    "line", ["  Non-2xx or 3xx responses: 12\n", "  Socket errors: connect 0, read 8, write 0, timeout 0\n"]
)
def test_a_failed_request_makes_a_wrk_run_worthless(line: str) -> None:
    with pytest.raises(BenchError, match=line.split(":")[0].strip()):
        read_report(REPORT + line)


def test_cpu_a_request() -> None:
    assert Load(requests=10_000, rate=5000, cpu_seconds=0.6).cpu_micros == pytest.approx(60)


@pytest.mark.parametrize(("counted", "wrong"), [(99, 1), (100, 0), (108, 0), (109, 1)])
def test_requests_in_flight_at_the_end_may_count_or_not(counted: int, wrong: int) -> None:
    assert miscount(counted, completed=100, in_flight=8) == wrong


def test_sizes_read_as_they_were_meant() -> None:
    assert (show_size(500 * MIB), show_size(3000 * MB)) == ("500 MiB", "3000 MB")


def test_the_copy_loop_copies(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x" * (MIB + 1))
    cost = copy_hashed(tmp_path / "source", tmp_path / "copy")
    assert cost.size == MIB + 1
    assert cost.seconds >= 0
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "source").read_bytes()


def test_results_are_kept_with_what_they_were_measured_on(tmp_path: Path) -> None:
    path = tmp_path / "results" / "today.json"
    write_json(path, {"machine": {"cores": 2}}, [Figure("rate", 1, "MB/s", limit=2)], {"pages": "no server"})
    kept = json.loads(path.read_text())
    assert kept["machine"] == {"cores": 2}
    assert kept["figures"][0]["ratio"] == 0.5
    assert kept["failures"] == {"pages": "no server"}
