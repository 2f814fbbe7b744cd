"""Environment over file over defaults; what cannot be read stops the start with file, line and key."""

import json
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenfa.config import Config, ignored_settings, load_config, setting_rows, unknown_variables
from fenfa.errors import ConfigInvalid

SAMPLES: dict[str, tuple[Any, str, Any]] = {  # field: (in the file, in the environment, the latter as read)
    "host": ("0.0.0.0", "::1", "::1"),
    "port": (9000, "9001", 9001),
    "primary_domain": ("https://file.example", "https://env.example", "https://env.example"),
    "secondary_domains": (
        ["https://a.example"],
        "https://b.example, https://c.example",
        ("https://b.example", "https://c.example"),
    ),
    "organization": ("File", "Environment", "Environment"),
    "bundle_id_prefix": ("com.file", "com.env", "com.env"),
    "data_dir": ("/file", "/env", "/env"),
    "database_url": ("postgresql:///x", "postgresql:///y", "postgresql:///y"),
    "db_path": ("/file.db", "/env.db", "/env.db"),
    "dev_proxy_front": ("http://a", "http://b", "http://b"),
    "dev_proxy_admin": ("http://a", "http://b", "http://b"),
    "trusted_proxies": (["10.0.0.0/8"], "", ()),
    "apple_url": ("http://127.0.0.1:9", "https://proxy.example:8443", "https://proxy.example:8443"),
    "accel_prefix": ("/files", "/_fenfa", "/_fenfa"),
    "metrics": (["10.0.0.0/8"], "off", ("off",)),
    "access_log": (False, "no", False),
    "upload_tokens": (["file-upload"], "env-upload,second", ("env-upload", "second")),
    "admin_tokens": (["file-admin"], "env-admin", ("env-admin",)),
    "secret_key": ("a" * 64, "b" * 64 + "," + "c" * 64, "b" * 64 + "," + "c" * 64),
    "max_upload_bytes": (1000, "2000", 2000),
    "min_free_bytes": (0, "-1", -1),
    "events_per_minute": (100, "120", 120),
    "udid_calls_per_minute": (20, "30", 30),
    "udid_verify": ("enforce", "record", "record"),
    "udid_minutes": (5, "15", 15),
    "udid_keep_days": (90, "30", 30),
    "events_keep_days": (90, "30", 30),
    "udid_ask_name": (True, "no", False),
    "search_engines": (True, "no", False),
    "udid_sign_cert": ("/file.pem", "/env.pem", "/env.pem"),
    "udid_sign_key": ("/file.key", "/env.key", "/env.key"),
    "udid_save_replies": ("/file", "/env", "/env"),
    "storage_type": ("local", "s3", "s3"),
    **{
        f"s3_{part}": ("file", "environment", "environment")
        for part in ("endpoint", "bucket", "region", "access_key", "secret_key", "public_url")
    },
    "proxy_downloads": (False, "yes", True),
}


def write(folder: Path, content: str | dict[str, Any] | bytes) -> Path:
    path = folder / "config.json"
    text = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def load(folder: Path, content: str | dict[str, Any] | bytes = "{}", **environ: str) -> Config:
    return load_config(write(folder, content), environ)


def refused(folder: Path, content: str | bytes) -> str:
    """The message, without the folder."""
    with pytest.raises(ConfigInvalid) as error:
        load(folder, content)
    return error.value.message.replace(f"{folder}/", "")


def nested(name: str, value: Any) -> dict[str, Any]:
    section, key = next(f.metadata["key"] for f in setting_rows() if f.name == name).split(".")
    return {section: {key: value}}


def test_every_setting_has_a_sample() -> None:
    assert set(SAMPLES) == {f.name for f in setting_rows()} == {f.name for f in fields(Config)} - {"given"}


@pytest.mark.parametrize("name", SAMPLES)
def test_environment_over_file_over_default(tmp_path: Path, name: str) -> None:
    in_file, in_environment, read = SAMPLES[name]
    variable = next(f.metadata["variable"] for f in setting_rows() if f.name == name)
    default = load(tmp_path)
    from_file = load(tmp_path, nested(name, in_file))
    assert getattr(default, name) == getattr(Config(), name)
    assert getattr(from_file, name) == (tuple(in_file) if isinstance(in_file, list) else in_file)
    assert getattr(load(tmp_path, nested(name, in_file), **{variable: in_environment}), name) == read
    assert [set(default.given), set(from_file.given)] == [set(), {name}]


def test_working_directory_is_searched_unless_a_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config(None, {}) == Config()
    write(tmp_path, {"server": {"port": 9}})
    assert load_config(None, {}).port == 9
    with pytest.raises(ConfigInvalid, match=r"other\.json: no such file"):
        load_config(tmp_path / "other.json", {})


def test_database_lies_in_the_data_folder_unless_told(tmp_path: Path) -> None:
    assert load(tmp_path, {"server": {"data_dir": "/d"}}).database_file == Path("/d/fenfa.db")
    assert load(tmp_path, {"server": {"data_dir": "/d", "db_path": "/e.db"}}).database_file == Path("/e.db")
    assert load(tmp_path, FENFA_DB_PATH="/f.db").database_file == Path("/f.db")


@pytest.mark.parametrize("scope", ["upload", "admin"])
def test_single_token_replaces_the_first_of_the_list(tmp_path: Path, scope: str) -> None:
    variable, field = f"FENFA_{scope.upper()}_TOKEN", f"{scope}_tokens"
    in_file = {"auth": {field: ["one", "two"]}}
    assert getattr(load(tmp_path, in_file, **{variable: "new"}), field) == ("new", "two")
    assert getattr(load(tmp_path, **{variable: "new"}), field) == ("new",)
    assert getattr(load(tmp_path, in_file, **{variable: ""}), field) == ("one", "two")
    both = {variable: "new", f"{variable}S": "a,b"}
    assert getattr(load(tmp_path, in_file, **both), field) == ("new", "b")
    assert load(tmp_path, **{variable: "new"}).has_own_tokens
    assert not load(tmp_path).has_own_tokens


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{\n "server": {\n  "prot": 1\n }\n}', "config.json:3: unknown key 'server.prot'; known: accel_prefix, "),
        (
            '{\n "sever": {}\n}',
            "config.json:2: unknown key 'sever'; known: auth, events, limits, s3, server, storage, udid",
        ),
        (
            '{\n "auth": {"port": 1}\n}',
            "config.json:2: unknown key 'auth.port'; known: admin_tokens, secret_key, upload_tokens",
        ),
        ('{\n "server": [\n ]\n}', "config.json:2: 'server' must be an object"),
        ('{\n "server": {\n  "port": "x"\n }\n}', "config.json:3: server.port: must be a whole number"),
        ('{"server": {"port": 1.5}}', "config.json:1: server.port: must be a whole number"),
        ('{"server": {"port": true}}', "config.json:1: server.port: must be a whole number"),
        ('{"server": {"port": null}}', "config.json:1: server.port: must be a whole number"),
        ('{"server": {"port": 65536}}', "config.json:1: server.port: must be a port, 0 to 65535"),
        ('{"server": {"host": ""}}', "config.json:1: server.host: must not be empty"),
        ('{"server": {"host": 7}}', "config.json:1: server.host: must be a string"),
        ('{"server": {"access_log": "perhaps"}}', "config.json:1: server.access_log: must be true or false"),
        ('{"server": {"accel_prefix": "files"}}', "config.json:1: server.accel_prefix: must be a path such as /_fenfa"),
        (
            '{"server": {"metrics": ["everybody"]}}',
            "config.json:1: server.metrics: must be addresses and networks such as 10.0.0.0/8, or off",
        ),
        ('{"server": {"trusted_proxies": [1]}}', "config.json:1: server.trusted_proxies: must be a list of strings"),
        ('{"server": {"trusted_proxies": {}}}', "config.json:1: server.trusted_proxies: must be a list of strings"),
        (
            '{"server": {"primary_domain": "get.example"}}',
            "config.json:1: server.primary_domain: must be a URL such as",
        ),
        *(
            (f'{{"server": {{"apple_url": "{url}"}}}}', "config.json:1: server.apple_url: must be an https URL")
            for url in ("http://apple.example", "https://apple.example/v1", "http://127.0.0.1.evil.example", "", "x")
        ),
        ('{"auth": {"secret_key": "secret"}}', "config.json:1: auth.secret_key: must be 64 hexadecimal digits"),
        ('{"auth": {"admin_tokens": [""]}}', "config.json:1: auth.admin_tokens: must not hold an empty token"),
        ('{"limits": {"max_upload_bytes": 0}}', "config.json:1: limits.max_upload_bytes: must be at least 1"),
        ('{\n "server": {\n "port": 1,\n "port": 2}}', "config.json:4: key 'port' stands twice"),
        ('{\n "auth": {},\n "auth": {}}', "config.json:3: key 'auth' stands twice"),
        ('{\n\n "server": {,}\n}', "config.json:3: not valid JSON: "),
        ("{\n", "config.json:2: not valid JSON: "),
        ("", "config.json:1: not valid JSON: "),
        ("[]", "config.json:1: must hold a JSON object"),
        ("[" * 100_000, "config.json:1: "),
        (b"\xff\xfe{}", "config.json: cannot be read (UnicodeDecodeError)"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert refused(tmp_path, content).startswith(message)


def test_same_key_in_two_sections_is_found_in_the_right_line(tmp_path: Path) -> None:
    content = (
        '{\n "limits": {"max_upload_bytes": 1},\n "auth": {\n  "upload_tokens": [],\n  "max_upload_bytes": 1\n }\n}'
    )
    assert refused(tmp_path, content).startswith("config.json:5: unknown key 'auth.max_upload_bytes'")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FENFA_PORT", "x"),
        ("FENFA_PORT", ""),
        ("FENFA_PORT", "9" * 30),
        ("FENFA_ACCESS_LOG", "2"),
        ("FENFA_DATA_DIR", ""),
    ],
)
def test_environment_is_named(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(ConfigInvalid, match=f"environment variable {variable}: must"):
        load(tmp_path, **{variable: value})


def test_byte_order_mark_is_fine(tmp_path: Path) -> None:
    assert load(tmp_path, b'\xef\xbb\xbf{"server": {"port": 7}}').port == 7


def test_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        load_config(tmp_path, {})


@pytest.mark.parametrize("word", ["1", "true", "YES", "On"])
def test_words_for_yes(tmp_path: Path, word: str) -> None:
    assert load(tmp_path, FENFA_ACCESS_LOG=word).access_log is True


def test_settings_without_effect_and_unknown_variables_are_told(tmp_path: Path) -> None:
    assert ignored_settings(load(tmp_path, FENFA_DEV_PROXY_FRONT="http://x")) == ["dev_proxy_front"]
    environ = {"FENFA_PROT": "1", "FENFA_PORT": "1", "FENFA_ADMIN_TOKEN": "x", "PATH": "", "FENFA_CONFIG": ""}
    assert unknown_variables(environ) == ["FENFA_PROT"]


def objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    keys = st.sampled_from(["server", "auth", "limits", *(f.metadata["key"].split(".")[1] for f in setting_rows())])
    return st.dictionaries(keys, values)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | objects(inner)
)


@settings(max_examples=50)
@given(objects(JSON) | JSON)
def test_any_json_is_read_or_refused(content: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.json")
        path.write_text(json.dumps(content))
        read = outcome(path)
        assert isinstance(read, Config) or read.startswith(f"{path}:")


def outcome(path: Path) -> Config | str:
    """The configuration, or why not."""
    try:
        return load_config(path, {})
    except ConfigInvalid as error:
        return error.message
