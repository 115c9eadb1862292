"""Makes one page that shows what each filter does to each sample picture, and what analyses find there."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("development.gallery")
