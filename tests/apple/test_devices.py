"""Device numbers and families."""

import pytest

from fenfa.apple.devices import family_of, normal_udid


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("00008110-000A1D0E3C38801E", "00008110-000A1D0E3C38801E"),
        ("00008110-000a1d0e3c38801e", "00008110-000A1D0E3C38801E"),
        ("00008110000a1d0e3c38801e", "00008110-000A1D0E3C38801E"),
        ("a" * 40, "A" * 40),
        ("0123456789abcdefABCDEF0123456789abcdefAB", "0123456789ABCDEFABCDEF0123456789ABCDEFAB"),
        *((text, "") for text in ("", "a" * 39, "a" * 41, "g" * 40, "00008110-000A1D0E3C38801", "A" * 24 + "\n")),
        *(
            (text, "")
            for text in ("A5B5CD50-14AB-5AF7-8B78-AB4751AB10A8", "0000811-0000A1D0E3C38801E", "'; DROP TABLE")
        ),
    ],
)
def test_normal_udid(text: str, normal: str) -> None:
    assert normal_udid(text) == normal


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("iPhone17,1", "IPHONE"),
        ("iPhone 15 Pro", "IPHONE"),
        ("iPad14,3", "IPAD"),
        ("iPad Pro 11-inch (4th generation)", "IPAD"),
        ("iPod9,1", "IPOD"),
        ("Watch7,1", "APPLE_WATCH"),
        ("Apple Watch Series 9", "APPLE_WATCH"),
        ("AppleTV14,1", "APPLE_TV"),
        ("Apple TV 4K", "APPLE_TV"),
        ("RealityDevice14,1", "APPLE_VISION_PRO"),
        ("Apple Vision Pro", "APPLE_VISION_PRO"),
        ("Mac15,3", "MAC"),
        ("", ""),
        ("Pixel 9", ""),
    ],
)
def test_family_of(model: str, family: str) -> None:
    assert family_of(model) == family
