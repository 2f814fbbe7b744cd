"""What an AppxManifest.xml says. Source: Microsoft's "Package manifest schema reference"."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import xmlsafe
from fenfa.inspectors.parts.pri import ResourceIndex
from fenfa.inspectors.parts.xmlsafe import Element
from fenfa.inspectors.parts.zipsafe import Archive

MANIFEST, RESOURCES = "AppxManifest.xml", "resources.pri"
_MAX_MANIFEST = 4 << 20
_MAX_RESOURCES = 16 << 20
_REFERENCE = "ms-resource:"
_GUID = re.compile(r"[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_LANGUAGE_LOGOS = ("Square150x150Logo", "Square44x44Logo", "Logo", "SmallLogo")
_QUALIFIER = re.compile(r"(?:scale|targetsize)-(\d{1,4})")


class Identity(NamedTuple):
    """Who the package is; the architecture is empty where the manifest does not say."""

    name: str
    publisher: str
    version: str
    arch: str


def read_manifest(archive: Archive) -> Element:
    if MANIFEST not in archive:
        raise BadPackage("AppxManifest.xml is missing: this is not an MSIX or APPX package")
    root = xmlsafe.parse(archive.read(MANIFEST, _MAX_MANIFEST), MANIFEST)
    if root.name != "Package":
        raise BadPackage("AppxManifest.xml does not begin with Package")
    return root


def read_identity(root: Element) -> Identity:
    element = root.find("Identity")
    return Identity(
        element.get("Name"), element.get("Publisher"), element.get("Version"), element.get("ProcessorArchitecture")
    )


def files_by_name(archive: Archive) -> dict[str, str]:
    """Members by their path as manifests write it: unescaped, slashes forward, in lower case."""
    return {unquote(name).replace("\\", "/").lower(): name for name in archive.members}


def resource_index(archive: Archive, warnings: list[str]) -> ResourceIndex | None:
    if RESOURCES not in archive:
        return None
    try:
        return ResourceIndex(archive.read(RESOURCES, _MAX_RESOURCES))
    except BadPackage as error:
        warnings.append(f"resources.pri cannot be read: {error.message}")
        return None


def display_name(root: Element, index: ResourceIndex | None) -> str:
    """The name for people: never a bare reference. Falls back to the program's name, then to the package's."""
    visual = next(root.all("VisualElements"), Element("", {}))
    for text in (root.find("Properties", "DisplayName").text, visual.get("DisplayName")):
        found = resolve(text, index)
        if found:
            return found
    application = next(root.all("Application"), Element("", {}))
    stem = application.get("Executable").replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
    name = read_identity(root).name
    return name.rpartition(".")[2] if not _GUID.fullmatch(name) else stem or application.get("Id") or name


def resolve(text: str, index: ResourceIndex | None) -> str:
    """A text of the manifest; one that refers to a resource is looked up, and is empty when that fails."""
    if not text.lower().startswith(("ms-resource:", "ms-source:")):
        return text
    return index.text(text.partition(":")[2]) if index else ""


def is_reference(text: str) -> bool:
    return text.lower().startswith(_REFERENCE)


def minimum_system(root: Element) -> str:
    """The lowest Windows that takes the package: for the desktop if it names that, else for all devices."""
    families = {one.get("Name"): one.get("MinVersion") for one in root.find("Dependencies").all("TargetDeviceFamily")}
    first = families.get("Windows.Desktop") or families.get("Windows.Universal") or next(iter(families.values()), "")
    return first or root.find("Prerequisites", "OSMinVersion").text


def logo_candidates(root: Element, files: dict[str, str]) -> list[str]:
    """Members that hold the logo, the largest first: the store's logo and its variants, then the app's tiles."""
    visual = next(root.all("VisualElements"), Element("", {}))
    named = [root.find("Properties", "Logo").text, *(visual.get(key) for key in _LANGUAGE_LOGOS)]
    found: list[str] = []
    for path in named:
        found += [files[name] for name in _variants(path.replace("\\", "/").lower(), files)]
    return list(dict.fromkeys(found))


def _variants(path: str, files: dict[str, str]) -> list[str]:
    """The file itself and its forms for scales, `logo.scale-200.png`; those for high contrast stay out."""
    stem, dot, ending = path.rpartition(".")
    if not dot:
        return []
    forms = [
        name
        for name in files
        if name == path or (name.startswith(stem + ".") and name.endswith("." + ending) and "contrast-" not in name)
    ]
    return sorted(forms, key=_scale, reverse=True)


def _scale(name: str) -> tuple[bool, int]:
    """How large this form is; `targetsize` counts pixels, not percent, and stands behind."""
    match = _QUALIFIER.search(name)
    return "targetsize" not in name, int(match[1]) if match else 100
