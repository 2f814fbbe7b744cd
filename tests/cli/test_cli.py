"""The frame around the verbs: the list, lazy loading, errors and exit codes."""

import json
import os
import subprocess
import sys

import pytest
from typer.exceptions import Abort

from fenfa import __version__, errors
from fenfa.cli import VERBS, Session, Verb, explain, main, printable

LOADED = """
import json, sys
from fenfa.cli import main
assert main(sys.argv[1:]) == 0
print(json.dumps(sorted(sys.modules)))
"""
FOR_OTHERS = {"alembic", "httpx", "jinja2", "rich", "segno"}


def test_help_lists_every_verb_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in said.splitlines()]
    start = lines.index("Commands:") + 1
    assert lines[start : start + len(VERBS)] == [f"{verb.name} {verb.help}" for verb in VERBS]
    assert "5 the server cannot be reached, or still failed after the retries" in lines
    assert "130 interrupted" in lines
    assert main([]) == 0
    assert capsys.readouterr().out == said


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_has_help_of_its_own(verb: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb.name, "--help"]) == 0
    usage, _, purpose, *_ = capsys.readouterr().out.splitlines()
    assert usage.startswith(f"Usage: fenfa {verb.name} [OPTIONS]")
    assert purpose.startswith("  ")
    assert len(verb.help) <= 60  # one line of the list, whatever the terminal


@pytest.mark.parametrize("words", [["version"], ["serve", "--help"], ["--help"]])
def test_only_the_verb_that_runs_is_loaded(words: list[str]) -> None:
    run = subprocess.run([sys.executable, "-c", LOADED, *words], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    assert loaded & FOR_OTHERS == set()
    others = {verb.module for verb in VERBS if verb.name not in words}
    assert loaded & others == set()


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_version(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert capsys.readouterr().out == f"fenfa {__version__}\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["uplaod"], "error: no such command 'uplaod'. Did you mean 'upload'? (`fenfa --help` tells more)"),
        (["--nope"], "error: no such option: --nope (`fenfa --help` tells more)"),
        (["--debug"], "error: missing command (`fenfa --help` tells more)"),
        (["upload"], "error: missing argument 'FILE' (`fenfa upload --help` tells more)"),
        (["version", "x"], "error: got unexpected extra argument(s) (x) (`fenfa version --help` tells more)"),
    ],
)
def test_bad_usage_is_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", line + "\n")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (errors.ConfigInvalid("config.json line 3: unknown key x"), 2, "config.json line 3: unknown key x"),
        (errors.BadInput("no such platform"), 2, "no such platform"),
        (errors.Unauthenticated("invalid or missing auth token"), 4, "invalid or missing auth token"),
        (errors.ScopeMissing("needs the admin scope"), 4, "needs the admin scope"),
        (errors.NotFound("no such token"), 1, "no such token"),
        (Abort(), 1, "aborted"),
        (KeyError("x"), 1, "unexpected KeyError: 'x' (`fenfa --debug …` shows where)"),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_an_error_is_one_line(
    error: Exception, code: int, line: str, debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(error, Session(debug)) == code
    *trace, last = capsys.readouterr().err.splitlines()
    assert last == f"error: {line}"
    assert bool(trace) == (debug and not isinstance(error, Abort))


def test_debug_shows_where(capsys: pytest.CaptureFixture[str]) -> None:
    for words, traced in ((["upload", "missing.apk"], False), (["--debug", "upload", "missing.apk"], True)):
        assert main(words) == 2
        said = capsys.readouterr().err
        assert said.endswith("error: missing.apk: no such file\n")
        assert ("Traceback" in said) == traced


def test_printable_text_is_one_line_without_controls() -> None:
    assert printable("a\x1b[31m b\r\n\tc\x07\u202e d 应用") == "a [31m b c d 应用"


def test_a_closed_pipe_is_not_an_error_message() -> None:
    near, far = os.pipe()
    os.close(near)
    code = "import sys; from fenfa.cli import main; sys.exit(main(['--help']))"
    run = subprocess.run([sys.executable, "-u", "-c", code], stdout=far, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(far)
    assert run.stderr == ""
