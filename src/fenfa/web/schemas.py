"""Bodies that clients send, as pydantic models: strict types, no unknown fields, every field with an example."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, Strict

from fenfa.vocabulary import EventType, Platform, Scope
from fenfa.web.fields import Build, Line, Name, Prose

_Flag = Annotated[bool, Strict()]
_Order = Annotated[int, Strict(), Field(ge=-(2**31), lt=2**31)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def changes(self) -> dict[str, Any]:
        """The fields that were sent."""
        return self.model_dump(exclude_unset=True)


class ProductChange(Body):
    name: Name = Field("", examples=["MyApp"])
    slug: Name = Field("", examples=["myapp"])
    description: Prose = Field("", examples=["The app that everybody here tests."])
    published: _Flag = Field(True, examples=[True])
    apple_team_id: Line = Field(
        "", examples=[""], description="which Apple team's devices it is for; empty: the default"
    )


class ProductDraft(ProductChange):
    name: Name = Field(examples=["MyApp"])
    slug: Line = Field("", examples=["myapp"], description="made from the name when left out")


class VariantChange(Body):
    platform: Platform = Field(Platform.IOS, examples=["ios"])
    display_name: Line = Field("", examples=["MyApp for iPhone"])
    identifier: Line = Field("", examples=["com.example.myapp"])
    arch: Line = Field("", examples=["arm64"])
    installer_type: Line = Field("", examples=["ipa"])
    min_os: Line = Field("", examples=["15.0"])
    sort_order: _Order = Field(0, examples=[0])
    published: _Flag = Field(True, examples=[True])


class VariantDraft(VariantChange):
    platform: Platform = Field(examples=["ios"])


class ReleaseChange(Body):
    version: Line = Field("", examples=["1.2.0"])
    build: Annotated[Build, Strict()] = Field(0, examples=[120])
    channel: Line = Field("", examples=["beta"])
    min_os: Line = Field("", examples=["15.0"])
    changelog: Prose = Field("", examples=["- Faster start"])


class ReleaseMove(Body):
    variant_id: Name = Field(examples=["var_1a2b3c4d5e6f7g8h9i0j1k2l"], description="of the same platform")


class DirectUpload(Body):
    file_name: Name = Field(examples=["MyApp.ipa"])
    size_bytes: Annotated[int, Strict(), Field(ge=1, lt=2**63)] = Field(examples=[24117248])
    sha256: Annotated[str, Field(pattern="^[0-9A-Fa-f]{64}$")] = Field(examples=["9f86d081884c7d65…"])
    variant_id: Line = Field("", examples=["var_1a2b3c4d5e6f7g8h9i0j1k2l"], description="left out: the package decides")
    smart: _Flag = Field(False, examples=[False], description="the package must fit the variant, as at `/smart-upload`")
    create: _Flag = Field(False, examples=[False], description="make product and variant when none fits (scope admin)")
    version: Line = Field("", examples=["1.2.0"], description="the package's own when left out")
    build: Annotated[Build, Strict()] | None = Field(
        None, examples=[120], description="the package's own when left out"
    )
    channel: Line = Field("", examples=["beta"])
    min_os: Line = Field("", examples=["15.0"])
    changelog: Prose = Field("", examples=["- Faster start"])
    icon_base64: str = Field("", examples=[""], description="PNG, JPEG or WebP in base64, at most 4 MiB")

    def fields(self) -> dict[str, str]:
        """As a form would have them."""
        texts = {name: getattr(self, name) for name in ("variant_id", "version", "channel", "min_os", "changelog")}
        texts |= {"create": "1" if self.create else "", "build": "" if self.build is None else str(self.build)}
        return texts | {"icon_base64": self.icon_base64}


class EventDraft(BaseModel):
    """`visit` and `click` alone: downloads are counted by the server."""

    type: EventType = Field(examples=["visit"])
    variant_id: str = Field("", max_length=80, examples=["var_…"])
    release_id: str = Field("", max_length=80, examples=["rel_…"])
    app_id: str = Field("", max_length=80, examples=[""])
    extra: dict[str, Any] = Field(default_factory=dict, examples=[{"button": "install"}])


class TokenDraft(Body):
    name: Name = Field(examples=["CI of the app team"])
    scope: Scope = Field(examples=["upload"])
    expires: Line = Field("90d", examples=["90d"], description="90d, 12h, an RFC 3339 time, or never")


class TeamChange(Body):
    name: Line = Field("", examples=["Consulting"])
    key_id: Any = Field("", examples=["ABC123DEF4"], description="ten letters and digits")
    issuer_id: Any = Field("", examples=["57246542-96fe-1a63-e053-0824d011072a"])
    private_key: Any = Field("", examples=["-----BEGIN PRIVATE KEY-----\n…"], description="the text of the .p8 file")
    apple_team_id: Any = Field("", examples=["TEAM123456"], description="ten letters and digits")
    membership_ends: Any = Field("", examples=["2027-03-01"], description="any day on which a membership year ends")


class TeamDraft(TeamChange):
    name: Name = Field(examples=["Consulting"])


_TEAM = Field("", examples=[""], description="of this Apple team; empty: those of the devices' products")


class TeamChoice(Body):
    team_id: Line = Field("", examples=["default"])


class DeviceChoice(Body):
    device_ids: list[str] | None = Field(None, examples=[["dev_…"]])
    team_id: Line = _TEAM


class RegistrationDraft(DeviceChoice):
    confirm: _Flag = Field(False, examples=[False], description="also when few slots are left")
