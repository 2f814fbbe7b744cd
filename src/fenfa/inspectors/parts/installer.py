"""Which tool made a Windows installer, as far as a glance at the program tells."""

from fenfa.inspectors.parts import pe
from fenfa.inspectors.parts.pe_resources import MANIFEST, RAW, Resources

_GLANCE = 64
_INNO_TABLE = 11111  # the resource where Inno Setup keeps the offsets of its data
_SQUIRREL_ARCHIVE = 131
_MAX_MANIFEST = 1 << 20
_MANIFEST_WORDS = ((b"Nullsoft.NSIS", "nsis"), (b"JR.Inno.Setup", "inno"), (b"InstallShield", "installshield"))
_OVERLAYS = ((b"7z\xbc\xaf\x27\x1c", "7z-sfx"), (b"Rar!", "rar-sfx"), (b"PK\3\4", "zip-sfx"))


def installer_kind(program: pe.Program, resources: Resources) -> str:
    """`nsis`, `inno`, `burn` (WiX), `squirrel`, `installshield`, `7z-sfx`, `rar-sfx`, `zip-sfx`, or empty."""
    if any(section.name == ".wixburn" for section in program.sections):
        return "burn"
    if any(one.name == _SQUIRREL_ARCHIVE for one in resources.find("DATA")):
        return "squirrel"
    if any(one.name == _INNO_TABLE for one in resources.find(RAW)):
        return "inno"
    return _by_overlay(program) or _by_manifest(resources)


def _by_overlay(program: pe.Program) -> str:
    head = program.source.upto(program.overlay, _GLANCE)
    if head[4:16] == b"\xef\xbe\xad\xdeNullsoft":
        return "nsis"
    return next((kind for magic, kind in _OVERLAYS if head.startswith(magic)), "")


def _by_manifest(resources: Resources) -> str:
    for one in resources.find(MANIFEST)[:1]:
        manifest = resources.read(one, _MAX_MANIFEST)
        return next((kind for word, kind in _MANIFEST_WORDS if word in manifest), "")
    return ""
