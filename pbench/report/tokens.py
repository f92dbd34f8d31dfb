"""Token ids as a reader sees them, by the table that a run keeps in its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["TokenTexts"]


@dataclass(frozen=True, slots=True)
class TokenTexts:
    """`texts` by id; `special` names of ids that write nothing (`mask`, `eos`, `pad`)."""

    texts: Mapping[int, str] = field(default_factory=dict)
    special: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> TokenTexts:
        """The table of a generations manifest; an empty one where it has none."""
        table = manifest.get("tokens") or {}
        return cls(
            {int(token): str(text) for token, text in table.get("texts", {}).items()},
            {int(token): str(name) for name, token in table.get("special", {}).items()},
        )

    def is_end(self, token: int) -> bool:
        """Whether the token only ends or fills up an answer."""
        return self.special.get(token) in ("eos", "pad")

    def text(self, token: int) -> str:
        """The token's text; the name of a special one; its number where neither is known."""
        return self.texts.get(token) or f"⟨{self.special.get(token, token)}⟩"
