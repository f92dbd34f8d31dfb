"""Checkpoints on the Hugging Face hub: a revision becomes a commit, and its files a folder of the cache.

Only configuration, tokenizer and safetensors are fetched, code and pickles for those who trust them.
The hub library's own settings hold (HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE, tokens).
"""

from __future__ import annotations

from pathlib import Path

from pbench.errors import UsageError
from pbench.models.checkpoint import SMALL_FILES

__all__ = ["cached", "fetch_code", "fetch_small_files", "fetch_weights"]

_WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
_PICKLES = ("*.bin", "*.pt", "*.pth")


def fetch_small_files(repository: str, revision: str | None) -> tuple[Path, str]:
    """Folder and commit of a revision (None: the main branch), with all but the weights in it.

    UsageError if there is no such repository or revision, or no way to it.
    """
    folder = _fetch(repository, revision, SMALL_FILES)
    return folder, folder.name


def fetch_weights(repository: str, commit: str, *, pickles: bool = False) -> Path:
    """The folder of a commit with its weights in it; what is there already is not fetched again.

    `pickles` are fetched where they are trusted and there is nothing better.
    """
    folder = _fetch(repository, commit, (*SMALL_FILES, *_WEIGHTS))
    if pickles and not any(folder.glob("*.safetensors")):
        return _fetch(repository, commit, _PICKLES)
    return folder


def fetch_code(repository: str, commit: str) -> Path:
    """The folder of a commit with the Python files at its top in it; only where they are to be run."""
    return _fetch(repository, commit, ("*.py",))


def cached(repository: str, revision: str | None) -> bool:
    """Whether the local cache has weights and configuration of a revision; asks nobody."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(repository, "config.json", revision=revision)
    return isinstance(config, str) and any(Path(config).parent.glob("*.safetensors"))


def _fetch(repository: str, revision: str | None, patterns: tuple[str, ...]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name = repository if revision is None else f"{repository}@{revision}"
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=list(patterns)))
    except RevisionNotFoundError:
        raise UsageError(f"--model {name}: the repository has no such revision") from None
    except RepositoryNotFoundError:
        raise UsageError(
            f"--model {name}: no such folder here, and no such repository on the hub"
            " (or one that needs a token)"
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        why = str(error).strip().splitlines()[0]
        raise UsageError(
            f"--model {name}: it is not in the local cache and the hub cannot be reached ({why});"
            " give a folder that holds it"
        ) from None
