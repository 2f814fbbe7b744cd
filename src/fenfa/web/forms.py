"""Plain HTML forms: their fields, and what is wrong with them."""

from typing import Any
from urllib.parse import parse_qs

from pydantic import ValidationError
from starlette.requests import Request

from fenfa.errors import TooLarge
from fenfa.web.schemas import Body

MAX_FORM = 1024 * 1024


async def form_of(request: Request, limit: int = MAX_FORM) -> dict[str, str]:
    """The fields of an urlencoded form; of repeated ones the last."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge("the form is too large")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in fields.items()}


def checked(model: type[Body], given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the model makes of the values, and what is wrong with them by field; one of both is empty."""
    try:
        return model.model_validate(given).changes(), {}
    except ValidationError as error:
        return {}, {str(e["loc"][0]): str(e["msg"]).removeprefix("Value error, ") for e in error.errors()}
