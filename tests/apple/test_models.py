"""Names of models, and system versions from builds."""

import re

import pytest

from fenfa.apple.builds import os_version_of
from fenfa.apple.devices import family_of
from fenfa.apple.models import _names, model_name


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("iPhone17,1", "iPhone 16 Pro"),
        ("iPhone1,1", "iPhone"),
        ("iPhone14,6", "iPhone SE (3rd generation)"),
        ("iPhone18,4", "iPhone Air"),
        ("iPad16,3", "iPad Pro 11-inch (M4)"),
        ("iPad15,7", "iPad (A16)"),
        ("iPod9,1", "iPod touch (7th generation)"),
        ("iPhone99,1", "iPhone99,1"),
        ("", ""),
    ],
)
def test_model_name(model: str, name: str) -> None:
    assert model_name(model) == name


def test_every_line_of_the_table_is_well_formed() -> None:
    assert len(_names()) > 170
    for model, name in _names().items():
        assert re.fullmatch(r"(iPhone|iPad|iPod)\d{1,2},\d{1,2}", model), model
        assert family_of(model) == family_of(name), name


@pytest.mark.parametrize(
    ("said", "version"),
    [
        *(("22F76", "18.5"), ("22A3354", "18.0"), ("21H216", "17.7"), ("20A362", "16.0"), ("19H370", "15.7")),
        *(("23A341", "26.0"), ("23G83", "26.6"), ("24A446", "27.0"), ("22B5007p", "18.1")),
        *(("17E255", "13.4"), ("18A373", "14.0"), ("18H17", "14.8"), ("16G77", ""), ("7A182", "")),
        *(
            ("18.5", "18.5"),
            ("26.0.1", "26.0.1"),
            ("18", ""),
            ("21J353", ""),
            ("", ""),
            ("<script>", ""),
            ("9" * 99, ""),
        ),
    ],
)
def test_os_version(said: str, version: str) -> None:
    assert os_version_of(said) == version
