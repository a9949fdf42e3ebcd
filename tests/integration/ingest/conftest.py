"""What the tests of this folder share."""

from tests.factories.workshop_fixtures import kept, logged, workshop

__all__ = ["kept", "logged", "workshop"]
