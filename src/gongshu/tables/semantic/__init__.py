"""Semantic types (语义类型): what is declared of them. Requests read this: recognising, which needs an engine, stands in ``recognition``."""

from __future__ import annotations

from gongshu.tables.semantic.types import SemanticType, hookimpl, semantic_types, type_title, type_titles

__all__ = ["SemanticType", "hookimpl", "semantic_types", "type_title", "type_titles"]
