"""Android's formats: binary XML, resource tables, protobuf, signing blocks, JAR signatures, drawables, sets of APKs."""

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from fenfa.inspectors import aab, apk, apks
from fenfa.inspectors.parts import apk_block, apk_pkcs7, arsc, axml, jar_manifest, proto_xml
from fenfa.inspectors.parts.apk_signing import Levels, Limits, read_signing
from fenfa.inspectors.parts.manifest import Values, read_manifest
from fenfa.inspectors.parts.proto_table import ProtoTable
from fenfa.inspectors.parts.zipsafe import Archive
from tests.fuzz.base import Target
from tests.support import apk_signer, images, proto
from tests.support import axml as axml_writer
from tests.support.axml import Color, Dp, Node, Ref, Value
from tests.support.packages import make_apk, zip_bytes

_LINE: dict[str, Value] = {
    "pathData": "M1,1a3,3 0 1,0 6,0C1,2 3,4 5,6S1,1 2,2Q1,1 3,3T4,4H9V9z",
    "strokeColor": Color(0xFF0000FF),
    "strokeWidth": 2.0,
}
_VECTOR = Node(
    "vector",
    {"width": Dp(24), "height": Dp(2), "viewportWidth": 8.0, "viewportHeight": 8.0},
    [
        Node(
            "group",
            {"rotation": 45.0, "scaleX": 2.0},
            [Node("clip-path", {"pathData": "M0,0h8v4z"}), Node("path", _LINE)],
        )
    ],
)
_MANIFEST = Node(
    "manifest",
    {"package": "a.b", "versionCode": 3, "versionName": Ref(0x7F010001)},
    [Node("uses-sdk", {"minSdkVersion": 21}), Node("application", {"label": Ref(0x7F010000), "icon": Ref(0x7F020000)})],
)
_TYPES: dict[str, list[tuple[str, dict[str | int, Value]]]] = {
    "string": [("a", {"": "Name", "de": "Nähme"}), ("b", {"": Ref(0x7F010000)})],
    "mipmap": [("i", {160: "res/a.png", 0xFFFE: "res/i.xml"})],
}


def _axml() -> list[bytes]:
    return [axml_writer.document(node) for node in (_MANIFEST, _VECTOR)]


def _tables() -> list[bytes]:
    return [axml_writer.table("a.b", _TYPES)]


def _signed() -> list[bytes]:
    members = {"AndroidManifest.xml": b"x" * 50}
    old, new = apk_signer.make_signer("old"), apk_signer.make_signer("new")
    rotated = apk_signer.sign_block(zip_bytes(members), new, scheme=apk_signer.V3, lineage=[old])
    return [apk_signer.make_signed(members, old), rotated]


def _blocks() -> list[bytes]:
    """The v3 pair of a signed package."""
    return [_pair(package) for package in _signed()]


def _pair(package: bytes) -> bytes:
    block = _in_archive(package, apk_block.read_block)
    assert isinstance(block, apk_block.Block)
    return block.pairs[0][1]


def _jars() -> list[bytes]:
    return [_jar()["META-INF/MANIFEST.MF"], _jar()["META-INF/CERT.SF"]]


@cache
def _jar() -> dict[str, bytes]:
    return apk_signer.sign_v1({"a": b"x", "b" * 100: b"y"}, apk_signer.make_signer("old"))


def _pkcs7() -> list[bytes]:
    return [_jar()["META-INF/CERT.RSA"]]


def _packages() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        plain = make_apk(Path(folder) / "a.apk").read_bytes()
    drawn = {"AndroidManifest.xml": _axml()[0], "resources.arsc": _tables()[0], "res/i.xml": _axml()[1]}
    return [plain, apk_signer.make_signed(drawn, apk_signer.make_signer("old"))]


def _icons() -> list[bytes]:
    return [axml_writer.document(_VECTOR)]


def _bundles() -> list[bytes]:
    files = {"base/res/i.xml": proto.xml(_VECTOR), "base/res/a.png": images.png(8, 8)}
    return [proto.bundle(_MANIFEST, proto.table(_TYPES), files)]


def _sets() -> list[bytes]:
    return [
        zip_bytes(
            {"base.apk": _packages()[0], "manifest.json": b'{"split_apks": [{"id": "base", "file": "base.apk"}]}'}
        )
    ]


def _read_axml(data: bytes) -> object:
    return read_manifest(axml.elements(data))


def _read_table(data: bytes) -> object:
    table = arsc.ResourceTable(data)
    return [table.resolve_all(resource) for resource in (0x7F010000, 0x7F010001, 0x7F020000, 0x7F020001)]


def _read_proto(data: bytes) -> object:
    return list(proto_xml.elements(data))


def _read_proto_table(data: bytes) -> object:
    values = Values(ProtoTable(data))
    return [values.localized(None), *(ProtoTable(data).resolve_all(one) for one in (0x7F010001, 0x7F020000))]


def _read_icon(data: bytes) -> object:
    """The bytes as the icon of an app that is whole."""
    members = {"AndroidManifest.xml": _axml()[0], "resources.arsc": _tables()[0], "res/i.xml": data}
    return _on_disk(zip_bytes(members), apk.inspect)


def _read_signing(data: bytes) -> object:
    return _in_archive(data, lambda archive: read_signing(archive, Levels(21, 29), Limits()))


def _read_pair(data: bytes) -> object:
    package = apk_signer.insert_block(zip_bytes({"a": b"x"}), [(apk_signer.V2, data), (apk_signer.V3, data)])
    return _read_signing(package)


def _read_jar(data: bytes) -> object:
    return [
        jar_manifest.matches(one, "-Digest", level, b"x")
        for one in jar_manifest.read_sections(data)
        for level in (1, 28)
    ]


def _read_pkcs7(data: bytes) -> object:
    return apk_pkcs7.signing_certificate(data, _jar()["META-INF/CERT.SF"], 24)


def _in_archive(data: bytes, read: Callable[[Archive], object]) -> object:
    def opened(path: Path) -> object:
        with Archive(path, lenient=True) as archive:
            return read(archive)

    return _on_disk(data, opened)


def _on_disk(data: bytes, read: Callable[[Path], object]) -> object:
    with tempfile.NamedTemporaryFile(prefix="fenfa-fuzz-") as file:
        file.write(data)
        file.flush()
        return read(Path(file.name))


TARGETS: tuple[Target, ...] = (
    Target("axml", _axml, _read_axml),
    Target("arsc", _tables, _read_table),
    Target("protobuf-xml", lambda: [proto.xml(_MANIFEST), proto.xml(_VECTOR)], _read_proto),
    Target("protobuf-table", lambda: [proto.table(_TYPES)], _read_proto_table),
    Target("apk-signing-block", _blocks, _read_pair),
    Target("apk-signing", _signed, _read_signing),
    Target("jar-manifest", _jars, _read_jar),
    Target("jar-signature", _pkcs7, _read_pkcs7),
    Target("drawable", _icons, _read_icon),
    Target("apk", _packages, lambda data: _on_disk(data, apk.inspect)),
    Target("aab", _bundles, lambda data: _on_disk(data, aab.inspect)),
    Target("apks", _sets, lambda data: _on_disk(data, apks.inspect)),
)
