"""pbench: what parallel decoding costs a diffusion language model, measured."""

__version__ = "0.1.0"
