"""What the installers say, and what is made of it."""

import pytest

from rayjobs_cli.setup.installer import diagnosis


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "no_space",
        ),
        ("  Caused by: failed to copy file: No space left on device (os error 28)", "no_space"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "hash_mismatch"),
        ("error: Hash mismatch for `tiny==1.0`", "hash_mismatch"),
        (
            "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution",
            "no_network",
        ),
        ("  Caused by: dns error: failed to lookup address information", "no_network"),
        ("ERROR: No matching distribution found for ray==2.60.0", "no_package"),
        ("ERROR: something never seen", "install_failed"),
    ],
)
def test_an_installer_s_words_become_a_code_and_are_quoted(line: str, code: str) -> None:
    error = diagnosis(f"Collecting tiny==1.0\n{line}\n")
    assert error.code == code
    assert line.strip() in error.detail
    assert error.remedy


def test_a_package_s_name_is_not_taken_for_a_fault() -> None:
    output = "Ignoring async-timeout: markers do not match\nERROR: No matching distribution found for x==1\n"
    assert diagnosis(output).code == "no_package"


def test_the_network_is_blamed_before_the_index_that_it_hid() -> None:
    output = "WARNING: Retrying: Name or service not known\nERROR: No matching distribution found for x==1\n"
    assert diagnosis(output).code == "no_network"


def test_silence_is_told_as_such() -> None:
    assert "no output" in diagnosis("").detail
