"""The one field that becomes an address: a bundle identifier or package name."""

import re

from fenfa.errors import BadPackage

# Wider than either platform's rule, since odd ones are in use; narrow enough for a URL, a log line and a shell word.
_ALLOWED = re.compile(r"[\w.+~@*-]{1,255}")


def checked(identifier: str, what: str) -> str:
    """The identifier, or BadPackage when the package has none that can be used. `what` names the field."""
    if not identifier:
        raise BadPackage(f"the package has no {what}")
    if not _ALLOWED.fullmatch(identifier) or not identifier.strip("."):
        raise BadPackage(f"the {what} has characters that are not allowed, or too many")
    return identifier
