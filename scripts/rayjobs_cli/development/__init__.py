"""Commands that only a clone has.

check     runs every check and test that needs no cluster
chromium  the browser in which the page is tested
lock      renews the locks from pyproject.toml
gallery   one page that shows what each filter does

In: arguments. Out: an exit status. Left out of the wheel.
"""
