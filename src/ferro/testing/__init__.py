"""What the tests of ferro's users import."""

from ferro.schema.registry import forget_models

__all__ = ["forget_models"]
