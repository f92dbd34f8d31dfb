"""`python -m pbench` is `pbench`."""

from pbench.cli import main

main()
