"""Plain HTML forms: their fields, and what is wrong with them."""

import io
from typing import Any
from urllib.parse import parse_qs

from multipart import MultipartError, MultipartParser, parse_options_header
from pydantic import ValidationError
from starlette.requests import Request

from fenfa.errors import BadInput, FenfaError, TooLarge
from fenfa.web.face import face_of
from fenfa.web.i18n import marked
from fenfa.web.pages import error_text
from fenfa.web.schemas import Body

MAX_FORM = 1024 * 1024
_MAX_PARTS = 16
_SENTENCES = {
    "missing": marked("must not be empty"),
    "enum": marked("choose one from the list"),
    "int_parsing": marked("must be a whole number"),
    "greater_than_equal": marked("must not be negative"),
    "less_than_equal": marked("is too large"),
}


async def form_of(request: Request, limit: int = MAX_FORM) -> dict[str, str]:
    """The fields of an urlencoded form; of repeated ones the last."""
    fields = parse_qs((await _body(request, limit)).decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in fields.items()}


async def lists_of(request: Request, limit: int = MAX_FORM) -> dict[str, list[str]]:
    """The same with all values of repeated fields."""
    return parse_qs((await _body(request, limit)).decode("utf-8", "replace"), keep_blank_values=True)


async def files_of(request: Request, limit: int) -> dict[str, bytes]:
    """The files of a multipart form that is small enough for memory: their fields' names and their bytes."""
    return (await fields_and_files(request, limit))[1]


async def fields_and_files(request: Request, limit: int) -> tuple[dict[str, str], dict[str, bytes]]:
    """The text fields beside the files; both empty for a form of another kind."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    body = await _body(request, limit + MAX_FORM)
    if kind != "multipart/form-data" or not options.get("boundary"):
        return {}, {}
    try:
        parser = MultipartParser(
            io.BytesIO(body), options["boundary"], part_limit=_MAX_PARTS, spool_limit=len(body) + 1
        )
        parts = [(str(part.name), bool(part.filename), bytes(part.raw)) for part in parser.parts()]
    except MultipartError as error:
        raise BadInput("the form cannot be read; send it again") from error
    files = {name: content for name, is_file, content in parts if is_file}
    if any(len(file) > limit for file in files.values()):
        raise TooLarge("the file is too large")
    return {name: content.decode("utf-8", "replace") for name, is_file, content in parts if not is_file}, files


def problem_of(request: Request, error: FenfaError) -> str:
    """What the error says, to stand beside a field in the visitor's language."""
    return error_text(error, face_of(request.headers).language)


async def _body(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge("the form is too large")
    return bytes(body)


def checked(model: type[Body], given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the model makes of the values, and what is wrong with them by field; one of both is empty."""
    try:
        return model.model_validate(given).changes(), {}
    except ValidationError as error:
        return {}, {str(e["loc"][0]): _sentence(e["type"], e["msg"]) for e in error.errors()}


def _sentence(kind: str, message: str) -> str:
    """The model's own words where the sentence is ours; its library speaks English alone."""
    return _SENTENCES.get(kind, message.removeprefix("Value error, "))
