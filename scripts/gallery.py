"""Makes one page that shows each filter and each analysis on each sample picture."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("development.gallery")
