"""Linux packages made by hand: DEB, RPM, AppImage and tars, true to their formats."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable, Mapping

CONTROL = {
    "Package": "example",
    "Version": "1:2.0-1",
    "Architecture": "amd64",
    "Maintainer": "Größe <a@example.com>",
    "Description": "an example\n that goes on",
}
DESKTOP = "[Desktop Entry]\nType=Application\nName=Beispiel\nName[de]=Beispiel!\nExec=example\nIcon=example\n"
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".xz": lzma.compress,
    ".lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    ".bz2": bz2.compress,
    "": lambda data: data,
}


def tar(files: Mapping[str, bytes | str], *, form: int = tarfile.GNU_FORMAT, mode: int = 0o644) -> bytes:
    """A tar of these files; a text is where a symbolic link leads."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = mode
            if isinstance(data, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, data
                archive.addfile(entry)
            else:
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def ar(members: Mapping[str, bytes]) -> bytes:
    out = b"!<arch>\n"
    for name, data in members.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) & 1)
    return out


def deb(
    files: Mapping[str, bytes | str] | None = None,
    *,
    control: Mapping[str, str] | None = None,
    packing: str = ".xz",
    extra: Mapping[str, bytes | str] | None = None,
) -> bytes:
    """`control` adds to or replaces fields (an empty one is left out), `extra` adds files to control.tar."""
    fields = {key: value for key, value in (CONTROL | dict(control or {})).items() if value}
    text = "".join(f"{key}: {value}\n" for key, value in fields.items())
    pack = PACKERS[packing]
    members = {
        "debian-binary": b"2.0\n",
        f"control.tar{packing}": pack(tar({"./control": text.encode(), **(extra or {})})),
        f"data.tar{packing}": pack(tar(files or {})),
    }
    return ar(members)


def rpm(
    files: Mapping[str, bytes] | None = None,
    *,
    tags: Mapping[int, tuple[int, bytes, int]] | None = None,
    signatures: Mapping[int, tuple[int, bytes, int]] | None = None,
    packing: str = ".gz",
    source: bool = False,
) -> bytes:
    """`tags` and `signatures` map a number to type, bytes and count."""
    paths = list(files or {})
    folders = list(dict.fromkeys(path.rpartition("/")[0] + "/" for path in paths))
    compressor = {".gz": b"gzip", ".xz": b"xz", ".bz2": b"bzip2", ".lzma": b"lzma", ".zst": b"zstd", "": b"none"}[
        packing
    ]
    wanted = {
        1000: (6, b"example\0", 1),
        1001: (6, b"2.0\0", 1),
        1002: (6, b"1.fc40\0", 1),
        1004: (9, b"ein Beispiel\0", 1),
        1014: (6, b"MIT\0", 1),
        1022: (6, b"x86_64\0", 1),
        1125: (6, compressor + b"\0", 1),
    }
    if paths:
        numbers = [folders.index(path.rpartition("/")[0] + "/") for path in paths]
        wanted[1116] = (4, struct.pack(f">{len(paths)}I", *numbers), len(paths))
        wanted[1117] = (8, b"".join(path.rpartition("/")[2].encode() + b"\0" for path in paths), len(paths))
        wanted[1118] = (8, b"".join(folder.encode() + b"\0" for folder in folders), len(folders))
    lead = struct.pack(">4sBBHH66sHH16x", b"\xed\xab\xee\xdb", 3, 0, source, 1, b"example", 1, 5)
    signature = _header(signatures or {})
    payload = cpio({"." + path: data for path, data in (files or {}).items()})
    packed = payload if packing == ".zst" else PACKERS[packing](payload)
    return lead + signature.ljust(-(-len(signature) // 8) * 8, b"\0") + _header(wanted | dict(tags or {})) + packed


def cpio(files: Mapping[str, bytes]) -> bytes:
    out = b""
    for name, data in [*files.items(), ("TRAILER!!!", b"")]:
        fields = [1, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        out = out.ljust(len(out) + 3 & ~3, b"\0") + data
        out = out.ljust(len(out) + 3 & ~3, b"\0")
    return out


def _header(tags: Mapping[int, tuple[int, bytes, int]]) -> bytes:
    index, store = b"", b""
    for tag, (kind, data, count) in tags.items():
        store = store.ljust(len(store) + 7 & ~7, b"\0")
        index += struct.pack(">IIII", tag, kind, len(store), count)
        store += data
    return b"\x8e\xad\xe8\x01\0\0\0\0" + struct.pack(">II", len(tags), len(store)) + index + store


def elf(machine: int = 62, *, mark: bytes = b"AI\2", sections: Mapping[str, bytes] | None = None) -> bytes:
    """A program without code; its last bytes are the table of sections."""
    names, body, entries = b"\0", b"", [bytes(64)]
    for name, data in {**(sections or {}), ".shstrtab": b""}.items():
        start = len(names)
        names += name.encode() + b"\0"
        content = names if name == ".shstrtab" else data
        entries.append(struct.pack("<IIQQQQIIQQ", start, 1, 0, 0, 64 + len(body), len(content), 0, 0, 1, 0))
        body += content
    ident = b"\x7fELF\2\1\1\0" + mark.ljust(8, b"\0")
    table = 64 + len(body)
    numbers = (2, machine, 1, 0, 0, table, 0, 64, 56, 0, 64, len(entries), len(entries) - 1)
    return ident + struct.pack("<HHIQQQIHHHHHH", *numbers) + body + b"".join(entries)


Packer = Callable[[bytes], bytes]


def squashfs(files: Mapping[str, bytes | str], *, codec: int = 1, pack: Packer = zlib.compress) -> bytes:
    """An image of these files (a text is where a symbolic link leads), each in blocks of its own; folders as needed."""
    out, inodes, folders, references = bytearray(96), bytearray(), bytearray(), dict[str, tuple[int, int]]()
    for name, data in files.items():
        references[name] = (len(inodes), 3 if isinstance(data, str) else 2)
        if isinstance(data, str):
            inodes += struct.pack("<HHHHIIII", 3, 0o777, 0, 0, 0, 1, 1, len(data.encode())) + data.encode()
            continue
        start, sizes = len(out), []
        for place in range(0, len(data), 1 << 17):
            packed = pack(data[place : place + (1 << 17)])
            out += packed
            sizes.append(len(packed))
        inodes += struct.pack("<HHHHIIIIII", 2, 0o644, 0, 0, 0, 1, start, 0xFFFFFFFF, 0, len(data))
        inodes += struct.pack(f"<{len(sizes)}I", *sizes)
    root = _folder("", list(files), references, inodes, folders)
    inode_table = len(out)
    out += _metadata(bytes(inodes), pack)
    folder_table = len(out)
    out += _metadata(bytes(folders), pack)
    end = len(out)
    numbers = (0x73717368, len(files) + 1, 0, 1 << 17, 0, codec, 17, 0, 1, 4, 0, root, end, end)
    struct.pack_into("<IIIIIHHHHHHQQQQQQQQ", out, 0, *numbers, 2**64 - 1, inode_table, folder_table, end, 2**64 - 1)
    return bytes(out)


def _folder(
    prefix: str, paths: list[str], references: dict[str, tuple[int, int]], inodes: bytearray, folders: bytearray
) -> int:
    """Writes a folder below its children, and gives the place of its inode."""
    children: dict[str, tuple[int, int]] = {}
    for path in paths:
        name, slash, _ = path[len(prefix) :].partition("/")
        if slash and name not in children:
            inner = [one for one in paths if one.startswith(f"{prefix}{name}/")]
            children[name] = (_folder(f"{prefix}{name}/", inner, references, inodes, folders), 1)
        elif not slash:
            children[name] = references[path]
    start = len(folders)
    if children:
        folders += struct.pack("<III", len(children) - 1, 0, 1)
    for name, (place, kind) in sorted(children.items()):
        folders += struct.pack("<HhHH", place, 0, kind, len(name.encode()) - 1) + name.encode()
    inodes += struct.pack("<HHHHIIIIHHI", 1, 0o755, 0, 0, 0, 1, 0, 2, len(folders) - start + 3, start, 1)
    return len(inodes) - 32


def _metadata(data: bytes, pack: Packer) -> bytes:
    packed = pack(data)
    assert len(data) <= 8192
    return struct.pack("<H", len(packed)) + packed
