"""What a person chooses for a proposal: the form's values, what is wrong with them, and the request that comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fenfa.errors import BadInput
from fenfa.services import packages
from fenfa.services.homes import UploadRequest
from fenfa.services.places import NEW
from fenfa.services.proposals import Proposal
from fenfa.services.records import Record
from fenfa.vocabulary import file_type
from fenfa.web.fields import Line, Prose, checked_build
from fenfa.web.forms import checked
from fenfa.web.i18n import marked
from fenfa.web.schemas import Body

OTHER = "other"
_NOT_GIVEN = dict.fromkeys(("version", "build", "min_os", "channel", "changelog"))


class _Texts(Body):
    name: Line = ""
    arch: Line = ""
    version: Line = ""
    channel: Line = ""
    min_os: Line = ""
    changelog: Prose = ""


@dataclass(frozen=True)
class Choice:
    """`values` fill the form, `problems` stand beside its fields, `note` above it; `request` is None while there are any."""

    values: Record
    problems: dict[str, str] = field(default_factory=dict)
    note: str = ""
    request: UploadRequest | None = None


def first_choice(proposal: Proposal) -> Choice:
    """The form as it is shown first: all that the package says, at the place that is meant."""
    package, file_name = proposal.package, proposal.request.file_name
    values: Record = packages.release_fields(package, _NOT_GIVEN)
    values |= {"name": packages.product_values(package, file_name)["name"], "place": proposal.places.best, "other": ""}
    values |= {"arch": packages.variant_values(package, file_type(file_name))["arch"], "platform": ""}
    values["build"] = values["build"] or ""
    return Choice(values | {"best": proposal.places.best})


def read_choice(fields: Mapping[str, str], proposal: Proposal, actor: str) -> Choice:
    """`fields` as the form sent them."""
    given = {name: fields.get(name, "") for name in first_choice(proposal).values}
    texts, problems = checked(_Texts, {name: given[name] for name in _Texts.model_fields})
    try:
        build = checked_build(given["build"])
    except BadInput:
        build, problems["build"] = None, marked("must be a whole number")
    problems |= _wrong_with_place(given, proposal)
    best = proposal.places.best
    if not problems and given["place"] == given["best"] != best:
        note = marked("Meanwhile something changed: look once more where this goes.")
        return Choice(given | {"place": best, "best": best}, note=note)
    values = given | {"best": best}
    return Choice(values, problems, "", None if problems else _request(values | texts, build, proposal, actor))


def _wrong_with_place(given: Record, proposal: Proposal) -> dict[str, str]:
    place, places = given["place"], proposal.places
    if place not in {near.key for near in places.near} | {OTHER}:
        return {"place": marked("choose one")}
    if place == OTHER and given["other"] not in {variant["id"] for variant in places.others}:
        return {"other": marked("choose one")}
    problems = {}
    if place == NEW and not given["name"].strip():
        problems["name"] = marked("must not be empty")
    is_new = place == NEW or place.startswith("prd_")
    if is_new and len(places.platforms) > 1 and given["platform"] not in places.platforms:
        problems["platform"] = marked("choose one")
    return problems


def _request(values: Record, build: int | None, proposal: Proposal, actor: str) -> UploadRequest:
    place = values["other"] if values["place"] == OTHER else values["place"]
    platform = values["platform"] or (proposal.places.platforms[0] if len(proposal.places.platforms) == 1 else "")
    return UploadRequest(
        file_name=proposal.request.file_name,
        actor=actor,
        smart=True,
        chosen=True,
        variant_id=place if place.startswith("var_") else None,
        product_id=place if place.startswith("prd_") else None,
        product={"name": values["name"]} if place == NEW else {},
        variant={"arch": values["arch"], "platform": platform},
        version=values["version"] or None,
        build=build,
        channel=values["channel"] or None,
        min_os=packages.bare_os_version(values["min_os"]) or None,
        changelog=values["changelog"] or None,
    )
