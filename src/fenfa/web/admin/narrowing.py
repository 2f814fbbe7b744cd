"""The filters that lists and statistics share: product, variant, release, and days."""

from typing import Any

from starlette.requests import Request

from fenfa.services.choices import Choices
from fenfa.services.records import Record
from fenfa.services.statistics import Subject
from fenfa.services.texts import has_controls
from fenfa.web.words import variant_title

_LONGEST = 80


def asked_subject(request: Request) -> Subject:
    return Subject(*(asked(request, f"{noun}_id") for noun in ("product", "variant", "release")))


def asked(request: Request, name: str) -> str:
    """A value of the address; empty if it cannot be one of ours."""
    text = request.query_params.get(name, "").strip()
    return "" if len(text) > _LONGEST or has_controls(text) else text


def options_of(choices: Choices) -> dict[str, list[tuple[str, str]]]:
    """By name of the field: what its list offers, (ID, name). What is chosen and unknown is offered by its ID."""
    offered = {
        "product_id": [(one["id"], one["name"]) for one in choices.products],
        "variant_id": [(one["id"], variant_name(one)) for one in choices.variants],
        "release_id": [(one["id"], release_name(one)) for one in choices.releases],
    }
    for name, options in offered.items():
        chosen = getattr(choices.chosen, name)
        if chosen and chosen not in dict(options):
            options.append((chosen, chosen))
    return offered


def variant_name(row: Record, prefix: str = "") -> str:
    """Its title, from columns that begin with the prefix and `product_name`; empty for one that is gone."""
    named = {name: row[f"{prefix}{name}"] for name in ("platform", "arch", "display_name")}
    return variant_title(named | {"product_name": row["product_name"]}) if named["platform"] else ""


def release_name(release: Record, prefix: str = "") -> str:
    """`1.2.0 (120) · beta`"""
    version = release[f"{prefix}version"] or "?"
    build = f"{version} ({release[f'{prefix}build']})" if release[f"{prefix}build"] else version
    return " · ".join(filter(None, (build, release[f"{prefix}channel"])))


def chosen_values(choices: Choices) -> dict[str, Any]:
    """What the templates of the filters need."""
    chosen = choices.chosen
    return {
        "options": options_of(choices),
        "chosen": {name: getattr(chosen, name) for name in ("product_id", "variant_id", "release_id")},
    }
