"""Models by name or path: one file a family, each behind the Denoiser protocol."""

from __future__ import annotations

from pbench.models.catalogue import (
    ModelInfo,
    default_dtype,
    find_model,
    hash_weights_ahead,
    known_models,
    load_model,
)

__all__ = ["ModelInfo", "default_dtype", "find_model", "hash_weights_ahead", "known_models", "load_model"]
