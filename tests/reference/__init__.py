"""docs/reference.md, made from the CRD: every field with its type, its bounds, its default and its meaning."""

from reference.page import CRD, PAGE, render

__all__ = ["CRD", "PAGE", "render"]
