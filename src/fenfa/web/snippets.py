"""Ready texts for CI that send builds to one variant of this server. None holds a token: each takes it from `FENFA_TOKEN`."""

from dataclasses import dataclass

from fenfa.services.records import Record
from fenfa.vocabulary import FILE_TYPES, Platform

_LANES = {
    "ipa": "SharedValues::IPA_OUTPUT_PATH",
    "apk": "SharedValues::GRADLE_APK_OUTPUT_PATH",
    "aab": "SharedValues::GRADLE_AAB_OUTPUT_PATH",
    "pkg": "SharedValues::PKG_OUTPUT_PATH",
}


@dataclass(frozen=True)
class Snippet:
    """`name` is a product's own name, the same in every language; `text` ends with a line break."""

    name: str
    text: str


def snippets(base: str, variant: Record) -> tuple[Snippet, ...]:
    """`base` is this server's address; of the variant, ID, platform and installer type count."""
    file = f"app.{_ending(variant)}"
    made = [
        Snippet("curl", _curl(base, variant, file, "$(uuidgen)") + "\n"),
        Snippet("GitHub Actions", _github(_curl(base, variant, file, "$GITHUB_RUN_ID-$GITHUB_RUN_ATTEMPT"))),
        Snippet("GitLab CI", _gitlab(_curl(base, variant, file, "$CI_JOB_ID"))),
        Snippet("Jenkins", _jenkins(_curl(base, variant, file, "$BUILD_TAG"))),
    ]
    if _ending(variant) in _LANES:
        made.insert(3, Snippet("fastlane", _fastlane(base, variant, _LANES[_ending(variant)])))
    return tuple(made)


def _ending(variant: Record) -> str:
    """The variant's usual type of file; what people typed there may be anything."""
    types = FILE_TYPES[Platform(variant["platform"])]
    return variant["installer_type"] if variant["installer_type"] in types else types[0]


def _curl(base: str, variant: Record, file: str, key: str) -> str:
    """`key` makes curl's own retries count as one upload. IDs and addresses hold nothing that a shell would read."""
    return " \\\n  ".join(
        (
            "curl --fail-with-body --silent --show-error --retry 5 --retry-connrefused",
            '-H "X-Auth-Token: $FENFA_TOKEN"',
            f'-H "Idempotency-Key: {key}-{variant["id"]}"',
            f'-F "variant_id={variant["id"]}"',
            f'-F "app_file=@{file}"',
            f'"{base}/smart-upload"',
        )
    )


def _github(command: str) -> str:
    head = "- name: Upload to Fenfa\n  env:\n    FENFA_TOKEN: ${{ secrets.FENFA_TOKEN }}\n  run: |\n"
    return head + _indented(command, 4)


def _gitlab(command: str) -> str:
    return f"upload:\n  stage: deploy\n  script:\n    - |\n{_indented(command, 6)}  retry: 2\n"


def _jenkins(command: str) -> str:
    """In three single quotes, so that the shell and not Groovy fills in the token. Groovy reads `\\` as we write it twice."""
    binding = "string(credentialsId: 'fenfa-upload-token', variable: 'FENFA_TOKEN')"
    doubled = command.replace("\\", "\\\\")
    return f"withCredentials([{binding}]) {{\n  sh '''\n{_indented(doubled, 4)}  '''\n}}\n"


def _fastlane(base: str, variant: Record, path: str) -> str:
    """The shell fills in the token, so that fastlane's log shows its name alone."""
    command = " ".join(
        (
            "curl --fail-with-body --silent --show-error --retry 5",
            '-H "X-Auth-Token: $FENFA_TOKEN"',
            f'-F "variant_id={variant["id"]}" -F "app_file=@$FENFA_FILE"',
            f'"{base}/smart-upload"',
        )
    )
    return f"lane :fenfa do\n  ENV['FENFA_FILE'] = lane_context[{path}]\n  sh('{command}')\nend\n"


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.split("\n"))
