from rayjobs_cli.benchmark.variants import SIZED, measure
from tests.support.pictures import file_of, picture


def test_files_of_one_decode_cost_less_than_a_decode_each() -> None:
    saved = measure(file_of(picture(900, 700), "WEBP", lossless=True), SIZED[4:], rounds=1)
    assert 0 < saved.together_ms < saved.apart_ms
