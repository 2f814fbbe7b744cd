"""`fenfa udid`: replies of devices."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from fenfa.cli import ExitCode, new_app, printable, say_error
from fenfa.errors import BadInput

app = new_app(help="Look at replies of iPhones and iPads.", no_args_is_help=True)


@app.callback()
def udid() -> None:
    """Look at replies of iPhones and iPads."""


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A reply, as FENFA_UDID_SAVE_REPLIES keeps it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> ExitCode:
    """Tell whether Apple vouches for a device's reply, who signed it and how, and what it says.

    \b
    Exit codes:
      0  the reply is whole; "verified" says whether Apple's device authority vouches for it
      2  there is no such file
      3  the reply is damaged or forged, and no server would take it
    """
    from fenfa.apple.device_ca import apple_authorities
    from fenfa.apple.reply_report import report

    if not file.is_file():
        raise BadInput(f"{printable(str(file))}: no such file")
    try:
        found = report(file.read_bytes(), apple_authorities())
    except BadInput as error:
        return say_error(error.message, ExitCode.REFUSED)
    print(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(_lines(found)))
    return ExitCode.OK


def _lines(found: dict[str, Any]) -> Iterator[str]:
    verdict = (
        "by Apple's device authority" if found["is_verified"] else "no: its signer is a stranger to Apple's authority"
    )
    attributes = "with" if found["has_attributes"] else "without"
    yield _line("verified", verdict)
    yield _line("signature", f"fits ({found['digest']}, {attributes} signed attributes)")
    for title, certificate in (("signer", found["signer"]), *(("certificate", one) for one in found["others"])):
        yield ""
        yield _line(title, certificate["subject"])
        yield from (_line(f"  {name}", value) for name, value in certificate.items() if name != "subject")
    yield ""
    yield from (_line(name, value) for name, value in found["attributes"].items())


def _line(name: str, value: str) -> str:
    return f"{printable(name) if name.strip() == name else name:14} {printable(value)}"
