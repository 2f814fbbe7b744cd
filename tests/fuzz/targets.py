"""Every target of every family."""

from tests.fuzz import android, apple, desktop
from tests.fuzz.base import Target

ALL: tuple[Target, ...] = (*apple.TARGETS, *android.TARGETS, *desktop.TARGETS)
