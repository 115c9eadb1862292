"""Imports every module of packages, so that a missing module fails the build: `import_all.py PACKAGE ...`."""

import argparse
import importlib
import importlib.util
import pkgutil
import sys

parser = argparse.ArgumentParser()
parser.add_argument("packages", nargs="+")
parser.add_argument(
    "--without", default="", help="a package that must be absent; modules that need it are skipped"
)
given = parser.parse_args()

if given.without and importlib.util.find_spec(given.without):
    sys.exit(f"{given.without} must not be in this container image")
for package in given.packages:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name != given.without:
                raise
