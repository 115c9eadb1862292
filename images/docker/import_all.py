"""Imports every module of packages, so that what is missing fails the build: `import_all.py PACKAGE ...`."""

import argparse
import importlib
import importlib.util
import pkgutil
import sys

parser = argparse.ArgumentParser()
parser.add_argument("packages", nargs="+")
parser.add_argument(
    "--without", default="", help="what is not meant to be here; what needs it is passed over"
)
given = parser.parse_args()

if given.without and importlib.util.find_spec(given.without):
    sys.exit(f"{given.without} is not meant to be in this container image")
for package in given.packages:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name != given.without:
                raise
