"""`python -m lapwing` does the same as `lapwing`."""

from lapwing.cli import main

main()
