"""What the tests of this folder share."""

from tests.factories.workshop_fixtures import logged

__all__ = ["logged"]
