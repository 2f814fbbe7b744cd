"""XML from strangers: a small tree, without document types, entities, comments or anything fetched from elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from fenfa.errors import BadPackage

MAX_ELEMENTS = 20_000
MAX_DEPTH = 64
_MAX_TEXT = 1 << 20


@dataclass
class Element:
    """One element; names and attributes without their namespaces."""

    name: str
    attributes: dict[str, str]
    texts: list[str] = field(default_factory=list)
    children: list["Element"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts).strip()

    def get(self, attribute: str) -> str:
        return self.attributes.get(attribute, "").strip()

    def find(self, *path: str) -> "Element":
        """The first element down this path of names; an empty one when there is none."""
        found = self
        for name in path:
            found = next((child for child in found.children if child.name == name), Element(name, {}))
        return found

    def all(self, name: str) -> Iterator["Element"]:
        """Every element of this name below this one, in the order of the file."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)


def parse(data: bytes, what: str) -> Element:
    """The root element. `what` names the file in the message of BadPackage."""
    builder = _Builder(what)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = builder.refuse_doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the latter two: encodings that it does not know
        raise BadPackage(f"{what} is not well-formed XML") from error
    return builder.root.children[0]


class _Builder:
    def __init__(self, what: str) -> None:
        self.root = Element("", {})
        self._what = what
        self._open = [self.root]
        self._elements = 0
        self._letters = 0

    def refuse_doctype(self, *_: object) -> None:
        raise BadPackage(f"{self._what} declares a document type, which no manifest needs")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS or len(self._open) > MAX_DEPTH:
            raise BadPackage(f"{self._what} has too many elements, or nests them too deeply")
        element = Element(_local(name), {_local(key): value for key, value in attributes.items()})
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        self._letters += len(text)
        if self._letters > _MAX_TEXT:
            raise BadPackage(f"{self._what} holds too much text")
        self._open[-1].texts.append(text)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
