from fenfa.inspectors.parts import codesign
from tests.support import apple


def test_tells_who_signed_and_what_is_granted() -> None:
    granted = {"get-task-allow": True, "com.apple.security.application-groups": ["group.a"]}
    signing, entitlements = codesign.read_signature(apple.code_signature(entitlements=granted))
    assert entitlements == granted
    assert (signing["identifier"], signing["team_id"]) == ("com.example.app", "TEAM123456")
    assert signing["signer"] == "Apple Distribution: Example Ltd (TEAM123456)"
    assert [one["name"] for one in signing["certificates"]] == [signing["signer"], "Somebody Else"]
    assert (signing["ad_hoc"], signing["hardened_runtime"], signing["has_ticket"]) == (False, True, False)
    assert len(signing["cdhash"]) == 40


def test_an_ad_hoc_signature_has_no_signer() -> None:
    signing, _ = codesign.read_signature(apple.code_signature(flags=2, signer="", team=""))
    assert (signing["ad_hoc"], signing["signer"], signing["certificates"], signing["team_id"]) == (True, "", [], "")


def test_long_and_deep_entitlements_are_cut() -> None:
    granted = {"text": "x" * 2000, "deep": [[[[[["lost"]]]]]], "many": list(range(1000))}
    _, entitlements = codesign.read_signature(apple.code_signature(entitlements=granted))
    assert (len(entitlements["text"]), len(entitlements["many"])) == (500, 500)
    assert "lost" not in str(entitlements["deep"])


def test_what_is_no_signature_says_nothing() -> None:
    whole = apple.code_signature()
    for data in (b"", whole[:11], whole[:20], b"\xfa\xde\x0c\xc0\0\0\0\0\xff\xff\xff\xff", bytes(100)):
        assert codesign.read_signature(data) == ({}, {})


def test_a_signature_that_is_cut_short_tells_what_is_left() -> None:
    whole = apple.code_signature(entitlements={"a": True})
    signing, entitlements = codesign.read_signature(whole[:-20])
    assert (signing["identifier"], entitlements, signing["certificates"]) == ("com.example.app", {"a": True}, [])
