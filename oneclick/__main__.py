"""`python -m oneclick` is `oneclick`."""

from oneclick.cli.main import run

if __name__ == "__main__":
    run()
