"""`fenfa inspect`: what packages say of themselves, without a server."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from fenfa.cli import ExitCode, new_app, printable
from fenfa.errors import BadInput, BadPackage
from fenfa.inspectors import find_inspector
from fenfa.inspectors import inspect as read_package
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.report import report

app = new_app()


@app.command()
def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Packages of any format that Fenfa reads.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON a file.")] = False,
    icon: Annotated[Path | None, typer.Option(help="Write the icon of a single file to this PNG.")] = None,
) -> ExitCode:
    """Tell what builds are: platform, identifier, version, signer and more. Works offline.

    \b
    Examples:
      fenfa inspect app.ipa
      fenfa inspect --json *.apk
      fenfa inspect app.apk --icon icon.png
    """
    if icon is not None and len(files) != 1:
        raise BadInput("--icon goes with a single file")
    worst = ExitCode.OK
    for file in files:
        worst = max(worst, _show(file, as_json, icon))
    return worst


def _show(file: Path, as_json: bool, icon: Path | None) -> ExitCode:
    if not file.is_file():
        raise BadInput(f"{printable(str(file))}: no such file")
    if find_inspector(file.name) is None:
        raise BadInput(f"{printable(file.name)}: no package format has this ending; see docs/reference/formats.md")
    try:
        package = read_package(file, file.name)
    except BadPackage as error:
        _print({"file": str(file), "error": error.message}, as_json)
        return ExitCode.REFUSED
    if icon is not None:
        _write_icon(icon, package)
    _print({"file": str(file), **report(package)}, as_json)
    return ExitCode.OK


def _write_icon(target: Path, package: PackageInfo) -> None:
    if package.icon_png is None:
        raise BadInput("this package holds no icon that can be read")
    target.write_bytes(package.icon_png)


def _print(fields: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(fields, ensure_ascii=False))
        return
    for name, value in fields.items():
        if value not in (None, "", [], {}):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            print(f"{name:14} {printable(text)}")
    print()
