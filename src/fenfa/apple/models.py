"""What people call a device: `iPhone17,1` is an iPhone 16 Pro. The names are in models.txt."""

from functools import cache
from pathlib import Path


def model_name(model: str) -> str:
    """The model itself where it has no name."""
    return _names().get(model, model)


@cache
def _names() -> dict[str, str]:
    text = (Path(__file__).parent / "models.txt").read_text("utf-8")
    lines = (line.partition(": ") for line in text.splitlines() if not line.startswith("#"))
    return {model: name for name, _, models in lines for model in models.split()}
