"""Texts that no field takes, and texts that every field must carry unharmed."""

from typing import Any

BAD_LINES = ["a\0b", "\x1b[31m", "two\nlines", "\x7f", "\u2028", "\ud800", "x\udfff", "x" * 256, "\x85"]
GOOD_LINES = [
    *("Ünïcödé", "应用程序", "تطبيق", "приложение", "👩‍👩‍👧‍👦", "a'b\"c`d", "<script>alert(1)</script>", "{{ 7 * 7 }}"),
    *(
        "../../etc/passwd",
        "a/b\\c",
        "'; DROP TABLE products; --",
        "%s %d %n",
        "&amp;",
        "=1+1",
        "x" * 255,
        "null",
        "None",
    ),
]
NO_TEXTS: list[Any] = [5, 1.5, True, None, [], {}, ["x"]]
NO_FLAGS: list[Any] = ["yes", "true", 1, 0, None, [], {}]
