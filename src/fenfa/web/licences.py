"""The licences of what is inside, from the metadata of the installed packages."""

import re
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import NamedTuple

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CLASSIFIER = "License :: OSI Approved :: "
_LONGEST = 60


class Licence(NamedTuple):
    """A package that Fenfa runs on. `terms` is empty where the package does not say."""

    name: str
    version: str
    terms: str


@cache
def installed_licences() -> tuple[Licence, ...]:
    """Fenfa's packages and theirs, by name. What is not installed here, such as for another system, is left out."""
    found: dict[str, Licence] = {}
    waiting = ["fenfa"]
    while waiting:
        package = _installed(waiting.pop())
        if package is None or _key(package.name) in found:
            continue
        found[_key(package.name)] = Licence(package.name, package.version, terms_of(package))
        waiting += _needs(package)
    del found["fenfa"]
    return tuple(found[key] for key in sorted(found))


def terms_of(package: Distribution) -> str:
    """The SPDX expression, else the classifiers, else a field that may hold anything, if it is short."""
    about = package.metadata
    said, free = (" ".join(about.get_all(name) or []).strip() for name in ("License-Expression", "License"))
    classified = [
        line.removeprefix(_CLASSIFIER) for line in about.get_all("Classifier") or [] if line.startswith(_CLASSIFIER)
    ]
    return said or ", ".join(classified) or (free if len(free) <= _LONGEST else "")


def _needs(package: Distribution) -> list[str]:
    """Names of what it requires. An extra's requirement counts where it is installed, as `fenfa[postgresql]` may be."""
    matches = (
        _NAME.match(line) for line in package.requires or () if package.name == "fenfa" or "extra ==" not in line
    )
    return [match[0] for match in matches if match]


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
