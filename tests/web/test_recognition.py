"""What package readers say in English is told in the visitor's language, names and numbers included."""

import re
from pathlib import Path

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import inspect
from fenfa.web.i18n import LANGUAGES, reader_texts
from fenfa.web.pages import error_text, translated
from tests.support.packages import zip_bytes

ENGLISH, CHINESE = LANGUAGES


@pytest.mark.parametrize("form", reader_texts(CHINESE))
def test_every_form_is_recognised(form: str) -> None:
    said = translated(re.sub("{(.)}", r"<\1>", form), CHINESE)
    assert re.search("[\u4e00-\u9fff]", said)
    assert set(re.findall("<.>", said)) == {f"<{place}>" for place in re.findall("{(.)}", form)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Info.plist is missing", "缺少 Info.plist"),
        (
            "an icon cannot be read: it is packed with lzma, which is not supported",
            "有一个图标无法读取：它用 lzma 压缩，不受支持",
        ),
        ("the zip has more than 100,000 entries", "zip 中的条目超过 100,000 个"),
        ("{a} is missing", "缺少 {a}"),
        ("nobody said this", "nobody said this"),
        ("", ""),
    ],
)
def test_what_fills_a_sentence_is_kept(text: str, said: str) -> None:
    assert translated(text, CHINESE) == said
    assert translated(text, ENGLISH) == text


def test_a_refused_package_says_why(tmp_path: Path) -> None:
    file = tmp_path / "broken.ipa"
    file.write_bytes(zip_bytes({"Payload/A.app/Info.plist": b"<?xml version='1.0'?><plist><dict"}))
    with pytest.raises(BadPackage) as refused:
        inspect(file, "broken.ipa")
    assert error_text(refused.value, ENGLISH) == str(refused.value)
    assert re.search("[\u4e00-\u9fff]", error_text(refused.value, CHINESE))


def test_a_very_long_text_costs_nothing() -> None:
    text = "x is missing " * 100_000
    assert translated(text, CHINESE) == text
