"""Processors by whatever name."""

import pytest

from fenfa.services.arches import is_universal, plain_arch, plain_arches, runs_on


@pytest.mark.parametrize(
    ("word", "plain"),
    [
        ("x86_64", "x64"),
        (" AMD64 ", "x64"),
        ("arm64-v8a", "arm64"),
        ("riscv64", "riscv64"),
        ("", ""),
        ("noarch", "universal"),
    ],
)
def test_one_word_for_each(word: str, plain: str) -> None:
    assert plain_arch(word) == plain


def test_lists() -> None:
    assert plain_arches("arm64-v8a, armeabi-v7a") == {"arm64", "arm"}
    assert plain_arches("x86/x86_64") == {"x86", "x64"}
    assert [is_universal(text) for text in ("", "universal", "x86_64, arm64", "all", "arm64", "amd64")] == [
        *(True, True, True, True, False, False)
    ]


@pytest.mark.parametrize(
    ("arches", "platform", "arch", "runs"),
    [
        ("x86_64", "macos", "arm64", True),
        ("arm64", "macos", "x64", False),
        ("arm64, x86_64", "macos", "x64", True),
        ("x64", "windows", "arm64", True),
        ("i386", "windows", "x64", True),
        ("arm64", "windows", "x64", False),
        ("amd64", "linux", "arm64", False),
        ("all", "linux", "arm64", True),
        ("armeabi-v7a", "android", "arm64", True),
        ("x86_64", "android", "arm64", False),
        ("", "linux", "arm64", True),
        ("riscv64", "linux", "", True),
    ],
)
def test_what_runs_where(arches: str, platform: str, arch: str, runs: bool) -> None:
    assert runs_on(arches, platform, arch) is runs
